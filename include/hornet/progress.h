// What a running job tells about itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace hornet {

struct ProgressEvent {
  enum class Kind { kStarted, kAdvanced, kFinished };
  Kind kind = Kind::kAdvanced;
  int64_t rows_done = 0;
  int64_t rows_total = 0;
  int64_t rows_failed = 0;
  int workers = 0;
  double elapsed_seconds = 0;
  double rows_per_second = 0;  // smoothed while running, the overall rate when finished
  double eta_seconds = -1;     // -1 while unknown
};

// Called from one thread at a time, at most about ten times a second and once at the end.
using ProgressCallback = std::function<void(const ProgressEvent&)>;

}  // namespace hornet
