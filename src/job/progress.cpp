#include "job/progress.h"

#include <cmath>

namespace hornet::job {
namespace {

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

ProgressMeter::ProgressMeter(ProgressCallback callback, int64_t rows_total, int workers,
                             Clock::time_point now, int64_t rows_before, int64_t failed_before)
    : callback_(std::move(callback)),
      rows_total_(rows_total),
      workers_(workers),
      start_(now),
      last_report_(now),
      rows_before_(rows_before),
      last_rows_(rows_before) {
  if (callback_) callback_(event(ProgressEvent::Kind::kStarted, rows_before, failed_before, now));
}

void ProgressMeter::advance(int64_t rows_done, int64_t rows_failed, Clock::time_point now) {
  if (!callback_ || now - last_report_ < kInterval) return;
  // An exponential mean over about the last three seconds.
  constexpr double kHalfLife = 2.0;
  const double elapsed = seconds(now - last_report_);
  const double rate = static_cast<double>(rows_done - last_rows_) / elapsed;
  const double weight = smoothed_rate_ == 0 ? 1.0 : 1.0 - std::exp2(-elapsed / kHalfLife);
  smoothed_rate_ += weight * (rate - smoothed_rate_);
  last_report_ = now;
  last_rows_ = rows_done;
  callback_(event(ProgressEvent::Kind::kAdvanced, rows_done, rows_failed, now));
}

void ProgressMeter::row_failed(int64_t row, const std::string& message, int64_t rows_done,
                               int64_t rows_failed, Clock::time_point now) {
  if (!callback_) return;
  ProgressEvent failed = event(ProgressEvent::Kind::kRowFailed, rows_done, rows_failed, now);
  failed.row = row;
  failed.message = message;
  callback_(failed);
}

void ProgressMeter::worker_replaced(const std::string& message, int64_t rows_done,
                                    int64_t rows_failed, Clock::time_point now) {
  if (!callback_) return;
  ProgressEvent died = event(ProgressEvent::Kind::kWorkerReplaced, rows_done, rows_failed, now);
  died.message = message;
  callback_(died);
}

void ProgressMeter::finish(bool done, int64_t rows_done, int64_t rows_failed,
                           Clock::time_point now) {
  if (!callback_) return;
  const double elapsed = seconds(now - start_);
  smoothed_rate_ = elapsed > 0 ? static_cast<double>(rows_done - rows_before_) / elapsed : 0;
  callback_(event(done ? ProgressEvent::Kind::kFinished : ProgressEvent::Kind::kStopped, rows_done,
                  rows_failed, now));
}

ProgressEvent ProgressMeter::event(ProgressEvent::Kind kind, int64_t rows_done, int64_t rows_failed,
                                   Clock::time_point now) const {
  ProgressEvent event;
  event.kind = kind;
  event.rows_done = rows_done;
  event.rows_total = rows_total_;
  event.rows_failed = rows_failed;
  event.workers = workers_;
  event.elapsed_seconds = seconds(now - start_);
  event.rows_per_second = smoothed_rate_;
  if (smoothed_rate_ > 0) {
    event.eta_seconds = static_cast<double>(rows_total_ - rows_done) / smoothed_rate_;
  }
  return event;
}

}  // namespace hornet::job
