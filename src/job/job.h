// Runs the chunks of one predict call on an Executor: which chunks, in which order, and what
// happens when one fails or the caller wants to stop.
#pragma once

#include <atomic>
#include <functional>

#include "hornet/executor.h"
#include "hornet/progress.h"

namespace hornet::job {

struct JobOptions {
  int64_t rows = 0;
  int64_t chunk_size = 1;  // the last chunk may be shorter
  ProgressCallback progress;
  const std::atomic<bool>* cancel = nullptr;
};

// Computes rows [begin, end); called by workers, Executor::current_worker() tells which.
using ChunkFunction = std::function<void(int64_t begin, int64_t end)>;

// Returns when every chunk is computed. A chunk that throws, or `cancel` turning true, stops the
// job: chunks that run are finished, no others are started, and the error of the failing chunk with
// the lowest rows, or Error(kCancelled), is thrown. Errors name the rows of their chunk.
// Memory does not depend on the number of rows: few chunks are submitted ahead.
void run_job(Executor& executor, const JobOptions& options, const ChunkFunction& compute);

// Rows of a chunk: a multiple of the batch size, enough chunks for all workers to end together, and
// not so many that handing them out costs time.
int64_t choose_chunk_size(int64_t rows, int64_t batch_size, int workers);

}  // namespace hornet::job
