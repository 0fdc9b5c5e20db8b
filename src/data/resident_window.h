#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace hornet {

// Keeps what a mapping holds in resident memory bounded, however long the file: says when a
// window's bytes have been handed out and the pages should go. Thread-safe.
class ResidentWindow {
 public:
  static constexpr size_t kWindowBytes = size_t{16} << 20;

  // `memory_bytes` bounds the window; 0 does not.
  explicit ResidentWindow(size_t memory_bytes = 0)
      : window_bytes_(memory_bytes == 0 ? kWindowBytes : std::min(kWindowBytes, memory_bytes)) {}

  bool is_full_after(size_t bytes) {
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes < window_bytes_) return false;
    bytes_.store(0, std::memory_order_relaxed);
    return true;
  }

 private:
  const size_t window_bytes_;
  std::atomic<size_t> bytes_ = 0;
};

}  // namespace hornet
