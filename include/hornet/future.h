// The result of a call that runs elsewhere, with the semantics of Python's concurrent.futures.
//
// One difference: a cancelled future counts as completed at once, for wait() and as_completed() as
// for done(). Python's wait until a worker finds it in its queue, or for ever where none does.
#pragma once

#include <concepts>
#include <initializer_list>
#include <ranges>

#include "hornet/error.h"
#include "hornet/internal/future_state.h"

namespace hornet {

namespace internal {
struct FutureAccess;
[[noreturn]] void fail_moved_from();
void abandon(FutureState& state);
}  // namespace internal

// A handle of a future, whatever the type of its result. Copies share the future and compare equal;
// it lives as long as its last handle, that of the task included. Thread-safe. A handle that was
// moved from may be assigned to and destroyed, anything else throws Error(kInvalidArgument).
class AnyFuture {
 public:
  bool done() const;     // finished, failed or cancelled
  bool running() const;  // past being cancelled, not done yet
  bool cancelled() const;
  // Cancels a pending future: its task never runs, its callbacks run here and now. False where the
  // task runs or has finished, true where the future is cancelled already.
  bool cancel() const;
  // Waits, and returns what the task threw; null where it threw nothing.
  // Throws Error: kTimeout when not done in time, kCancelled.
  std::exception_ptr exception(Timeout timeout = {}) const;
  // Calls `callback` once the future is done: in the order of adding, on the thread that completes
  // or cancels it; here and now where it is done already. What a callback throws goes to the
  // ErrorHook of the executor, the other callbacks still run. result() does not wait for callbacks.
  void add_done_callback(std::function<void(const AnyFuture&)> callback) const;

  friend bool operator==(const AnyFuture&, const AnyFuture&) = default;

 protected:
  explicit AnyFuture(std::shared_ptr<internal::FutureState> state) : state_(std::move(state)) {}
  internal::FutureState& state() const {
    if (!state_) internal::fail_moved_from();
    return *state_;
  }

 private:
  friend struct internal::FutureAccess;
  std::shared_ptr<internal::FutureState> state_;
};

// The future of a T, which may be void.
template <class T>
class Future : public AnyFuture {
 public:
  using Result = std::conditional_t<std::is_void_v<T>, void, const internal::Stored<T>&>;

  // Waits for the result, which lives as long as the future. On a temporary handle: a copy of it.
  // Throws what the task threw; Error: kTimeout when not done in time, kCancelled.
  Result result(Timeout timeout = {}) const& {
    return static_cast<Result>(typed().result(timeout));
  }
  T result(Timeout timeout = {}) const&& { return static_cast<T>(typed().result(timeout)); }
  // Moves the result out: for all handles it is gone then, and result() throws
  // Error(kInvalidArgument). Nobody may still use a reference that result() gave.
  T take(Timeout timeout = {}) const { return static_cast<T>(typed().take(timeout)); }
  // As that of AnyFuture.
  void add_done_callback(std::function<void(const Future&)> callback) const {
    state().add_done_callback(
        [callback = std::move(callback)](const std::shared_ptr<internal::FutureState>& state) {
          callback(Future(state));
        });
  }

 private:
  friend struct internal::FutureAccess;
  explicit Future(std::shared_ptr<internal::FutureState> state) : AnyFuture(std::move(state)) {}
  internal::ResultState<T>& typed() const {
    return static_cast<internal::ResultState<T>&>(state());
  }
};

namespace internal {
struct FutureAccess {
  template <class F>
  static F make(std::shared_ptr<FutureState> state) {
    return F(std::move(state));
  }
  static const std::shared_ptr<FutureState>& state(const AnyFuture& future) {
    future.state();
    return future.state_;
  }
};
}  // namespace internal

// Completes a future: for executors. Thread-safe. Dropped before the future is done, it fails it
// with Error(kInternal), so that nobody waits for ever.
template <class T>
class Promise {
 public:
  explicit Promise(ErrorHook on_error = {})
      : state_(std::make_shared<internal::ResultState<T>>(
            std::make_shared<const ErrorHook>(std::move(on_error)))) {}
  ~Promise() {
    if (state_) internal::abandon(*state_);
  }
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }

