// Predicting in worker processes: what the parent tells them, and what they do.
#pragma once

#include <string>
#include <vector>

#include "hornet/model.h"
#include "hornet/sink.h"
#include "hornet/source.h"
#include "runtime/batch_runner.h"
#include "runtime/worker_process.h"

namespace hornet::internal {

class CompiledModel;

// One input or output, as a worker sees it.
struct WorkerRows {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape row_shape;
  // Inputs: for open_source(), and what it must find. Outputs: where to write. Nothing for shared
  // memory.
  std::optional<SourceLocation> location = {};
  std::string version = {};
  std::optional<FileRows> file = {};
  uint64_t slot_offset = 0;  // shared memory: of its rows in the slot of a worker
};

// All that a worker needs before its first chunk.
struct WorkerSetup {
  std::string model_path, weights_path;
  std::string model_version, weights_version;  // see ReadFile
  std::vector<Shape> row_shapes;               // as CompiledModel::match_rows gives them
  int64_t rows = 0;
  int64_t batch_size = 1;
  bool check_finite = false;
  uint64_t slot_bytes = 0;      // of one worker in the shared memory; 0 where there is none
  std::string instruction_set;  // which kernels are limited to
  std::string plan_text;        // of a batch: both sides must have made the same plan
  std::vector<WorkerRows> inputs, outputs;

  std::string encode() const;
  static WorkerSetup decode(std::string_view bytes);
};

// Descriptors after those of the connection.
inline constexpr int kWeightsDescriptor = runtime::kFirstWorkerDescriptor;
inline constexpr int kRowsDescriptor = kWeightsDescriptor + 1;

// Names of the functions. kPredict: begin, end, and the row that is first in the slot.
inline constexpr const char* kOpenFunction = "hornet.open";
inline constexpr const char* kPredictFunction = "hornet.predict";
// Throws Error (kInvalidModel, kInvalidInput) where the model or a source, one an input that has a
// location, is another one than that of the job.
void check_job_files(const WorkerSetup& setup, const CompiledModel& model,
                     const std::vector<const Source*>& sources);
std::string encode_range(int64_t begin, int64_t end, int64_t first_in_slot);

// The functions of a worker that predicts, with layers of the user's own.
runtime::WorkerFunctions predict_functions(const std::vector<CustomLayerDefinition>& custom_layers);

}  // namespace hornet::internal
