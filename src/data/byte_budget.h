// Memory that several workers share.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "base/check.h"

namespace hornet {

// Who wants bytes while others have them waits. Thread-safe.
class ByteBudget {
 public:
  // Bytes that are given back when it goes. Must not outlive the budget.
  class Lease {
   public:
    Lease() = default;
    Lease(ByteBudget& budget, size_t bytes) : budget_(&budget), bytes_(bytes) {}
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
    Lease& operator=(Lease&& other) noexcept {
      give_back();
      budget_ = std::exchange(other.budget_, nullptr);
      bytes_ = other.bytes_;
      return *this;
    }
    ~Lease() { give_back(); }

   private:
    void give_back() {
      if (budget_ != nullptr) std::exchange(budget_, nullptr)->give_back(bytes_);
    }
    ByteBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  // 0: as many as anybody wants.
  explicit ByteBudget(size_t bytes) : bounded_(bytes > 0), total_(bytes), free_(bytes) {}

  // Who holds a lease must not wait for another of the same budget. Throws Error(kInvalidInput) for
  // more than there ever are, which is no want of memory; `name` is what they are for.
  Lease take(size_t bytes, const std::string& name) {
    if (!bounded_) return {};
    require(bytes <= total_, ErrorCode::kInvalidInput,
            "{} takes {} bytes to read; the bound on memory leaves {}", name, bytes, total_);
    std::unique_lock lock(mutex_);
    given_back_.wait(lock, [&] { return free_ >= bytes; });
    free_ -= bytes;
    return {*this, bytes};
  }
  bool is_bounded() const { return bounded_; }

 private:
  void give_back(size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      free_ += bytes;
    }
    given_back_.notify_all();
  }

  const bool bounded_;
  const size_t total_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  size_t free_;  // guarded by mutex_
};

}  // namespace hornet
