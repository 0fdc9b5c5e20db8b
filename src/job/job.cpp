#include "job/job.h"

#include <algorithm>
#include <list>

#include "base/check.h"
#include "job/progress.h"
#include "runtime/output_error.h"

namespace hornet::job {
namespace {

using Clock = ProgressMeter::Clock;

Error to_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kOutOfMemory, "no memory"};
  } catch (const std::exception& e) {
    return {ErrorCode::kInternal, e.what()};
  } catch (...) {
    return {ErrorCode::kInternal, "unknown exception"};
  }
}

bool is_output_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const runtime::OutputError&) {
    return true;
  } catch (...) {
    return false;
  }
}

std::string rows_text(const Piece& piece) {
  if (piece.end - piece.begin == 1) return fmt::format("row {}", piece.begin);
  return fmt::format("rows {} to {}", piece.begin, piece.end - 1);
}

// A piece that is submitted and not yet looked at. Written by the worker until its future is done.
struct Task {
  explicit Task(const Piece& given) : piece(given) {}
  const Piece piece;
  int worker = -1;
  Clock::time_point start, end;
  std::exception_ptr error;
  std::optional<Future<void>> future;

  void run(const ChunkFunction& compute) {
    worker = Executor::current_worker();
    start = Clock::now();
    try {
      compute(piece.begin, piece.end);
    } catch (...) {
      error = std::current_exception();
    }
    end = Clock::now();
  }
};

// The tasks of one job; none is left when it goes, for they refer to what is on its stack.
class TasksInFlight {
 public:
  TasksInFlight(Executor& executor, const ChunkFunction& compute)
      : executor_(executor), compute_(compute) {}
  ~TasksInFlight() {
    cancel_pending();
    for (const auto& task : tasks_) wait({AnyFuture(*task->future)});
  }

  bool empty() const { return tasks_.empty(); }
  size_t size() const { return tasks_.size(); }

  void submit(const Piece& piece) {
    auto task = std::make_unique<Task>(piece);
    task->future = executor_.submit_avoiding(piece.avoid_worker,
                                             [this, raw = task.get()] { raw->run(compute_); });
    tasks_.push_back(std::move(task));
  }

  // Waits until one is done or `timeout` is over, then takes out all that are done.
  std::vector<std::unique_ptr<Task>> take_done(std::chrono::milliseconds timeout) {
    std::vector<AnyFuture> waiting;
    for (const auto& task : tasks_) waiting.push_back(*task->future);
    wait(waiting, timeout, ReturnWhen::kFirstCompleted);
    std::vector<std::unique_ptr<Task>> done;
    for (auto it = tasks_.begin(); it != tasks_.end();) {
      if (!(*it)->future->done()) {
        ++it;
        continue;
      }
      done.push_back(std::move(*it));
      it = tasks_.erase(it);
    }
    return done;
  }

  void cancel_pending() {
    for (const auto& task : tasks_) task->future->cancel();
  }

 private:
  Executor& executor_;
  const ChunkFunction& compute_;
  std::list<std::unique_ptr<Task>> tasks_;
};

// Commits on a thread of its own, so that waiting for the disk does not keep workers waiting.
class Committer {
 public:
  Committer(ChunkLog* log, double interval_seconds)
      : log_(log),
        interval_(std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>(std::min(interval_seconds, kLongest)))) {}

  // Begins a commit where one is due. Throws what the last one threw.
  void poll(Clock::time_point now) {
    if (log_ == nullptr) return;
    if (running_ && running_->done()) {
      running_->result();
      running_.reset();
    }
    if (running_ || now - last_ < interval_ || !log_->has_uncommitted()) return;
    last_ = now;
    running_ = thread_.submit([log = log_] { log->commit(); });
  }

  // Commits all that is left.
  void finish(bool complete) {
    if (log_ == nullptr) return;
    if (running_) std::exchange(running_, std::nullopt)->result();
    log_->commit(complete);
  }

 private:
  static ThreadExecutorOptions one_thread() {
    ThreadExecutorOptions options;
    options.max_workers = 1;
    options.thread_name_prefix = "hornet_commit";
    return options;
  }

  static constexpr double kLongest = 1e9;  // more do not fit a duration

  ChunkLog* const log_;
  const Clock::duration interval_;
  Clock::time_point last_ = Clock::now();
  ThreadExecutor thread_{one_thread()};
  std::optional<Future<void>> running_;
};

// Near its end a job gives out less at once: a worker would wait for another one's whole chunk.
// Jobs of few chunks, short ones as a rule, are left as they are.
int64_t chunks_to_part(const Chunks& chunks, int workers) {
  return workers > 1 && chunks.count() >= 4 * workers ? workers : 0;
}

class JobRun {
 public:
  JobRun(Executor& executor, const JobOptions& options, const ChunkFunction& compute)
      : options_(options),
        window_(2 * static_cast<size_t>(executor.max_workers())),
        start_(Clock::now()),
        list_(work_of(options, executor.max_workers())),
        meter_(options.progress, options.rows, executor.max_workers(), start_,
               options.before ? options.before->rows_done : 0,
               options.before ? options.before->rows_failed : 0),
        committer_(options.log, options.sync_interval_seconds),
        tasks_(executor, compute) {
    if (!options.before) return;
    rows_done_ = options.before->rows_done;
    rows_failed_ = options.before->rows_failed;
  }

