// Convolutions of each channel with a window of its own, over vectors of channels.
#include <algorithm>

#include "base/check.h"
#include "graph/ops/convolution.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/depthwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

#ifndef HORNET_DEPTHWISE
#define HORNET_DEPTHWISE
namespace hornet::kernels {
namespace {

struct DepthwiseShape {
  int64_t channels;
  int64_t input_height, input_width, output_height, output_width;
  int64_t size_y, size_x, stride_y, stride_x, dilation_y, dilation_x, pad_y, pad_x;
};

// A line of y [output_width, channels], before the activation but for relu and relu6, and what it
// is computed from.
struct DepthwiseLine {
  const float* x;         // the first line of the image that the window covers
  int64_t line_floats;    // between lines that the window covers
  int64_t window_lines;   // how many it covers
  const float* weights;   // [window_lines, size_x, channels]
  const float* bias;      // null: none
  const float* residual;  // null: none
  float* y;
  bool relu, relu6;
};

// Computes channels [c, end) of a line; c is a multiple of kDepthwiseChannels.
using DepthwiseFunction = void (*)(const DepthwiseShape&, const DepthwiseLine&, int64_t c,
                                   int64_t end);
constexpr int64_t kDepthwiseChannels = 16;

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

HWY_ALIGN constexpr float kZeros[kLanes] = {};

// kCells cells of y from cell `first` on, of which `cells` are written, for the channels from c on.
// Cells of x outside the image count as 0. Where kSize > 0 the window is so wide, moves by kStride
// and has no gaps: a cell of x is loaded once for all cells of y it goes to.
template <int kSize, int kStride, int kCells, bool kInside, class Part>
HWY_INLINE void compute_cells(const DepthwiseShape& s, const DepthwiseLine& line, int64_t c,
                              int64_t first, int64_t cells, const Part& part) {
  const V zero = hn::Zero(D());
  V sum[kCells];
#pragma GCC unroll 16
  for (int i = 0; i < kCells; ++i) sum[i] = zero;
  const float* x_line = line.x + c;
  const float* w = line.weights + c;
  const int64_t left = first * (kSize > 0 ? kStride : s.stride_x) - s.pad_x;
  // Outside the image zeros are loaded: that takes no branch.
  const auto load = [&](int64_t column) HWY_ATTR {
    const float* from = x_line + column * s.channels;
    if (!kInside) {
      const bool inside = static_cast<uint64_t>(column) < static_cast<uint64_t>(s.input_width);
      from = inside ? from : kZeros;
    }
    return part.load(from);
  };
  for (int64_t j = 0; j < line.window_lines; ++j, x_line += line.line_floats) {
    if constexpr (kSize > 0) {
      V weight[kSize];
#pragma GCC unroll 16
      for (int k = 0; k < kSize; ++k) weight[k] = part.load(w + k * s.channels);
#pragma GCC unroll 32
      for (int i = 0; i < (kCells - 1) * kStride + kSize; ++i) {
        const V a = load(left + i);
#pragma GCC unroll 16
        for (int k = 0; k < kSize; ++k) {
          const int cell = (i - k) / kStride;
          if (i >= k && (i - k) % kStride == 0 && cell < kCells) {
            sum[cell] = hn::MulAdd(a, weight[k], sum[cell]);
          }
        }
      }
      w += kSize * s.channels;
    } else {
      for (int64_t k = 0; k < s.size_x; ++k, w += s.channels) {
        const V weight = part.load(w);
#pragma GCC unroll 16
        for (int i = 0; i < kCells; ++i) {
          const V a = load(left + i * s.stride_x + k * s.dilation_x);
          sum[i] = hn::MulAdd(a, weight, sum[i]);
        }
      }
    }
  }
  const V bias = line.bias == nullptr ? zero : part.load(line.bias + c);
  float* y = line.y + first * s.channels + c;
  const float* residual =
      line.residual == nullptr ? nullptr : line.residual + first * s.channels + c;
#pragma GCC unroll 16
  for (int i = 0; i < kCells; ++i) {
    if (kInside || i < cells) {
      V v = hn::Add(sum[i], bias);
      if (residual != nullptr) v = hn::Add(v, part.load(residual + i * s.channels));
      if (line.relu) v = relu(v);
      if (line.relu6) v = relu6(v);
      part.store(v, y + i * s.channels);
    }
  }
}

// Channels [c, end).
template <int kSize, int kStride, int kCells>
void compute_line(const DepthwiseShape& s, const DepthwiseLine& line, int64_t c, int64_t end) {
  constexpr int64_t kStep = static_cast<int64_t>(kLanes);
  const int64_t extent = (s.size_x - 1) * s.dilation_x + (kCells - 1) * s.stride_x + 1;
  for (; c + kStep <= end; c += kStep) {
    for (int64_t first = 0; first < s.output_width; first += kCells) {
      const int64_t left = first * s.stride_x - s.pad_x;
      const int64_t cells = s.output_width - first;
      if (left >= 0 && left + extent <= s.input_width && cells >= kCells) {
        compute_cells<kSize, kStride, kCells, true>(s, line, c, first, kCells, WholeVector{});
      } else {
        compute_cells<kSize, kStride, kCells, false>(s, line, c, first, cells, WholeVector{});
      }
    }
  }
  if (c < end) {
    const PartOfVector part{static_cast<size_t>(end - c)};
    for (int64_t first = 0; first < s.output_width; first += 4) {
      compute_cells<0, 1, 4, false>(s, line, c, first, s.output_width - first, part);
    }
  }
}

// Lines are cut into pieces of 7 or 8 cells, whichever wastes less.
template <int kSize, int kStride>
DepthwiseFunction choose_cells(const DepthwiseShape& s) {
  const auto waste = [&](int64_t cells) {
    return (s.output_width + cells - 1) / cells * cells - s.output_width;
  };
  return waste(7) < waste(8) ? compute_line<kSize, kStride, 7> : compute_line<kSize, kStride, 8>;
}

}  // namespace

DepthwiseFunction depthwise_function(const DepthwiseShape& s) {
  if (s.dilation_x == 1 && s.stride_x == 1 && s.size_x == 3) return choose_cells<3, 1>(s);
  if (s.dilation_x == 1 && s.stride_x == 2 && s.size_x == 3) return choose_cells<3, 2>(s);
  if (s.dilation_x == 1 && s.stride_x == 1 && s.size_x == 5) return choose_cells<5, 1>(s);
  if (s.dilation_x == 1 && s.stride_x == 2 && s.size_x == 5) return choose_cells<5, 2>(s);
  return compute_line<0, 1, 4>;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

HWY_EXPORT(depthwise_function);

class DepthwiseKernel final : public Kernel {
 public:
  DepthwiseKernel(const DepthwiseShape& shape, int64_t rows, Activation activation)
      : s_(shape),
        rows_(rows),
        activation_(activation),
        compute_line_(HWY_DYNAMIC_DISPATCH(depthwise_function)(shape)) {
    // The lines under a window stay in the first cache level for the next ones.
    constexpr int64_t kBlockFloats = 4 << 10;
    const int64_t cells = s_.size_y * s_.input_width;
    block_ = std::max<int64_t>(kBlockFloats / cells / kDepthwiseChannels, 1) * kDepthwiseChannels;
  }

  std::string describe() const override { return "simd depthwise"; }
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }

  void run(const KernelArgs& args, KernelState*) const override {
    const int64_t line_floats = s_.input_width * s_.channels;
    const int64_t y_floats = s_.output_width * s_.channels;
    const float* x = simd::input(args, 0);
    DepthwiseLine line = {};
    line.bias = simd::input(args, 2);
    line.residual = simd::input(args, 3);
    line.y = simd::output(args, 0);
    line.relu = activation_.is_relu();
    line.relu6 = activation_.is_relu6();
    line.line_floats = s_.dilation_y * line_floats;
    for (int64_t row = 0; row < rows_; ++row, x += s_.input_height * line_floats) {
      for (int64_t c = 0; c < s_.channels; c += block_) {
        compute_image(x, line, simd::input(args, 1), c, std::min(s_.channels, c + block_));
      }
      line.y += s_.output_height * y_floats;
      if (line.residual != nullptr) line.residual += s_.output_height * y_floats;
    }
  }

 private:
  // Channels [c, end) of all lines of an image.
  void compute_image(const float* x, DepthwiseLine line, const float* weights, int64_t c,
                     int64_t end) const {
    const int64_t line_floats = s_.input_width * s_.channels;
    const int64_t y_floats = s_.output_width * s_.channels;
    for (int64_t i = 0; i < s_.output_height; ++i) {
      // Window lines above and below the image are left out.
      const int64_t top = i * s_.stride_y - s_.pad_y, d = s_.dilation_y;
      const int64_t first = top < 0 ? std::min((-top + d - 1) / d, s_.size_y) : 0;
      const int64_t room = s_.input_height - top;  // lines from `top` down to the end
      const int64_t last = std::clamp<int64_t>((room + d - 1) / d, first, s_.size_y);
      line.x = first == last ? x : x + (top + first * d) * line_floats;
      line.window_lines = last - first;
      line.weights = weights + first * s_.size_x * s_.channels;
      compute_line_(s_, line, c, end);
      if (!activation_.is_in_registers()) {
        activation_(line.y + c, s_.channels, line.y + c, s_.channels, s_.output_width, end - c);
      }
      line.y += y_floats;
      if (line.residual != nullptr) line.residual += y_floats;
    }
  }

  const DepthwiseShape s_;
  const int64_t rows_;
  const Activation activation_;
  const DepthwiseFunction compute_line_;
  int64_t block_;  // channels
};

}  // namespace

