#include "hornet/predict.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <limits>

#include "api/compiled_model.h"
#include "api/fingerprint.h"
#include "api/predict_job.h"
#include "api/process_runner.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/cpu.h"
#include "base/fault_guard.h"
#include "base/json_text.h"
#include "hornet/executor.h"
#include "job/chunk_log.h"
#include "job/job.h"
#include "job/progress.h"
#include "kernels/threads.h"
#include "runtime/batch_runner.h"
#include "runtime/output_error.h"

namespace hornet::internal {
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

void check_options(const PredictOptions& options) {
  require(options.workers >= 0 && options.batch_size >= 0 && options.chunk_size >= 0,
          ErrorCode::kInvalidArgument, "workers, batch size and chunk size must not be negative");
  require(options.retries >= 0, ErrorCode::kInvalidArgument, "retries must not be negative");
  require(options.sync_interval_seconds >= 0, ErrorCode::kInvalidArgument,
          "the sync interval must not be negative");
  require(
      options.executor == ExecutorKind::kProcesses || (!options.timeout && !options.start_timeout),
      ErrorCode::kInvalidArgument,
      "a timeout needs worker processes: a thread that hangs cannot be ended");
  require(options.executor == ExecutorKind::kProcesses || options.max_tasks_per_child == 0,
          ErrorCode::kInvalidArgument, "max_tasks_per_child needs worker processes");
  require(!options.resume || !options.journal_path.empty(), ErrorCode::kInvalidArgument,
          "a job cannot be resumed without its journal");
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

template <class Value>
void fill(void* data, int64_t count, Value value) {
  std::fill_n(static_cast<Value*>(data), count, value);
}

// One row that says that it is none. docs/reliability.md lists the values.
Tensor fill_row(DType dtype, const Shape& row_shape) {
  Shape shape = row_shape;
  shape.insert(shape.begin(), 1);
  Tensor row(dtype, shape);  // zeros, which for bool is false
  void* data = row.mutable_data();
  const int64_t count = row.num_elements();
  switch (dtype) {
    case DType::kBool:
      break;
    case DType::kInt8:
      fill(data, count, std::numeric_limits<int8_t>::min());
      break;
    case DType::kInt16:
      fill(data, count, std::numeric_limits<int16_t>::min());
      break;
    case DType::kInt32:
      fill(data, count, std::numeric_limits<int32_t>::min());
      break;
    case DType::kInt64:
      fill(data, count, std::numeric_limits<int64_t>::min());
      break;
    case DType::kUInt8:
    case DType::kUInt16:
    case DType::kUInt32:
    case DType::kUInt64:
      std::memset(data, 0xff, row.num_bytes());
      break;
    case DType::kFloat16:
      fill(data, count, uint16_t{0x7e00});
      break;
    case DType::kBFloat16:
      fill(data, count, uint16_t{0x7fc0});
      break;
    case DType::kFloat32:
      fill(data, count, std::numeric_limits<float>::quiet_NaN());
      break;
    case DType::kFloat64:
      fill(data, count, std::numeric_limits<double>::quiet_NaN());
      break;
  }
  return row;
}

// One call of predict(), step by step.
class Prediction {
 public:
  Prediction(const Model& model, const std::vector<const Source*>& sources,
             const PredictOptions& options, const JobHooks& hooks)
      : model_(model),
        sources_(sources),
        options_(options),
        hooks_(hooks),
        fs_(*hooks.file_system),
        rows_(common_rows(model, sources)),
        plans_(find_plans()) {
    check_options(options);
    if (const auto& mixing = plans_.row_mixing()) {
      fail(ErrorCode::kUnsupported, "{}: {}: its rows cannot be predicted apart",
           model.compiled().path(), *mixing);
    }
  }

  PredictReport run(const SinkFactory& open_sink) {
    const FaultGuard guard;
    open_journal_of_earlier_run();
    choose_sizes();
    fit_memory();
    open_sinks(open_sink);
    open_records();
    try {
      if (is_complete())
        tell_complete();
      else
        compute();
      complete();
    } catch (const std::exception& error) {
      try_close_report(error.what());
      // Where nobody can go on, a list would only be in the way of the next run.
      if (errors_ && !journal_) errors_->discard();
      throw;
    }
    close_report("");
    report_.seconds = seconds_since_start();
    report_.peak_memory_bytes = peak_resident_bytes();
    return report_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  ModelPlans& find_plans() const {
    std::vector<Shape> row_shapes;
    std::vector<std::string> names;
    for (const Source* source : sources_) {
      row_shapes.push_back(source->row_shape());
      names.push_back(source->name());
    }
    const CompiledModel& compiled = model_.compiled();
    return compiled.plans_for(compiled.match_rows(row_shapes, names));
  }

  bool in_processes() const { return options_.executor == ExecutorKind::kProcesses; }
  bool is_complete() const { return journal_ && journal_->state().is_complete; }
  double seconds_since_start() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  // What the bytes of the outputs depend on.
  std::vector<std::pair<std::string, std::string>> identity() const {
    const CompiledModel& compiled = model_.compiled();
    std::vector<std::pair<std::string, std::string>> entries;
    entries.emplace_back("model", compiled.file().fingerprint());
    if (compiled.weights_file()) {
      entries.emplace_back("weights file", compiled.weights_file()->fingerprint());
    }
    for (size_t i = 0; i < sources_.size(); ++i) {
      entries.emplace_back(fmt::format("input \"{}\"", model_.inputs()[i].name),
                           source_fingerprint(*sources_[i]));
    }
    entries.emplace_back("option check_finite", options_.check_finite ? "true" : "false");
    entries.emplace_back("option output_dtype", options_.output_dtype
                                                    ? to_string(*options_.output_dtype)
                                                    : "of the model");
    // Other kernels round in other ways: another processor, or another release.
    const std::string text = plans_.for_rows(1).to_string();
    entries.emplace_back(
        "set of kernels (of this processor and release)",
        fmt::format("{:08x} {}", crc32c(text.data(), text.size()), HORNET_VERSION));
    return entries;
  }

  void open_journal_of_earlier_run() {
    if (options_.journal_path.empty()) return;
    header_.rows = rows_;
    header_.identity = identity();
    header_.resume_command = options_.resume_command;
    header_.errors_path = options_.errors_path;
    header_.overwrites = options_.overwrite == Overwrite::kAllowed;
    if (options_.resume) {
      journal_ = job::Journal::open(options_.journal_path, fs_);
      check_same_identity(options_.journal_path, journal_->header(), header_);
      return;
    }
    if (!exists(options_.journal_path, fs_)) return;
    require(options_.overwrite == Overwrite::kAllowed ||
                !job::read_journal(options_.journal_path, fs_).is_running,
            ErrorCode::kIo, "another run is writing the outputs of {}", options_.journal_path);
    require(options_.overwrite != Overwrite::kNever, ErrorCode::kIo,
            "{} is the journal of a job that is not complete: it can be resumed, or overwritten",
            options_.journal_path);
    // Away with it before the outputs it speaks of.
    job::Journal::discard(options_.journal_path, fs_);
  }

  double operations_of_row() {
    // A batch size that was asked for may be far beyond the rows.
    const int64_t rows = std::min(report_.batch_size, std::max<int64_t>(rows_, 1));
    return plans_.for_rows(rows).flops() / static_cast<double>(rows);
  }

  void choose_sizes() {
    report_.rows = rows_;
    report_.workers = options_.workers > 0 ? options_.workers : usable_cores();
    report_.batch_size = options_.batch_size > 0
                             ? options_.batch_size
                             : job::fit_batch_size(plans_.batch_size(), rows_, report_.workers);
    if (plans_.moves_rows()) report_.batch_size = 1;
    report_.chunk_size = options_.chunk_size > 0
                             ? options_.chunk_size
                             : job::choose_chunk_size(rows_, report_.batch_size, report_.workers,
                                                      operations_of_row());
    if (journal_) {
      const int64_t before = journal_->header().chunk_size;
      require(options_.chunk_size == 0 || options_.chunk_size == before,
              ErrorCode::kInvalidArgument,
              "cannot resume: the job of {} has chunks of {} rows; {} asked for",
              options_.journal_path, before, options_.chunk_size);
      report_.chunk_size = before;
    }
    const int64_t chunks = rows_ / report_.chunk_size + (rows_ % report_.chunk_size != 0 ? 1 : 0);
    report_.workers =
        static_cast<int>(std::clamp<int64_t>(report_.workers, 1, std::max<int64_t>(chunks, 1)));
    header_.chunk_size = report_.chunk_size;
  }

  // What one worker holds: values between steps, for batches and for what is left over, rows on
  // their way in and out, as stored and as computed, and a chunk of predictions that waits to be
  // written in order, as text.
  size_t worker_bytes() {
    // Stack, allocator, and what the system maps around the pages of files that are touched.
    constexpr size_t kThreadBytes = size_t{5} << 20;
    const auto rows = static_cast<size_t>(report_.batch_size);
    const plan::Plan& plan = plans_.for_rows(report_.batch_size);
    size_t bytes = kThreadBytes + 2 * plan.arena_bytes();
    for (size_t i = 0; i < sources_.size(); ++i) {
      bytes += rows * num_bytes(sources_[i]->dtype(), sources_[i]->row_shape());
      bytes += num_bytes(plan.input_types()[i].dtype, plan.input_types()[i].shape);
    }
    return bytes + 2 * output_row_bytes() * rows + staged_bytes();
  }
  size_t output_row_bytes() {
    size_t bytes = 0;
    for (const auto& type : plans_.for_rows(1).output_types()) {
      bytes += num_bytes(type.dtype, type.shape);
    }
    return bytes;
  }
  // Values as text take up to four times as much, in strings that grow by doubling.
  size_t staged_bytes() {
    constexpr size_t kTextFactor = 8;
    return kTextFactor * output_row_bytes() * static_cast<size_t>(report_.chunk_size);
  }

  // All that is not for files. A worker process has the model and its plans as this one has them;
  // weights that they share count for each, as the system counts resident memory.
  size_t needed_bytes() {
    size_t of_worker = worker_bytes();  // makes the plan, which packs weights
    const size_t resident = resident_bytes();
    if (in_processes()) of_worker += resident;
    return resident + of_worker * static_cast<size_t>(report_.workers);
  }

  // Makes batches and chunks smaller and workers fewer until they fit the bound on memory.
  void fit_memory() {
    if (options_.memory_bytes == 0 || rows_ == 0) return;
    // Four are for inputs, two for outputs, and one for what processes have in shared memory.
    const size_t sixteenths = in_processes() ? 9 : 10;
    const size_t bound = options_.memory_bytes / 16 * sixteenths;
    const bool has_chunk_size = options_.chunk_size > 0 || journal_;
    while (true) {
      const size_t needed = needed_bytes();
      if (needed <= bound) break;
      const bool staged_too_much = staged_bytes() > worker_bytes() / 2;
      if (staged_too_much && !has_chunk_size && report_.chunk_size > report_.batch_size) {
        report_.chunk_size = std::max(report_.chunk_size / 2, report_.batch_size);
      } else if (options_.batch_size == 0 && report_.batch_size > 1) {
        report_.batch_size /= 2;
      } else if (options_.workers == 0 && report_.workers > 1) {
        --report_.workers;
      } else {
        constexpr size_t kMega = 1'000'000;
        fail(ErrorCode::kOutOfMemory,
             "{} MB of memory are too few: the model and {} worker{} with {} row{} at once take {} "
             "MB, beside {} MB for files; give {} MB at least",
             options_.memory_bytes / kMega, report_.workers, report_.workers == 1 ? "" : "s",
             report_.batch_size, report_.batch_size == 1 ? "" : "s", needed / kMega + 1,
             (options_.memory_bytes - bound) / kMega, needed / kMega * 16 / sixteenths + 2);
      }
    }
    header_.chunk_size = report_.chunk_size;
  }

  void open_sinks(const SinkFactory& open_sink) {
    for (size_t k = 0; k < model_.outputs().size(); ++k) {
      const Shape shape = plans_.for_rows(1).output_types()[k].shape;
      const DType dtype = model_.outputs()[k].dtype;
      output_dtypes_.push_back(is_floating(dtype) ? options_.output_dtype.value_or(dtype) : dtype);
      const Shape row_shape(shape.begin() + 1, shape.end());
      sinks_.push_back(open_sink(k, output_dtypes_[k], row_shape));
      sink_pointers_.push_back(sinks_.back().get());
      fill_rows_.push_back(fill_row(output_dtypes_[k], row_shape));
      header_.outputs.push_back(sinks_[k]->name());
      header_.places.push_back(place_of(sinks_[k]->name()));
      header_.overwrites = header_.overwrites || exists(sinks_[k]->name(), fs_);
      require(!sinks_[k]->is_finished() || is_complete(), ErrorCode::kIo,
              "cannot resume: {} is complete, and the job of {} is not", sinks_[k]->name(),
              options_.journal_path);
    }
    if (!journal_) return;
    job::check_same_outputs(options_.journal_path, journal_->header(), header_);
    // Where the job was begun without such a file, it is not the job's. (Other sinks may have
    // theirs at once; older journals do not say.)
    const bool may_overwrite = journal_->header().overwrites || journal_->header().places.empty() ||
                               options_.overwrite == Overwrite::kAllowed;
    for (const auto& sink : sinks_) {
      require(
          may_overwrite || sink->is_finished() || !sink->file_rows() || !exists(sink->name(), fs_),
          ErrorCode::kIo,
          "{} was created by another program in the meantime, and is not overwritten unless "
          "asked to",
          sink->name());
    }
  }

  // The path of an output from the journal's folder; "" without a journal.
  std::string place_of(const std::string& output) const {
    namespace stdfs = std::filesystem;
    if (options_.journal_path.empty()) return "";
    std::error_code error;  // a name that is no path has an empty place, or a part of one
    const auto folder_of = [&](const stdfs::path& path) {
      return stdfs::weakly_canonical(stdfs::absolute(path, error).parent_path(), error);
    };
    const stdfs::path file = folder_of(output) / stdfs::path(output).filename();
    return file.lexically_relative(folder_of(options_.journal_path)).string();
  }

  // Errors and journal, once the outputs are there.
  void open_records() {
    const job::JournalState before = journal_ ? journal_->state() : job::JournalState();
    if (!options_.report_path.empty()) {
      job_report_ = std::make_unique<job::Report>(options_.report_path, fs_);
    }
    if (!options_.errors_path.empty()) {
      const Overwrite anew = options_.replace_errors ? Overwrite::kAllowed : options_.overwrite;
      errors_ = std::make_unique<job::ErrorList>(options_.errors_path, before.errors_bytes,
                                                 journal_ ? Overwrite::kResume : anew, fs_);
    }
    report_.rows_resumed = before.rows_done;
    report_.rows_failed = before.rows_failed;
    if (journal_ || options_.journal_path.empty()) return;
    bool kept = true;
    try {
      for (const auto& sink : sinks_) kept = sink->keep() && kept;
      if (kept) {
        journal_ = job::Journal::create(options_.journal_path, header_, Overwrite::kNever, fs_);
      }
    } catch (...) {
      drop_outputs();
      throw;
    }
    if (!kept) drop_outputs();
  }

  // Outputs that nobody could go on with are not to stay.
  void drop_outputs() {
    for (const auto& sink : sinks_) sink->keep(false);
  }

  void compute() {
    job::ChunkLog log(sink_pointers_, journal_.get(), errors_.get());
    job::JobOptions job = job_options(log);
    if (in_processes())
      compute_in_processes(job);
    else
      compute_in_threads(job);
  }

  // An earlier run has computed all, and ended before the outputs had their names.
  void tell_complete() const {
    const Clock::time_point now = Clock::now();
    job::ProgressMeter meter(options_.progress, rows_, report_.workers, now, rows_,
                             report_.rows_failed);
    meter.finish(true, rows_, report_.rows_failed, now);
  }

  void compute_in_threads(const job::JobOptions& job) {
    Runners runners(report_.workers, [&] {
      runtime::BatchOptions batch;
      batch.batch_size = report_.batch_size;
      batch.check_finite = options_.check_finite;
      batch.inspect = hooks_.inspect;
      return std::make_unique<runtime::BatchRunner>(plans_, std::move(batch), sources_,
                                                    sink_pointers_, output_dtypes_);
    });
    ThreadExecutorOptions executor_options;
    executor_options.max_workers = report_.workers;
    executor_options.thread_setup = kernels::set_up_worker_thread;
    ThreadExecutor executor(std::move(executor_options));
    const job::JobResult result = job::run_job(
        executor, job, [&](int64_t begin, int64_t end) { runners.mine().run(begin, end); });
    report_.rows_failed = result.rows_failed;
  }

  void compute_in_processes(job::JobOptions& job) {
    ProcessRunner runner(model_.compiled(), plans_, sources_, sink_pointers_, output_dtypes_,
                         options_, report_);
    report_.shared_weight_bytes = runner.shared_weight_bytes();
    job.take_messages = [&] { return runner.take_messages(); };
    const auto remember = [&] {
      report_.worker_memory = runner.executor().memory();
      report_.workers_replaced = runner.executor().num_replaced();
    };
    try {
      const job::JobResult result = job::run_job(
          runner.executor(), job, [&](int64_t begin, int64_t end) { runner.run(begin, end); });
      report_.rows_failed = result.rows_failed;
    } catch (...) {
      remember();
      throw;
    }
    remember();
  }

  job::JobOptions job_options(job::ChunkLog& log) {
    job::JobOptions job;
    job.rows = rows_;
    job.chunk_size = report_.chunk_size;
    job.retries = options_.retries;
    job.on_error = options_.on_error;
    job.progress = options_.progress;
    job.cancel = options_.cancel;
    job.sync_interval_seconds = options_.sync_interval_seconds;
    job.fill_row = [this](int64_t row) {
      for (size_t k = 0; k < sinks_.size(); ++k) sinks_[k]->write(row, fill_rows_[k]);
    };
    if (journal_) job.before = journal_->state();
    job.log = &log;
    job.report = job_report_.get();
    return job;
  }

  void close_report(std::string_view error) {
    if (!job_report_) return;
    const std::string job = fmt::format(
        R"({{"model":{},"rows":{},"rows_resumed":{},"rows_failed":{},"seconds":{:.6f},)"
        R"("executor":"{}","workers":{},"workers_replaced":{},"batch_size":{},"chunk_size":{},)"
        R"("peak_bytes":{},"shared_weight_bytes":{},"error":{}}})",
        json_string(model_.compiled().path()), rows_, report_.rows_resumed, report_.rows_failed,
        seconds_since_start(), in_processes() ? "processes" : "threads", report_.workers,
        report_.workers_replaced, report_.batch_size, report_.chunk_size, peak_resident_bytes(),
        report_.shared_weight_bytes, error.empty() ? "null" : json_string(error));
    job_report_->close(job, report_.worker_memory);
  }

  // For a job that failed: why it did is to be told, and not that its report cannot be written.
  void try_close_report(std::string_view error) {
    try {
      close_report(error);
    } catch (const Error&) {
      job_report_.reset();
    }
  }

  // Whatever of this an earlier run has done is not done again.
  void complete() {
    if (journal_) journal_->append_complete();
    if (errors_) errors_->finish();
    for (const auto& sink : sinks_) sink->finish();
    if (journal_) journal_->remove();
  }

  const Model& model_;
  const std::vector<const Source*>& sources_;
  const PredictOptions& options_;
  const JobHooks& hooks_;
  FileSystem& fs_;
  const Clock::time_point start_ = Clock::now();
  const int64_t rows_;
  ModelPlans& plans_;
  PredictReport report_;
  job::JournalHeader header_;
  std::vector<DType> output_dtypes_;
  std::vector<Tensor> fill_rows_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<Sink*> sink_pointers_;
  std::unique_ptr<job::Journal> journal_;
  std::unique_ptr<job::ErrorList> errors_;
  std::unique_ptr<job::Report> job_report_;
};

}  // namespace

PredictReport predict(const Model& model, const std::vector<const Source*>& sources,
                      const SinkFactory& open_sink, const PredictOptions& options,
                      const JobHooks& hooks) {
  return Prediction(model, sources, options, hooks).run(open_sink);
}

}  // namespace hornet::internal

namespace hornet {

int usable_cores() { return usable_cores_of_process(); }

JobStatus job_status(const std::string& journal_path) {
  const job::JournalContent content = job::read_journal(journal_path);
  JobStatus status;
  status.rows = content.header.rows;
  status.rows_done = content.state.rows_done;
  status.rows_failed = content.state.rows_failed;
  status.chunk_size = content.header.chunk_size;
  status.chunks = content.header.num_chunks();
  status.chunks_done = content.state.chunks_done;
  status.is_running = content.is_running;
  status.is_complete = content.state.is_complete;
  status.outputs = content.header.outputs;
  status.errors_path = content.header.errors_path;
  status.resume_command = content.header.resume_command;
  return status;
}

PredictReport predict(const Model& model, const std::vector<const Source*>& sources,
                      const SinkFactory& open_sink, const PredictOptions& options) {
  return internal::predict(model, sources, open_sink, options, {});
}

}  // namespace hornet
