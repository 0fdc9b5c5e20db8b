// Computes chunks of a predict call in worker processes.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/compiled_model.h"
#include "api/worker.h"
#include "base/memory_file.h"
#include "hornet/executor.h"
#include "hornet/predict.h"

namespace hornet::internal {

// Sources and sinks that workers can open travel by name; the rows of others through a slot of
// shared memory a worker, filled and emptied by the thread that minds it.
class ProcessRunner {
 public:
  // All must outlive the runner. Throws Error: kIo where there is no worker program.
  ProcessRunner(const CompiledModel& model, ModelPlans& plans,
                const std::vector<const Source*>& sources, const std::vector<Sink*>& sinks,
                const std::vector<DType>& output_dtypes, const PredictOptions& options,
                const PredictReport& sizes);

  ProcessExecutor& executor() { return *executor_; }
  // Rows [begin, end), in the worker of the calling task. Throws as BatchRunner does, and
  // kWorkerDied, kTimeout, kBrokenPool.
  void run(int64_t begin, int64_t end);
  // Why workers were replaced since the last call.
  std::vector<std::string> take_messages();
  size_t shared_weight_bytes() const { return weights_->size(); }

 private:
  void describe_rows(int workers);
  void lay_out_slots(int64_t chunk_size, uint64_t wanted_bytes);
  void share_weights_of_plans();
  void call(int64_t begin, int64_t end, int64_t first_in_slot, const internal::Deadline& deadline);
  void fill_slot(int64_t begin, int64_t end);
  void empty_slot(int64_t count, std::vector<std::vector<std::byte>>& rows);
  void write_rows(int64_t begin, int64_t end, const std::vector<std::vector<std::byte>>& rows);
  std::byte* my_slot() const;

  const CompiledModel& model_;
  ModelPlans& plans_;
  const std::vector<const Source*>& sources_;
  const std::vector<Sink*>& sinks_;
  const std::vector<DType>& output_dtypes_;
  const Timeout timeout_;
  WorkerSetup setup_;
  int64_t slot_rows_ = 0;  // 0: nothing goes through shared memory
  std::unique_ptr<MemoryFile> weights_, rows_file_;
  std::unique_ptr<MappedMemory> rows_memory_;
  std::mutex mutex_;  // guards messages_
  std::vector<std::string> messages_;
  std::unique_ptr<ProcessExecutor> executor_;
};

}  // namespace hornet::internal
