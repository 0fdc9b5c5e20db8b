#include "job/job.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "hornet/error.h"
#include "runtime/output_error.h"

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

// Bytes of the heap that are taken; 0 under a sanitizer, whose heap is another.
size_t heap_bytes() { return mallinfo2().uordblks; }

size_t most_heap_bytes(Executor& executor, int64_t chunks) {
  const size_t before = heap_bytes();
  std::atomic<size_t> most = before;
  JobOptions options;
  options.rows = chunks * 2;
  options.chunk_size = 2;
  run_job(executor, options, [&](int64_t, int64_t) {
    const size_t now = heap_bytes();
    for (size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
  });
  return most - before;
}

TEST_P(JobTest, ManyChunks_TakeNoMoreMemoryThanFew) {
  most_heap_bytes(*executor_, 10);  // what is made once
  EXPECT_LE(most_heap_bytes(*executor_, 20000), most_heap_bytes(*executor_, 1000) + 16384);
}

TEST_P(JobTest, FailingRow_StopsTheJobAndIsNamed) {
  // So many chunks that a worker that gets no core for a while does not come too late with its row.
  constexpr int64_t kChunks = 2'000'000;
  std::atomic<int64_t> computed{0};
  JobOptions options;
  options.rows = 10 * kChunks;
  options.chunk_size = 10;
  try {
    run_job(*executor_, options, [&](int64_t begin, int64_t end) {
      ++computed;
      if (begin <= 57 && 57 < end) throw Error(ErrorCode::kInvalidInput, "bad row");
    });
    FAIL();
  } catch (const RowError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    EXPECT_EQ(error.row(), 57);
    EXPECT_EQ(error.message(), "row 57: bad row");
  }
  EXPECT_LT(computed, kChunks);
}

TEST_P(JobTest, ForeignException_BecomesAnErrorWithItsRows) {
  JobOptions options;
  options.rows = 1;
  try {
    run_job(*executor_, options, [](int64_t, int64_t) { throw std::runtime_error("boom"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "row 0: boom");
  }
}

TEST_P(JobTest, FailingRows_AreSkippedAndFilled) {
  const std::set<int64_t> bad = {0, 13, 14, 99};
  std::mutex mutex;
  std::set<int64_t> computed, filled, told;
  JobOptions options;
  options.rows = 100;
  options.chunk_size = 16;
  options.retries = 1;
  options.on_error = OnError::kSkip;
  options.fill_row = [&](int64_t row) { EXPECT_TRUE(filled.insert(row).second); };
  ProgressEvent last;
  options.progress = [&](const ProgressEvent& event) {
    if (event.kind == ProgressEvent::Kind::kRowFailed) told.insert(event.row);
    last = event;
  };
  const JobResult result = run_job(*executor_, options, [&](int64_t begin, int64_t end) {
    const auto first_bad = bad.lower_bound(begin);
    if (first_bad != bad.end() && *first_bad < end) throw std::runtime_error("bad");
    const std::scoped_lock lock(mutex);
    for (int64_t row = begin; row < end; ++row) EXPECT_TRUE(computed.insert(row).second);
  });
  EXPECT_EQ(result.rows_failed, 4);
  EXPECT_EQ(filled, bad);
  EXPECT_EQ(told, bad);
  EXPECT_EQ(computed.size(), 96u);
  EXPECT_EQ(last.kind, ProgressEvent::Kind::kFinished);
  EXPECT_EQ(last.rows_failed, 4);
  EXPECT_EQ(last.rows_done, 100);
}

TEST_P(JobTest, ChunkThatFailsNowAndThen_SucceedsOnAnotherWorker) {
  std::mutex mutex;
  std::map<int64_t, int> failed_on;
  JobOptions options;
  options.rows = 60;
  options.chunk_size = 5;
  options.retries = 1;
  run_job(*executor_, options, [&](int64_t begin, int64_t) {
    const std::scoped_lock lock(mutex);
    const int worker = Executor::current_worker();
    const auto [entry, first] = failed_on.emplace(begin, worker);
    if (first) throw std::runtime_error("once");
    if (GetParam() > 1) {
      EXPECT_NE(entry->second, worker) << begin;
    }
  });
  // With 2 or 3 workers there are four chunks for each, so each one's last is given out as 2, 2 and
  // 1 rows.
  const std::map<int, size_t> parts = {{1, 12}, {2, 16}, {3, 18}, {7, 12}};
  EXPECT_EQ(failed_on.size(), parts.at(GetParam()));
}

TEST_P(JobTest, OutputThatCannotBeWritten_StopsTheJobAtOnce) {
  std::atomic<int> computed{0};
  JobOptions options;
  options.rows = 100000;
  options.on_error = OnError::kSkip;
  try {
    run_job(*executor_, options, [&](int64_t begin, int64_t) {
      ++computed;
      if (begin == 3) throw runtime::OutputError(ErrorCode::kIo, "disk full");
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_EQ(error.message(), "row 3: disk full");
  }
  EXPECT_LT(computed, 10000);
}

TEST_P(JobTest, ProgressThatThrows_LeavesNoTaskBehind) {
  std::atomic<int> running{0};
  JobOptions options;
  options.rows = 1000;
  options.progress = [](const ProgressEvent& event) {
    if (event.kind == ProgressEvent::Kind::kRowFailed) throw std::runtime_error("no");
  };
  options.on_error = OnError::kSkip;
  EXPECT_THROW(run_job(*executor_, options,
                       [&](int64_t begin, int64_t) {
                         ++running;
                         if (begin == 7) {
                           --running;
                           throw std::runtime_error("bad");
                         }
                         --running;
                       }),
               std::runtime_error);
  EXPECT_EQ(running, 0);
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

}  // namespace
}  // namespace hornet::job
