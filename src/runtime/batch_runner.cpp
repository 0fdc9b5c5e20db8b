#include "runtime/batch_runner.h"

#include <bit>

#include "base/check.h"

namespace hornet::runtime {
namespace {

// `buffer` with room for `shape`, kept from batch to batch.
void* room_for(Tensor& buffer, DType dtype, const Shape& shape) {
  if (buffer.dtype() != dtype || buffer.shape() != shape) buffer = Tensor(dtype, shape);
  return buffer.mutable_data();
}

}  // namespace

BatchRunner::BatchRunner(PlanSet& plans, int64_t batch_size, std::vector<const Source*> sources,
                         std::vector<Sink*> sinks, std::vector<DType> output_dtypes)
    : plans_(plans),
      batch_size_(batch_size),
      sources_(std::move(sources)),
      sinks_(std::move(sinks)),
      output_dtypes_(std::move(output_dtypes)),
      source_scratch_(sources_.size()),
      converted_inputs_(sources_.size()),
      computed_outputs_(sinks_.size()),
      converted_outputs_(sinks_.size()),
      input_addresses_(sources_.size()),
      output_addresses_(sinks_.size()) {
  HORNET_CHECK(batch_size_ > 0 && output_dtypes_.size() == sinks_.size());
}

void BatchRunner::run(int64_t begin, int64_t end) {
  while (begin < end) {
    const int64_t left = end - begin;
    const int64_t rows = left >= batch_size_
                             ? batch_size_
                             : static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(left)));
    run_batch(begin, begin + rows);
    begin += rows;
  }
}

plan::WorkerState& BatchRunner::state_for(const plan::Plan& plan, int64_t rows) {
  std::unique_ptr<plan::WorkerState>& state = states_[rows];
  if (state == nullptr) state = std::make_unique<plan::WorkerState>(plan);
  return *state;
}

void BatchRunner::run_batch(int64_t begin, int64_t end) {
  const int64_t rows = end - begin;
  const plan::Plan& plan = plans_.for_rows(rows);
  for (size_t i = 0; i < sources_.size(); ++i) {
    const TensorView view = sources_[i]->rows(begin, end, source_scratch_[i]);
    const graph::TensorType& wanted = plan.input_types()[i];
    input_addresses_[i] = view.data;
    if (view.dtype == wanted.dtype) continue;
    void* converted = room_for(converted_inputs_[i], wanted.dtype, wanted.shape);
    convert_elements(view.dtype, view.data, wanted.dtype, converted, num_elements(wanted.shape));
    input_addresses_[i] = converted;
  }
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const graph::TensorType& type = plan.output_types()[k];
    output_addresses_[k] = nullptr;
    if (type.dtype == output_dtypes_[k]) output_addresses_[k] = sinks_[k]->direct(begin, end).data;
    if (output_addresses_[k] == nullptr) {
      output_addresses_[k] = room_for(computed_outputs_[k], type.dtype, type.shape);
    }
  }
  plan.execute({input_addresses_, output_addresses_}, state_for(plan, rows));
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const Tensor& computed = computed_outputs_[k];
    if (output_addresses_[k] != computed.data()) continue;
    const DType wanted = output_dtypes_[k];
    if (computed.dtype() == wanted) {
      sinks_[k]->write(begin, computed);
      continue;
    }
    Tensor& converted = converted_outputs_[k];
    convert_elements(computed.dtype(), computed.data(), wanted,
                     room_for(converted, wanted, computed.shape()), computed.num_elements());
    sinks_[k]->write(begin, converted);
  }
}

}  // namespace hornet::runtime
