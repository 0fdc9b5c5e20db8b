#include "plan/arena.h"

#include <algorithm>
#include <numeric>

namespace hornet::plan {

ArenaLayout place_buffers(const std::vector<Lifetime>& buffers) {
  ArenaLayout layout;
  layout.offsets.assign(buffers.size(), 0);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // by ascending offset
  for (const size_t index : order) {
    const Lifetime& buffer = buffers[index];
    size_t offset = 0;
    for (const size_t other_index : placed) {
      const Lifetime& other = buffers[other_index];
      const bool together = other.first <= buffer.last && buffer.first <= other.last;
      if (!together) continue;
      const size_t begin = layout.offsets[other_index];
      if (begin >= offset + aligned_to_arena(buffer.bytes)) break;
      offset = std::max(offset, begin + aligned_to_arena(other.bytes));
    }
    layout.offsets[index] = offset;
    layout.bytes = std::max(layout.bytes, offset + aligned_to_arena(buffer.bytes));
    const auto after =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](size_t value, size_t other) { return value < layout.offsets[other]; });
    placed.insert(after, index);
  }
  return layout;
}

}  // namespace hornet::plan
