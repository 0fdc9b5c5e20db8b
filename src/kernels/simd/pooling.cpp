// Maxima over windows, channels last, over vectors of channels. A NaN is the maximum of its
// windows, as in Keras; oneDNN's maxima leave NaN out.
#include <algorithm>
#include <array>
#include <limits>

#include "graph/ops/pooling.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/pooling.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

#ifndef HORNET_POOL_WINDOW
#define HORNET_POOL_WINDOW
namespace hornet::kernels {
namespace {

constexpr size_t kPoolDims = 3;

// The cells of an image that one window covers: counts and strides in floats, all channels of a
// cell being next to each other.
struct PoolWindow {
  std::array<int64_t, kPoolDims> cells;
  std::array<int64_t, kPoolDims> strides;
};

using MaximumOfWindow = void (*)(const PoolWindow&, const float* x, int64_t channels, float* y);

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

void maximum_of_window(const PoolWindow& w, const float* x, int64_t channels, float* y) {
  for_each_vector(channels, [&](auto part, int64_t c) HWY_ATTR {
    V largest = constant(-std::numeric_limits<float>::infinity());
    for (int64_t i = 0; i < w.cells[0]; ++i) {
      for (int64_t j = 0; j < w.cells[1]; ++j) {
        const float* line = x + i * w.strides[0] + j * w.strides[1] + c;
        for (int64_t k = 0; k < w.cells[2]; ++k) {
          largest = maximum(part.load(line + k * w.strides[2]), largest);
        }
      }
    }
    part.store(largest, y + c);
  });
}

}  // namespace

MaximumOfWindow maximum_function() { return maximum_of_window; }

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

// Along one dimension, for each window: its first cell and how many it covers.
struct Range {
  int64_t first, count;
};

class MaxPoolKernel final : public Kernel {
 public:
  MaxPoolKernel(const graph::Window& window, const Shape& x, const Shape& y)
      : rows_(x[0]), channels_(x.back()) {
    // Spatial dimensions are filled up in front with one cell.
    const size_t count = window.size.size(), missing = kPoolDims - count;
    for (size_t i = 0; i < missing; ++i) ranges_[i] = {{0, 1}};
    for (size_t i = 0; i < count; ++i) {
      const int64_t input = x[i + 1];
      const int64_t pad = window.resolve(i, input).pad_begin;
      for (int64_t k = 0; k < y[i + 1]; ++k) {
        const int64_t begin = k * window.strides[i] - pad;
        const int64_t first = std::clamp<int64_t>(begin, 0, input);
        const int64_t end = std::clamp<int64_t>(begin + window.size[i], first, input);
        ranges_[missing + i].push_back({first, end - first});
      }
    }
    int64_t stride = channels_;
    for (size_t i = kPoolDims; i-- > 0;) {
      strides_[i] = stride;
      stride *= i < missing ? 1 : x[i - missing + 1];
    }
    row_floats_ = stride;
  }

  std::string describe() const override { return "simd max pool"; }

  void run(const KernelArgs& args, KernelState*) const override {
    const float* x = simd::input(args, 0);
    float* y = simd::output(args, 0);
    PoolWindow window = {{}, strides_};
    for (int64_t row = 0; row < rows_; ++row, x += row_floats_) {
      for (const Range& depth : ranges_[0]) {
        window.cells[0] = depth.count;
        for (const Range& line : ranges_[1]) {
          window.cells[1] = line.count;
          const float* corner = x + depth.first * strides_[0] + line.first * strides_[1];
          for (const Range& cell : ranges_[2]) {
            window.cells[2] = cell.count;
            maximum_(window, corner + cell.first * strides_[2], channels_, y);
            y += channels_;
          }
        }
      }
    }
  }

 private:
  const int64_t rows_, channels_;
  const MaximumOfWindow maximum_ = HORNET_DISPATCH(maximum_function)();
  std::array<std::vector<Range>, kPoolDims> ranges_;
  std::array<int64_t, kPoolDims> strides_;  // floats from cell to cell
  int64_t row_floats_;
};

}  // namespace

KernelOffer simd_max_pool(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Pool&>(request.op);
  if (!is_float(request, 0)) return refuse("operands of other types than float32");
  if (op.kind != graph::PoolKind::kMax) return refuse("averages");
  if (op.window.size.size() > kPoolDims) return refuse("more than 3 spatial dimensions");
  for (const int64_t dilation : op.window.dilations) {
    if (dilation != 1) return refuse("dilation");
  }
  return {
      std::make_unique<MaxPoolKernel>(op.window, request.inputs[0].shape, request.outputs[0].shape),
      ""};
}

}  // namespace hornet::kernels
#endif
