#include "cli/heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace hornet::cli {

void warm_heap() {
  constexpr int kHeapBytes = 2 << 20;
  constexpr uintptr_t kPageBytes = 4096;
  // What is freed at the heap's end stays: it is needed again.
  if (mallopt(M_TRIM_THRESHOLD, 4 * kHeapBytes) == 0 || mallopt(M_TOP_PAD, kHeapBytes) == 0) return;
  mallopt(M_MMAP_THRESHOLD, kHeapBytes);
  const auto begin = reinterpret_cast<uintptr_t>(sbrk(0));
  // The heap grows by as much as asked for above. (Volatile: what is only freed may be left out.)
  void* volatile block = std::malloc(kHeapBytes / 4);
  std::free(block);
  const auto end = reinterpret_cast<uintptr_t>(sbrk(0));
  const uintptr_t first = (begin + kPageBytes - 1) / kPageBytes * kPageBytes;
  // A kernel before 5.14 refuses: then each page comes when it is written.
  if (end > first) madvise(reinterpret_cast<void*>(first), end - first, MADV_POPULATE_WRITE);
}

}  // namespace hornet::cli
