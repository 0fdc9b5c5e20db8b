// Resized images, channels last: for each line of the result a sum of the image's lines, of this
// for each cell a sum of cells.
#include <algorithm>
#include <vector>

#include "kernels/resize_taps.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/resize.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

#ifndef HORNET_RESIZE_FUNCTIONS
#define HORNET_RESIZE_FUNCTIONS
namespace hornet::kernels {
namespace {

// A sum of things that lie one behind the other, the first of them number `first`.
struct WeightedSum {
  int64_t first, count;
  const float* weights;
};

struct ResizeFunctions {
  // y[i] = sum of weights[t] lines[t][i]; at least one line, of n floats each.
  void (*add_lines)(const float* const* lines, const float* weights, int64_t count, int64_t n,
                    float* y);
  // A cell of y for each of the sums of cells of `line`.
  void (*add_cells)(const std::vector<WeightedSum>& sums, const float* line, int64_t channels,
                    float* y);
};

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

void add_lines(const float* const* lines, const float* weights, int64_t count, int64_t n,
               float* y) {
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    V sum = hn::Mul(constant(weights[0]), part.load(lines[0] + i));
    for (int64_t t = 1; t < count; ++t) {
      sum = hn::MulAdd(constant(weights[t]), part.load(lines[t] + i), sum);
    }
    part.store(sum, y + i);
  });
}

// Few channels, known to the compiler.
template <int64_t kChannels>
void add_small_cells(const std::vector<WeightedSum>& sums, const float* line, float* y) {
  for (const WeightedSum& s : sums) {
    const float* cell = line + s.first * kChannels;
    float sum[kChannels];
    for (int64_t c = 0; c < kChannels; ++c) sum[c] = s.weights[0] * cell[c];
    for (int64_t t = 1; t < s.count; ++t) {
      for (int64_t c = 0; c < kChannels; ++c) sum[c] += s.weights[t] * cell[t * kChannels + c];
    }
    for (int64_t c = 0; c < kChannels; ++c) *y++ = sum[c];
  }
}

void add_cells(const std::vector<WeightedSum>& sums, const float* line, int64_t channels,
               float* y) {
  if (channels == 1) return add_small_cells<1>(sums, line, y);
  if (channels == 3) return add_small_cells<3>(sums, line, y);
  for (const WeightedSum& s : sums) {
    const float* cell = line + s.first * channels;
    for_each_vector(channels, [&](auto part, int64_t c) HWY_ATTR {
      V sum = hn::Mul(constant(s.weights[0]), part.load(cell + c));
      for (int64_t t = 1; t < s.count; ++t) {
        sum = hn::MulAdd(constant(s.weights[t]), part.load(cell + t * channels + c), sum);
      }
      part.store(sum, y + c);
    });
    y += channels;
  }
}

}  // namespace

