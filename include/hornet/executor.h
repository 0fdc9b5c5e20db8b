// Runs calls on workers and gives a Future for each, with the semantics of Python's
// concurrent.futures: submit, map, shutdown.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hornet/future.h"

namespace hornet {

namespace internal {
class ThreadPool;
class ProcessPool;
}  // namespace internal

struct MapOptions {
  Timeout timeout = {};   // for all results, counted from the call of map
  size_t chunksize = 1;   // calls a task makes: more make cheap calls cheaper
  size_t buffersize = 0;  // tasks submitted ahead of the result that is waited for; 0: all
};

template <class R>
class MapResults;

// Thread-safe: tasks may submit tasks. Implementations end with shutdown(true) in their destructor.
class Executor {
 public:
  virtual ~Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Runs fn(args...) on a worker. Copies or moves all of them into the task, which frees them
  // before its future is done; wrap in std::ref what must not be copied. A task that waits for
  // another task of the same executor may wait for ever. Throws Error: kInvalidArgument "cannot
  // schedule new futures after shutdown", kBrokenPool, kOutOfMemory where no worker can be started.
  template <class F, class... Args>
  auto submit(F&& fn, Args&&... args) {
    return submit_avoiding(-1, std::forward<F>(fn), std::forward<Args>(args)...);
  }

  // The same for a task that failed on a worker: it runs on another where there is one.
  template <class F, class... Args>
  auto submit_avoiding(int worker, F&& fn, Args&&... args) {
    using R = std::decay_t<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;
    using Task = internal::CallTask<R, std::decay_t<F>, std::decay_t<Args>...>;
    auto task = std::make_shared<Task>(on_error_, std::forward<F>(fn), std::forward<Args>(args)...);
    task->avoid_worker = worker;
    enqueue(task);
    return internal::FutureAccess::make<Future<R>>(std::move(task));
  }

  // Calls fn for the elements of a range, or of several in step up to the end of the shortest.
  // Submits all before it returns, with `buffersize` only as many. The results come in order, what
  // a call throws comes at its place and ends them. Calls run concurrently on one const fn.
  // With `buffersize`, the executor and ranges given by reference must outlive the results.
  template <class F, std::ranges::viewable_range... Ranges>
  auto map(const MapOptions& options, F&& fn, Ranges&&... ranges);
  template <class F, std::ranges::viewable_range... Ranges>
  auto map(F&& fn, Ranges&&... ranges) {
    return map(MapOptions(), std::forward<F>(fn), std::forward<Ranges>(ranges)...);
  }

  // No more tasks are taken. Those that are pending still run, or are cancelled on this thread with
  // `cancel_futures`. With `wait`, returns when all tasks are done and all workers have ended.
  // May be called again, from several threads. Throws Error(kInvalidArgument) where a worker would
  // wait for itself.
  virtual void shutdown(bool wait = true, bool cancel_futures = false) = 0;

  // Most workers there will be at a time.
  virtual int max_workers() const = 0;

  // The worker that runs the calling task or callback: 0 <= i < max_workers(), the same for all
  // that run on one worker and for no two that run at once. -1 elsewhere.
  static int current_worker();

 protected:
  explicit Executor(ErrorHook on_error)
      : on_error_(std::make_shared<const ErrorHook>(std::move(on_error))) {}

 private:
  // Takes a task to run, or throws and forgets it.
  virtual void enqueue(std::shared_ptr<internal::Task> task) = 0;

  std::shared_ptr<const ErrorHook> on_error_;
};

struct ThreadExecutorOptions {
  int max_workers = 0;  // 0: the number of cores
  std::string thread_name_prefix =
      {};  // threads are called "<prefix>_<worker>"; "" stands for "hornet"
  // Called by each worker before its first task. When it throws, the executor is broken: pending
  // futures fail and submit throws, both Error(kBrokenPool).
  std::function<void()> initializer = {};
  // The same for the library's own needs, called before `initializer`.
  std::function<void()> thread_setup = {};
  // Most tasks that wait for a worker: with more, submit blocks until one starts or is cancelled,
  // and throws when the executor is shut down meanwhile. Not for submit by one of its own workers,
  // which would wait for itself. 0: no limit.
  size_t max_pending = 0;
  ErrorHook on_error = {};

