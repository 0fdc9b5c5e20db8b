// Unary and Binary over whole arrays.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"

namespace hornet::kernels {
namespace {

// What is computed before an activation goes over it, in the first cache level.
constexpr int64_t kBlockFloats = 2048;

class UnaryKernel final : public Kernel {
 public:
  UnaryKernel(Activation function, int64_t count, Layout layout)
      : function_(function), count_(count), layout_(layout) {}

  std::string describe() const override { return "simd"; }
  Layout input_layout(size_t) const override { return layout_; }
  Layout output_layout(size_t) const override { return layout_; }
  int in_place_output(size_t) const override { return 0; }
  void run(const KernelArgs& args, KernelState*) const override {
    function_(simd::input(args, 0), 0, simd::output(args, 0), 0, 1, count_);
  }

 private:
  const Activation function_;
  const int64_t count_;
  const Layout layout_;
};

// Dimensions of a result with the strides of the operands, 0 where one is repeated. Dimensions that
// can be run through as one are joined.
class Broadcast {
 public:
  static constexpr size_t kMaxRank = 8;
  struct Axis {
    int64_t size, x, y;
  };

  Broadcast(const Shape& x, const Shape& y, const Shape& out) {
    const std::vector<int64_t> xs = strides(x, out), ys = strides(y, out);
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i] == 1) continue;
      const Axis axis = {out[i], xs[i], ys[i]};
      if (!axes_.empty()) {
        Axis& last = axes_.back();
        if (last.x == axis.x * axis.size && last.y == axis.y * axis.size) {
          last = {last.size * axis.size, axis.x, axis.y};
          continue;
        }
      }
      axes_.push_back(axis);
    }
    if (axes_.empty()) axes_.push_back({1, 1, 1});
  }
  const std::vector<Axis>& axes() const { return axes_; }

 private:
  static std::vector<int64_t> strides(const Shape& shape, const Shape& out) {
    std::vector<int64_t> result(out.size(), 0);
    int64_t stride = 1;
    for (size_t i = 0; i < shape.size(); ++i) {
      const size_t from_end = shape.size() - 1 - i;
      if (shape[from_end] != 1) result[out.size() - 1 - i] = stride;
      stride *= shape[from_end];
    }
    return result;
  }

  std::vector<Axis> axes_;
};

class BinaryKernel final : public Kernel {
 public:
  // `in_place`: whether the operands have the shape of the result.
  BinaryKernel(BinaryFunctions functions, Activation activation, const Broadcast& broadcast,
               std::array<bool, 2> in_place, Layout layout)
      : activation_(activation), in_place_(in_place), layout_(layout) {
    std::vector<Broadcast::Axis> axes = broadcast.axes();
    const Broadcast::Axis run = axes.back();
    axes.pop_back();
    run_ = run.x == 0 ? functions.x_is_one : run.y == 0 ? functions.y_is_one : functions.both;
    step_x_ = run.x;
    step_y_ = run.y;
    length_ = run.size;
    // A short operand that is the same for all runs is repeated, to make the runs longer.
    if (!axes.empty() && length_ <= kShortRun && run.x == 1 && run.y == 1) {
      const Broadcast::Axis& next = axes.back();
      if ((next.x == 0) != (next.y == 0)) {
        repeated_ = next.x == 0 ? 0 : 1;
        repeats_ = std::min(next.size, kBlockFloats / length_);
        repeated_length_ = length_;
        length_ *= next.size;
        axes.pop_back();
      }
    }
    for (const Broadcast::Axis& axis : axes) outer_[rank_++] = axis;
  }

  std::string describe() const override { return "simd"; }
  Layout input_layout(size_t) const override { return layout_; }
  Layout output_layout(size_t) const override { return layout_; }
  int in_place_output(size_t input) const override { return in_place_[input] ? 0 : -1; }
  size_t scratch_bytes() const override {
    return repeated_ < 0 ? 0 : static_cast<size_t>(repeats_ * repeated_length_) * sizeof(float);
  }

