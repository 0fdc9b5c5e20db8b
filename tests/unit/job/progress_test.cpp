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
  meter.advance(1, start + 10ms);
  meter.advance(2, start + 99ms);
  meter.advance(100, start + 100ms);
  meter.advance(101, start + 150ms);
  meter.finish(1000, start + 1s);
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
  for (int i = 0; i < 100; ++i) meter.advance(rows += 100, now += 100ms);
  EXPECT_NEAR(last.rows_per_second, 1000, 1);
  for (int i = 0; i < 100; ++i) meter.advance(rows += 200, now += 100ms);
  EXPECT_NEAR(last.rows_per_second, 2000, 100);
}

TEST(ProgressMeter, NothingDoneYet_TellsNoEta) {
  ProgressEvent last;
  const ProgressMeter::Clock::time_point start{};
  ProgressMeter meter([&](const ProgressEvent& e) { last = e; }, 10, 1, start);
  EXPECT_EQ(last.eta_seconds, -1);
}

}  // namespace
}  // namespace hornet::job