  // For the library's own needs: called by each worker after its last task; words of messages.
  std::function<void()> thread_teardown = {};
  std::string pool_name = "thread pool";
  std::string initializer_name = "a thread initializer";
};

// Workers are threads. One is started when a task comes and none is idle, up to max_workers; idle
// ones wait for tasks and end at shutdown.
class ThreadExecutor final : public Executor {
 public:
  // Throws Error(kInvalidArgument) for a negative number of workers.
  explicit ThreadExecutor(ThreadExecutorOptions options = {});
  // shutdown(true), and so not to be called by one of its own workers.
  ~ThreadExecutor() override;
  void shutdown(bool wait = true, bool cancel_futures = false) override;
  int max_workers() const override;
  // Threads started so far.
  int num_threads() const;

 private:
  void enqueue(std::shared_ptr<internal::Task> task) override;

  std::shared_ptr<internal::ThreadPool> pool_;
};

// What a worker process needs at its highest.
struct WorkerMemory {
  int worker = 0;
  size_t peak_bytes = 0;     // resident, with files and shared memory
  size_t private_bytes = 0;  // its own
};

struct ProcessExecutorOptions {
  int max_workers = 0;       // 0: the number of cores
  std::string program = {};  // what workers run; "": hornet-worker, beside this program or library
  // A function of the worker program, called in each new worker before anything else. When it
  // throws, the executor is broken.
  std::string initializer = {};
  std::string initializer_argument = {};
  int max_tasks_per_child = 0;  // calls after which a worker is replaced by a fresh one; 0: none
  // Workers that died (by a signal, out of memory, too slow) and are replaced, over the life of the
  // executor; a call that kills its worker throws kWorkerDied, kTimeout or kOutOfMemory then. The
  // next one to die breaks the executor: all that runs and is pending fails with kBrokenPool. 0, as
  // in Python: the first one does.
  int max_replacements = 0;
  std::function<void(const std::string& why)> on_replaced = {};  // called by any thread
  // For a call: a worker that takes longer is killed. The time to start one does not count.
  Timeout task_timeout = {};
  // For the initializer: a new worker that takes longer to be ready is killed, and replaced as one
  // that died is; the third in a row for the same place breaks the executor.
  Timeout start_timeout = {};
  size_t max_pending = 0;             // as in ThreadExecutorOptions
  std::vector<int> descriptors = {};  // files that workers get as descriptors 4, 5, ...
  ErrorHook on_error = {};
};

// Workers are processes, spawned when they are needed, never forked; they die with this process.
// A task runs on a thread of this process that minds one worker, and reaches the worker by a
// RemoteFunction:
//   executor.submit(RemoteFunction("square"), "12");
class ProcessExecutor final : public Executor {
 public:
  // Throws Error: kInvalidArgument, kIo where there is no worker program.
  explicit ProcessExecutor(ProcessExecutorOptions options = {});
  ~ProcessExecutor() override;
  void shutdown(bool wait = true, bool cancel_futures = false) override;
  int max_workers() const override;
  int num_replaced() const;  // workers that died and were replaced
  std::vector<WorkerMemory> memory() const;

 private:
  void enqueue(std::shared_ptr<internal::Task> task) override;

  std::shared_ptr<internal::ProcessPool> pool_;
};

// A function of the worker program, by name. To be called by tasks of a ProcessExecutor: it runs in
// the worker of the calling task. Throws what the function throws, as Error.
class RemoteFunction {
 public:
  explicit RemoteFunction(std::string name) : name_(std::move(name)) {}
  std::string operator()(const std::string& argument) const;

 private:
  std::string name_;
};

// The main function of a worker program with functions of your own: what one throws is the error of
// its call. Returns the exit code.
using WorkerFunction = std::function<std::string(std::string_view argument)>;
int worker_main(int argc, char** argv, const std::map<std::string, WorkerFunction>& functions);

namespace internal {

// The results of the calls of one task, and what the next call threw.
template <class R>
struct Chunk {
  std::deque<Stored<R>> values;
  std::exception_ptr error;
};

// Cuts ranges into tasks.
template <class R, class F, class... Views>
class MapTasks {
 public:
  template <class Fn>
  MapTasks(Executor& executor, size_t chunksize, Fn&& fn, Views... views)
      : executor_(executor),
        chunksize_(chunksize),
        fn_(std::make_shared<const F>(std::forward<Fn>(fn))),
        views_(std::move(views)...),
        positions_(std::apply([](auto&... view) { return std::tuple(std::ranges::begin(view)...); },
                              views_)) {}
  MapTasks(const MapTasks&) = delete;
  MapTasks& operator=(const MapTasks&) = delete;

