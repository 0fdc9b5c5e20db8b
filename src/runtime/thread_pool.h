// The threads and the queue behind ThreadExecutor.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hornet/executor.h"

namespace hornet::internal {

// Owned by its ThreadExecutor; futures hold it weakly, to say that they were cancelled.
// Lock order: the lock of a future comes before mutex_, so no future is touched with mutex_ held.
class ThreadPool final : public CancelListener, public std::enable_shared_from_this<ThreadPool> {
 public:
  explicit ThreadPool(ThreadExecutorOptions options);

  void enqueue(std::shared_ptr<Task> task);
  void shutdown(bool wait, bool cancel_futures);
  int max_workers() const { return options_.max_workers; }
  // Fails what is pending and all that comes with Error(kBrokenPool).
  void fail_pending(const std::string& why) noexcept;
  int num_threads() const;
  bool has_pending() const;

 private:
  // Pending tasks by ticket, which is the order of submission.
  using Queue = std::map<uint64_t, std::shared_ptr<Task>>;

  void cancelled(uint64_t ticket) noexcept override;
  bool full() const { return options_.max_pending != 0 && queue_.size() >= options_.max_pending; }
  bool closed() const { return shut_down_ || !broken_.empty(); }
  void start_thread();
  void run_worker(int worker) noexcept;
  void run_tasks(int worker);
  // The first task that `worker` is not to avoid; the end where there is none.
  Queue::iterator next_for(int worker);
  // Fails what is pending and all that comes.
  void break_pool(const std::string& what_failed, const std::exception_ptr& error) noexcept;

  const ThreadExecutorOptions options_;
  std::atomic<uint64_t> next_ticket_{0};

  mutable std::mutex mutex_;          // guards all below but join_mutex_
  std::condition_variable has_work_;  // for workers: a task, or closed
  std::condition_variable has_room_;  // for enqueue: not full, or closed
  Queue queue_;
  std::vector<std::thread> threads_;  // does not change after shutdown
  size_t num_idle_ = 0;         // threads with nothing left to do before they look at the queue
  bool told_of_start_ = false;  // that a thread more cannot be started
  bool shut_down_ = false;
  std::string broken_;  // why; "" while the workers can work

  std::mutex join_mutex_;  // held while threads are joined
};

}  // namespace hornet::internal
