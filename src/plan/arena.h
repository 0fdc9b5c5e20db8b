// Places buffers with known lifetimes in one block of memory.
#pragma once

#include <cstddef>
#include <vector>

namespace hornet::plan {

// A buffer lives from step `first` to step `last`, both included.
struct Lifetime {
  size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct ArenaLayout {
  std::vector<size_t> offsets;  // one a buffer, multiples of kArenaAlignment
  size_t bytes = 0;
};

inline constexpr size_t kArenaAlignment = 64;
constexpr size_t aligned_to_arena(size_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

// Greedy by size: the largest buffers first, each at the lowest offset where nothing that lives at
// the same time lies (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
// Inference", 2020).
ArenaLayout place_buffers(const std::vector<Lifetime>& buffers);

}  // namespace hornet::plan
