#include "hornet/predict.h"

#include <algorithm>
#include <chrono>

#include "api/compiled_model.h"
#include "base/check.h"
#include "base/cpu.h"
#include "hornet/executor.h"
#include "job/job.h"
#include "kernels/threads.h"
#include "runtime/batch_runner.h"

namespace hornet {
namespace {

int64_t common_rows(const Model& model, const std::vector<const Source*>& sources) {
  require(sources.size() == model.inputs().size(), ErrorCode::kInvalidArgument,
          "{} sources given; the model has {} inputs", sources.size(), model.inputs().size());
  for (const Source* source : sources) {
    require(source->num_rows() == sources[0]->num_rows(), ErrorCode::kShapeMismatch,
            "{} has {} rows and {} has {}; expected as many", source->name(), source->num_rows(),
            sources[0]->name(), sources[0]->num_rows());
  }
  return sources[0]->num_rows();
}

// One BatchRunner a worker, made when its first chunk comes.
class Runners {
 public:
  Runners(int workers, std::function<std::unique_ptr<runtime::BatchRunner>()> make)
      : runners_(static_cast<size_t>(workers)), make_(std::move(make)) {}

  runtime::BatchRunner& mine() {
    std::unique_ptr<runtime::BatchRunner>& runner =
        runners_.at(static_cast<size_t>(Executor::current_worker()));
    if (runner == nullptr) runner = make_();
    return *runner;
  }

 private:
  std::vector<std::unique_ptr<runtime::BatchRunner>> runners_;
  std::function<std::unique_ptr<runtime::BatchRunner>()> make_;
};

}  // namespace

int usable_cores() { return usable_cores_of_process(); }

PredictReport predict(const Model& model, const std::vector<const Source*>& sources,
                      const SinkFactory& open_sink, const PredictOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  require(options.workers >= 0 && options.batch_size >= 0 && options.chunk_size >= 0,
          ErrorCode::kInvalidArgument, "workers, batch size and chunk size must not be negative");
  const internal::CompiledModel& compiled = model.compiled();
  const int64_t rows = common_rows(model, sources);
  std::vector<Shape> row_shapes;
  std::vector<std::string> names;
  for (const Source* source : sources) {
    row_shapes.push_back(source->row_shape());
    names.push_back(source->name());
  }
  internal::ModelPlans& plans = compiled.plans_for(compiled.match_rows(row_shapes, names));
  if (const auto& mixing = plans.row_mixing()) {
    fail(ErrorCode::kUnsupported, "{}: {}: its rows cannot be predicted apart", compiled.path(),
         *mixing);
  }

  PredictReport report;
  report.rows = rows;
  report.batch_size = options.batch_size > 0 ? options.batch_size : plans.batch_size();
  report.workers = options.workers > 0 ? options.workers : usable_cores();
  report.chunk_size = options.chunk_size > 0
                          ? options.chunk_size
                          : job::choose_chunk_size(rows, report.batch_size, report.workers);
  const int64_t chunks = (rows + report.chunk_size - 1) / report.chunk_size;
  report.workers =
      static_cast<int>(std::clamp<int64_t>(report.workers, 1, std::max<int64_t>(chunks, 1)));

  std::vector<std::unique_ptr<Sink>> sinks;
  std::vector<Sink*> sink_pointers;
  std::vector<DType> output_dtypes;
  for (size_t k = 0; k < model.outputs().size(); ++k) {
    const Shape shape = plans.for_rows(1).output_types()[k].shape;
    const DType dtype = model.outputs()[k].dtype;
    output_dtypes.push_back(is_floating(dtype) ? options.output_dtype.value_or(dtype) : dtype);
    sinks.push_back(open_sink(k, output_dtypes[k], Shape(shape.begin() + 1, shape.end())));
    sink_pointers.push_back(sinks.back().get());
  }
  Runners runners(report.workers, [&] {
    return std::make_unique<runtime::BatchRunner>(plans, report.batch_size, sources, sink_pointers,
                                                  output_dtypes);
  });
  {
    ThreadExecutorOptions executor_options;
    executor_options.max_workers = report.workers;
    executor_options.thread_setup = kernels::set_up_worker_thread;
    ThreadExecutor executor(std::move(executor_options));
    job::run_job(executor, {rows, report.chunk_size, options.progress, options.cancel},
                 [&](int64_t begin, int64_t end) { runners.mine().run(begin, end); });
  }
  for (const auto& sink : sinks) sink->finish();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.peak_memory_bytes = peak_resident_bytes();
  return report;
}

}  // namespace hornet
