// What a Future shares with whoever computes it. Not part of the API: include hornet/future.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace hornet {

// How long to wait; nullopt (the default everywhere) for as long as it takes. Zero and less only
// look. Any std::chrono duration converts: result(std::chrono::milliseconds(50)).
using Timeout = std::optional<std::chrono::duration<double>>;

// Told of exceptions that have no caller to go to: of done callbacks and of worker threads. Called
// from any thread, from several at once. Unset, they become one line on stderr.
using ErrorHook = std::function<void(const std::string& where, std::exception_ptr error)>;

namespace internal {

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;  // nullopt: never

// Throws Error(kInvalidArgument) for NaN.
Deadline deadline_after(const Timeout& timeout);
Timeout time_left(const Deadline& deadline);

// what() of a std::exception, "unknown exception" for anything else.
std::string describe(const std::exception_ptr& error);
// Hands `error` to the hook, or to stderr where there is none or the hook itself throws.
void report_error(const ErrorHook& hook, const std::string& where,
                  const std::exception_ptr& error) noexcept;

class FutureState;

// Collects futures in the order they complete; wait() and as_completed() sleep on one.
class Waiter {
 public:
  // Ready with `wake_at` futures, or with the first failed one where `wake_on_failure`.
  // At most `capacity` futures are ever added: adding must not fail.
  Waiter(size_t capacity, size_t wake_at, bool wake_on_failure);

  // Called with the lock of the future held.
  void add(std::shared_ptr<FutureState> future, bool failed) noexcept;
  // False when not ready at the deadline.
  bool wait(const Deadline& deadline);
  // Waits for one more future and forgets it; nullptr at the deadline.
  std::shared_ptr<FutureState> take(const Deadline& deadline);

 private:
  bool ready() const {
    return added_.size() - taken_ >= wake_at_ || (wake_on_failure_ && any_failed_);
  }

  std::mutex mutex_;
  std::condition_variable became_ready_;
  const size_t wake_at_;
  const bool wake_on_failure_;
  bool any_failed_ = false;
  std::vector<std::shared_ptr<FutureState>> added_;
  size_t taken_ = 0;
};

// Hears that a task it keeps was cancelled before it ran.
class CancelListener {
 public:
  virtual ~CancelListener() = default;
  virtual void cancelled(uint64_t ticket) noexcept = 0;
};

// State, exception, callbacks and waiters of a future: pending -> running -> finished, or
// pending -> cancelled. Thread-safe. Callbacks run without the lock, waiters are told with it.
class FutureState : public std::enable_shared_from_this<FutureState> {
 public:
  enum class Status : uint8_t { kPending, kRunning, kCancelled, kFinished };
  using Callback = std::function<void(const std::shared_ptr<FutureState>&)>;

  explicit FutureState(std::shared_ptr<const ErrorHook> hook) : hook_(std::move(hook)) {}
  virtual ~FutureState() = default;
  FutureState(const FutureState&) = delete;
  FutureState& operator=(const FutureState&) = delete;

  Status status() const;
  bool cancel();
  void add_done_callback(Callback callback);
  void watch(const std::shared_ptr<Waiter>& waiter);
  void unwatch(const std::shared_ptr<Waiter>& waiter);
  // Waits until done. Throws kTimeout, kCancelled.
  std::exception_ptr exception(const Timeout& timeout) const;
  // Waits until there is a result; throws kTimeout, kCancelled and the exception of the task.
  void wait_for_result(const Timeout& timeout) const;

  // The side that computes. False where the future is cancelled: do not compute.
  // Throws kInvalidArgument when it is running or finished.
  bool set_running();
  // Throws kInvalidArgument when the future is done.
  void set_exception(std::exception_ptr error, const std::function<void()>& finishing = {});
  // Whoever keeps the task while it is pending; to be set before anyone else sees the future.
  void set_cancel_listener(std::weak_ptr<CancelListener> listener, uint64_t ticket);

 protected:
  // Frees the callable of a task that is not going to run.
  virtual void drop_work() {}
  // Locks a future that is not done; throws kInvalidArgument for one that is.
  std::unique_lock<std::mutex> lock_unfinished();
  // Makes the future finished, releases the lock and runs the callbacks. `finishing` is called
  // before anyone can see that it is finished, and only where there are no callbacks: when it is
  // called, nothing of the task is left to do.
  void finish(std::unique_lock<std::mutex> lock, const std::function<void()>& finishing) noexcept;

  mutable std::mutex mutex_;

 private:
  static bool is_done(Status status) { return status >= Status::kCancelled; }
  // With the lock held: makes the future done, tells everyone who waits, returns what to call next.
  std::vector<Callback> complete(Status status) noexcept;
  void run_callbacks(const std::vector<Callback>& callbacks) noexcept;
  void wait_until_done(std::unique_lock<std::mutex>& lock, const Timeout& timeout) const;

