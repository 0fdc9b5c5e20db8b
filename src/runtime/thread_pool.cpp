#include "runtime/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/cpu.h"
#include "runtime/current_worker.h"

namespace hornet::internal {
namespace {

thread_local const ThreadPool* t_pool = nullptr;  // the pool this thread works for

ThreadExecutorOptions checked(ThreadExecutorOptions options) {
  require(options.max_workers >= 0, ErrorCode::kInvalidArgument,
          "max_workers must be greater than 0, or 0 for the number of cores; found {}",
          options.max_workers);
  if (options.max_workers == 0) options.max_workers = usable_cores_of_process();
  return options;
}

// Linux keeps 15 characters; the number at the end is what tells workers apart.
void name_this_thread(const std::string& prefix, int worker) {
  constexpr size_t kMaxNameBytes = 15;
  const std::string number = "_" + std::to_string(worker);
  const std::string name = prefix.empty() ? "hornet" : prefix;
  pthread_setname_np(pthread_self(),
                     (name.substr(0, kMaxNameBytes - number.size()) + number).c_str());
}

}  // namespace

ThreadPool::ThreadPool(ThreadExecutorOptions options) : options_(checked(std::move(options))) {}

int ThreadPool::num_threads() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(threads_.size());
}

bool ThreadPool::has_pending() const {
  std::lock_guard lock(mutex_);
  return !queue_.empty();
}

void ThreadPool::enqueue(std::shared_ptr<Task> task) {
  const uint64_t ticket = next_ticket_++;
  const bool avoids_worker = task->avoid_worker >= 0;
  task->future().set_cancel_listener(weak_from_this(), ticket);
  std::exception_ptr start_error;
  {
    std::unique_lock lock(mutex_);
    // A worker that waits for room may be the one to make it.
    const bool may_wait = t_pool != this;
    if (may_wait) has_room_.wait(lock, [this] { return !full() || closed(); });
    require(broken_.empty(), ErrorCode::kBrokenPool, "{}", broken_);
    require(!shut_down_, ErrorCode::kInvalidArgument, "cannot schedule new futures after shutdown");
    const auto place = queue_.emplace(ticket, std::move(task)).first;
    // The only worker so far may be the one to avoid.
    const bool wants_another = queue_.size() > num_idle_ || (avoids_worker && threads_.size() == 1);
    if (wants_another && threads_.size() < static_cast<size_t>(max_workers())) {
      try {
        start_thread();
      } catch (const std::exception& error) {
        if (threads_.empty()) {
          queue_.erase(place);
          fail(ErrorCode::kOutOfMemory, "cannot start a worker thread: {}", error.what());
        }
        // Tried again with each task, and told once.
        if (!std::exchange(told_of_start_, true)) start_error = std::current_exception();
      }
    }
  }
  if (avoids_worker)
    has_work_.notify_all();
  else
    has_work_.notify_one();
  if (start_error) {
    report_error(options_.on_error, "cannot start one more worker thread", start_error);
  }
}

void ThreadPool::start_thread() {
  const int worker = static_cast<int>(threads_.size());
  threads_.emplace_back([this, worker] { run_worker(worker); });
  ++num_idle_;
}

void ThreadPool::cancelled(uint64_t ticket) noexcept {
  Queue::node_type task;  // freed without the lock
  {
    std::lock_guard lock(mutex_);
    task = queue_.extract(ticket);
  }
  has_room_.notify_one();
}

void ThreadPool::shutdown(bool wait, bool cancel_futures) {
  require(!wait || t_pool != this, ErrorCode::kInvalidArgument,
          "a worker cannot wait for the shutdown of its own executor");
  Queue to_cancel;
  {
    std::lock_guard lock(mutex_);
    shut_down_ = true;
    if (cancel_futures) to_cancel.swap(queue_);
  }
  has_work_.notify_all();
  has_room_.notify_all();
  for (const auto& [ticket, task] : to_cancel) task->future().cancel();
  if (!wait) return;
  std::lock_guard join_lock(join_mutex_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ThreadPool::run_worker(int worker) noexcept {
  std::string what_failed = options_.initializer_name + " failed";
  try {
    t_pool = this;
    set_current_worker(worker);
    name_this_thread(options_.thread_name_prefix, worker);
    if (options_.thread_setup) options_.thread_setup();
    if (options_.initializer) options_.initializer();
    what_failed = "a worker thread failed";
    run_tasks(worker);
  } catch (...) {
    break_pool(what_failed, std::current_exception());
  }
  try {
    if (options_.thread_teardown) options_.thread_teardown();
  } catch (...) {
    report_error(options_.on_error, "the end of a worker thread failed", std::current_exception());
  }
}

ThreadPool::Queue::iterator ThreadPool::next_for(int worker) {
  // The last ones take what is left.
  if (closed() || threads_.size() == 1) return queue_.begin();
  return std::find_if(queue_.begin(), queue_.end(),
                      [worker](const auto& entry) { return entry.second->avoid_worker != worker; });
}

void ThreadPool::run_tasks(int worker) {
  std::unique_lock lock(mutex_);
  while (true) {
    has_work_.wait(lock, [&] { return next_for(worker) != queue_.end() || closed(); });
    if (queue_.empty()) return;
    const auto next = next_for(worker);
    auto task = std::move(next->second);
    queue_.erase(next);
    --num_idle_;
    lock.unlock();
    has_room_.notify_one();

    bool is_idle = false;
    // Whoever sees a result may count on its worker: calls made one after the other share a thread.
    task->run([this, &is_idle] {
      std::lock_guard idle_lock(mutex_);
      ++num_idle_;
      is_idle = true;
    });
    task.reset();

    lock.lock();
    if (!is_idle) ++num_idle_;
  }
}

void ThreadPool::break_pool(const std::string& what_failed,
                            const std::exception_ptr& error) noexcept {
  report_error(options_.on_error, what_failed, error);
  fail_pending(what_failed + ", the " + options_.pool_name +
               " is not usable anymore: " + describe(error));
}

void ThreadPool::fail_pending(const std::string& why) noexcept {
  Queue to_fail;
  {
    std::lock_guard lock(mutex_);
    if (broken_.empty()) broken_ = why;
    to_fail.swap(queue_);
  }
  has_work_.notify_all();
  has_room_.notify_all();
  const auto broken = std::make_exception_ptr(Error(ErrorCode::kBrokenPool, why));
  for (const auto& [ticket, task] : to_fail) task->fail(broken);
}

}  // namespace hornet::internal
