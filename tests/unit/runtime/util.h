// What the tests of futures and executors share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hornet/executor.h"

namespace hornet {

using namespace std::chrono_literals;

// Set once, waited for by any number of threads.
class Event {
 public:
  void set() {
    std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }
  // For what must not happen: false after the time. Never makes a correct program fail.
  bool wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

// Values in the order threads add them.
template <class T>
class Log {
 public:
  void add(T value) {
    std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
  }
  std::vector<T> values() const {
    std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<T> values_;
};

// Throws the error again and gives its code; kInternal for none and for others than Error.
template <class Call>
ErrorCode error_code(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::kInternal;
}

template <class Call>
std::string error_message(Call&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected an exception";
  return "";
}

inline std::exception_ptr error_of(const std::string& message) {
  return std::make_exception_ptr(std::runtime_error(message));
}

inline std::string message_of(const std::exception_ptr& error) {
  return error_message([&] { std::rethrow_exception(error); });
}

// One future for each state.
struct FutureOfEachState {
  Promise<int> pending_promise, running_promise, cancelled_promise, failed_promise,
      finished_promise;
  Future<int> pending = pending_promise.future();
  Future<int> running = running_promise.future();
  Future<int> cancelled = cancelled_promise.future();
  Future<int> failed = failed_promise.future();
  Future<int> finished = finished_promise.future();

  FutureOfEachState() {
    running_promise.set_running();
    cancelled.cancel();
    failed_promise.set_exception(error_of("failed"));
    finished_promise.set_result(42);
  }
};

}  // namespace hornet
