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

  // `rows_before` and `failed_before`: of an earlier run.
  ProgressMeter(ProgressCallback callback, int64_t rows_total, int workers, Clock::time_point now,
                int64_t rows_before = 0, int64_t failed_before = 0);
  // Reports if the last report is kInterval old.
  void advance(int64_t rows_done, int64_t rows_failed, Clock::time_point now);
  void row_failed(int64_t row, const std::string& message, int64_t rows_done, int64_t rows_failed,
                  Clock::time_point now);
  void worker_replaced(const std::string& message, int64_t rows_done, int64_t rows_failed,
                       Clock::time_point now);
  // `done`: finished, otherwise stopped.
  void finish(bool done, int64_t rows_done, int64_t rows_failed, Clock::time_point now);

 private:
  ProgressEvent event(ProgressEvent::Kind kind, int64_t rows_done, int64_t rows_failed,
                      Clock::time_point now) const;

  ProgressCallback callback_;
  const int64_t rows_total_;
  const int workers_;
  const Clock::time_point start_;
  Clock::time_point last_report_;
  const int64_t rows_before_;
  int64_t last_rows_;
  double smoothed_rate_ = 0;  // rows a second; 0 until the first rows are done
};

}  // namespace hornet::job