  JobResult run() {
    try {
      while (step()) meter_.advance(rows_done_, rows_failed_, Clock::now());
    } catch (...) {
      keep_error(std::current_exception());
      drain();
    }
    try {
      committer_.finish(!error_ && rows_done_ == options_.rows);
    } catch (...) {
      keep_error(std::current_exception());
    }
    const bool done = !error_ && rows_done_ == options_.rows;
    meter_.finish(done, rows_done_, rows_failed_, Clock::now());
    if (error_) std::rethrow_exception(error_);
    require(done, ErrorCode::kCancelled, "stopped after {} of {} rows", rows_done_, options_.rows);
    return {rows_failed_};
  }

 private:
  static WorkList::Options work_of(const JobOptions& options, int workers) {
    WorkList::Options work;
    work.chunks = {options.rows, options.chunk_size};
    work.part_step = options.part_step;
    work.chunks_to_part = chunks_to_part(work.chunks, workers);
    work.retries = options.retries;
    work.is_done = [&before = options.before](int64_t chunk) {
      return before && before->is_done(chunk);
    };
    return work;
  }

  bool stopping() const {
    return error_ != nullptr ||
           (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed));
  }
  void keep_error(std::exception_ptr error) {
    if (!error_) error_ = std::move(error);
  }

  // Hands out, waits a little and looks at what is done; false when nothing is left to do.
  bool step() {
    if (stopping()) tasks_.cancel_pending();
    while (tasks_.size() < window_ && !stopping()) {
      const auto piece = list_.next();
      if (!piece) break;
      tasks_.submit(*piece);
    }
    if (tasks_.empty()) return false;
    for (const auto& task : tasks_.take_done(ProgressMeter::kInterval)) settle(*task);
    tell_replacements();
    committer_.poll(Clock::now());
    return true;
  }

  void tell_replacements() {
    if (!options_.take_messages) return;
    for (const std::string& message : options_.take_messages()) {
      meter_.worker_replaced(message, rows_done_, rows_failed_, Clock::now());
    }
  }

  // After an error that came from elsewhere: what runs is finished, and counts.
  void drain() {
    while (!tasks_.empty()) {
      tasks_.cancel_pending();
      try {
        for (const auto& task : tasks_.take_done(ProgressMeter::kInterval)) settle(*task);
      } catch (...) {
        keep_error(std::current_exception());
      }
    }
  }

  void settle(Task& task) {
    if (task.future->cancelled()) return;
    if (!task.error) task.error = task.future->exception();  // of the executor
    record(task);
    if (task.error) {
      handle_failure(task);
    } else {
      rows_done_ += task.piece.end - task.piece.begin;
      list_.succeeded(task.piece);
    }
    if (const auto chunk = list_.take_finished()) {
      // A row that stops the job has no fill value yet: its chunk is not done.
      const bool stopped = options_.on_error == OnError::kStop && !chunk->failures.empty();
      if (options_.log != nullptr && !stopped) options_.log->add(*chunk);
      // Behind the log: what is computed is not lost with the report.
      if (options_.report != nullptr) options_.report->finish(*chunk);
    }
  }

  void record(const Task& task) {
    if (options_.report == nullptr || task.worker < 0) return;
    const auto seconds = [&](Clock::time_point time) {
      return std::chrono::duration<double>(time - start_).count();
    };
    options_.report->add(task.piece.chunk,
                         {task.piece.begin, task.piece.end, task.worker, seconds(task.start),
                          seconds(task.end), task.error ? to_error(task.error).what() : ""});
  }

  void handle_failure(const Task& task) {
    const Error error = to_error(task.error);
    // All rows would fail for want of memory, unless a worker process that is replaced has its own.
    const bool no_memory = error.code() == ErrorCode::kOutOfMemory && options_.stop_without_memory;
    const bool hopeless = no_memory || is_output_error(task.error) ||
                          error.code() == ErrorCode::kBrokenPool ||
                          error.code() == ErrorCode::kCancelled;
    if (hopeless) {
      return keep_error(std::make_exception_ptr(
          Error(error.code(), fmt::format("{}: {}", rows_text(task.piece), error.message()))));
    }
    const auto failed = list_.failed(task.piece, task.worker, error);
    if (!failed) return;
    if (options_.on_error == OnError::kStop) {
      return keep_error(std::make_exception_ptr(RowError(
          failed->row, failed->code, fmt::format("row {}: {}", failed->row, failed->message))));
    }
    try {
      if (options_.fill_row) options_.fill_row(failed->row);
    } catch (...) {
      list_.take_finished();  // is not
      return keep_error(std::current_exception());
    }
    ++rows_done_;
    ++rows_failed_;
    meter_.row_failed(failed->row, failed->message, rows_done_, rows_failed_, Clock::now());
  }

  const JobOptions& options_;
  const size_t window_;
  const Clock::time_point start_;
  int64_t rows_done_ = 0, rows_failed_ = 0;
  std::exception_ptr error_;
  WorkList list_;
  ProgressMeter meter_;
  Committer committer_;
  TasksInFlight tasks_;
};

}  // namespace

JobResult run_job(Executor& executor, const JobOptions& options, const ChunkFunction& compute) {
  return JobRun(executor, options, compute).run();
}

}  // namespace hornet::job