  mutable std::condition_variable done_;
  Status status_ = Status::kPending;
  std::exception_ptr exception_;
  std::vector<Callback> callbacks_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  std::weak_ptr<CancelListener> cancel_listener_;
  uint64_t ticket_ = 0;
  const std::shared_ptr<const ErrorHook> hook_;
};

[[noreturn]] void fail_taken();

template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
class ResultState : public FutureState {
 public:
  using FutureState::FutureState;

  const Stored<T>& result(const Timeout& timeout) const {
    wait_for_result(timeout);
    std::lock_guard lock(mutex_);
    check_not_taken();
    return *value_;
  }
  Stored<T> take(const Timeout& timeout) {
    wait_for_result(timeout);
    std::lock_guard lock(mutex_);
    check_not_taken();
    Stored<T> value = std::move(*value_);
    value_.reset();
    return value;
  }
  template <class... Args>
  void set_result(const std::function<void()>& finishing, Args&&... args) {
    auto lock = lock_unfinished();
    value_.emplace(std::forward<Args>(args)...);
    finish(std::move(lock), finishing);
  }

 private:
  void check_not_taken() const {
    if (!value_) fail_taken();
  }

  std::optional<Stored<T>> value_;
};

// What an Executor runs: a call and the future of its result. run() or fail() is called once, by
// one thread; a cancelled task may be dropped without.
class Task {
 public:
  virtual ~Task() = default;
  // Makes the call, unless the future is cancelled, and completes the future: never throws what the
  // call throws. `finishing`: see FutureState::finish.
  virtual void run(const std::function<void()>& finishing) = 0;
  // Completes the future of a pending task with `error` instead, unless it is cancelled.
  virtual void fail(std::exception_ptr error) = 0;
  virtual FutureState& future() = 0;

  int avoid_worker = -1;  // not to run there while there are others; set before it is enqueued
};

template <class T, class F, class... Args>
class CallTask final : public ResultState<T>, public Task {
 public:
  template <class... Call>
  explicit CallTask(std::shared_ptr<const ErrorHook> hook, Call&&... call)
      : ResultState<T>(std::move(hook)), call_(std::in_place, std::forward<Call>(call)...) {}

  FutureState& future() override { return *this; }

  void run(const std::function<void()>& finishing) override {
    if (!this->set_running()) return;
    // The callable and its arguments are gone before the result can be seen.
    try {
      auto invoke = [](auto&&... call) -> decltype(auto) {
        return std::invoke(std::forward<decltype(call)>(call)...);
      };
      if constexpr (std::is_void_v<T>) {
        std::apply(invoke, std::move(*call_));
        call_.reset();
        this->set_result(finishing);
      } else {
        T value = std::apply(invoke, std::move(*call_));
        call_.reset();
        this->set_result(finishing, std::move(value));
      }
    } catch (...) {
      call_.reset();
      this->set_exception(std::current_exception(), finishing);
    }
  }

  void fail(std::exception_ptr error) override {
    if (!this->set_running()) return;
    call_.reset();
    this->set_exception(std::move(error));
  }

 protected:
  void drop_work() override { call_.reset(); }

 private:
  std::optional<std::tuple<F, Args...>> call_;
};

// wait() for distinct futures.
void wait_for(const std::vector<std::shared_ptr<FutureState>>& futures, const Timeout& timeout,
              bool first_completed, bool first_exception);

// as_completed() for distinct futures.
class CompletionQueue {
 public:
  CompletionQueue(const std::vector<std::shared_ptr<FutureState>>& futures, const Timeout& timeout);
  ~CompletionQueue();
  CompletionQueue(CompletionQueue&&) noexcept = default;
  CompletionQueue& operator=(CompletionQueue&&) = delete;

  // nullptr after the last one; throws kTimeout, once.
  std::shared_ptr<FutureState> next();

 private:
  void stop();

  Deadline deadline_;
  size_t total_;
  std::shared_ptr<Waiter> waiter_;
  std::unordered_set<std::shared_ptr<FutureState>> pending_;
};

// Makes an input range of anything with `std::optional<Value> next()`. Holds the current value
// only.
template <class Derived, class Value>
class LazyRange {
 public:
  class Iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(LazyRange* range) : range_(range) {}
    Value& operator*() const { return *range_->current_; }
    Value* operator->() const { return &*range_->current_; }
    Iterator& operator++() {
      range_->advance();
      return *this;
    }
    void operator++(int) { range_->advance(); }
    bool at_end() const { return !range_->current_; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.at_end(); }

   private:
    LazyRange* range_ = nullptr;
  };

  Iterator begin() {
    advance();
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  void advance() {
    current_.reset();
    current_ = static_cast<Derived*>(this)->next();
  }
  std::optional<Value> current_;
};

}  // namespace internal
}  // namespace hornet
