// Convolutions of each channel with a window of its own, over vectors of channels.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "graph/ops/convolution.h"
#include "graph/ops/reduction.h"
#include "kernels/pair.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/plane_window.h"
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

struct DepthwiseShape : PlaneWindow {
  int64_t ldx;  // floats from cell to cell of x
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

// sums[c] += the sum of channel c over `cells` cells, ld floats apart.
using AddCellsFunction = void (*)(const float* x, int64_t ld, int64_t cells, int64_t channels,
                                  float* sums);

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

HWY_ALIGN constexpr float kZeros[kLanes] = {};

template <class Part>
HWY_INLINE void finish_cell(const DepthwiseLine& line, V sum, V bias, int64_t at,
                            const Part& part) {
  V v = hn::Add(sum, bias);
  if (line.residual != nullptr) v = hn::Add(v, part.load(line.residual + at));
  if (line.relu) v = relu(v);
  if (line.relu6) v = relu6(v);
  part.store(v, line.y + at);
}

// Cells [first, first + kCells) of y as far as the line goes, for one vector of channels from c on.
// Cells of x outside the image count as 0.
template <int kCells, class Part>
void compute_any_cells(const DepthwiseShape& s, const DepthwiseLine& line, int64_t first, int64_t c,
                       const Part& part) {
  V sum[kCells];
#pragma GCC unroll 16
  for (int i = 0; i < kCells; ++i) sum[i] = hn::Zero(D());
  const float* x_line = line.x + c;
  const float* w = line.weights + c;
  const int64_t left = first * s.stride_x - s.pad_left;
  for (int64_t j = 0; j < line.window_lines; ++j, x_line += line.line_floats) {
    for (int64_t k = 0; k < s.size_x; ++k, w += s.channels) {
      const V weight = part.load(w);
#pragma GCC unroll 16
      for (int i = 0; i < kCells; ++i) {
        // Outside the image zeros are loaded: that takes no branch.
        const int64_t column = left + i * s.stride_x + k * s.dilation_x;
        const bool inside = static_cast<uint64_t>(column) < static_cast<uint64_t>(s.input_width);
        const V a = part.load(inside ? x_line + column * s.ldx : kZeros);
        sum[i] = hn::MulAdd(a, weight, sum[i]);
      }
    }
  }
  const V bias = line.bias == nullptr ? hn::Zero(D()) : part.load(line.bias + c);
#pragma GCC unroll 16
  for (int i = 0; i < kCells; ++i) {
    if (first + i < s.output_width) {
      finish_cell(line, sum[i], bias, (first + i) * s.channels + c, part);
    }
  }
}

// Channels [c, end) of the cells from `first` on.
void compute_any_line(const DepthwiseShape& s, const DepthwiseLine& line, int64_t first, int64_t c,
                      int64_t end) {
  constexpr int kCells = 4;
  for (; first < s.output_width; first += kCells) {
    int64_t i = c;
    for (; i + static_cast<int64_t>(kLanes) <= end; i += static_cast<int64_t>(kLanes)) {
      compute_any_cells<kCells>(s, line, first, i, WholeVector{});
    }
    if (i < end) {
      compute_any_cells<kCells>(s, line, first, i, PartOfVector{static_cast<size_t>(end - i)});
    }
  }
}

// Addresses of cells `ld` floats apart, from the one at `first` on: one in a register for every
// third, between which an instruction reaches the others. There are too few registers for one each.
template <int kCells>
struct CellAddresses {
  static constexpr int kStep = 3;
  const float* third[(kCells + kStep - 1) / kStep];

  HWY_INLINE CellAddresses(const float* first, int64_t ld) {
#pragma GCC unroll 16
    for (int g = 0; g * kStep < kCells; ++g) {
      third[g] = first + g * kStep * ld;
      keep_in_register(third[g]);
    }
  }
  HWY_INLINE const float* at(int i, int64_t ld) const { return third[i / kStep] + i % kStep * ld; }
};

// What becomes of the sums of kCells cells of y from `at` on, floats of the line.
template <int kCells>
HWY_INLINE void finish_cells(const DepthwiseLine& line, int64_t channels, int64_t at, int64_t c,
                             V (&sum)[kCells]) {
  const WholeVector all;
  const V bias = line.bias == nullptr ? hn::Zero(D()) : all.load(line.bias + c);
#pragma GCC unroll 16
  for (int i = 0; i < kCells; ++i) sum[i] = hn::Add(sum[i], bias);
  if (line.residual != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < kCells; ++i) {
      sum[i] = hn::Add(sum[i], all.load(line.residual + at + i * channels));
    }
  }
  if (line.relu) {
#pragma GCC unroll 16
    for (int i = 0; i < kCells; ++i) sum[i] = relu(sum[i]);
  } else if (line.relu6) {
#pragma GCC unroll 16
    for (int i = 0; i < kCells; ++i) sum[i] = relu6(sum[i]);
  }
  float* const y = line.y + at;
#pragma GCC unroll 16
  for (int i = 0; i < kCells; ++i) all.store(sum[i], y + i * channels);
}

