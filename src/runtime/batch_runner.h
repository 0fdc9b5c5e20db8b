// Predicts ranges of rows on one worker: Source to Plan to Sink.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "hornet/sink.h"
#include "hornet/source.h"
#include "plan/plan.h"

namespace hornet::runtime {

// The plans of one model for one shape of rows, by number of rows. Thread-safe; plans live as long
// as the set.
class PlanSet {
 public:
  virtual ~PlanSet() = default;
  virtual const plan::Plan& for_rows(int64_t rows) = 0;
};

struct BatchOptions {
  int64_t batch_size = 1;
  // Rows with a prediction that is NaN or infinite throw Error(kNotFinite).
  bool check_finite = false;
  // Tests: sees the rows of each batch before they are computed, and may throw, crash or hang.
  std::function<void(const std::vector<TensorView>& inputs)> inspect = {};
};

// One worker's buffers and plan states. Not thread-safe; all it is given must outlive it.
class BatchRunner {
 public:
  // Sinks take the dtype they were opened with, `output_dtypes`.
  BatchRunner(PlanSet& plans, BatchOptions options, std::vector<const Source*> sources,
              std::vector<Sink*> sinks, std::vector<DType> output_dtypes);

  // Predicts rows [begin, end): whole batches, then what is left in powers of two, so that few
  // plans serve all sizes. Sources and sinks are asked for blocks of some batches, for each call of
  // theirs has its price; sinks that are not rewritable get all rows at the end, or none. Throws
  // OutputError where a sink does not take them.
  void run(int64_t begin, int64_t end);

 private:
  // Rows of one input that are at hand.
  struct Input {
    int64_t first = 0;
    TensorView rows;
    size_t row_bytes = 0;
    std::vector<std::byte> scratch;
    Tensor converted;  // of a batch
  };
  // Rows of one output that the sink has not been given yet.
  struct Output {
    int64_t first = 0;
    std::byte* rows = nullptr;
    size_t row_bytes = 0;
    std::vector<std::byte> own;  // where the sink has no memory to make them in
    Tensor computed;             // a batch, in another dtype than the sink's
  };

  int64_t rows_of_block(int64_t rows);
  void run_block(int64_t begin, int64_t end);
  void run_batch(int64_t begin, int64_t end);
  void read_block(int64_t begin, int64_t end);
  void open_output(size_t k, int64_t begin, int64_t end);
  void close_output(size_t k, int64_t end);
  void place_inputs(int64_t begin, const plan::Plan& plan);
  void place_outputs(int64_t begin, const plan::Plan& plan);
  void convert_outputs(int64_t begin, const plan::Plan& plan);
  void require_finite(int64_t begin, const plan::Plan& plan) const;
  plan::WorkerState& state_for(const plan::Plan& plan, int64_t rows);

  PlanSet& plans_;
  const BatchOptions options_;
  const std::vector<const Source*> sources_;
  const std::vector<Sink*> sinks_;
  const std::vector<DType> output_dtypes_;
  std::map<int64_t, std::unique_ptr<plan::WorkerState>> states_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<const void*> input_addresses_;
  std::vector<void*> output_addresses_;
};

}  // namespace hornet::runtime
