#include "job/chunks.h"

#include <bit>

namespace hornet::job {

int64_t fit_batch_size(int64_t batch_size, int64_t rows, int workers) {
  while (batch_size > 1 && batch_size > std::max<int64_t>(rows, 1) / workers) batch_size /= 2;
  return batch_size;
}

int64_t choose_chunk_size(int64_t rows, int64_t batch_size, int workers, double row_flops) {
  constexpr int64_t kChunksPerWorker = 16;
  constexpr int64_t kMostBatches = 64;
  constexpr double kMostFlops = 5e11;
  const auto few_seconds = static_cast<int64_t>(kMostFlops / std::max(row_flops, 1.0));
  const int64_t wanted = std::min(rows / (kChunksPerWorker * workers), few_seconds);
  return std::clamp(wanted / batch_size, int64_t{1}, kMostBatches) * batch_size;
}

int64_t choose_part_step(int64_t chunk_size, int64_t batch_size, double row_flops) {
  constexpr double kManyFlops = 5e8;
  const int64_t quarter = chunk_size / 4;
  if (quarter >= batch_size) return batch_size;
  if (row_flops < kManyFlops) return std::min(batch_size, chunk_size);
  // Plans are made for powers of two.
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(quarter, 1))));
}

}  // namespace hornet::job
