// Predicts whole data sets: every row of the sources, in order, into the sinks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hornet/model.h"
#include "hornet/progress.h"
#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

struct PredictOptions {
  int workers = 0;         // 0: the usable cores (affinity and cgroup quota included)
  int64_t batch_size = 0;  // rows of one plan execution; 0: chosen from the plan and the cache
  int64_t chunk_size = 0;  // rows of one task; 0: chosen from the batch size and the rows
  // Element type of the sinks of floating outputs; the model's where nothing is given.
  std::optional<DType> output_dtype = std::nullopt;
  ProgressCallback progress;
  // Set to true (from a signal handler, say) to stop after the chunks that run.
  const std::atomic<bool>* cancel = nullptr;
};

struct PredictReport {
  int64_t rows = 0;
  double seconds = 0;
  int workers = 0;
  int64_t batch_size = 0;
  int64_t chunk_size = 0;
  size_t peak_memory_bytes = 0;  // resident set of the process at its highest
};

// Opens one sink an output, once the row shapes are known: output index, its dtype and row shape.
using SinkFactory =
    std::function<std::unique_ptr<Sink>(size_t output, DType dtype, const Shape& row_shape)>;

// One source an input, in the order of model.inputs(), all with the same number of rows.
// Row i of every sink is the prediction for row i of the sources; the bytes do not depend on the
// options. Calls finish() of the sinks when all rows are there.
// Throws Error: kShapeMismatch, kCancelled, kIo, ...; the sinks are then dropped unfinished.
PredictReport predict(const Model& model, const std::vector<const Source*>& sources,
                      const SinkFactory& open_sink, const PredictOptions& options = {});

// Number of cores this process may use: affinity mask and cgroup CPU quota included.
int usable_cores();

}  // namespace hornet
