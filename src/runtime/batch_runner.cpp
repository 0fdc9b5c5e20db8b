#include "runtime/batch_runner.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "runtime/output_error.h"

namespace hornet::runtime {
namespace {

// `buffer` with room for `shape`, kept from batch to batch.
void* room_for(Tensor& buffer, DType dtype, const Shape& shape) {
  if (buffer.dtype() != dtype || buffer.shape() != shape) buffer = Tensor(dtype, shape);
  return buffer.mutable_data();
}

// What a sink throws is no fault of the rows.
template <class Call>
auto for_output(Call&& call) {
  try {
    return call();
  } catch (const Error& error) {
    throw OutputError(error);
  }
}

// Index of the first of `values` that is NaN or infinite once it is a `dtype`; -1 for none.
int64_t first_not_finite(const float* values, int64_t count, DType dtype) {
  // From here on float16 rounds to infinity.
  const float limit = dtype == DType::kFloat16 ? 65520.0F : std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < count; ++i) {
    if (!(std::abs(values[i]) < limit)) return i;
  }
  return -1;
}

}  // namespace

BatchRunner::BatchRunner(PlanSet& plans, BatchOptions options, std::vector<const Source*> sources,
                         std::vector<Sink*> sinks, std::vector<DType> output_dtypes)
    : plans_(plans),
      options_(std::move(options)),
      sources_(std::move(sources)),
      sinks_(std::move(sinks)),
      output_dtypes_(std::move(output_dtypes)),
      source_scratch_(sources_.size()),
      staged_(sinks_.size()),
      converted_inputs_(sources_.size()),
      computed_outputs_(sinks_.size()),
      converted_outputs_(sinks_.size()),
      input_addresses_(sources_.size()),
      output_addresses_(sinks_.size()) {
  HORNET_CHECK(options_.batch_size > 0 && output_dtypes_.size() == sinks_.size());
}

void BatchRunner::run(int64_t begin, int64_t end) {
  const int64_t first = begin;
  const int64_t count = end - begin;
  const bool one_batch =
      count == options_.batch_size ||
      (count < options_.batch_size && std::has_single_bit(static_cast<uint64_t>(count)));
  stages_ = !one_batch;
  for (std::vector<std::byte>& staged : staged_) staged.clear();
  while (begin < end) {
    const int64_t left = end - begin;
    const int64_t rows = left >= options_.batch_size
                             ? options_.batch_size
                             : static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(left)));
    run_batch(begin, begin + rows);
    begin += rows;
  }
  for (size_t k = 0; k < sinks_.size(); ++k) {
    if (staged_[k].empty()) continue;
    Shape shape = plans_.for_rows(1).output_types()[k].shape;
    shape[0] = end - first;
    for_output([&] { sinks_[k]->write(first, {staged_[k].data(), output_dtypes_[k], shape}); });
  }
}

void BatchRunner::hand_out(size_t k, int64_t begin, const TensorView& rows) {
  if (!stages_ || sinks_[k]->is_rewritable()) return sinks_[k]->write(begin, rows);
  const auto* bytes = static_cast<const std::byte*>(rows.data);
  staged_[k].insert(staged_[k].end(), bytes, bytes + num_bytes(rows.dtype, rows.shape));
}

plan::WorkerState& BatchRunner::state_for(const plan::Plan& plan, int64_t rows) {
  std::unique_ptr<plan::WorkerState>& state = states_[rows];
  if (state == nullptr) state = std::make_unique<plan::WorkerState>(plan);
  return *state;
}

void BatchRunner::run_batch(int64_t begin, int64_t end) {
  const int64_t rows = end - begin;
  const plan::Plan& plan = plans_.for_rows(rows);
  read_inputs(begin, end, plan);
  for_output([&] { place_outputs(begin, end, plan); });
  plan.execute({input_addresses_, output_addresses_}, state_for(plan, rows));
  for (const Source* source : sources_) source->check(begin, end);
  if (options_.check_finite) require_finite(begin, plan);
  for_output([&] { write_outputs(begin, plan); });
}

void BatchRunner::read_inputs(int64_t begin, int64_t end, const plan::Plan& plan) {
  std::vector<TensorView> views;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const TensorView view = sources_[i]->rows(begin, end, source_scratch_[i]);
    const graph::TensorType& wanted = plan.input_types()[i];
    input_addresses_[i] = view.data;
    if (options_.inspect) views.push_back(view);
    if (view.dtype == wanted.dtype) continue;
    void* converted = room_for(converted_inputs_[i], wanted.dtype, wanted.shape);
    convert_elements(view.dtype, view.data, wanted.dtype, converted, num_elements(wanted.shape));
    input_addresses_[i] = converted;
  }
  if (options_.inspect) options_.inspect(views);
}

void BatchRunner::place_outputs(int64_t begin, int64_t end, const plan::Plan& plan) {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const graph::TensorType& type = plan.output_types()[k];
    output_addresses_[k] = nullptr;
    if (type.dtype == output_dtypes_[k]) output_addresses_[k] = sinks_[k]->direct(begin, end).data;
    if (output_addresses_[k] == nullptr) {
      output_addresses_[k] = room_for(computed_outputs_[k], type.dtype, type.shape);
    }
  }
}

void BatchRunner::require_finite(int64_t begin, const plan::Plan& plan) const {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const graph::TensorType& type = plan.output_types()[k];
    if (type.dtype != DType::kFloat32) continue;
    const int64_t count = num_elements(type.shape);
    const int64_t found =
        first_not_finite(static_cast<const float*>(output_addresses_[k]), count, output_dtypes_[k]);
    if (found < 0) continue;
    fail(ErrorCode::kNotFinite, "the prediction of row {} for {} is not finite",
         begin + found / (count / type.shape[0]), sinks_[k]->name());
  }
}

void BatchRunner::write_outputs(int64_t begin, const plan::Plan& plan) {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const Tensor& computed = computed_outputs_[k];
    if (output_addresses_[k] != computed.data()) {
      sinks_[k]->write(begin,
                       {output_addresses_[k], output_dtypes_[k], plan.output_types()[k].shape});
      continue;
    }
    const DType wanted = output_dtypes_[k];
    if (computed.dtype() == wanted) {
      hand_out(k, begin, computed);
      continue;
    }
    Tensor& converted = converted_outputs_[k];
    convert_elements(computed.dtype(), computed.data(), wanted,
                     room_for(converted, wanted, computed.shape()), computed.num_elements());
    hand_out(k, begin, converted);
  }
}

}  // namespace hornet::runtime
