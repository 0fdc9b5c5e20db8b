#include "job/work_list.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace hornet::job {
namespace {

const Error kError(ErrorCode::kInvalidInput, "bad");

// Computes all that `list` gives out; pieces with a row of `bad` fail. Returns the failed rows.
std::set<int64_t> work_off(WorkList& list, const std::set<int64_t>& bad, int& pieces,
                           std::vector<FinishedChunk>& finished) {
  std::set<int64_t> failed;
  while (const auto piece = list.next()) {
    ++pieces;
    const auto first_bad = bad.lower_bound(piece->begin);
    if (first_bad == bad.end() || *first_bad >= piece->end) {
      list.succeeded(*piece);
    } else if (const auto failure = list.failed(*piece, 0, kError)) {
      EXPECT_TRUE(failed.insert(failure->row).second);
    }
    if (auto chunk = list.take_finished()) finished.push_back(std::move(*chunk));
  }
  return failed;
}

TEST(WorkList, BadRows_AreFoundExactly_AndEveryChunkFinishes) {
  const std::vector<std::set<int64_t>> cases = {{}, {0}, {99}, {17, 18}, {0, 7, 8, 50, 99}};
  for (const int64_t chunk_size : {1, 2, 7, 16, 100, 1000}) {
    for (const int retries : {0, 2}) {
      for (const auto& bad : cases) {
        const Chunks chunks{100, chunk_size};
        WorkList list({.chunks = chunks, .chunks_to_part = 2, .part_step = 3, .retries = retries});
        int pieces = 0;
        std::vector<FinishedChunk> finished;
        EXPECT_EQ(work_off(list, bad, pieces, finished), bad);
        ASSERT_EQ(static_cast<int64_t>(finished.size()), chunks.count());
        std::set<int64_t> listed;
        int64_t rows = 0;
        for (const FinishedChunk& chunk : finished) {
          rows += chunk.end - chunk.begin;
          for (const FailedRow& failure : chunk.failures) listed.insert(failure.row);
        }
        EXPECT_EQ(listed, bad);
        EXPECT_EQ(rows, 100);
      }
    }
  }
}

TEST(WorkList, OneBadRow_CostsFewTries) {
  WorkList list({.chunks = {1024, 1024}, .retries = 2});
  int pieces = 0;
  std::vector<FinishedChunk> finished;
  work_off(list, {500}, pieces, finished);
  EXPECT_EQ(pieces, 3 + 2 * 9 + (3 + 1));  // the chunk, nine splits, the row and its neighbour
}

TEST(WorkList, AllRowsBad_EndsToo) {
  WorkList list({.chunks = {64, 16}, .retries = 1});
  std::set<int64_t> all;
  for (int64_t row = 0; row < 64; ++row) all.insert(row);
  int pieces = 0;
  std::vector<FinishedChunk> finished;
  EXPECT_EQ(work_off(list, all, pieces, finished), all);
}

TEST(WorkList, ChunkThatFailsOnce_IsTriedAgainElsewhere) {
  WorkList list({.chunks = {10, 5}, .retries = 1});
  const Piece first = *list.next();
  EXPECT_FALSE(list.failed(first, 3, kError).has_value());
  const Piece again = *list.next();
  EXPECT_EQ(again.begin, 0);
  EXPECT_EQ(again.end, 5);
  EXPECT_EQ(again.avoid_worker, 3);
  list.succeeded(again);
  EXPECT_TRUE(list.take_finished().has_value());
  EXPECT_FALSE(list.take_finished().has_value());
}

std::vector<std::pair<int64_t, int64_t>> rows_given_out(const WorkList::Options& options) {
  WorkList list(options);
  std::vector<std::pair<int64_t, int64_t>> rows;
  while (const auto piece = list.next()) rows.emplace_back(piece->begin, piece->end);
  return rows;
}

TEST(WorkList, LastChunks_AreGivenOutInQuarters_OfWholeSteps) {
  using Rows = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(rows_given_out({.chunks = {50, 16}, .chunks_to_part = 2, .part_step = 4}),
            (Rows{{0, 16}, {16, 32}, {32, 36}, {36, 40}, {40, 44}, {44, 48}, {48, 50}}));
  // Five steps make quarters of two, and a last one of one.
  EXPECT_EQ(rows_given_out({.chunks = {20, 10}, .chunks_to_part = 1, .part_step = 2}),
            (Rows{{0, 10}, {10, 14}, {14, 18}, {18, 20}}));
  // More chunks are to be parted than there are; the step is longer than a chunk, or than all rows.
  EXPECT_EQ(rows_given_out({.chunks = {5, 3}, .chunks_to_part = 9}),
            (Rows{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}}));
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(rows_given_out({.chunks = {5, 3}, .chunks_to_part = 9, .part_step = kHuge}),
            (Rows{{0, 3}, {3, 5}}));
  EXPECT_EQ(rows_given_out({.chunks = {5, kHuge}, .chunks_to_part = 9, .part_step = kHuge}),
            (Rows{{0, 5}}));
}

TEST(WorkList, ChunkGivenOutInQuarters_FinishesWithItsLast) {
  WorkList list({.chunks = {16, 16}, .chunks_to_part = 1, .retries = 1});
  std::vector<Piece> pieces;
  while (const auto piece = list.next()) pieces.push_back(*piece);
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_FALSE(list.failed(pieces[1], 0, kError).has_value());
  for (const size_t i : {3, 0, 2}) list.succeeded(pieces[i]);
  EXPECT_FALSE(list.take_finished().has_value());
  list.succeeded(*list.next());  // the second quarter again
  const auto finished = list.take_finished();
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->begin, 0);
  EXPECT_EQ(finished->end, 16);
}

TEST(WorkList, DoneChunks_AreNotGivenOut) {
  WorkList list({.chunks = {10, 3}, .is_done = [](int64_t chunk) { return chunk % 2 == 0; }});
  const auto piece = list.next();
  ASSERT_TRUE(piece.has_value());
  EXPECT_EQ(piece->begin, 3);
  EXPECT_EQ(list.next()->begin, 9);  // chunk 3, the short last one
  EXPECT_FALSE(list.next().has_value());
}

}  // namespace
}  // namespace hornet::job
