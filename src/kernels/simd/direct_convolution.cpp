// Convolutions as products that read the image where it lies: what a window covers of one line of x
// is one run of floats, and windows along a line of y are rows whose runs are a stride apart. For
// what Winograd's does not take: first layers with few channels, strides, other sizes, sequences.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "graph/ops/convolution.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/plane_window.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"

namespace hornet::kernels {
namespace {

struct DirectShape : PlaneWindow {
  int64_t line_floats() const { return input_width * channels; }
  int64_t padded_floats() const { return (pad_left + input_width + pad_right) * channels; }
  bool pads_lines() const { return pad_left > 0 || pad_right > 0; }
};

class DirectConvKernel final : public Kernel {
 public:
  DirectConvKernel(const DirectShape& shape, int64_t rows, Activation activation,
                   PackedConstant weights)
      : s_(shape), rows_(rows), activation_(activation), weights_(std::move(weights)) {}

  std::string describe() const override {
    return fmt::format("simd {} gemm of lines", weights_.matrix().functions->name);
  }
  bool needs_input(size_t i) const override { return i != 1; }
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    simd::ScratchArena arena(args.scratch);
    const auto [zeros, runs, product] = take(arena);
    // The padding at the sides of lines stays zero.
    std::fill_n(zeros, num_line_floats(), 0.0f);
    const float* x = simd::input(args, 0);
    float* y = simd::output(args, 0);
    GemmEpilogue e = {simd::input(args, 2), simd::input(args, 3), s_.filters, activation_};
    for (int64_t row = 0; row < rows_; ++row, x += s_.input_height * s_.line_floats()) {
      int64_t next_line = 0;  // of the image, to be padded
      for (int64_t i = 0; i < s_.output_height; ++i) {
        find_runs(x, i, zeros, next_line, runs);
        gemm(weights_.matrix(),
             RowsInRuns{runs, s_.size_y, s_.size_x * s_.channels, s_.stride_x * s_.channels},
             s_.output_width, y, s_.filters, e, product);
        y += s_.output_width * s_.filters;
        if (e.residual != nullptr) e.residual += s_.output_width * s_.filters;
      }
    }
  }

 private:
  // A line of zeros and where lines are padded those under a window, the runs' addresses, and what
  // the product takes.
  struct Scratch {
    float* zeros;
    const float** runs;
    void* product;
  };
  Scratch take(simd::ScratchArena& arena) const {
    float* zeros = arena.take(num_line_floats());
    const float** runs = arena.take<const float*>(s_.size_y);
    return {zeros, runs, arena.take_for({weights_.matrix()}, s_.output_width)};
  }
  int64_t num_line_floats() const {
    return (1 + (s_.pads_lines() ? s_.window_lines() : 0)) * s_.padded_floats();
  }

  // The lines of x under the window for line `i` of y.
  void find_runs(const float* x, int64_t i, float* zeros, int64_t& next_line,
                 const float** runs) const {
    const int64_t top = i * s_.stride_y - s_.pad_y;
    float* padded = zeros + s_.padded_floats();  // line n of x at n % window_lines
    const auto slot = [&](int64_t line) {
      return padded + line % s_.window_lines() * s_.padded_floats();
    };
    if (s_.pads_lines()) {
      const int64_t end = std::min(top + s_.window_lines(), s_.input_height);
      for (next_line = std::max(next_line, top); next_line < end; ++next_line) {
        std::copy_n(x + next_line * s_.line_floats(), s_.line_floats(),
                    slot(next_line) + s_.pad_left * s_.channels);
      }
    }
    for (int64_t a = 0; a < s_.size_y; ++a) {
      const int64_t line = top + a * s_.dilation_y;
      if (line < 0 || line >= s_.input_height) {
        runs[a] = zeros;
      } else {
        runs[a] = s_.pads_lines() ? slot(line) : x + line * s_.line_floats();
      }
    }
  }

  const DirectShape s_;
  const int64_t rows_;
  const Activation activation_;
  const PackedConstant weights_;  // [size_y * size_x * channels, filters]
};

}  // namespace

KernelOffer simd_conv_direct(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Conv&>(request.op);
  const Epilogue epilogue = find_epilogue(request, op.epilogue.activation);
  if (!epilogue.refusal.empty()) return refuse(epilogue.refusal);
  if (!is_constant(request, 1)) return refuse("weights that are computed");
  const graph::Window& window = op.window;
  if (window.size.size() > 2) return refuse("more than 2 spatial dimensions");
  if (op.groups != 1) return refuse("a convolution in groups");
  if (window.dilations.back() != 1) return refuse("windows with gaps along a line");
  const Shape &x = request.inputs[0].shape, &y = request.outputs[0].shape;
  const DirectShape s = {{window, x, y}};
  if (s.filters < kFewestColumnsOfRuns) return refuse("few filters");
  if (s.pad_y < 0 || s.pad_left < 0 || s.pad_right < 0) return refuse("negative padding");
  // Measured: all weights are read for each line of y, so a line has to be worth it.
  constexpr int64_t kFewestCells = 14;
  if (s.output_width < kFewestCells) return refuse("short lines");
  const int64_t k = s.size_y * s.size_x * s.channels;
  PackedConstant packed(request.packed, key_of(request, 1) + " lines",
                        request.constants[1]->columns(), s.filters, k, s.filters);
  return {std::make_unique<DirectConvKernel>(s, x[0], epilogue.activation, std::move(packed)), ""};
}

}  // namespace hornet::kernels
