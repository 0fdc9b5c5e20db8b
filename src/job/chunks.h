// How the rows of a job are cut into chunks and batches.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hornet::job {

// Rows [0, rows) in chunks of `size` rows, of which the last may have fewer.
struct Chunks {
  int64_t rows = 0;
  int64_t size = 1;

  int64_t count() const { return rows / size + (rows % size != 0 ? 1 : 0); }
  int64_t begin(int64_t chunk) const { return chunk * size; }
  int64_t end(int64_t chunk) const { return begin(chunk) + num_rows(chunk); }
  int64_t num_rows(int64_t chunk) const { return std::min(size, rows - begin(chunk)); }
};

// A batch size halved until there is a batch for each worker, where that many rows are.
int64_t fit_batch_size(int64_t batch_size, int64_t rows, int workers);

// Rows of a chunk: a multiple of the batch size, enough chunks for all workers to end together, and
// not so many that handing them out costs time. A chunk is what is lost by a kill, tried again and
// given a time limit, so of rows of many floating point operations it has a few seconds' worth.
int64_t choose_chunk_size(int64_t rows, int64_t batch_size, int workers, double row_flops);

// The last chunks of a job are given out in parts of about a quarter; what their rows are multiples
// of. Whole batches, but where a chunk has fewer than four and each row is work for milliseconds.
int64_t choose_part_step(int64_t chunk_size, int64_t batch_size, double row_flops);

}  // namespace hornet::job