// Whole vectors of channels of [c, end), for kCells cells of y from `first` on. The window is kSize
// wide, moves by kStride and has no gaps: a cell of x is loaded once for all cells of y it goes to.
// Of the cells of x in question kLeft lie outside the image on the left, kRight on the right.
template <int kSize, int kStride, int kCells, int kLeft, int kRight>
void compute_cells(const DepthwiseShape& s, const DepthwiseLine& line, int64_t first, int64_t c,
                   int64_t end) {
  constexpr int kExtent = (kCells - 1) * kStride + kSize, kInside = kExtent - kRight - kLeft;
  const WholeVector all;
  const int64_t channels = s.channels, ldx = s.ldx, window_lines = line.window_lines;
  const int64_t line_floats = line.line_floats;
  const float* x = line.x + (first * kStride - s.pad_left + kLeft) * ldx;
  for (; c + static_cast<int64_t>(kLanes) <= end; c += static_cast<int64_t>(kLanes)) {
    V sum[kCells];
#pragma GCC unroll 16
    for (int i = 0; i < kCells; ++i) sum[i] = hn::Zero(D());
    const float* x_line = x + c;
    const float* w = line.weights + c;
    for (int64_t j = 0; j < window_lines; ++j) {
      V weight[kSize];
#pragma GCC unroll 16
      for (int k = 0; k < kSize; ++k) weight[k] = all.load(w + k * channels);
      const CellAddresses<kInside> cells(x_line, ldx);
#pragma GCC unroll 32
      for (int i = kLeft; i < kExtent - kRight; ++i) {
        V a = all.load(cells.at(i - kLeft, ldx));
        keep_in_register(a);
#pragma GCC unroll 16
        for (int k = 0; k < kSize; ++k) {
          const int cell = (i - k) / kStride;
          if (i >= k && (i - k) % kStride == 0 && cell < kCells) {
            sum[cell] = hn::MulAdd(a, weight[k], sum[cell]);
          }
        }
      }
      x_line += line_floats;
      w += kSize * channels;
    }
    finish_cells(line, channels, first * channels + c, c, sum);
  }
}

using CellsFunction = void (*)(const DepthwiseShape&, const DepthwiseLine&, int64_t first,
                               int64_t c, int64_t end);

// kFunctions[kLeft * (kMost + 1) + kRight].
template <int kSize, int kStride, int kCells,
          class Index = std::make_integer_sequence<int, (kSize / 2 + 1) * (kSize / 2 + 1)>>
struct Cells;
template <int kSize, int kStride, int kCells, int... kIndex>
struct Cells<kSize, kStride, kCells, std::integer_sequence<int, kIndex...>> {
  static constexpr int kMost = kSize / 2;
  static constexpr CellsFunction kFunctions[] = {
      compute_cells<kSize, kStride, kCells, kIndex / (kMost + 1), kIndex % (kMost + 1)>...};
};

// Channels [c, end) of a line of at least kCells cells.
template <int kSize, int kStride, int kCells>
void compute_line(const DepthwiseShape& s, const DepthwiseLine& line, int64_t c, int64_t end) {
  using Functions = Cells<kSize, kStride, kCells>;
  constexpr int64_t kExtent = (kCells - 1) * kStride + kSize;
  int64_t next = 0;
  while (next < s.output_width) {
    // The last cells are computed with some before them again, but where that would add to these
    // what is to be added once.
    const int64_t first = std::min(next, s.output_width - kCells);
    if (first < next && line.residual != nullptr) break;
    const int64_t begin = first * kStride - s.pad_left;
    const int64_t left = std::max<int64_t>(-begin, 0);
    const int64_t right = std::max<int64_t>(begin + kExtent - s.input_width, 0);
    Functions::kFunctions[left * (Functions::kMost + 1) + right](s, line, first, c, end);
    next = first + kCells;
  }
  const int64_t whole = c + (end - c) / static_cast<int64_t>(kLanes) * static_cast<int64_t>(kLanes);
  compute_any_line(s, line, next, c, whole);
  compute_any_line(s, line, 0, whole, end);
}

