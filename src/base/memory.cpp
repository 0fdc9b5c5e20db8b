#include "base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace hornet {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and an AVX-512 register
constexpr size_t kHugePageBytes = 2 << 20;
constexpr size_t kFewestMappedBytes = 2 * kHugePageBytes;

std::shared_ptr<void> map_zeroed(size_t bytes) {
  // From a mapping that is one page larger, what lies between the boundaries of huge pages.
  const size_t mapped_bytes = bytes + kHugePageBytes;
  void* mapped =
      mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t aligned = (address + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  void* block = reinterpret_cast<void*>(aligned);
  madvise(block, bytes, MADV_HUGEPAGE);  // advice: without it pages are small
  return {block, [mapped, mapped_bytes](void*) { munmap(mapped, mapped_bytes); }};
}

}  // namespace

std::shared_ptr<void> allocate_zeroed(size_t bytes) {
  if (bytes >= kFewestMappedBytes && bytes < SIZE_MAX - kHugePageBytes) return map_zeroed(bytes);
  const size_t reserved = std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  void* block = std::aligned_alloc(kAlignment, reserved);
  if (block == nullptr) return nullptr;
  std::memset(block, 0, bytes);
  return {block, std::free};
}

}  // namespace hornet
