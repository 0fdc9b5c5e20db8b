#include "graph/ops/convolution.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::Padding;
using graph::UnaryKind;

class SimdDirectConv : public SimdTest {};
HORNET_SIMD_TESTS(SimdDirectConv);

graph::Conv conv(std::vector<int64_t> size, std::vector<int64_t> strides, Padding padding,
                 graph::UnaryFunction activation = {UnaryKind::relu}) {
  graph::Conv op;
  op.window.dilations.assign(size.size(), 1);
  op.window.size = std::move(size);
  op.window.strides = std::move(strides);
  op.window.padding = padding;
  op.epilogue.activation = activation;
  return op;
}

void expect_like_reference(const graph::Conv& op, const Shape& x_shape, int64_t filters) {
  SCOPED_TRACE(op.attributes() + " " + to_string(x_shape));
  Shape w_shape = op.window.size;
  w_shape.insert(w_shape.end(), {x_shape.back(), filters});
  const Tensor x = random_floats(x_shape, 1), w = random_floats(w_shape, 2, -0.3f, 0.3f);
  const Tensor bias = random_floats({filters}, 3);
  const graph::TensorType types[] = {{DType::kFloat32, x_shape}, {DType::kFloat32, w_shape}};
  const Tensor residual = random_floats(op.infer(types)[0].shape, 4);
  expect_like_reference(simd_conv_direct,
                        {op, {&x, &w, &bias, &residual}, {false, true, true, false}}, 1e-5);
  expect_like_reference(simd_conv_direct, {op, {&x, &w}, {false, true}}, 1e-5);
}

TEST_P(SimdDirectConv, FirstLayersOfImages_AreAsTheReference) {
  expect_like_reference(conv({3, 3}, {2, 2}, Padding::kSame), {2, 31, 30, 3}, 32);
  expect_like_reference(conv({7, 7}, {2, 2}, Padding::kSame, {UnaryKind::silu}), {1, 40, 33, 3},
                        17);
  expect_like_reference(conv({3, 3}, {1, 1}, Padding::kValid), {2, 16, 18, 1}, 4);
  expect_like_reference(conv({5, 2}, {3, 1}, Padding::kSame), {1, 9, 14, 5}, 24);
  // So many filters that cells are packed.
  expect_like_reference(conv({3, 3}, {2, 2}, Padding::kSame), {2, 9, 61, 3}, 129);
  expect_like_reference(conv({3, 3}, {1, 1}, Padding::kValid), {2, 9, 31, 5}, 160);
}

TEST_P(SimdDirectConv, Sequences_AreAsTheReference) {
  expect_like_reference(conv({5}, {1}, Padding::kCausal), {3, 29, 7}, 16);
  expect_like_reference(conv({4}, {2}, Padding::kSame), {2, 31, 12}, 9);
  expect_like_reference(conv({3}, {1}, Padding::kValid), {2, 16, 40}, 64);
}

// Lines above and below the image, and gaps between those that a window covers.
TEST_P(SimdDirectConv, PaddingAndGapsBetweenLines_AreAsTheReference) {
  graph::Conv op = conv({3, 3}, {1, 1}, Padding::kExplicit);
  op.window.pads_begin = {5, 0};
  op.window.pads_end = {4, 3};
  expect_like_reference(op, {2, 6, 15, 8}, 12);
  op = conv({3, 3}, {2, 1}, Padding::kSame);
  op.window.dilations = {3, 1};
  expect_like_reference(op, {2, 11, 20, 6}, 12);
  op.window.strides = {5, 1};  // lines that no window covers
  op.window.dilations = {1, 1};
  expect_like_reference(op, {2, 23, 20, 6}, 12);
}

TEST_P(SimdDirectConv, Rows_HaveTheSameBitsInAnyBatch) {
  const graph::Conv op = conv({3, 3}, {2, 2}, Padding::kSame, {UnaryKind::tanh});
  const Tensor x = random_floats({5, 17, 29, 3}, 1), w = random_floats({3, 3, 3, 33}, 2);
  const Tensor bias = random_floats({33}, 3), residual = random_floats({5, 9, 15, 33}, 4);
  const SimdCase c = {op, {&x, &w, &bias, &residual}, {false, true, true, false}};
  expect_same_bits_in_any_batch(simd_conv_direct, c);
  const Tensor many = random_floats({3, 3, 3, 140}, 2);
  expect_same_bits_in_any_batch(simd_conv_direct, {op, {&x, &many}, {false, true}});
}

TEST_P(SimdDirectConv, OtherConvolutions_AreRefused) {
  const Tensor x = random_floats({1, 20, 20, 4}, 1), w = random_floats({3, 3, 4, 8}, 2);
  const Tensor few = random_floats({3, 3, 4, 3}, 2), small = random_floats({1, 20, 10, 4}, 1);
  graph::Conv op = conv({3, 3}, {1, 1}, Padding::kSame);
  const auto refusal = [&](const Tensor& image, const Tensor& kernel, bool constant = true) {
    return refusal_of(simd_conv_direct, {op, {&image, &kernel}, {false, constant}});
  };
  EXPECT_EQ(refusal(x, few), "simd: few filters");
  EXPECT_EQ(refusal(small, w), "simd: short lines");
  EXPECT_EQ(refusal(x, w, false), "simd: weights that are computed");
  op.window.dilations = {1, 2};
  EXPECT_EQ(refusal(x, w), "simd: windows with gaps along a line");
}

}  // namespace
}  // namespace hornet::kernels
