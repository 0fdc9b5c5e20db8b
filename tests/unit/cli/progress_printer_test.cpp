#include "cli/progress_printer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace hornet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const ProgressEvent kEvent = {.kind = ProgressEvent::Kind::kAdvanced,
                              .rows_done = 810,
                              .rows_total = 1797,
                              .rows_failed = 0,
                              .workers = 2,
                              .elapsed_seconds = 5.2,
                              .rows_per_second = 155.8,
                              .eta_seconds = 6.3};

TEST(BarLine, WideTerminal_ShowsEverything) {
  EXPECT_EQ(bar_line(kEvent, 130),
            " 45 %  [=============                 ]  810/1,797  156 rows/s  ETA 0:06  "
            "0:05 elapsed  0 failed  2 workers");
}

TEST(BarLine, AnyWidth_IsNotExceeded) {
  for (size_t width = 0; width < 140; ++width) {
    EXPECT_LE(display_width(bar_line(kEvent, width)), width);
  }
}

TEST(BarLine, NarrowTerminal_KeepsTheCounts) {
  EXPECT_THAT(bar_line(kEvent, 40), HasSubstr("810/1,797"));
  EXPECT_THAT(bar_line(kEvent, 40), Not(HasSubstr("workers")));
}

TEST(BarLine, FailedRows_AreShownBeforeWhatIsLessUrgent) {
  ProgressEvent event = kEvent;
  event.rows_failed = 3;
  EXPECT_THAT(bar_line(event, 50), HasSubstr("810/1,797  3 failed"));
}

TEST(BarLine, AlmostAllRows_IsNot100Percent) {
  ProgressEvent event = kEvent;
  event.rows_done = 1796;
  EXPECT_THAT(bar_line(event, 100), HasSubstr("99 %"));
  event.rows_done = 1797;
  EXPECT_THAT(bar_line(event, 100), HasSubstr("100 %"));
}

TEST(BarLine, NoRowsAtAll_Is100Percent) {
  ProgressEvent event;
  event.kind = ProgressEvent::Kind::kFinished;
  EXPECT_THAT(bar_line(event, 100), HasSubstr("100 %"));
}

TEST(PlainLine, UnknownEta_IsAQuestionMark) {
  ProgressEvent event = kEvent;
  event.eta_seconds = -1;
  EXPECT_EQ(plain_line(event),
            "810 of 1,797 rows (45 %), 156 rows/s, 0:05 elapsed, ETA ?, 0 failed, 2 workers");
}

TEST(JsonLine, IsAnObjectWithEveryField) {
  const auto json = nlohmann::json::parse(json_line(kEvent));
  EXPECT_EQ(json, nlohmann::json::parse(R"({"event": "advanced", "rows_done": 810,
      "rows_total": 1797, "rows_failed": 0, "workers": 2, "elapsed_seconds": 5.2,
      "rows_per_second": 155.8, "eta_seconds": 6.3})"));
}

TEST(JsonLine, WhatIsUnknown_IsNull) {
  ProgressEvent event;
  event.rows_per_second = 1 / 0.0;
  const auto json = nlohmann::json::parse(json_line(event));
  EXPECT_TRUE(json["eta_seconds"].is_null());
  EXPECT_TRUE(json["rows_per_second"].is_null());
}

}  // namespace
}  // namespace hornet::cli
