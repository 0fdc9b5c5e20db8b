// Memory for arrays.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>

namespace hornet {

// Zeros, 64-byte aligned; null where there is no memory. Large blocks are mapped, on huge pages
// where the system has them: a page is zeroed when it is first touched, and weights of 100 MB take
// 50 entries of the processor's address cache instead of 25,000.
std::shared_ptr<void> allocate_zeroed(size_t bytes);

// Many arrays that live as long as each other, one behind the other on large pages. Thread-safe.
class MemorySlabs {
 public:
  // 64-byte aligned and zero, with a share in its slab, which is freed with the last share; null
  // where there is no memory.
  std::shared_ptr<void> take(size_t bytes);

 private:
  std::mutex mutex_;
  std::shared_ptr<void> slab_;
  size_t size_ = 0, used_ = 0;
};

// While it lives, another core touches the pages of a large block from its begin to its end, ahead
// of who writes them: to zero pages takes a third of the time of who inflates into new ones.
class PageToucher {
 public:
  PageToucher(void* block, size_t bytes);

 private:
  std::jthread thread_;
};

}  // namespace hornet
