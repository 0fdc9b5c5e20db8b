#include "job/progress.h"

#include <gtest/gtest.h>

#include <vector>

namespace hornet::job {
namespace {

using namespace std::chrono_literals;

TEST(ProgressMeter, ReportsAtMostOnceAnInterval) {
  std::vector<ProgressEvent> events;
  const ProgressMeter::Clock::time_point start{};
  ProgressMeter meter([&](const ProgressEvent& e) { events.push_back(e); }, 1000, 2, start);
  meter.advance(1, 0, start + 10ms);
  meter.advance(2, 0, start + 99ms);
  meter.advance(100, 0, start + 100ms);
  meter.advance(101, 0, start + 150ms);
  meter.finish(true, 1000, 0, start + 1s);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, ProgressEvent::Kind::kStarted);
  EXPECT_EQ(events[1].rows_done, 100);
  EXPECT_NEAR(events[1].rows_per_second, 1000, 1e-6);
  EXPECT_NEAR(events[1].eta_seconds, 0.9, 1e-6);
  EXPECT_EQ(events[2].kind, ProgressEvent::Kind::kFinished);
  EXPECT_NEAR(events[2].rows_per_second, 1000, 1e-6);
}

TEST(ProgressMeter, RateFollowsAChange) {
  ProgressEvent last;
  ProgressMeter::Clock::time_point now{};
  ProgressMeter meter([&](const ProgressEvent& e) { last = e; }, 1000000, 1, now);
  int64_t rows = 0;
  for (int i = 0; i < 100; ++i) meter.advance(rows += 100, 0, now += 100ms);
  EXPECT_NEAR(last.rows_per_second, 1000, 1);
  for (int i = 0; i < 100; ++i) meter.advance(rows += 200, 0, now += 100ms);
  EXPECT_NEAR(last.rows_per_second, 2000, 100);
}

TEST(ProgressMeter, RowsOfAnEarlierRun_CountAsDoneAndNotForTheRate) {
  std::vector<ProgressEvent> events;
  const ProgressMeter::Clock::time_point start{};
  ProgressMeter meter([&](const ProgressEvent& e) { events.push_back(e); }, 1000, 2, start, 600, 3);
  EXPECT_EQ(events[0].rows_done, 600);
  EXPECT_EQ(events[0].rows_failed, 3);
  meter.advance(650, 3, start + 1s);
  EXPECT_NEAR(events[1].rows_per_second, 50, 1e-6);
  meter.finish(false, 700, 4, start + 2s);
  EXPECT_EQ(events[2].kind, ProgressEvent::Kind::kStopped);
  EXPECT_NEAR(events[2].rows_per_second, 50, 1e-6);
}

TEST(ProgressMeter, FailedRow_IsTold) {
  ProgressEvent last;
  const ProgressMeter::Clock::time_point start{};
  ProgressMeter meter([&](const ProgressEvent& e) { last = e; }, 10, 1, start);
  meter.row_failed(7, "bad", 8, 1, start);
  EXPECT_EQ(last.kind, ProgressEvent::Kind::kRowFailed);
  EXPECT_EQ(last.row, 7);
  EXPECT_EQ(last.message, "bad");
  EXPECT_EQ(last.rows_failed, 1);
}

TEST(ProgressMeter, NothingDoneYet_TellsNoEta) {
  ProgressEvent last;
  const ProgressMeter::Clock::time_point start{};
  ProgressMeter meter([&](const ProgressEvent& e) { last = e; }, 10, 1, start);
  EXPECT_EQ(last.eta_seconds, -1);
}

}  // namespace
}  // namespace hornet::job
