#include "job/progress.h"

#include <cmath>

namespace hornet::job {
namespace {

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

ProgressMeter::ProgressMeter(ProgressCallback callback, int64_t rows_total, int workers,
                             Clock::time_point now)
    : callback_(std::move(callback)),
      rows_total_(rows_total),
      workers_(workers),
      start_(now),
      last_report_(now) {
  if (callback_) report(ProgressEvent::Kind::kStarted, 0, now);
}

void ProgressMeter::advance(int64_t rows_done, Clock::time_point now) {
  if (!callback_ || now - last_report_ < kInterval) return;
  // An exponential mean over about the last three seconds.
  constexpr double kHalfLife = 2.0;
  const double elapsed = seconds(now - last_report_);
  const double rate = static_cast<double>(rows_done - last_rows_) / elapsed;
  const double weight = smoothed_rate_ == 0 ? 1.0 : 1.0 - std::exp2(-elapsed / kHalfLife);
  smoothed_rate_ += weight * (rate - smoothed_rate_);
  last_report_ = now;
  last_rows_ = rows_done;
  report(ProgressEvent::Kind::kAdvanced, rows_done, now);
}

void ProgressMeter::finish(int64_t rows_done, Clock::time_point now) {
  if (!callback_) return;
  const double elapsed = seconds(now - start_);
  smoothed_rate_ = elapsed > 0 ? static_cast<double>(rows_done) / elapsed : 0;
  report(ProgressEvent::Kind::kFinished, rows_done, now);
}

void ProgressMeter::report(ProgressEvent::Kind kind, int64_t rows_done, Clock::time_point now) {
  ProgressEvent event;
  event.kind = kind;
  event.rows_done = rows_done;
  event.rows_total = rows_total_;
  event.workers = workers_;
  event.elapsed_seconds = seconds(now - start_);
  event.rows_per_second = smoothed_rate_;
  if (smoothed_rate_ > 0) {
    event.eta_seconds = static_cast<double>(rows_total_ - rows_done) / smoothed_rate_;
  }
  callback_(event);
}

}  // namespace hornet::job
