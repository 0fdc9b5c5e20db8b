#include "job/job.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "hornet/error.h"

namespace hornet::job {
namespace {

class JobTest : public ::testing::TestWithParam<int> {
 protected:
  JobTest() {
    ThreadExecutorOptions options;
    options.max_workers = GetParam();
    executor_ = std::make_unique<ThreadExecutor>(std::move(options));
  }
  std::unique_ptr<ThreadExecutor> executor_;
};

TEST_P(JobTest, EveryRowIsComputedExactlyOnce) {
  for (const int64_t rows : {0, 1, 2, 7, 64, 1000}) {
    for (const int64_t chunk : {1, 3, 64, 5000}) {
      std::mutex mutex;
      std::multiset<int64_t> seen;
      JobOptions options;
      options.rows = rows;
      options.chunk_size = chunk;
      run_job(*executor_, options, [&](int64_t begin, int64_t end) {
        EXPECT_LE(end - begin, chunk);
        const std::scoped_lock lock(mutex);
        for (int64_t row = begin; row < end; ++row) seen.insert(row);
      });
      ASSERT_EQ(static_cast<int64_t>(seen.size()), rows);
      if (rows > 0) {
        EXPECT_EQ(*seen.begin(), 0);
        EXPECT_EQ(*seen.rbegin(), rows - 1);
        EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), seen.size());
      }
    }
  }
}

TEST_P(JobTest, FailingChunk_StopsTheJobAndNamesItsRows) {
  std::atomic<int64_t> computed{0};
  JobOptions options;
  options.rows = 100000;
  options.chunk_size = 10;
  try {
    run_job(*executor_, options, [&](int64_t begin, int64_t) {
      ++computed;
      if (begin == 50) throw Error(ErrorCode::kInvalidInput, "bad row");
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    EXPECT_EQ(error.message(), "rows 50 to 59: bad row");
  }
  EXPECT_LT(computed, 10000);
}

TEST_P(JobTest, ForeignException_BecomesAnErrorWithItsRows) {
  JobOptions options;
  options.rows = 1;
  try {
    run_job(*executor_, options, [](int64_t, int64_t) { throw std::runtime_error("boom"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "rows 0 to 0: boom");
  }
}

TEST_P(JobTest, Cancelling_FinishesWhatRunsAndThrows) {
  std::atomic<bool> cancel{false};
  std::atomic<int> running{0}, computed{0};
  JobOptions options;
  options.rows = 100000;
  options.cancel = &cancel;
  try {
    run_job(*executor_, options, [&](int64_t begin, int64_t) {
      ++running;
      if (begin == 20) cancel = true;
      ++computed;
      --running;
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(running, 0);
  EXPECT_LT(computed, 10000);
}

TEST_P(JobTest, Progress_EndsWithAllRows) {
  std::vector<ProgressEvent> events;
  JobOptions options;
  options.rows = 50;
  options.progress = [&](const ProgressEvent& event) { events.push_back(event); };
  run_job(*executor_, options, [](int64_t, int64_t) {});
  ASSERT_GE(events.size(), 2u);
  EXPECT_EQ(events.front().kind, ProgressEvent::Kind::kStarted);
  EXPECT_EQ(events.back().kind, ProgressEvent::Kind::kFinished);
  EXPECT_EQ(events.back().rows_done, 50);
}

INSTANTIATE_TEST_SUITE_P(Workers, JobTest, ::testing::Values(1, 2, 3, 7));

TEST(ChunkSize, IsAMultipleOfTheBatchWithEnoughChunksForAll) {
  EXPECT_EQ(choose_chunk_size(0, 8, 2), 8);
  EXPECT_EQ(choose_chunk_size(1, 8, 2), 8);
  EXPECT_EQ(choose_chunk_size(3200, 10, 2), 100);
  EXPECT_EQ(choose_chunk_size(int64_t{1} << 40, 256, 2), 256 * 64);
}

}  // namespace
}  // namespace hornet::job
