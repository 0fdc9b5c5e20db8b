// What a running job tells about itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace hornet {

struct ProgressEvent {
  enum class Kind {
    kStarted,         // once, first
    kAdvanced,        // at most about ten times a second
    kRowFailed,       // a row has no prediction: `row` and `message`
    kWorkerReplaced,  // a worker process died and another takes its place: `message`
    kStopped,         // once, last: not all rows are done
    kFinished         // once, last: all rows are done, but for failed ones
  };
  Kind kind = Kind::kAdvanced;
  int64_t rows_done = 0;  // failed ones and those of an earlier run included
  int64_t rows_total = 0;
  int64_t rows_failed = 0;
  int workers = 0;
  double elapsed_seconds = 0;
  double rows_per_second = 0;  // smoothed while running, the overall rate when finished
  double eta_seconds = -1;     // -1 while unknown
  int64_t row = -1;
  std::string message = {};
};

// Called from one thread at a time.
using ProgressCallback = std::function<void(const ProgressEvent&)>;

}  // namespace hornet
