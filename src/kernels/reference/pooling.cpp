#include "graph/ops/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

// Real cells [begin, end) of the window of output cell `output`.
struct Cells {
  int64_t begin, end;
};

Cells cells_of(const graph::Window& window, size_t axis, int64_t output, int64_t input_size) {
  const int64_t first = output * window.strides[axis] - window.resolve(axis, input_size).pad_begin;
  return {std::max<int64_t>(first, 0), std::min(first + window.size[axis], input_size)};
}

void compute_pool(const Call<graph::Pool>& call) {
  const graph::Window& window = call.op.window;
  const Dims input(call.input_shape(0)), output(call.output_shape(0));
  const Dims input_strides = row_major_strides(input);
  const size_t spatial = window.size.size();
  const bool is_max = call.op.kind == graph::PoolKind::kMax;
  const int64_t channels = output[output.rank - 1];
  const float* x = call.input(0);
  float* y = call.output(0);

  // Output cells (row and spatial position), decoded from a running number.
  const int64_t num_cells = channels == 0 ? 0 : num_elements(output) / channels;
  for (int64_t cell = 0; cell < num_cells; ++cell) {
    Dims sizes, strides;  // of the real cells under the window
    int64_t rest = cell, first = 0;
    sizes.rank = strides.rank = spatial;
    for (size_t i = spatial; i-- > 0;) {
      const Cells cells = cells_of(window, i, rest % output[i + 1], input[i + 1]);
      rest /= output[i + 1];
      sizes[i] = std::max<int64_t>(cells.end - cells.begin, 0);
      strides[i] = input_strides[i + 1];
      first += cells.begin * input_strides[i + 1];
    }
    first += rest * input_strides[0];
    const int64_t count = num_elements(sizes);
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      float largest = -std::numeric_limits<float>::infinity();
      for_each_index<1>(sizes, {strides}, [&](const auto& at) {
        const float value = x[first + at[0] + c];
        sum += static_cast<double>(value);
        if (value > largest || std::isnan(value)) largest = value;
      });
      const double average = count == 0 ? 0 : sum / static_cast<double>(count);
      y[cell * channels + c] = is_max ? largest : static_cast<float>(average);
    }
  }
}

void compute_adaptive_pool(const Call<graph::AdaptivePool>& call) {
  const Dims input(call.input_shape(0)), output(call.output_shape(0));
  const Dims input_strides = row_major_strides(input);
  const size_t spatial = call.op.size.size();
  const bool is_max = call.op.kind == graph::PoolKind::kMax;
  const int64_t channels = output[output.rank - 1];
  const float* x = call.input(0);
  float* y = call.output(0);
  const int64_t num_cells = channels == 0 ? 0 : num_elements(output) / channels;
  for (int64_t cell = 0; cell < num_cells; ++cell) {
    Dims sizes, strides;
    int64_t rest = cell, first = 0;
    sizes.rank = strides.rank = spatial;
    for (size_t i = spatial; i-- > 0;) {
      const auto cells = call.op.cells(i, rest % output[i + 1], input[i + 1]);
      rest /= output[i + 1];
      sizes[i] = cells.end - cells.begin;
      strides[i] = input_strides[i + 1];
      first += cells.begin * input_strides[i + 1];
    }
    first += rest * input_strides[0];
    const auto count = static_cast<double>(num_elements(sizes));
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      float largest = -std::numeric_limits<float>::infinity();
      for_each_index<1>(sizes, {strides}, [&](const auto& at) {
        const float value = x[first + at[0] + c];
        sum += static_cast<double>(value);
        if (value > largest || std::isnan(value)) largest = value;
      });
      y[cell * channels + c] = is_max ? largest : static_cast<float>(sum / count);
    }
  }
}

}  // namespace

KernelOffer adaptive_pool(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 1)) {
    return refuse("pooling of " + graph::to_string(*type));
  }
  return offer<graph::AdaptivePool>(request, compute_adaptive_pool);
}

KernelOffer pool(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Pool&>(request.op);
  if (const auto* type = other_than_float(request, 1)) {
    return refuse("pooling of " + graph::to_string(*type));
  }
  for (const int64_t dilation : op.window.dilations) {
    if (dilation != 1) return refuse("pooling with dilation");
  }
  return offer<graph::Pool>(request, compute_pool);
}

}  // namespace hornet::kernels::reference
