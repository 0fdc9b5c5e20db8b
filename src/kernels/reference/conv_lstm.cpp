#include <algorithm>

#include "graph/ops/recurrent.h"
#include "kernels/reference/call.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

// Fewer than 3 spatial dimensions are computed with leading ones of size 1.
constexpr size_t kImageAxes = 3;

struct ConvLstmGeometry {
  std::array<int64_t, kImageAxes> image, kernel, pad;
  int64_t rows, steps, filters, cells;

  explicit ConvLstmGeometry(const Call<graph::ConvLstm>& call) {
    const Shape& x = call.input_shape(0);
    const graph::Window window = call.op.window(call.input_shape(1));
    const size_t count = window.size.size();
    image.fill(1);
    kernel.fill(1);
    pad.fill(0);
    for (size_t i = 0; i < count; ++i) {
      const size_t at = kImageAxes - count + i;
      image[at] = x[2 + i];
      kernel[at] = window.size[i];
      pad[at] = window.resolve(i, x[2 + i]).pad_begin;
    }
    rows = x[0];
    steps = x[1];
    filters = x.back() / 4;
    cells = image[0] * image[1] * image[2];
  }
  int64_t state_size() const { return cells * filters; }
};

// sums[j] += the recurrent convolution of h at one cell, j running over the 4 gates' channels.
void add_recurrent(const ConvLstmGeometry& g, const float* h, const float* weights,
                   const std::array<int64_t, kImageAxes>& cell, double* sums) {
  const int64_t width = 4 * g.filters;
  for (int64_t tap = 0; tap < g.kernel[0] * g.kernel[1] * g.kernel[2]; ++tap) {
    int64_t rest = tap, from = 0, stride = 1;
    bool inside = true;
    for (size_t i = kImageAxes; i-- > 0;) {
      const int64_t at = cell[i] + rest % g.kernel[i] - g.pad[i];
      inside = inside && at >= 0 && at < g.image[i];
      rest /= g.kernel[i];
      from += at * stride;
      stride *= g.image[i];
    }
    if (!inside) continue;
    for (int64_t c = 0; c < g.filters; ++c) {
      const auto value = static_cast<double>(h[from * g.filters + c]);
      const float* w = weights + (tap * g.filters + c) * width;
      for (int64_t j = 0; j < width; ++j) sums[j] += value * static_cast<double>(w[j]);
    }
  }
}

// One step of one row: new states from x, h and c.
void step(const ConvLstmGeometry& g, const graph::RecurrentOptions& options, const float* weights,
          const float* x, const float* h, const float* c, float* new_h, float* new_c,
          double* sums) {
  const int64_t f = g.filters;
  std::array<int64_t, kImageAxes> cell{};
  int64_t at = 0;
  for (cell[0] = 0; cell[0] < g.image[0]; ++cell[0]) {
    for (cell[1] = 0; cell[1] < g.image[1]; ++cell[1]) {
      for (cell[2] = 0; cell[2] < g.image[2]; ++cell[2], ++at) {
        for (int64_t j = 0; j < 4 * f; ++j) sums[j] = static_cast<double>(x[at * 4 * f + j]);
        add_recurrent(g, h, weights, cell, sums);
        for (int64_t j = 0; j < f; ++j) {
          const double i_gate = apply(options.recurrent_activation, sums[j]);
          const double f_gate = apply(options.recurrent_activation, sums[f + j]);
          const double candidate = apply(options.activation, sums[2 * f + j]);
          const double o_gate = apply(options.recurrent_activation, sums[3 * f + j]);
          const double value = f_gate * static_cast<double>(c[at * f + j]) + i_gate * candidate;
          new_c[at * f + j] = static_cast<float>(value);
          new_h[at * f + j] = static_cast<float>(o_gate * apply(options.activation, value));
        }
      }
    }
  }
}

void compute_conv_lstm(const Call<graph::ConvLstm>& call) {
  const ConvLstmGeometry g(call);
  const graph::RecurrentOptions& options = call.op.options;
  const int64_t size = g.state_size();
  auto* sums = static_cast<double*>(call.scratch);
  auto* h = reinterpret_cast<float*>(sums + 4 * g.filters);
  float *c = h + size, *new_h = c + size, *new_c = new_h + size, *output = new_c + size;
  const bool* mask = call.input<bool>(4);
  for (int64_t row = 0; row < g.rows; ++row) {
    const auto load = [&](size_t input, float* state) {
      const float* initial = call.input(input);
      if (initial == nullptr) {
        std::fill_n(state, size, 0.0f);
      } else {
        std::copy_n(initial + row * size, size, state);
      }
    };
    load(2, h);
    load(3, c);
    std::fill_n(output, size, 0.0f);
    for (int64_t i = 0; i < g.steps; ++i) {
      const int64_t t = options.go_backwards ? g.steps - 1 - i : i;
      if (mask == nullptr || mask[row * g.steps + t]) {
        step(g, options, call.input(1), call.input(0) + (row * g.steps + t) * 4 * size, h, c, new_h,
             new_c, sums);
        std::copy_n(new_h, size, h);
        std::copy_n(new_c, size, c);
        std::copy_n(new_h, size, output);
      } else if (options.zero_output_for_mask) {
        std::fill_n(output, size, 0.0f);
      }
      if (float* sequence = call.output(0)) {
        std::copy_n(output, size, sequence + (row * g.steps + i) * size);
      }
    }
    const auto store = [&](const float* state, size_t index) {
      if (float* to = call.output(index)) std::copy_n(state, size, to + row * size);
    };
    store(output, 1);
    store(h, 2);
    store(c, 3);
  }
}

}  // namespace

KernelOffer conv_lstm(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 4)) {
    return refuse("recurrence over " + graph::to_string(*type));
  }
  const Shape& x = request.inputs[0].shape;
  if (x.size() > kImageAxes + 3) return refuse("more than 3 spatial dimensions");
  const size_t channels = static_cast<size_t>(x.back());
  size_t state = channels / 4;
  for (size_t i = 2; i + 1 < x.size(); ++i) state *= static_cast<size_t>(x[i]);
  return offer<graph::ConvLstm>(request, compute_conv_lstm, {},
                                channels * sizeof(double) + 5 * state * sizeof(float));
}

}  // namespace hornet::kernels::reference
