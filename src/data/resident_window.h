#pragma once

#include <atomic>
#include <cstddef>

namespace hornet {

// Keeps what a mapping holds in resident memory bounded, however long the file: says when another
// `kWindowBytes` have been handed out and the pages should go. Thread-safe.
class ResidentWindow {
 public:
  bool is_full_after(size_t bytes) {
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes < kWindowBytes) return false;
    bytes_.store(0, std::memory_order_relaxed);
    return true;
  }

 private:
  static constexpr size_t kWindowBytes = size_t{64} << 20;
  std::atomic<size_t> bytes_ = 0;
};

}  // namespace hornet
