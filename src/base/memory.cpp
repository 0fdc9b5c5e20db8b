#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/cpu.h"
#include "hornet/memory.h"

namespace hornet {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and an AVX-512 register
constexpr size_t kHugePageBytes = 2 << 20;
constexpr size_t kFewestMappedBytes = kHugePageBytes;

constexpr size_t round_up(size_t number, size_t step) { return (number + step - 1) / step * step; }

std::shared_ptr<void> map_zeroed(size_t bytes) {
  // From a mapping that is one page larger, what lies between the boundaries of huge pages. The
  // last one is whole too: in its place there would be up to 511 small ones, each to be found.
  const size_t advised_bytes = round_up(bytes, kHugePageBytes);
  const size_t mapped_bytes = advised_bytes + kHugePageBytes;
  void* mapped =
      mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(mapped);
  void* block = reinterpret_cast<void*>(round_up(address, kHugePageBytes));
  madvise(block, advised_bytes, MADV_HUGEPAGE);  // advice: without it pages are small
  return {block, [mapped, mapped_bytes](void*) { munmap(mapped, mapped_bytes); }};
}

}  // namespace

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // of Linux 5.14, younger than some systems' headers
#endif

void populate(void* block, size_t bytes) {
  constexpr size_t kPageBytes = 4096, kFewest = 16 * kPageBytes;
  if (bytes < kFewest) return;
  const auto begin = reinterpret_cast<uintptr_t>(block);
  const uintptr_t first = round_up(begin, kPageBytes);
  // A kernel before 5.14 refuses: then each page comes when it is written.
  madvise(reinterpret_cast<void*>(first), (begin + bytes - first) / kPageBytes * kPageBytes,
          MADV_POPULATE_WRITE);
}

void warm_heap() {
  using Block = std::unique_ptr<void, decltype(&std::free)>;
  static const Block kept = [] {
    constexpr size_t kBlockBytes = 120 << 10, kBlocks = 18;  // malloc() would map larger ones
    std::vector<Block> blocks;
    for (size_t i = 0; i < kBlocks; ++i) {
      blocks.emplace_back(std::malloc(kBlockBytes), &std::free);
      if (blocks.back() != nullptr) populate(blocks.back().get(), kBlockBytes);
    }
    // What is free at the end of the heap goes back to the system: this keeps it from being there.
    return Block(std::realloc(blocks.back().release(), 1), &std::free);
  }();
}

void keep_heap_on_large_pages() {
#ifdef __GLIBC__
  constexpr int kHeapBytes = 8 << 20, kLargestInHeap = 32 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargestInHeap);
  mallopt(M_TRIM_THRESHOLD, 2 * kLargestInHeap);
  mallopt(M_TOP_PAD, kHeapBytes);  // of the growth that comes now
  constexpr size_t kMoreThanThereIs = 256 << 10;
  void* const next = std::malloc(kMoreThanThereIs);
  const auto begin = reinterpret_cast<uintptr_t>(next);
  std::free(next);
  mallopt(M_TOP_PAD, kHeapBytes / 4);
  const auto end = reinterpret_cast<uintptr_t>(sbrk(0));
  const uintptr_t large = round_up(begin + kAlignment, kHugePageBytes);
  if (begin == 0 || end <= large || end - large > 2 * kHeapBytes) return;  // another malloc()
  madvise(reinterpret_cast<void*>(large), end - large, MADV_HUGEPAGE);
  // What lies before the first large page is given to nobody.
  static void* const before = std::malloc(large - begin - kAlignment);
  (void)before;
#endif
}

std::span<std::byte> aligned_room(std::vector<std::byte>& buffer, size_t bytes) {
  if (const size_t wanted = bytes + kAlignment; buffer.size() < wanted) {
    buffer.reserve(wanted);
    populate(buffer.data() + buffer.size(), wanted - buffer.size());
    buffer.resize(wanted);
  }
  const size_t beyond = reinterpret_cast<uintptr_t>(buffer.data()) % kAlignment;
  return std::span(buffer).subspan(kAlignment - beyond, bytes);
}

std::shared_ptr<void> allocate_zeroed(size_t bytes) {
  if (bytes > SIZE_MAX - 2 * kHugePageBytes) return nullptr;
  if (bytes >= kFewestMappedBytes) return map_zeroed(bytes);
  void* block = std::aligned_alloc(kAlignment, std::max(kAlignment, round_up(bytes, kAlignment)));
  if (block == nullptr) return nullptr;
  populate(block, bytes);
  std::memset(block, 0, bytes);
  return {block, std::free};
}

PageToucher::PageToucher(void* block, size_t bytes) {
  constexpr size_t kPieceBytes = 2 * kHugePageBytes;
  if (bytes < 2 * kPieceBytes || usable_cores_of_process() < 2) return;
  const auto touch = [=](const std::stop_token& stop) {
    const auto begin = reinterpret_cast<uintptr_t>(block);
    for (uintptr_t at = round_up(begin, kHugePageBytes); at + kPieceBytes <= begin + bytes;
         at += kPieceBytes) {
      if (stop.stop_requested()) return;
      // A kernel before 5.14 refuses: then whoever writes touches them.
      if (madvise(reinterpret_cast<void*>(at), kPieceBytes, MADV_POPULATE_WRITE) != 0) return;
    }
  };
  try {
    thread_ = std::jthread(touch);
  } catch (const std::system_error&) {  // no thread to be had: whoever writes touches the pages
  }
}

MemorySlabs::Slab::Slab(size_t bytes) {
  if (bytes == 0) return;
  memory = allocate_zeroed(bytes);
  if (memory != nullptr) size = bytes;
}

std::shared_ptr<void> MemorySlabs::Slab::take(size_t bytes) {
  std::shared_ptr<void> block(memory, static_cast<char*>(memory.get()) + used);
  used += bytes;
  return block;
}

std::shared_ptr<void> MemorySlabs::take(size_t bytes) {
  constexpr size_t kSmallestSlab = size_t{256} << 10, kLargestSlab = size_t{32} << 20;
  const size_t wanted = std::max(kAlignment, round_up(bytes, kAlignment));
  const std::lock_guard lock(mutex_);
  if (bytes <= expected_.size && expected_.has(wanted)) return expected_.take(wanted);
  if (bytes >= kLargestSlab) return allocate_zeroed(bytes);
  if (!slab_.has(wanted)) {
    slab_ = Slab(std::max(std::clamp(2 * slab_.size, kSmallestSlab, kLargestSlab), wanted));
    if (slab_.memory == nullptr) return nullptr;
  }
  return slab_.take(wanted);
}

void MemorySlabs::expect(size_t bytes) {
  if (bytes < kFewestMappedBytes) return;
  const std::lock_guard lock(mutex_);
  expected_ = Slab(bytes);
  if (expected_.memory != nullptr) toucher_.emplace(expected_.memory.get(), bytes);
}

void MemorySlabs::stop_touching() {
  const std::lock_guard lock(mutex_);
  toucher_.reset();
}

void MemorySlabs::give_back() {
  stop_touching();
  const std::lock_guard lock(mutex_);
  const size_t kept = round_up(expected_.used, kHugePageBytes);
  if (kept >= expected_.size) return;
  madvise(static_cast<char*>(expected_.memory.get()) + kept, expected_.size - kept, MADV_DONTNEED);
}

}  // namespace hornet