const ResizeFunctions* resize_functions() {
  static constexpr ResizeFunctions kFunctions = {add_lines, add_cells};
  return &kFunctions;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

// The sums of one dimension.
class Sums {
 public:
  explicit Sums(const std::vector<ResizeTaps>& taps) {
    size_t count = 0;
    for (const ResizeTaps& t : taps) count += t.weights.size();
    weights_.reserve(count);
    begin_ = taps.empty() ? 0 : taps.front().first;
    end_ = begin_;
    for (const ResizeTaps& t : taps) {
      const auto cells = static_cast<int64_t>(t.weights.size());
      const float* const weights = weights_.data() + weights_.size();
      for (const double w : t.weights) weights_.push_back(static_cast<float>(w));
      sums_.push_back({t.first, cells, weights});
      begin_ = std::min(begin_, t.first);
      end_ = std::max(end_, t.first + cells);
      most_ = std::max(most_, cells);
    }
    for (WeightedSum& sum : sums_) sum.first -= begin_;
  }
  Sums(const Sums&) = delete;
  Sums& operator=(const Sums&) = delete;

  // What they are sums of: [begin, end), counted from `begin`.
  int64_t begin() const { return begin_; }
  int64_t end() const { return end_; }
  int64_t most() const { return most_; }  // of one sum
  const std::vector<WeightedSum>& all() const { return sums_; }

 private:
  std::vector<float> weights_;  // of all, one behind the other
  std::vector<WeightedSum> sums_;
  int64_t begin_ = 0, end_ = 0, most_ = 0;
};

class ResizeKernel final : public Kernel {
 public:
  ResizeKernel(const graph::ResizeImage& op, const Shape& x, const Shape& y)
      : images_(x[0]),
        height_(x[1]),
        width_(x[2]),
        channels_(x[3]),
        line_floats_(y[2] * channels_),
        fill_(op.fill_value),
        lines_(make_resize_taps(op, op.windows(height_, width_).first, y[1])),
        cells_(make_resize_taps(op, op.windows(height_, width_).second, y[2])) {}

  std::string describe() const override { return "simd resize"; }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    simd::ScratchArena arena(args.scratch);
    const Scratch scratch = take(arena);
    std::fill_n(scratch.outside, sum_floats(), fill_);
    const float* x = simd::input(args, 0);
    float* y = simd::output(args, 0);
    for (int64_t n = 0; n < images_; ++n, x += height_ * width_ * channels_) {
      for (const WeightedSum& line : lines_.all()) {
        functions_.add_cells(cells_.all(), sum_of_lines(line, x, scratch), channels_, y);
        y += line_floats_;
      }
    }
  }

 private:
  struct Scratch {
    const float** lines;
    float *sum, *outside;  // lines of the cells that are read; those outside the image
  };
  Scratch take(simd::ScratchArena& arena) const {
    const float** lines = arena.take<const float*>(lines_.most());
    float* sum = arena.take(sum_floats());
    return {lines, sum, arena.take(sum_floats())};
  }
  int64_t sum_floats() const { return (cells_.end() - cells_.begin()) * channels_; }

  // From cell cells_.begin() on.
  const float* sum_of_lines(const WeightedSum& s, const float* x, const Scratch& scratch) const {
    const int64_t first = lines_.begin() + s.first;
    // Cells of the image among those that are read.
    const int64_t begin = std::clamp<int64_t>(cells_.begin(), 0, width_);
    const int64_t end = std::clamp<int64_t>(cells_.end(), begin, width_);
    const auto line_of_image = [&](int64_t line) {
      return x + (line * width_ + begin) * channels_;
    };
    const bool is_inside =
        first >= 0 && first + s.count <= height_ && begin == cells_.begin() && end == cells_.end();
    if (is_inside && s.count == 1 && s.weights[0] == 1) return line_of_image(first);
    const auto add = [&](int64_t from, int64_t to, bool inside) {
      for (int64_t t = 0; t < s.count; ++t) {
        const int64_t line = first + t;
        scratch.lines[t] =
            inside && line >= 0 && line < height_ ? line_of_image(line) : scratch.outside;
      }
      functions_.add_lines(scratch.lines, s.weights, s.count, (to - from) * channels_,
                           scratch.sum + (from - cells_.begin()) * channels_);
    };
    if (begin > cells_.begin()) add(cells_.begin(), begin, false);
    if (end > begin) add(begin, end, true);
    if (cells_.end() > end) add(end, cells_.end(), false);
    return scratch.sum;
  }

  const int64_t images_, height_, width_, channels_, line_floats_;
  const float fill_;
  const Sums lines_, cells_;
  const ResizeFunctions& functions_ = *HORNET_DISPATCH(resize_functions)();
};

}  // namespace

KernelOffer simd_resize_image(const KernelRequest& request) {
  using namespace simd;
  if (!is_float(request, 0)) return refuse("operands of other types than float32");
  const auto& op = static_cast<const graph::ResizeImage&>(request.op);
  return {std::make_unique<ResizeKernel>(op, request.inputs[0].shape, request.outputs[0].shape),
          ""};
}

}  // namespace hornet::kernels
#endif