  std::optional<Future<Chunk<R>>> submit_next() {
    std::vector<Arguments> calls;
    while (calls.size() < chunksize_ && !at_end(std::index_sequence_for<Views...>())) {
      std::apply([&](auto&... position) { calls.emplace_back(*position...); }, positions_);
      std::apply([](auto&... position) { (++position, ...); }, positions_);
    }
    if (calls.empty()) return std::nullopt;
    return executor_.submit(&MapTasks::run, fn_, std::move(calls));
  }

 private:
  using Arguments = std::tuple<std::ranges::range_value_t<Views>...>;

  template <size_t... I>
  bool at_end(std::index_sequence<I...>) {
    return (... || (std::get<I>(positions_) == std::ranges::end(std::get<I>(views_))));
  }
  static Chunk<R> run(const std::shared_ptr<const F>& fn, std::vector<Arguments>&& calls) {
    Chunk<R> chunk;
    try {
      for (Arguments& arguments : calls) {
        if constexpr (std::is_void_v<R>) {
          std::apply(*fn, std::move(arguments));
          chunk.values.emplace_back();
        } else {
          chunk.values.push_back(std::apply(*fn, std::move(arguments)));
        }
      }
    } catch (...) {
      chunk.error = std::current_exception();
    }
    return chunk;
  }

  Executor& executor_;
  const size_t chunksize_;
  std::shared_ptr<const F> fn_;
  std::tuple<Views...> views_;
  std::tuple<std::ranges::iterator_t<Views>...> positions_;
};

// Throws kInvalidArgument.
void check_map_options(const MapOptions& options);

}  // namespace internal

// The results of map, in order: a range for one pass (elements may be moved from), or next() until
// nullopt. Dropped after the first element was asked for, it cancels what is still pending.
// For calls that return nothing the elements are std::monostate. Not thread-safe.
template <class R>
class MapResults : public internal::LazyRange<MapResults<R>, internal::Stored<R>> {
 public:
  ~MapResults() {
    if (started_) stop();
  }
  MapResults(MapResults&&) noexcept = default;
  MapResults& operator=(MapResults&&) = delete;

  // Throws what the call threw, Error(kTimeout), Error(kCancelled), and has ended then; what is
  // pending is cancelled.
  std::optional<internal::Stored<R>> next() {
    started_ = true;
    try {
      while (chunk_.values.empty()) {
        if (chunk_.error) std::rethrow_exception(chunk_.error);
        if (futures_.empty()) return std::nullopt;
        next_chunk();
      }
    } catch (...) {
      stop();
      throw;
    }
    std::optional<internal::Stored<R>> value(std::move(chunk_.values.front()));
    chunk_.values.pop_front();
    return value;
  }

 private:
  friend class Executor;
  using SubmitNext = std::function<std::optional<Future<internal::Chunk<R>>>()>;

  MapResults(const MapOptions& options, SubmitNext submit_next)
      : deadline_(internal::deadline_after(options.timeout)), submit_next_(std::move(submit_next)) {
    while (submit_next_ && (options.buffersize == 0 || futures_.size() < options.buffersize)) {
      submit_one();
    }
  }
  void submit_one() {
    if (!submit_next_) return;
    auto future = submit_next_();
    if (future) {
      futures_.push_back(std::move(*future));
    } else {
      submit_next_ = nullptr;
    }
  }
  void next_chunk() {
    submit_one();
    chunk_ = futures_.front().take(internal::time_left(deadline_));
    futures_.pop_front();
  }
  void stop() {
    // The last first: fewer of them start meanwhile.
    for (auto it = futures_.rbegin(); it != futures_.rend(); ++it) it->cancel();
    futures_.clear();
    submit_next_ = nullptr;
    chunk_ = {};
  }

  internal::Deadline deadline_;
  SubmitNext submit_next_;
  std::deque<Future<internal::Chunk<R>>> futures_;
  internal::Chunk<R> chunk_;
  bool started_ = false;
};

template <class F, std::ranges::viewable_range... Ranges>
auto Executor::map(const MapOptions& options, F&& fn, Ranges&&... ranges) {
  static_assert(sizeof...(Ranges) > 0, "map needs a range");
  internal::check_map_options(options);
  using R = std::decay_t<
      std::invoke_result_t<const std::decay_t<F>&, std::ranges::range_value_t<Ranges>&&...>>;
  using Tasks = internal::MapTasks<R, std::decay_t<F>, std::views::all_t<Ranges>...>;
  auto tasks = std::make_shared<Tasks>(*this, options.chunksize, std::forward<F>(fn),
                                       std::views::all(std::forward<Ranges>(ranges))...);
  return MapResults<R>(options, [tasks] { return tasks->submit_next(); });
}

}  // namespace hornet