void compute_line_of_any_window(const DepthwiseShape& s, const DepthwiseLine& line, int64_t c,
                                int64_t end) {
  compute_any_line(s, line, 0, c, end);
}

// Lines are cut into pieces of 7, 8 or, where there are 32 registers for the sums, 14 cells: those
// that cost least; short ones of 4.
template <int kSize, int kStride>
DepthwiseFunction choose_cells(const DepthwiseShape& s) {
  // Measured: few products for each cell of x that is read are faster with 8.
  constexpr bool kTakes14 = kLanes >= 16 && (kStride == 1 || kSize == 5);
  const int64_t pad_end = (s.output_width - 1) * kStride + kSize - s.pad_left - s.input_width;
  if (s.output_width < 4 || s.pad_left > kSize / 2 || pad_end > kSize / 2) {
    return compute_line_of_any_window;
  }
  if (s.output_width < 7) return compute_line<kSize, kStride, 4>;
  // Beside its cells a piece costs about as much as one more.
  const auto cost = [&](int64_t cells) {
    return cells > s.output_width ? std::numeric_limits<int64_t>::max()
                                  : (s.output_width + cells - 1) / cells * (cells + 1);
  };
  const int64_t least = std::min({cost(7), cost(8), kTakes14 ? cost(14) : cost(8)});
  if constexpr (kTakes14) {
    if (cost(14) == least) return compute_line<kSize, kStride, 14>;
  }
  return cost(8) == least ? compute_line<kSize, kStride, 8> : compute_line<kSize, kStride, 7>;
}

void add_cells(const float* x, int64_t ld, int64_t cells, int64_t channels, float* sums) {
  constexpr int kChains = 4;  // they hide the latency of an addition
  for_each_vector(channels, [&](auto part, int64_t c) HWY_ATTR {
    V sum[kChains];
    for (V& v : sum) v = hn::Zero(D());
    const float* cell = x + c;
    int64_t i = 0;
    for (; i + kChains <= cells; i += kChains, cell += kChains * ld) {
#pragma GCC unroll 4
      for (int k = 0; k < kChains; ++k) sum[k] = hn::Add(sum[k], part.load(cell + k * ld));
    }
    for (; i < cells; ++i, cell += ld) sum[0] = hn::Add(sum[0], part.load(cell));
    const V all = hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]));
    part.store(hn::Add(part.load(sums + c), all), sums + c);
  });
}

}  // namespace

AddCellsFunction add_cells_function() { return add_cells; }

