// Two Binary operators, one behind the other, with a number or a number a channel each, as batch
// normalization and scaling have: in one go over the array, with the bits of two.
#include <algorithm>
#include <optional>

#include "graph/ops/elementwise.h"
#include "kernels/pair.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"

namespace hornet::kernels {
namespace {

// One of the two: x op other, or other op x.
struct ChannelBinary {
  BinaryRun run = nullptr;
  Activation activation;
  size_t array = 0;          // which operand is the array
  int64_t other_floats = 0;  // 1, or one a channel

  void compute(const float* x, const float* other, float* y, int64_t n) const {
    if (array == 0) {
      run(x, other, y, n);
    } else {
      run(other, x, y, n);
    }
    if (!activation.is_identity()) activation(y, 0, y, 0, 1, n);
  }
};

// Whether `shape` has one number for all, or one for each channel of `array`.
bool is_of_channels(const Shape& shape, const Shape& array) {
  const int64_t count = num_elements(shape);
  return shape.size() <= array.size() &&
         (count == 1 || (count == array.back() && shape.back() == array.back()));
}

// The operator as such a one; the reason why it is none.
std::string find_channel_binary(const KernelRequest& request, ChannelBinary* found) {
  const auto& op = static_cast<const graph::Binary&>(request.op);
  if (!simd::is_float(request, 0) || !simd::is_float(request, 1)) {
    return "operands of other types than float32";
  }
  found->run = find_binary(op.kind).both;
  const std::optional<Activation> activation = find_activation(op.activation);
  if (found->run == nullptr || !activation) return "a function without a vector form";
  found->activation = *activation;
  const Shape& out = request.outputs[0].shape;
  if (out.empty() || num_elements(out) == 0) return "no elements";
  found->array = request.inputs[0].shape == out ? 0 : 1;
  const Shape& other = request.inputs[1 - found->array].shape;
  if (request.inputs[found->array].shape != out || !is_of_channels(other, out)) {
    return "other operands than an array and a number for all, or for each channel";
  }
  found->other_floats = num_elements(other);
  return "";
}

class BinaryPairKernel final : public Kernel {
 public:
  BinaryPairKernel(const ChannelBinary& first, const ChannelBinary& second, const Shape& shape)
      : first_(first), second_(second), count_(num_elements(shape)), channels_(shape.back()) {
    // What is computed at once stays in the first cache level.
    constexpr int64_t kBlockFloats = 2048;
    block_ = std::min(std::max<int64_t>(kBlockFloats / channels_, 1) * channels_, count_);
  }

  std::string describe() const override { return "simd twice"; }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }
  int in_place_output(size_t i) const override { return i == first_.array ? 0 : -1; }

  void run(const KernelArgs& args, KernelState*) const override {
    simd::ScratchArena arena(args.scratch);
    const auto [first, second] = take(arena);
    repeat(simd::input(args, 1 - first_.array), first_.other_floats, first);
    repeat(simd::input(args, kFirstInputsOfPair), second_.other_floats, second);
    const float* x = simd::input(args, first_.array);
    float* y = simd::output(args, 0);
    for (int64_t i = 0; i < count_; i += block_) {
      const int64_t n = std::min(block_, count_ - i);
      first_.compute(x + i, first, y + i, n);
      second_.compute(y + i, second, y + i, n);
    }
  }

 private:
  struct Scratch {
    float *first, *second;  // the numbers for a block
  };
  Scratch take(simd::ScratchArena& arena) const {
    float* first = arena.take(block_);
    return {first, arena.take(block_)};
  }
  void repeat(const float* from, int64_t floats, float* to) const {
    for (int64_t i = 0; i < block_; i += floats) std::copy_n(from, floats, to + i);
  }

  const ChannelBinary first_, second_;
  const int64_t count_, channels_;
  int64_t block_;
};

}  // namespace

KernelOffer simd_binary_pair(const KernelRequest& first, const KernelRequest& second,
                             bool keeps_first) {
  using simd::refuse;
  if (keeps_first) return refuse("a first result that others read");
  if (!first.input_layouts[0].is_plain() || !first.input_layouts[1].is_plain()) {
    return refuse("arrays in blocks");
  }
  ChannelBinary a, b;
  std::string reason = find_channel_binary(first, &a);
  if (reason.empty()) reason = find_channel_binary(second, &b);
  if (!reason.empty()) return refuse(reason);
  // The result of the first is the second's input 0.
  if (b.array != 0 || first.outputs[0].shape != second.outputs[0].shape) {
    return refuse("a second operator that makes the array larger");
  }
  return {std::make_unique<BinaryPairKernel>(a, b, first.outputs[0].shape), ""};
}

}  // namespace hornet::kernels
