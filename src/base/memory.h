// Memory for arrays.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace hornet {

// Zeros, 64-byte aligned; null where there is no memory. Large blocks are mapped, on huge pages
// where the system has them: a page is zeroed when it is first touched, and weights of 100 MB take
// 50 entries of the processor's address cache instead of 25,000.
std::shared_ptr<void> allocate_zeroed(size_t bytes);

// Has the system give the pages of a block at once that is going to be written: 1 microsecond each
// where a page that is missed takes 15 to 28, on some virtual machines.
void populate(void* block, size_t bytes);

// 2 MB of pages for what is allocated in small parts, as models are when they are read. Once in a
// process, by whoever comes first.
void warm_heap();

// `bytes` of `buffer`, which grows where it has to, at an address that is a multiple of 64.
std::span<std::byte> aligned_room(std::vector<std::byte>& buffer, size_t bytes);

// While it lives, another core touches the pages of a large block from its begin to its end, ahead
// of who writes them: to zero pages takes a third of the time of who inflates into new ones.
class PageToucher {
 public:
  PageToucher(void* block, size_t bytes);

 private:
  std::jthread thread_;
};

// Many arrays that live as long as each other, one behind the other on large pages. Thread-safe.
class MemorySlabs {
 public:
  // 64-byte aligned and zero, with a share in its slab, which is freed with the last share; null
  // where there is no memory.
  std::shared_ptr<void> take(size_t bytes);
  // Arrays of about so many bytes are going to be taken: another core touches their pages until
  // stop_touching(). Once.
  void expect(size_t bytes);
  void stop_touching();
  // Stops, and gives the pages back that were touched and are of no array.
  void give_back();

 private:
  struct Slab {
    std::shared_ptr<void> memory;
    size_t size = 0, used = 0;
    explicit Slab(size_t bytes);
    bool has(size_t bytes) const { return size - used >= bytes; }
    std::shared_ptr<void> take(size_t bytes);
  };

  std::mutex mutex_;
  Slab expected_{0}, slab_{0};  // from the first one as long as it lasts
  std::optional<PageToucher> toucher_;
};

}  // namespace hornet
