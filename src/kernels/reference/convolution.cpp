#include "graph/ops/convolution.h"

#include "kernels/reference/call.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/kernels.h"

// Convolutions over fewer than 3 spatial dimensions are computed with leading dimensions of size 1.

namespace hornet::kernels::reference {
namespace {

constexpr size_t kSpatial = 3;
using Cells = std::array<int64_t, kSpatial>;

// The spatial part of a shape or window, `missing` in front.
template <class List>
Cells spatial(const List& list, size_t first, size_t count, int64_t missing) {
  Cells cells;
  cells.fill(missing);
  for (size_t i = 0; i < count; ++i) cells[kSpatial - count + i] = list[first + i];
  return cells;
}

int64_t flat(const Cells& index, const Cells& sizes) {
  return (index[0] * sizes[1] + index[1]) * sizes[2] + index[2];
}

template <class F>
void for_each_cell(const Cells& sizes, F&& f) {
  Cells i;
  for (i[0] = 0; i[0] < sizes[0]; ++i[0]) {
    for (i[1] = 0; i[1] < sizes[1]; ++i[1]) {
      for (i[2] = 0; i[2] < sizes[2]; ++i[2]) f(static_cast<const Cells&>(i));
    }
  }
}

bool inside(const Cells& index, const Cells& sizes) {
  for (size_t i = 0; i < kSpatial; ++i) {
    if (index[i] < 0 || index[i] >= sizes[i]) return false;
  }
  return true;
}

// Sizes that both convolutions have in common.
struct Geometry {
  Cells input, output, kernel, strides, dilations;
  int64_t rows, input_channels, filters;
  template <class OpType>
  explicit Geometry(const Call<OpType>& call) {
    const graph::Window& window = call.op.window;
    const size_t count = window.size.size();
    input = spatial(call.input_shape(0), 1, count, 1);
    output = spatial(call.output_shape(0), 1, count, 1);
    kernel = spatial(window.size, 0, count, 1);
    strides = spatial(window.strides, 0, count, 1);
    dilations = spatial(window.dilations, 0, count, 1);
    rows = call.input_shape(0)[0];
    input_channels = call.input_shape(0).back();
    filters = call.output_shape(0).back();
  }
};

float finish(double sum, const float* bias, const float* residual, int64_t filter, int64_t at,
             const graph::Epilogue& epilogue) {
  if (bias != nullptr) sum += static_cast<double>(bias[filter]);
  if (residual != nullptr) sum += static_cast<double>(residual[at]);
  return static_cast<float>(apply(epilogue.activation, sum));
}

void compute_conv(const Call<graph::Conv>& call) {
  const Geometry g(call);
  const size_t count = call.op.window.size.size();
  Cells pad_begin{};
  for (size_t i = 0; i < count; ++i) {
    pad_begin[kSpatial - count + i] =
        call.op.window.resolve(i, call.input_shape(0)[i + 1]).pad_begin;
  }
  const int64_t group_inputs = g.input_channels / call.op.groups;
  const int64_t group_filters = g.filters / call.op.groups;
  const float* x = call.input(0);
  const float* w = call.input(1);
  float* y = call.output(0);
  for (int64_t row = 0; row < g.rows; ++row) {
    for_each_cell(g.output, [&](const Cells& out) {
      for (int64_t filter = 0; filter < g.filters; ++filter) {
        const int64_t first_channel = filter / group_filters * group_inputs;
        double sum = 0;
        for_each_cell(g.kernel, [&](const Cells& k) {
          Cells in;
          for (size_t i = 0; i < kSpatial; ++i) {
            in[i] = out[i] * g.strides[i] + k[i] * g.dilations[i] - pad_begin[i];
          }
          if (!inside(in, g.input)) return;
          const int64_t x_cell = row * g.input[0] * g.input[1] * g.input[2] + flat(in, g.input);
          const float* x_at = x + x_cell * g.input_channels + first_channel;
          const float* w_at = w + flat(k, g.kernel) * group_inputs * g.filters + filter;
          for (int64_t c = 0; c < group_inputs; ++c) {
            sum += static_cast<double>(x_at[c]) * static_cast<double>(w_at[c * g.filters]);
          }
        });
        const int64_t y_cell = row * g.output[0] * g.output[1] * g.output[2] + flat(out, g.output);
        const int64_t at = y_cell * g.filters + filter;
        y[at] = finish(sum, call.input(2), call.input(3), filter, at, call.op.epilogue);
      }
    });
  }
}

void compute_conv_transpose(const Call<graph::ConvTranspose>& call) {
  const Geometry g(call);
  const size_t count = call.op.window.size.size();
  Cells crop{};
  for (size_t i = 0; i < count; ++i) {
    crop[kSpatial - count + i] = call.op.resolve(i, call.input_shape(0)[i + 1]).crop;
  }
  const float* x = call.input(0);
  const float* w = call.input(1);
  float* y = call.output(0);
  for (int64_t row = 0; row < g.rows; ++row) {
    for_each_cell(g.output, [&](const Cells& out) {
      for (int64_t filter = 0; filter < g.filters; ++filter) {
        double sum = 0;
        for_each_cell(g.kernel, [&](const Cells& k) {
          // Cell `out + crop` of the full result gets x[in] * w[k] where in * stride + k * dilation
          // is that cell.
          Cells in;
          for (size_t i = 0; i < kSpatial; ++i) {
            const int64_t distance = out[i] + crop[i] - k[i] * g.dilations[i];
            if (distance < 0 || distance % g.strides[i] != 0) return;
            in[i] = distance / g.strides[i];
          }
          if (!inside(in, g.input)) return;
          const int64_t x_cell = row * g.input[0] * g.input[1] * g.input[2] + flat(in, g.input);
          const float* x_at = x + x_cell * g.input_channels;
          const float* w_at = w + (flat(k, g.kernel) * g.filters + filter) * g.input_channels;
          for (int64_t c = 0; c < g.input_channels; ++c) {
            sum += static_cast<double>(x_at[c]) * static_cast<double>(w_at[c]);
          }
        });
        const int64_t y_cell = row * g.output[0] * g.output[1] * g.output[2] + flat(out, g.output);
        const int64_t at = y_cell * g.filters + filter;
        y[at] = finish(sum, call.input(2), call.input(3), filter, at, call.op.epilogue);
      }
    });
  }
}

std::string refusal(const KernelRequest& request, const graph::Window& window) {
  if (const auto* type = other_than_float(request, 4)) {
    return "convolution of " + graph::to_string(*type);
  }
  return window.size.size() > kSpatial ? "more than 3 spatial dimensions" : "";
}

}  // namespace

KernelOffer conv(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Conv&>(request.op);
  if (std::string reason = refusal(request, op.window); !reason.empty()) return refuse(reason);
  return offer<graph::Conv>(request, compute_conv);
}

KernelOffer conv_transpose(const KernelRequest& request) {
  const auto& op = static_cast<const graph::ConvTranspose&>(request.op);
  if (std::string reason = refusal(request, op.window); !reason.empty()) return refuse(reason);
  return offer<graph::ConvTranspose>(request, compute_conv_transpose);
}

}  // namespace hornet::kernels::reference
