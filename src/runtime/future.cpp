#include "hornet/future.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/check.h"

namespace hornet {
namespace internal {
namespace {

const char* name_of(FutureState::Status status) {
  switch (status) {
    case FutureState::Status::kPending:
      return "pending";
    case FutureState::Status::kRunning:
      return "running";
    case FutureState::Status::kCancelled:
      return "cancelled";
    case FutureState::Status::kFinished:
      return "finished";
  }
  return "unknown";
}

template <class Predicate>
bool wait_until(std::condition_variable& condition, std::unique_lock<std::mutex>& lock,
                const Deadline& deadline, Predicate predicate) {
  if (deadline) return condition.wait_until(lock, *deadline, predicate);
  condition.wait(lock, predicate);
  return true;
}

}  // namespace

Deadline deadline_after(const Timeout& timeout) {
  if (!timeout) return std::nullopt;
  const double seconds = timeout->count();
  require(!std::isnan(seconds), ErrorCode::kInvalidArgument, "the timeout is not a number");
  // What the clock cannot express is for ever.
  constexpr double kForeverSeconds = 1e9;
  if (seconds > kForeverSeconds) return std::nullopt;
  const std::chrono::duration<double> wait(std::max(seconds, 0.0));
  return Clock::now() + std::chrono::ceil<Clock::duration>(wait);
}

Timeout time_left(const Deadline& deadline) {
  if (!deadline) return std::nullopt;
  return *deadline - Clock::now();
}

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "unknown exception";
  }
}

void report_error(const ErrorHook& hook, const std::string& where,
                  const std::exception_ptr& error) noexcept {
  try {
    if (hook) return hook(where, error);
  } catch (...) {
    // The hook cannot be told of its own failure: say both below.
    std::fprintf(stderr, "hornet: error hook: %s\n", describe(std::current_exception()).c_str());
  }
  // Printing is for the command, but an error nobody asked for must not vanish.
  std::fprintf(stderr, "hornet: %s: %s\n", where.c_str(), describe(error).c_str());
}

void fail_taken() {
  fail(ErrorCode::kInvalidArgument, "the result of the future was taken before");
}

void fail_moved_from() {
  fail(ErrorCode::kInvalidArgument, "this handle of a future was moved from");
}

void abandon(FutureState& state) {
  using Status = FutureState::Status;
  if (state.status() == Status::kPending && !state.set_running()) return;  // cancelled just now
  if (state.status() != Status::kRunning) return;
  state.set_exception(std::make_exception_ptr(
      Error(ErrorCode::kInternal, "the promise was dropped before it had a result")));
}

Waiter::Waiter(size_t capacity, size_t wake_at, bool wake_on_failure)
    : wake_at_(wake_at), wake_on_failure_(wake_on_failure) {
  added_.reserve(capacity);
}

void Waiter::add(std::shared_ptr<FutureState> future, bool failed) noexcept {
  std::lock_guard lock(mutex_);
  added_.push_back(std::move(future));
  any_failed_ |= failed;
  if (ready()) became_ready_.notify_all();
}

bool Waiter::wait(const Deadline& deadline) {
  std::unique_lock lock(mutex_);
  return wait_until(became_ready_, lock, deadline, [this] { return ready(); });
}

std::shared_ptr<FutureState> Waiter::take(const Deadline& deadline) {
  std::unique_lock lock(mutex_);
  if (!wait_until(became_ready_, lock, deadline, [this] { return ready(); })) return nullptr;
  return std::move(added_[taken_++]);
}

FutureState::Status FutureState::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

// A callback may drop the last handle of its future: who runs callbacks holds one.
bool FutureState::cancel() {
  const auto self = shared_from_this();
  std::unique_lock lock(mutex_);
  if (status_ != Status::kPending) return status_ == Status::kCancelled;
  const std::vector<Callback> callbacks = complete(Status::kCancelled);
  lock.unlock();
  drop_work();
  // Room in the queue comes before the callbacks: they may submit.
  if (auto listener = cancel_listener_.lock()) listener->cancelled(ticket_);
  run_callbacks(callbacks);
  return true;
}

