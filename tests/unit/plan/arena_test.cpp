#include "plan/arena.h"

#include <gtest/gtest.h>

#include <random>

namespace hornet::plan {
namespace {

bool overlap(const std::vector<Lifetime>& buffers, const ArenaLayout& layout, size_t a, size_t b) {
  const bool in_time = buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last;
  const size_t end_a = layout.offsets[a] + buffers[a].bytes;
  const size_t end_b = layout.offsets[b] + buffers[b].bytes;
  return in_time && layout.offsets[a] < end_b && layout.offsets[b] < end_a;
}

TEST(Arena, BuffersOneAfterTheOther_ShareTheirMemory) {
  const ArenaLayout layout = place_buffers({{1000, 0, 1}, {1000, 2, 3}, {500, 4, 4}});
  EXPECT_EQ(layout.bytes, 1024u);
  EXPECT_EQ(layout.offsets, (std::vector<size_t>{0, 0, 0}));
}

TEST(Arena, BuffersAtTheSameTime_LieSideBySide) {
  const ArenaLayout layout = place_buffers({{64, 0, 1}, {64, 1, 2}});
  EXPECT_EQ(layout.bytes, 128u);
}

TEST(Arena, NoBuffers_NeedNoMemory) { EXPECT_EQ(place_buffers({}).bytes, 0u); }

TEST(Arena, RandomLifetimes_NeverOverlap) {
  std::mt19937 generator(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> buffers(1 + generator() % 30);
    for (Lifetime& buffer : buffers) {
      buffer.first = static_cast<int>(generator() % 20);
      buffer.last = buffer.first + static_cast<int>(generator() % 6);
      buffer.bytes = generator() % 5000;
    }
    const ArenaLayout layout = place_buffers(buffers);
    for (size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_EQ(layout.offsets[a] % kArenaAlignment, 0u);
      EXPECT_LE(layout.offsets[a] + buffers[a].bytes, layout.bytes);
      for (size_t b = 0; b < a; ++b) EXPECT_FALSE(overlap(buffers, layout, a, b)) << round;
    }
  }
}

}  // namespace
}  // namespace hornet::plan
