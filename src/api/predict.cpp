#include "hornet/predict.h"

#include <chrono>
#include <optional>
#include <random>

#include "api/compiled_model.h"
#include "api/fingerprint.h"
#include "api/job_outputs.h"
#include "api/job_sizes.h"
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
#include "kernels/simd/speed.h"
#include "kernels/threads.h"
#include "runtime/batch_runner.h"
#include "runtime/output_error.h"

namespace hornet::internal {
namespace {

int64_t common_rows(const Model& model, const std::vector<const Source*>& sources) {
  require(sources.size() == model.inputs().size(), ErrorCode::kInvalidArgument,
          "{} sources given; the model has {} inputs", sources.size(), model.inputs().size());
  for (const Source* source : sources) {
    require(source != nullptr, ErrorCode::kInvalidArgument, "a source is null");
    require(source->num_rows() >= 0, ErrorCode::kInvalidArgument, "{} has {} rows", source->name(),
            source->num_rows());
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
  for (const Timeout& timeout : {options.timeout, options.start_timeout}) {
    // NaN is none either.
    require(!timeout || timeout->count() > 0, ErrorCode::kInvalidArgument,
            "a timeout of {} seconds; expected more than 0", timeout ? timeout->count() : 0.0);
  }
  require(options.executor == ExecutorKind::kProcesses || options.max_tasks_per_child == 0,
          ErrorCode::kInvalidArgument, "max_tasks_per_child needs worker processes");
  require(!options.resume || !options.journal_path.empty(), ErrorCode::kInvalidArgument,
          "a job cannot be resumed without its journal");
}

// A text that no other job has.
std::string new_job_name() {
  std::random_device random;
  std::string name;
  for (int i = 0; i < 4; ++i) name += fmt::format("{:08x}", random());
  return name;
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
    open_outputs(open_sink);
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
      const std::string input = fmt::format("input \"{}\"", model_.inputs()[i].name);
      for (const auto& [choice, value] : sources_[i]->choices()) {
        entries.emplace_back(fmt::format("{} of {}", choice, input), value);
      }
      entries.emplace_back(input, source_fingerprint(*sources_[i]));
    }
    entries.emplace_back("option check_finite", options_.check_finite ? "true" : "false");
    entries.emplace_back("option output_dtype", options_.output_dtype
                                                    ? to_string(*options_.output_dtype)
                                                    : "of the model");
    // Other kernels round in other ways: another processor, or another release. The plan has the
    // names of kernels, of which Hornet's own have a form for each instruction set.
    entries.emplace_back("instruction set", kernels::instruction_set());
    const std::string text = plans_.for_rows(1).to_string();
    entries.emplace_back(
        "set of kernels (of this processor and release)",
        fmt::format("{:08x} {}", crc32c(text.data(), text.size()), HORNET_VERSION));
    return entries;
  }

  void open_journal_of_earlier_run() {
    if (options_.journal_path.empty()) return;
    header_.rows = rows_;
    header_.job = new_job_name();
    if (options_.keeps_journal) header_.identity = identity();
    header_.resume_command = options_.resume_command;
    header_.errors_path = options_.errors_path;
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

  void choose_sizes() {
    const JobSizes sizes = internal::choose_sizes(plans_, sources_, options_, rows_,
                                                  journal_ ? journal_->header().chunk_size : 0);
    report_.rows = sizes.rows;
    report_.batch_size = sizes.batch_size;
    report_.chunk_size = header_.chunk_size = sizes.chunk_size;
    report_.workers = sizes.workers;
    part_step_ = sizes.part_step;
  }

  void open_outputs(const SinkFactory& open_sink) {
    outputs_.emplace(model_.compiled(), plans_, options_, open_sink, fs_);
    outputs_->describe(header_);
    if (!journal_) return;
    outputs_->check_continued(*journal_, header_);
    if (!is_complete()) outputs_->keep(journal_->header().job);
  }

  // Errors and journal, once the outputs are there.
  void open_records() {
    const job::JournalState before = journal_ ? journal_->state() : job::JournalState();
    if (!options_.report_path.empty()) {
      job_report_ = std::make_unique<job::Report>(options_.report_path, fs_);
    }
    // Without an output beside it, a list is not this job's before it has failed rows.
    const bool is_alone = options_.journal_path.empty();
    if (!options_.errors_path.empty() && (!is_alone || options_.on_error == OnError::kSkip)) {
      const Overwrite anew = options_.replace_errors ? Overwrite::kAllowed : options_.overwrite;
      errors_ = std::make_unique<job::ErrorList>(options_.errors_path, before.errors_bytes,
                                                 journal_ ? Overwrite::kResume : anew, fs_);
      if (is_alone) errors_->reserve();
    }
    report_.rows_resumed = before.rows_done;
    report_.rows_failed = before.rows_failed;
    if (journal_ || options_.journal_path.empty() || !options_.keeps_journal) return;
    try {
      if (!outputs_->keep(header_.job)) return;
      if (!outputs_->are_marked()) header_.job.clear();
      journal_ = job::Journal::create(options_.journal_path, header_, Overwrite::kNever, fs_);
    } catch (...) {
      outputs_->drop();  // nobody could go on with them
      throw;
    }
  }

  void compute() {
    job::ChunkLog log(outputs_->sinks(), journal_.get(), errors_.get());
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
                                                    outputs_->sinks(), outputs_->dtypes());
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
    ProcessRunner runner(model_.compiled(), plans_, sources_, outputs_->sinks(), outputs_->dtypes(),
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
    job.part_step = part_step_;
    job.retries = options_.retries;
    job.on_error = options_.on_error;
    job.stop_without_memory = !in_processes();
    job.progress = options_.progress;
    job.cancel = options_.cancel;
    job.sync_interval_seconds = options_.sync_interval_seconds;
    job.fill_row = [this](int64_t row) { outputs_->fill(row); };
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
    outputs_->finish();
    if (errors_) errors_->replace();
    if (journal_) journal_->remove();
  }

  const Model& model_;
  const std::vector<const Source*>& sources_;
  const PredictOptions& options_;
  const JobHooks& hooks_;
  FileSystem& fs_;
  const Clock::time_point start_ = Clock::now();
  const int64_t rows_;
  int64_t part_step_ = 1;  // of job::JobOptions
  ModelPlans& plans_;
  PredictReport report_;
  job::JournalHeader header_;
  std::optional<JobOutputs> outputs_;
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
  status.chunks = content.header.chunks().count();
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
