// The worker processes behind ProcessExecutor: one for each thread of a ThreadPool, which minds it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hornet/executor.h"
#include "runtime/thread_pool.h"
#include "runtime/worker_process.h"

namespace hornet::internal {

class ProcessPool {
 public:
  explicit ProcessPool(ProcessExecutorOptions options);
  ~ProcessPool();

  ThreadPool& threads() { return *threads_; }
  // As that of Executor. Nobody waits for workers that start while there is nothing left to do;
  // with calls pending at this moment they are waited for, as they may get one.
  void shutdown(bool wait, bool cancel_futures);
  // For these two the calling thread must be one of this pool's. Begins a task, of one or several
  // calls: the worker is there after it, a new one where it has had its tasks. The time that one
  // takes to start is not that of a call.
  void begin_task();
  // Calls a function in the worker, started where there is none.
  runtime::Reply call(const std::string& function, std::string_view argument,
                      const Deadline& deadline);
  int num_replaced() const { return num_replaced_; }
  std::vector<WorkerMemory> memory() const;
  const ProcessExecutorOptions& options() const { return options_; }

  // That of the calling thread; nullptr elsewhere.
  static ProcessPool* current();

 private:
  struct Slot {
    std::unique_ptr<runtime::WorkerProcess> process;
    int tasks = 0;
    bool is_spare = false;  // starts ahead of the first task of its thread
  };

  Slot& my_slot();
  // Starts the worker before the first task comes, unless the pool is shut down meanwhile.
  void start_spare(Slot& slot);
  bool is_unwanted(const Slot& slot) const;
  void start(Slot& slot);
  runtime::Reply initialize(runtime::WorkerProcess& process);
  // start(), again where the new worker is killed before it is ready, or because it never is.
  void start_for_sure(Slot& slot);
  void require_process(Slot& slot);
  // Takes the process out of the slot and ends it, without the lock.
  void end(Slot& slot);
  // The worker is gone, or good for nothing.
  void lose(Slot& slot, const Error& error);
  [[noreturn]] void break_pool(const std::string& why);
  void require_whole() const;
  void remember(int worker, const runtime::Reply& reply);

  const ProcessExecutorOptions options_;
  std::atomic<int> num_replaced_ = 0;
  mutable std::mutex mutex_;  // guards those below; a process is used by its thread alone
  std::vector<Slot> slots_;
  std::vector<WorkerMemory> memory_;
  std::string broken_;
  bool wants_no_spares_ = false;
  std::shared_ptr<ThreadPool> threads_;
};

}  // namespace hornet::internal