DepthwiseFunction depthwise_function(const DepthwiseShape& s) {
  if (s.dilation_x == 1 && s.stride_x == 1 && s.size_x == 3) return choose_cells<3, 1>(s);
  if (s.dilation_x == 1 && s.stride_x == 2 && s.size_x == 3) return choose_cells<3, 2>(s);
  if (s.dilation_x == 1 && s.stride_x == 1 && s.size_x == 5) return choose_cells<5, 1>(s);
  if (s.dilation_x == 1 && s.stride_x == 2 && s.size_x == 5) return choose_cells<5, 2>(s);
  return compute_line_of_any_window;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

// The lines of x under the window for line `i` of y: those above and below the image are left out.
struct WindowLines {
  int64_t top;          // of the window's first line, may be negative
  int64_t first, last;  // of the window: [first, last) are inside
  WindowLines(const DepthwiseShape& s, int64_t i) : top(i * s.stride_y - s.pad_y) {
    const int64_t d = s.dilation_y;
    first = top < 0 ? std::min((-top + d - 1) / d, s.size_y) : 0;
    const int64_t room = s.input_height - top;  // lines from `top` down to the end
    last = std::clamp<int64_t>((room + d - 1) / d, first, s.size_y);
  }
};

class DepthwiseKernel final : public Kernel {
 public:
  // With `gives_means` output 0 is the mean of each channel of an image, and output 1 the images.
  DepthwiseKernel(const DepthwiseShape& shape, int64_t rows, Activation activation,
                  bool gives_means)
      : s_(shape),
        rows_(rows),
        activation_(activation),
        compute_line_(HORNET_DISPATCH(depthwise_function)(shape)),
        add_cells_(gives_means ? HORNET_DISPATCH(add_cells_function)() : nullptr) {
    // The lines under a window stay in the first cache level for the next ones. An image that comes
    // from behind the second level is rather read in one piece.
    constexpr int64_t kBlockFloats = 6 << 10, kFewest = 64, kLargeImage = 256 << 10;
    const int64_t line = s_.input_width * s_.channels;
    const int64_t fit = kBlockFloats / (s_.size_y * s_.input_width);
    block_ = s_.input_height * line > kLargeImage
                 ? s_.channels
                 : std::max(fit / kDepthwiseChannels * kDepthwiseChannels, kFewest);
  }

  std::string describe() const override {
    return add_cells_ == nullptr ? "simd depthwise" : "simd depthwise + mean";
  }
  int in_place_output(size_t i) const override { return i == 3 && !gives_means() ? 0 : -1; }
  // A line of y takes the place of lines of x above its window. Channels are computed some after
  // the others: each stays in its own column.
  Overlap overlapping_output(size_t i) const override {
    const int64_t x_line = s_.input_width * s_.channels, y_line = s_.output_width * s_.channels;
    const bool fits = s_.output_height * y_line <= s_.input_height * x_line;
    if (i != 0 || !fits || s_.channels % kDepthwiseChannels != 0) return {};
    int64_t lead = 0;
    for (int64_t line = 0; line < s_.output_height; ++line) {
      const int64_t top = std::max<int64_t>(line * s_.stride_y - s_.pad_y, 0);
      lead = std::max(lead, (line + 1) * y_line - top * x_line);
    }
    return {gives_means() ? 1 : 0, static_cast<size_t>(lead) * sizeof(float)};
  }

  void run(const KernelArgs& args, KernelState*) const override {
    const int64_t line_floats = s_.input_width * s_.channels;
    const int64_t y_floats = s_.output_width * s_.channels;
    const float* x = simd::input(args, 0);
    float* means = gives_means() ? simd::output(args, 0) : nullptr;
    DepthwiseLine line = {};
    line.bias = simd::input(args, 2);
    line.residual = gives_means() ? nullptr : simd::input(args, 3);
    line.y = simd::output(args, gives_means() ? 1 : 0);
    line.relu = activation_.is_relu();
    line.relu6 = activation_.is_relu6();
    line.line_floats = s_.dilation_y * line_floats;
    for (int64_t row = 0; row < rows_; ++row, x += s_.input_height * line_floats) {
      for (int64_t c = 0; c < s_.channels; c += block_) {
        compute_image(x, line, simd::input(args, 1), means, c, std::min(s_.channels, c + block_));
      }
      if (means != nullptr) means += s_.channels;
      line.y += s_.output_height * y_floats;
      if (line.residual != nullptr) line.residual += s_.output_height * y_floats;
    }
  }

 private:
  bool gives_means() const { return add_cells_ != nullptr; }

  // Channels [c, end) of all lines of an image and, where they are wanted, of its means.
  void compute_image(const float* x, DepthwiseLine line, const float* weights, float* means,
                     int64_t c, int64_t end) const {
    const int64_t line_floats = s_.input_width * s_.channels;
    const int64_t y_floats = s_.output_width * s_.channels;
    if (means != nullptr) std::fill(means + c, means + end, 0.0f);
    for (int64_t i = 0; i < s_.output_height; ++i) {
      const WindowLines window(s_, i);
      const int64_t first = window.first, last = window.last;
      line.x = first == last ? x : x + (window.top + first * s_.dilation_y) * line_floats;
      line.window_lines = last - first;
      line.weights = weights + first * s_.size_x * s_.channels;
      compute_line_(s_, line, c, end);
      if (!activation_.is_in_registers()) {
        activation_(line.y + c, s_.channels, line.y + c, s_.channels, s_.output_width, end - c);
      }
      if (means != nullptr) {
        add_cells_(line.y + c, s_.channels, s_.output_width, end - c, means + c);
      }
      line.y += y_floats;
      if (line.residual != nullptr) line.residual += y_floats;
    }
    if (means == nullptr) return;
    const float count = static_cast<float>(s_.output_height * s_.output_width);
    for (int64_t i = c; i < end; ++i) means[i] /= count;
  }

  const DepthwiseShape s_;
  const int64_t rows_;
  const Activation activation_;
  const DepthwiseFunction compute_line_;
  const AddCellsFunction add_cells_;  // null: no means
  int64_t block_;                     // channels
};

// A 1x1 convolution and the depthwise one behind it, some channels at a time: what the first gives
// for them stays in the first cache level until the second has read it.
class ExpandDepthwiseKernel final : public Kernel {
 public:
  // Inputs of run(): x, weights and bias of the first, weights, bias and residual of the second.
  enum Input : size_t { kX, kExpand, kExpandBias, kWeights, kBias, kResidual };
  static constexpr int64_t kBlock = 48;  // channels

  ExpandDepthwiseKernel(const DepthwiseShape& shape, int64_t rows, Activation expand_activation,
                        Activation activation, std::vector<PackedConstant> expand)
      : s_(shape),
        rows_(rows),
        expand_activation_(expand_activation),
        activation_(activation),
        expand_(std::move(expand)),
        compute_line_(HORNET_DISPATCH(depthwise_function)(shape)) {
    constexpr int64_t kBufferFloats = 12 << 10;
    const int64_t window = s_.window_lines();
    lines_ = std::min(std::max(kBufferFloats / (s_.input_width * kBlock), window + s_.stride_y),
                      s_.input_height);
  }

  std::string describe() const override {
    return fmt::format("simd {} gemm + depthwise", expand_[0].matrix().functions->name);
  }
  bool needs_input(size_t i) const override { return i != kExpand; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(lines_ * s_.input_width * kBlock) * sizeof(float);
  }

  void run(const KernelArgs& args, KernelState*) const override {
    const float* x = simd::input(args, kX);
    const int64_t x_floats = s_.input_height * s_.input_width * expand_[0].matrix().k;
    const int64_t y_floats = s_.output_height * s_.output_width * s_.channels;
    for (int64_t row = 0; row < rows_; ++row) {
      for (size_t block = 0; block < expand_.size(); ++block) {
        run_block(args, x + row * x_floats, row * y_floats, block);
      }
    }
  }

 private:
  // Some channels of an image; `y_offset` is where its y begins.
  void run_block(const KernelArgs& args, const float* x, int64_t y_offset, size_t block) const {
    const PackedB& expand = expand_[block].matrix();
    const int64_t c = static_cast<int64_t>(block) * kBlock, channels = expand.n;
    const int64_t line_floats = s_.input_width * kBlock, w_line = s_.size_x * s_.channels;
    const float* expand_bias = simd::input(args, kExpandBias);
    const float* bias = simd::input(args, kBias);
    const float* residual = simd::input(args, kResidual);
    float* buffer = static_cast<float*>(args.scratch);
    DepthwiseLine line = {};
    line.bias = bias == nullptr ? nullptr : bias + c;
    line.line_floats = s_.dilation_y * line_floats;
    line.relu = activation_.is_relu();
    line.relu6 = activation_.is_relu6();
    int64_t begin = 0, end = 0;  // lines of the first convolution's image in the buffer
    for (int64_t i = 0; i < s_.output_height; ++i) {
      const WindowLines window(s_, i);
      line.x = buffer;
      if (window.first < window.last) {
        // Of this window or a later one, which may begin further up: its lines have gaps.
        const int64_t from = std::max<int64_t>(window.top, 0);
        const int64_t to = window.top + (window.last - 1) * s_.dilation_y + 1;
        if (to > end) {
          // Lines still wanted move to the front; the rest is filled.
          const int64_t kept = std::max<int64_t>(end - from, 0);
          std::copy_n(buffer + (end - kept - begin) * line_floats, kept * line_floats, buffer);
          begin = kept > 0 ? from : std::max(from, end);
          const int64_t next = begin + kept;
          end = std::min(begin + lines_, s_.input_height);
          gemm(
              expand, x + next * s_.input_width * expand.k, expand.k, (end - next) * s_.input_width,
              buffer + kept * line_floats, kBlock,
              {expand_bias == nullptr ? nullptr : expand_bias + c, nullptr, 0, expand_activation_});
        }
        line.x = buffer + (window.top + window.first * s_.dilation_y - begin) * line_floats;
      }
      line.window_lines = window.last - window.first;
      line.weights = simd::input(args, kWeights) + window.first * w_line + c;
      const int64_t at = y_offset + i * s_.output_width * s_.channels + c;
      line.y = simd::output(args, 0) + at;
      line.residual = residual == nullptr ? nullptr : residual + at;
      compute_line_(s_, line, 0, channels);
      if (!activation_.is_in_registers()) {
        activation_(line.y, s_.channels, line.y, s_.channels, s_.output_width, channels);
      }
    }
  }

  const DepthwiseShape s_;
  const int64_t rows_;
  const Activation expand_activation_, activation_;
  const std::vector<PackedConstant> expand_;  // a block of channels each
  const DepthwiseFunction compute_line_;
  int64_t lines_;  // that the buffer holds
};

}  // namespace