KernelOffer simd_depthwise_conv(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Conv&>(request.op);
  for (size_t i = 0; i < 4; ++i) {
    if (!is_float(request, i)) return refuse("operands of other types than float32");
  }
  const Shape &x = request.inputs[0].shape, &y = request.outputs[0].shape;
  const size_t count = op.window.size.size();
  if (op.groups != x.back() || y.back() != x.back()) {
    return refuse("a convolution that is not of each channel to one filter");
  }
  if (count > 2) return refuse("more than 2 spatial dimensions");
  const std::optional<Activation> activation = find_activation(op.epilogue.activation);
  if (!activation) return refuse("activation " + op.epilogue.activation.to_string());
  DepthwiseShape s = {x.back(), 1, x[count], 1, y[count], 1, 1, 1, 1, 1, 1, 0, 0};
  s.size_x = op.window.size[count - 1];
  s.stride_x = op.window.strides[count - 1];
  s.dilation_x = op.window.dilations[count - 1];
  s.pad_x = op.window.resolve(count - 1, x[count]).pad_begin;
  if (count == 2) {
    s.input_height = x[1];
    s.output_height = y[1];
    s.size_y = op.window.size[0];
    s.stride_y = op.window.strides[0];
    s.dilation_y = op.window.dilations[0];
    s.pad_y = op.window.resolve(0, x[1]).pad_begin;
  }
  return {std::make_unique<DepthwiseKernel>(s, x[0], *activation), ""};
}

}  // namespace hornet::kernels
#endif
