// How many rows a job computes at once, how many a chunk has, and by how many workers.
#pragma once

#include <cstdint>
#include <vector>

#include "api/compiled_model.h"
#include "hornet/predict.h"
#include "hornet/source.h"

namespace hornet::internal {

struct JobSizes {
  int64_t rows = 0;
  int64_t batch_size = 1;
  int64_t chunk_size = 1;
  int64_t part_step = 1;  // of job::JobOptions
  int workers = 1;
};

// `options` as asked for, and where they ask for nothing what suits the model, the rows and the
// bound on memory. `chunk_size_before`: of the job that is gone on with, whose chunks are kept; 0
// for a new one.
// Throws Error: kInvalidArgument for other chunks than before, kOutOfMemory with the least memory
// that is enough.
JobSizes choose_sizes(ModelPlans& plans, const std::vector<const Source*>& sources,
                      const PredictOptions& options, int64_t rows, int64_t chunk_size_before);

}  // namespace hornet::internal