  Future<T> future() const { return internal::FutureAccess::make<Future<T>>(state_); }
  // To be called before computing; where it is false the future is cancelled: do not compute.
  // Throws Error(kInvalidArgument) for a future that is running or finished.
  bool set_running() { return state_->set_running(); }
  // Both throw Error(kInvalidArgument) for a future that is done, cancelled included.
  template <class... Args>
  void set_result(Args&&... args) {
    state_->set_result({}, std::forward<Args>(args)...);
  }
  void set_exception(std::exception_ptr error) { state_->set_exception(std::move(error)); }

 private:
  std::shared_ptr<internal::ResultState<T>> state_;
};

enum class ReturnWhen {
  kAllCompleted,
  kFirstCompleted,  // the first that finishes, fails or is cancelled
  kFirstException,  // the first that fails; kAllCompleted where none does
};

// Both in the order given, duplicates left out.
template <class F>
struct DoneAndNotDone {
  std::vector<F> done;
  std::vector<F> not_done;
};

// Yields futures as they complete: a range for one pass, or next() until nullopt. Those done from
// the start come first, in the order given. Not thread-safe; may be dropped at any time.
template <class F>
class AsCompleted : public internal::LazyRange<AsCompleted<F>, F> {
 public:
  explicit AsCompleted(internal::CompletionQueue queue) : queue_(std::move(queue)) {}
  // Throws Error(kTimeout), "N (of M) futures unfinished", and has ended then.
  std::optional<F> next() {
    auto state = queue_.next();
    if (!state) return std::nullopt;
    return internal::FutureAccess::make<F>(std::move(state));
  }

 private:
  internal::CompletionQueue queue_;
};

namespace internal {
template <class F>
struct DistinctFutures {
  template <class Futures>
  explicit DistinctFutures(Futures&& given) {
    std::unordered_set<const FutureState*> seen;
    for (const auto& future : given) {
      const auto& state = FutureAccess::state(future);
      if (!seen.insert(state.get()).second) continue;
      futures.push_back(future);
      states.push_back(state);
    }
  }
  std::vector<F> futures;
  std::vector<std::shared_ptr<FutureState>> states;
};
}  // namespace internal

// Any range of Future<T> or AnyFuture, of one executor or several. Duplicates count once. The time
// runs from this call.
template <std::ranges::input_range Futures>
auto as_completed(Futures&& futures, Timeout timeout = {}) {
  using F = std::ranges::range_value_t<Futures>;
  internal::DistinctFutures<F> distinct(futures);
  return AsCompleted<F>(internal::CompletionQueue(distinct.states, timeout));
}
template <std::derived_from<AnyFuture> F>
AsCompleted<F> as_completed(std::initializer_list<F> futures, Timeout timeout = {}) {
  return as_completed(std::ranges::subrange(futures.begin(), futures.end()), timeout);
}

// Waits for some or all of the futures, at most `timeout`: it does not throw when that is over.
template <std::ranges::input_range Futures>
auto wait(Futures&& futures, Timeout timeout = {},
          ReturnWhen return_when = ReturnWhen::kAllCompleted) {
  using F = std::ranges::range_value_t<Futures>;
  internal::DistinctFutures<F> distinct(futures);
  internal::wait_for(distinct.states, timeout, return_when == ReturnWhen::kFirstCompleted,
                     return_when == ReturnWhen::kFirstException);
  DoneAndNotDone<F> sets;
  for (F& future : distinct.futures) {
    auto& set = future.done() ? sets.done : sets.not_done;
    set.push_back(std::move(future));
  }
  return sets;
}
template <std::derived_from<AnyFuture> F>
DoneAndNotDone<F> wait(std::initializer_list<F> futures, Timeout timeout = {},
                       ReturnWhen return_when = ReturnWhen::kAllCompleted) {
  return wait(std::ranges::subrange(futures.begin(), futures.end()), timeout, return_when);
}

}  // namespace hornet

template <>
struct std::hash<hornet::AnyFuture> {
  size_t operator()(const hornet::AnyFuture& future) const {
    return std::hash<std::shared_ptr<hornet::internal::FutureState>>()(
        hornet::internal::FutureAccess::state(future));
  }
};
template <class T>
struct std::hash<hornet::Future<T>> : std::hash<hornet::AnyFuture> {};