namespace {

KernelOffer offer_depthwise(const KernelRequest& request, bool gives_means) {
  using namespace simd;
  const auto& op = static_cast<const graph::Conv&>(request.op);
  const Epilogue epilogue = find_epilogue(request, op.epilogue.activation);
  if (!epilogue.refusal.empty()) return refuse(epilogue.refusal);
  const Shape &x = request.inputs[0].shape, &y = request.outputs[0].shape;
  const size_t count = op.window.size.size();
  if (op.groups != x.back() || y.back() != x.back()) {
    return refuse("a convolution that is not of each channel to one filter");
  }
  if (count > 2) return refuse("more than 2 spatial dimensions");
  return {std::make_unique<DepthwiseKernel>(DepthwiseShape{{op.window, x, y}, x.back()}, x[0],
                                            epilogue.activation, gives_means),
          ""};
}

}  // namespace

KernelOffer simd_depthwise_conv(const KernelRequest& request) {
  return offer_depthwise(request, false);
}

KernelOffer simd_depthwise_mean(const KernelRequest& depthwise, const KernelRequest& mean,
                                bool keeps_first) {
  using namespace simd;
  if (!keeps_first) return refuse("images that nobody reads");
  if (present(depthwise, 3)) return refuse("a residual");
  const auto& op = static_cast<const graph::Reduce&>(mean.op);
  std::vector<int64_t> spatial(depthwise.outputs[0].shape.size() - 2);
  std::iota(spatial.begin(), spatial.end(), 1);
  if (op.kind != graph::ReduceKind::mean || op.axes != spatial) {
    return refuse("another reduction than the mean of an image");
  }
  return offer_depthwise(depthwise, true);
}

