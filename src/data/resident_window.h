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
  static constexpr size_t kWindowBytes = size_t{12} << 20;
  static constexpr size_t kBlockBytes = size_t{2} << 20;

  // At most kWindowBytes, and `memory_bytes` where that is not 0.
  explicit ResidentWindow(size_t memory_bytes = 0);

  // Lets these bytes of the mapping go, whole blocks, of which the last may reach beyond its end.
  using Forget = std::function<void(size_t offset, size_t bytes)>;

  // This thread uses these bytes of the mapping, and no longer those it named before. Where the
  // window would get larger otherwise, `forget` is called with what no thread uses, that which was
  // used last staying: the window is full nearly always, so its size does not depend on luck and on
  // how long the file is. At most the window is resident, or half as much again as what all threads
  // use, where that is more.
  void use(size_t offset, size_t bytes, const Forget& forget);

  size_t num_blocks() const;

 private:
  struct Use {
    std::thread::id thread;
    size_t first = 0, last = 0;  // blocks
    bool is_recent = true;       // of the time since uses were last looked through
    // Of a thread that has not come back for long. Its blocks are not kept for it any more; should
    // it read on, it makes them resident again.
    bool is_stale = false;
  };
  bool renew(size_t first, size_t last);
  void come_back(Use& use);
  std::vector<size_t> blocks_in_use() const;
  void forget_oldest(const std::vector<size_t>& in_use, size_t count, const Forget& forget);

  const size_t most_blocks_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Use> uses_;
  std::vector<size_t> blocks_;  // that may be resident; those used last come last
  size_t num_forgotten_ = 0;    // since uses were last looked through
};

}  // namespace hornet
