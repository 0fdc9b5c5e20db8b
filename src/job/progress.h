// Turns counts of finished rows into ProgressEvents at a bounded rate.
#pragma once

#include <chrono>

#include "hornet/progress.h"

namespace hornet::job {

// Used by one thread. `now` is passed in, so that tests need no clock.
class ProgressMeter {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{100};

  ProgressMeter(ProgressCallback callback, int64_t rows_total, int workers, Clock::time_point now);
  // Reports if the last report is kInterval old.
  void advance(int64_t rows_done, Clock::time_point now);
  void finish(int64_t rows_done, Clock::time_point now);

 private:
  void report(ProgressEvent::Kind kind, int64_t rows_done, Clock::time_point now);

  ProgressCallback callback_;
  const int64_t rows_total_;
  const int workers_;
  const Clock::time_point start_;
  Clock::time_point last_report_;
  int64_t last_rows_ = 0;
  double smoothed_rate_ = 0;  // rows a second; 0 until the first rows are done
};

}  // namespace hornet::job