KernelOffer simd_expand_depthwise(const KernelRequest& expand, const KernelRequest& depthwise,
                                  bool keeps_first) {
  using namespace simd;
  if (keeps_first) return refuse("a first result that others read");
  const auto& first = static_cast<const graph::Conv&>(expand.op);
  const auto& second = static_cast<const graph::Conv&>(depthwise.op);
  for (size_t i = 0; i < 4; ++i) {
    if (!is_float(expand, i) || !is_float(depthwise, i)) return refuse("other types than float32");
  }
  if (!is_constant(expand, 1) || present(expand, 3))
    return refuse("a residual or computed weights");
  const Shape &x = expand.inputs[0].shape, &middle = expand.outputs[0].shape;
  const Shape& y = depthwise.outputs[0].shape;
  const std::vector<int64_t> one = {1, 1};
  if (first.window.size != one || first.window.strides != one || first.groups != 1 ||
      !std::equal(x.begin(), x.end() - 1, middle.begin())) {
    return refuse("a first convolution that is not 1x1");
  }
  if (second.groups != middle.back() || y.back() != middle.back() || middle.back() < 4) {
    return refuse("a second convolution that is not depthwise");
  }
  // Measured: a smaller one is as fast, or faster, when it is written as a whole.
  constexpr int64_t kFewestFloats = 512 << 10;
  if (middle[1] * middle[2] * middle[3] < kFewestFloats) return refuse("an image for the cache");
  const auto f = find_activation(first.epilogue.activation);
  const auto g = find_activation(second.epilogue.activation);
  if (!f || !g) return refuse("activations without a vector form");
  const int64_t channels = middle.back();
  std::vector<PackedConstant> packed;
  for (int64_t c = 0; c < channels; c += ExpandDepthwiseKernel::kBlock) {
    const int64_t count = std::min(ExpandDepthwiseKernel::kBlock, channels - c);
    packed.emplace_back(expand.packed, fmt::format("{} columns {}+{}", key_of(expand, 1), c, count),
                        expand.constants[1]->columns().from(c), channels, x.back(), count);
  }
  return {std::make_unique<ExpandDepthwiseKernel>(
              DepthwiseShape{{second.window, middle, y}, ExpandDepthwiseKernel::kBlock}, x[0], *f,
              *g, std::move(packed)),
          ""};
}

}  // namespace hornet::kernels
#endif