  void run(const KernelArgs& args, KernelState*) const override {
    const float* x = simd::input(args, 0);
    const float* y = simd::input(args, 1);
    float* z = simd::output(args, 0);
    std::array<int64_t, Broadcast::kMaxRank> index{};
    while (true) {
      if (repeated_ < 0) {
        run_blocks(x, y, z, length_, kBlockFloats);
      } else {
        run_repeated(x, y, z, static_cast<float*>(args.scratch));
      }
      z += length_;
      size_t axis = rank_;
      while (axis > 0 && ++index[axis - 1] == outer_[axis - 1].size) {
        --axis;
        index[axis] = 0;
        x -= (outer_[axis].size - 1) * outer_[axis].x;
        y -= (outer_[axis].size - 1) * outer_[axis].y;
      }
      if (axis == 0) return;
      x += outer_[axis - 1].x;
      y += outer_[axis - 1].y;
    }
  }

 private:
  static constexpr int64_t kShortRun = 64;

  void run_blocks(const float* x, const float* y, float* z, int64_t length, int64_t block) const {
    for (int64_t i = 0; i < length; i += block) {
      const int64_t n = std::min(block, length - i);
      run_(x + i * step_x_, y + i * step_y_, z + i, n);
      if (!activation_.is_identity()) activation_(z + i, 0, z + i, 0, 1, n);
    }
  }

  void run_repeated(const float* x, const float* y, float* z, float* pattern) const {
    const float* repeated = repeated_ == 0 ? x : y;
    const int64_t block = repeats_ * repeated_length_;
    for (int64_t i = 0; i < repeats_; ++i) {
      std::copy_n(repeated, repeated_length_, pattern + i * repeated_length_);
    }
    for (int64_t i = 0; i < length_; i += block) {
      run_blocks(repeated_ == 0 ? pattern : x + i, repeated_ == 0 ? y + i : pattern, z + i,
                 std::min(block, length_ - i), block);
    }
  }

  BinaryRun run_ = nullptr;
  const Activation activation_;
  const std::array<bool, 2> in_place_;
  const Layout layout_;
  int64_t length_ = 0, step_x_ = 1, step_y_ = 1;
  int repeated_ = -1;  // the operand that is repeated, -1 for none
  int64_t repeats_ = 0, repeated_length_ = 0;
  std::array<Broadcast::Axis, Broadcast::kMaxRank> outer_{};
  size_t rank_ = 0;
};

}  // namespace

KernelOffer simd_unary(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Unary&>(request.op);
  if (!is_float(request, 0)) return refuse("operands of other types than float32");
  const std::optional<Activation> function = find_activation(op.function);
  if (!function) return refuse("function " + op.function.to_string());
  if (function->is_identity()) return refuse("a copy");
  return {std::make_unique<UnaryKernel>(*function, num_elements(request.outputs[0].shape),
                                        request.input_layouts[0]),
          ""};
}

KernelOffer simd_binary(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Binary&>(request.op);
  if (!is_float(request, 0) || !is_float(request, 1)) {
    return refuse("operands of other types than float32");
  }
  const BinaryFunctions functions = find_binary(op.kind);
  if (functions.both == nullptr) {
    return refuse(fmt::format("function {}", graph::to_string(op.kind)));
  }
  const std::optional<Activation> activation = find_activation(op.activation);
  if (!activation) return refuse("activation " + op.activation.to_string());
  const Shape &x = request.inputs[0].shape, &y = request.inputs[1].shape,
              &out = request.outputs[0].shape;
  const Broadcast broadcast(x, y, out);
  if (broadcast.axes().size() > Broadcast::kMaxRank) return refuse("too many dimensions");
  if (num_elements(out) == 0) return refuse("no elements");
  // Equal shapes are run through as they lie.
  const bool keep_layout = x == y && request.input_layouts[0] == request.input_layouts[1];
  return {std::make_unique<BinaryKernel>(functions, *activation, broadcast,
                                         std::array<bool, 2>{x == out, y == out},
                                         keep_layout ? request.input_layouts[0] : Layout::plain()),
          ""};
}

}  // namespace hornet::kernels
