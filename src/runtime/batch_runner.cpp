#include "runtime/batch_runner.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/memory.h"
#include "runtime/rows.h"

namespace hornet::runtime {
namespace {

// `buffer` with room for `shape`, kept from batch to batch.
void* room_for(Tensor& buffer, DType dtype, const Shape& shape) {
  if (buffer.dtype() != dtype || buffer.shape() != shape) buffer = Tensor(dtype, shape);
  return buffer.mutable_data();
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
      inputs_(sources_.size()),
      outputs_(sinks_.size()),
      input_addresses_(sources_.size()),
      output_addresses_(sinks_.size()) {
  HORNET_CHECK(options_.batch_size > 0 && output_dtypes_.size() == sinks_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    inputs_[i].row_bytes = num_bytes(sources_[i]->dtype(), sources_[i]->row_shape());
  }
}

void BatchRunner::run(int64_t begin, int64_t end) {
  if (begin == end) return;
  const auto& types = plans_.for_rows(1).output_types();
  for (size_t k = 0; k < sinks_.size(); ++k) {
    outputs_[k].row_bytes = num_bytes(output_dtypes_[k], types[k].shape);
    if (!sinks_[k]->is_rewritable()) open_output(k, begin, end);
  }
  const int64_t block = rows_of_block(end - begin);
  for (int64_t first = begin; first < end; first += block) {
    run_block(first, std::min(end, first + block));
  }
  for (size_t k = 0; k < sinks_.size(); ++k) {
    if (!sinks_[k]->is_rewritable()) close_output(k, end);
  }
}

// Whole batches of about so many bytes: few calls, and what they gave is still in the cache.
int64_t BatchRunner::rows_of_block(int64_t rows) {
  constexpr size_t kBlockBytes = size_t{128} << 10;
  size_t row_bytes = 1;
  for (const Input& input : inputs_) row_bytes += input.row_bytes;
  for (const Output& output : outputs_) row_bytes += output.row_bytes;
  // A batch size that was asked for may be far beyond the rows.
  const int64_t batch = std::min(options_.batch_size, rows);
  const auto fitting = static_cast<int64_t>(kBlockBytes / row_bytes);
  return std::max<int64_t>(fitting / batch, 1) * batch;
}

void BatchRunner::run_block(int64_t begin, int64_t end) {
  read_block(begin, end);
  for (size_t k = 0; k < sinks_.size(); ++k) {
    if (sinks_[k]->is_rewritable()) open_output(k, begin, end);
  }
  for (int64_t first = begin; first < end;) {
    const int64_t left = end - first;
    const int64_t rows = left >= options_.batch_size
                             ? options_.batch_size
                             : static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(left)));
    run_batch(first, first + rows);
    first += rows;
  }
  for (size_t k = 0; k < sinks_.size(); ++k) {
    if (sinks_[k]->is_rewritable()) close_output(k, end);
  }
}

void BatchRunner::read_block(int64_t begin, int64_t end) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    inputs_[i].first = begin;
    inputs_[i].rows = read_rows(*sources_[i], begin, end, inputs_[i].scratch);
  }
}

void BatchRunner::open_output(size_t k, int64_t begin, int64_t end) {
  Output& output = outputs_[k];
  output.first = begin;
  output.rows = static_cast<std::byte*>(
      for_output(*sinks_[k], [&] { return sinks_[k]->direct(begin, end); }));
  if (output.rows != nullptr) return;
  output.rows =
      aligned_room(output.own, static_cast<size_t>(end - begin) * output.row_bytes).data();
}

void BatchRunner::close_output(size_t k, int64_t end) {
  const Output& output = outputs_[k];
  Shape shape = plans_.for_rows(1).output_types()[k].shape;
  shape[0] = end - output.first;
  for_output(*sinks_[k], [&] {
    sinks_[k]->write(output.first, {output.rows, output_dtypes_[k], shape});
  });
}

plan::WorkerState& BatchRunner::state_for(const plan::Plan& plan, int64_t rows) {
  std::unique_ptr<plan::WorkerState>& state = states_[rows];
  if (state == nullptr) state = std::make_unique<plan::WorkerState>(plan);
  return *state;
}

void BatchRunner::run_batch(int64_t begin, int64_t end) {
  const int64_t rows = end - begin;
  const plan::Plan& plan = plans_.for_rows(rows);
  place_inputs(begin, plan);
  place_outputs(begin, plan);
  plan.execute({input_addresses_, output_addresses_}, state_for(plan, rows));
  if (options_.check_finite) require_finite(begin, plan);
  convert_outputs(begin, plan);
}

void BatchRunner::place_inputs(int64_t begin, const plan::Plan& plan) {
  std::vector<TensorView> views;
  for (size_t i = 0; i < sources_.size(); ++i) {
    Input& input = inputs_[i];
    const graph::TensorType& wanted = plan.input_types()[i];
    const void* rows = static_cast<const std::byte*>(input.rows.data) +
                       static_cast<size_t>(begin - input.first) * input.row_bytes;
    input_addresses_[i] = rows;
    if (options_.inspect) views.push_back({rows, input.rows.dtype, wanted.shape});
    if (input.rows.dtype == wanted.dtype) continue;
    void* converted = room_for(input.converted, wanted.dtype, wanted.shape);
    convert_elements(input.rows.dtype, rows, wanted.dtype, converted, num_elements(wanted.shape));
    input_addresses_[i] = converted;
  }
  if (options_.inspect) options_.inspect(views);
}

void BatchRunner::place_outputs(int64_t begin, const plan::Plan& plan) {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    Output& output = outputs_[k];
    const graph::TensorType& type = plan.output_types()[k];
    output_addresses_[k] =
        type.dtype == output_dtypes_[k]
            ? output.rows + static_cast<size_t>(begin - output.first) * output.row_bytes
            : room_for(output.computed, type.dtype, type.shape);
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

void BatchRunner::convert_outputs(int64_t begin, const plan::Plan& plan) {
  for (size_t k = 0; k < sinks_.size(); ++k) {
    const graph::TensorType& type = plan.output_types()[k];
    if (type.dtype == output_dtypes_[k]) continue;
    Output& output = outputs_[k];
    convert_elements(type.dtype, output.computed.data(), output_dtypes_[k],
                     output.rows + static_cast<size_t>(begin - output.first) * output.row_bytes,
                     num_elements(type.shape));
  }
}

}  // namespace hornet::runtime
