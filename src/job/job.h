// Runs the chunks of one predict call on an Executor: which chunks, in which order, and what
// happens when one fails or the caller wants to stop.
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "hornet/executor.h"
#include "hornet/predict.h"
#include "hornet/progress.h"
#include "job/chunk_log.h"
#include "job/journal.h"
#include "job/report.h"

namespace hornet::job {

struct JobOptions {
  int64_t rows = 0;
  int64_t chunk_size = 1;  // the last chunk may be shorter
  int64_t part_step = 1;   // the last chunks are given out in parts, of multiples of so many rows
  int retries = 0;
  OnError on_error = OnError::kStop;
  bool stop_without_memory = false;  // Error(kOutOfMemory) is no failure of a row
  ProgressCallback progress = {};
  const std::atomic<bool>* cancel = nullptr;
  double sync_interval_seconds = 5;
  // Puts the fill value where a failed row belongs.
  std::function<void(int64_t row)> fill_row = {};
  std::optional<JournalState> before = {};                       // what an earlier run has done
  std::function<std::vector<std::string>()> take_messages = {};  // of workers that were replaced
  ChunkLog* log = nullptr;
  Report* report = nullptr;
};

struct JobResult {
  int64_t rows_failed = 0;  // those of earlier runs included
};

// Computes rows [begin, end); called by workers, Executor::current_worker() tells which.
using ChunkFunction = std::function<void(int64_t begin, int64_t end)>;

// Returns when every row is computed or, with kSkip, has failed. What becomes of chunks that throw
// is told by WorkList. OutputError, kBrokenPool, an error of the log, a row that fails with kStop,
// or `cancel` turning true, stop the job: what runs is finished, chunks that are whole then are
// logged, nothing else is started, and the first error, for a row RowError, or Error(kCancelled),
// is thrown. Errors name their rows. Memory does not depend on the number of rows: few chunks are
// submitted ahead.
JobResult run_job(Executor& executor, const JobOptions& options, const ChunkFunction& compute);

}  // namespace hornet::job
