#include "job/chunks.h"

#include <gtest/gtest.h>

#include <limits>
#include <tuple>
#include <utility>

namespace hornet::job {
namespace {

TEST(Chunks, CoverAllRows_InOrder) {
  for (const auto& [rows, size] :
       {std::pair(0, 4), std::pair(1, 4), std::pair(4, 4), std::pair(9, 4), std::pair(3, 100)}) {
    const Chunks chunks{rows, size};
    int64_t covered = 0;
    for (int64_t chunk = 0; chunk < chunks.count(); ++chunk) {
      EXPECT_EQ(chunks.begin(chunk), covered);
      EXPECT_GT(chunks.num_rows(chunk), 0);
      EXPECT_LE(chunks.num_rows(chunk), size);
      covered = chunks.end(chunk);
    }
    EXPECT_EQ(covered, rows) << "in chunks of " << size;
  }
}

TEST(Chunks, OfAnySize_DoNotOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const Chunks one{kMost, kMost}, halves{kMost, kMost / 2 + 1};
  EXPECT_EQ(one.count(), 1);
  EXPECT_EQ(one.end(0), kMost);
  EXPECT_EQ(halves.count(), 2);
  EXPECT_EQ(halves.end(1), kMost);
}

TEST(ChunkSize, IsAMultipleOfTheBatchWithEnoughChunksForAll) {
  EXPECT_EQ(choose_chunk_size(0, 8, 2, 1), 8);
  EXPECT_EQ(choose_chunk_size(1, 8, 2, 1), 8);
  EXPECT_EQ(choose_chunk_size(3200, 10, 2, 1), 100);
  EXPECT_EQ(choose_chunk_size(int64_t{1} << 40, 256, 2, 0), 256 * 64);
}

TEST(ChunkSize, OfExpensiveRows_IsAFewSecondsWorth) {
  constexpr int64_t kMany = int64_t{1} << 40;
  EXPECT_EQ(choose_chunk_size(kMany, 8, 2, 8e9), 56);
  EXPECT_EQ(choose_chunk_size(kMany, 8, 2, 1e15), 8);
  EXPECT_EQ(choose_chunk_size(100, 1, 2, 8e9), 3);
}

TEST(BatchSizeForRows, IsHalvedUntilAllWorkersHaveOne) {
  for (const auto& [batch, rows, workers, expected] :
       {std::tuple(8, 16, 2, 8), std::tuple(8, 15, 2, 4), std::tuple(8, 17, 2, 8),
        std::tuple(8, 1, 2, 1), std::tuple(8, 0, 2, 1), std::tuple(8, 3, 4, 1),
        std::tuple(384, 7, 2, 3), std::tuple(384, 5, 2, 1), std::tuple(1, 0, 1, 1)}) {
    EXPECT_EQ(fit_batch_size(batch, rows, workers), expected)
        << batch << " for " << rows << " rows and " << workers << " workers";
  }
}

TEST(ChoosePartStep, IsABatch_OrAPowerOfTwoWhereRowsAreMuchWork) {
  constexpr double kMuch = 1e9, kLittle = 1e6;
  EXPECT_EQ(choose_part_step(32, 8, kMuch), 8);
  EXPECT_EQ(choose_part_step(8, 8, kMuch), 2);
  EXPECT_EQ(choose_part_step(24, 8, kMuch), 8);
  EXPECT_EQ(choose_part_step(12, 12, kMuch), 4);
  EXPECT_EQ(choose_part_step(1, 8, kMuch), 1);
  EXPECT_EQ(choose_part_step(24, 8, kLittle), 8);
  EXPECT_EQ(choose_part_step(8, 256, kLittle), 8);
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(choose_part_step(kHuge, kHuge, kLittle), kHuge);
  EXPECT_EQ(choose_part_step(kHuge, kHuge, kMuch), int64_t{1} << 61);
}

}  // namespace
}  // namespace hornet::job