void FutureState::add_done_callback(Callback callback) {
  const auto self = shared_from_this();
  {
    std::lock_guard lock(mutex_);
    if (!is_done(status_)) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  run_callbacks({std::move(callback)});
}

void FutureState::watch(const std::shared_ptr<Waiter>& waiter) {
  std::lock_guard lock(mutex_);
  if (is_done(status_)) {
    waiter->add(shared_from_this(), exception_ != nullptr);
  } else {
    waiters_.push_back(waiter);
  }
}

void FutureState::unwatch(const std::shared_ptr<Waiter>& waiter) {
  std::lock_guard lock(mutex_);
  std::erase(waiters_, waiter);
}

void FutureState::wait_until_done(std::unique_lock<std::mutex>& lock,
                                  const Timeout& timeout) const {
  if (!is_done(status_)) {
    const Deadline deadline = deadline_after(timeout);
    if (!wait_until(done_, lock, deadline, [this] { return is_done(status_); })) {
      fail(ErrorCode::kTimeout, "the future is still {} at the end of the timeout",
           name_of(status_));
    }
  }
  require(status_ != Status::kCancelled, ErrorCode::kCancelled, "the future was cancelled");
}

std::exception_ptr FutureState::exception(const Timeout& timeout) const {
  std::unique_lock lock(mutex_);
  wait_until_done(lock, timeout);
  return exception_;
}

void FutureState::wait_for_result(const Timeout& timeout) const {
  if (auto error = exception(timeout)) std::rethrow_exception(std::move(error));
}

bool FutureState::set_running() {
  std::lock_guard lock(mutex_);
  if (status_ == Status::kCancelled) return false;
  require(status_ == Status::kPending, ErrorCode::kInvalidArgument,
          "the future is {}; expected a pending one", name_of(status_));
  status_ = Status::kRunning;
  cancel_listener_.reset();
  return true;
}

std::unique_lock<std::mutex> FutureState::lock_unfinished() {
  std::unique_lock lock(mutex_);
  require(!is_done(status_), ErrorCode::kInvalidArgument, "the future is {} already",
          name_of(status_));
  return lock;
}

void FutureState::set_exception(std::exception_ptr error, const std::function<void()>& finishing) {
  require(error != nullptr, ErrorCode::kInvalidArgument, "the exception of a future is null");
  auto lock = lock_unfinished();
  exception_ = std::move(error);
  finish(std::move(lock), finishing);
}

void FutureState::set_cancel_listener(std::weak_ptr<CancelListener> listener, uint64_t ticket) {
  std::lock_guard lock(mutex_);
  cancel_listener_ = std::move(listener);
  ticket_ = ticket;
}

void FutureState::finish(std::unique_lock<std::mutex> lock,
                         const std::function<void()>& finishing) noexcept {
  const auto self = shared_from_this();
  if (finishing && callbacks_.empty()) finishing();
  const std::vector<Callback> callbacks = complete(Status::kFinished);
  lock.unlock();
  run_callbacks(callbacks);
}

std::vector<FutureState::Callback> FutureState::complete(Status status) noexcept {
  status_ = status;
  for (const auto& waiter : waiters_) waiter->add(shared_from_this(), exception_ != nullptr);
  waiters_.clear();
  done_.notify_all();
  return std::exchange(callbacks_, {});
}

void FutureState::run_callbacks(const std::vector<Callback>& callbacks) noexcept {
  for (const Callback& callback : callbacks) {
    try {
      callback(shared_from_this());
    } catch (...) {
      report_error(*hook_, "exception calling a done callback", std::current_exception());
    }
  }
}

void wait_for(const std::vector<std::shared_ptr<FutureState>>& futures, const Timeout& timeout,
              bool first_completed, bool first_exception) {
  const Deadline deadline = deadline_after(timeout);
  const size_t wake_at = first_completed ? std::min<size_t>(1, futures.size()) : futures.size();
  const auto waiter = std::make_shared<Waiter>(futures.size(), wake_at, first_exception);
  for (const auto& future : futures) future->watch(waiter);
  waiter->wait(deadline);
  for (const auto& future : futures) future->unwatch(waiter);
}

CompletionQueue::CompletionQueue(const std::vector<std::shared_ptr<FutureState>>& futures,
                                 const Timeout& timeout)
    : deadline_(deadline_after(timeout)),
      total_(futures.size()),
      waiter_(std::make_shared<Waiter>(futures.size(), 1, false)),
      pending_(futures.begin(), futures.end()) {
  for (const auto& future : futures) future->watch(waiter_);
}

CompletionQueue::~CompletionQueue() { stop(); }

std::shared_ptr<FutureState> CompletionQueue::next() {
  if (pending_.empty()) return nullptr;
  auto future = waiter_->take(deadline_);
  if (!future) {
    const size_t unfinished = pending_.size();
    stop();
    fail(ErrorCode::kTimeout, "{} (of {}) futures unfinished", unfinished, total_);
  }
  pending_.erase(future);
  return future;
}

void CompletionQueue::stop() {
  if (!waiter_) return;  // moved from
  for (const auto& future : pending_) future->unwatch(waiter_);
  pending_.clear();
}

}  // namespace internal

using Status = internal::FutureState::Status;

bool AnyFuture::done() const { return state().status() >= Status::kCancelled; }
bool AnyFuture::running() const { return state().status() == Status::kRunning; }
bool AnyFuture::cancelled() const { return state().status() == Status::kCancelled; }
bool AnyFuture::cancel() const { return state().cancel(); }

std::exception_ptr AnyFuture::exception(Timeout timeout) const {
  return state().exception(timeout);
}

void AnyFuture::add_done_callback(std::function<void(const AnyFuture&)> callback) const {
  state().add_done_callback(
      [callback = std::move(callback)](const std::shared_ptr<internal::FutureState>& state) {
        callback(AnyFuture(state));
      });
}

}  // namespace hornet
