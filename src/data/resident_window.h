#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hornet {

// Keeps what a mapping holds in resident memory bounded, however long the file. It counts blocks
// and not bytes: where the system's cache holds a file in pieces of up to 2 MB, the touch of a byte
// makes all of its piece resident. Thread-safe.
class ResidentWindow {
 public:
  static constexpr size_t kWindowBytes = size_t{16} << 20;
  static constexpr size_t kBlockBytes = size_t{2} << 20;

  // `memory_bytes` bounds the window; 0 does not.
  explicit ResidentWindow(size_t memory_bytes = 0);

  // This thread uses these bytes of the mapping, and no longer those it named before. Calls
  // `forget`, which lets all pages go, where the window would get larger otherwise. At most the
  // window is resident then, or half as much again as what all threads use, where that is more.
  void use(size_t offset, size_t bytes, const std::function<void()>& forget);

  size_t num_blocks() const;

 private:
  struct Use {
    std::thread::id thread;
    size_t first = 0, last = 0;  // blocks
    bool is_recent = true;       // of the time since pages were last let go
  };
  bool renew(size_t first, size_t last);
  std::vector<size_t> blocks_in_use();

  const size_t most_blocks_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Use> uses_;
  std::vector<size_t> blocks_;  // that may be resident, in order
};

}  // namespace hornet
