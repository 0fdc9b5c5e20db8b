#include "graph/ops/convolution.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::UnaryKind;

class SimdWinograd : public SimdTest {};
HORNET_SIMD_TESTS(SimdWinograd);

graph::Conv three_by_three(graph::UnaryFunction activation = {}) {
  graph::Conv op;
  op.window.size = {3, 3};
  op.window.strides = {1, 1};
  op.window.dilations = {1, 1};
  op.window.padding = graph::Padding::kSame;
  op.epilogue.activation = activation;
  return op;
}

TEST_P(SimdWinograd, AnyPaddingAndSize_IsAsTheReference) {
  using enum graph::Padding;
  for (const graph::Padding padding : {kSame, kValid, kExplicit}) {
    for (const Shape& x_shape : {Shape{2, 12, 13, 16}, Shape{1, 17, 14, 37}, Shape{1, 40, 9, 64}}) {
      graph::Conv op = three_by_three({x_shape[3] == 37 ? UnaryKind::silu : UnaryKind::relu});
      op.window.padding = padding;
      if (padding == kExplicit) {
        op.window.pads_begin = {4, 0};
        op.window.pads_end = {1, 7};
      }
      const int64_t filters = x_shape[3] == 16 ? 21 : 32;
      const Tensor x = random_floats(x_shape, 1), w = random_floats({3, 3, x_shape[3], filters}, 2);
      const Tensor bias = random_floats({filters}, 3);
      const graph::TensorType types[] = {{DType::kFloat32, x_shape}, {DType::kFloat32, w.shape()}};
      const Tensor residual = random_floats(op.infer(types)[0].shape, 4);
      SCOPED_TRACE(op.attributes() + " " + to_string(x_shape));
      const SimdCase whole = {op, {&x, &w, &bias, &residual}, {false, true, true, false}};
      if (padding == kValid && x_shape[2] == 9) {
        // 19 x 4 tiles.
        expect_like_reference(simd_conv_winograd, {op, {&x, &w}, {false, true}}, 1e-5);
      } else {
        expect_like_reference(simd_conv_winograd, whole, 1e-5);
      }
    }
  }
}

TEST_P(SimdWinograd, Rows_HaveTheSameBitsInAnyBatch) {
  const graph::Conv op = three_by_three({UnaryKind::tanh});
  const Tensor x = random_floats({5, 14, 11, 48}, 1), w = random_floats({3, 3, 48, 33}, 2);
  const Tensor bias = random_floats({33}, 3), residual = random_floats({5, 14, 11, 33}, 4);
  expect_same_bits_in_any_batch(simd_conv_winograd,
                                {op, {&x, &w, &bias, &residual}, {false, true, true, false}});
}

// Tiles of three images at once, and of the two that are left.
TEST_P(SimdWinograd, SmallImages_AreComputedTogether) {
  const graph::Conv op = three_by_three({UnaryKind::silu});
  const Tensor x = random_floats({5, 7, 8, 20}, 1), w = random_floats({3, 3, 20, 24}, 2);
  const Tensor bias = random_floats({24}, 3), residual = random_floats({5, 7, 8, 24}, 4);
  const SimdCase c = {op, {&x, &w, &bias, &residual}, {false, true, true, false}};
  expect_like_reference(simd_conv_winograd, c, 1e-5);
  expect_same_bits_in_any_batch(simd_conv_winograd, c);
  const Tensor smaller = random_floats({1, 6, 7, 20}, 1);
  EXPECT_EQ(refusal_of(simd_conv_winograd, {op, {&smaller, &w}, {false, true}}),
            "simd: a small image");
}

// So many filters that the tiles are packed.
TEST_P(SimdWinograd, ManyFilters_AreAsTheReference) {
  const graph::Conv op = three_by_three({UnaryKind::relu});
  const Tensor x = random_floats({3, 14, 15, 17}, 1), w = random_floats({3, 3, 17, 144}, 2);
  const Tensor bias = random_floats({144}, 3);
  const SimdCase c = {op, {&x, &w, &bias}, {false, true, true}};
  expect_like_reference(simd_conv_winograd, c, 1e-5);
  expect_same_bits_in_any_batch(simd_conv_winograd, c);
}

// About as exact as the direct sum: the whole error of 256 channels stays below 2e-6 of the sum of
// absolute values.
TEST_P(SimdWinograd, ManyChannels_StayExact) {
  const graph::Conv op = three_by_three();
  const Tensor x = random_floats({1, 12, 12, 256}, 1, 0, 1), w = random_floats({3, 3, 256, 16}, 2);
  const Tensor got = run_simd(simd_conv_winograd, {op, {&x, &w}, {false, true}})[0];
  const Tensor expected = evaluate(op, {&x, &w}, true)[0];
  constexpr float kSumOfAbsolutes = 0.25f * 9 * 256;
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    ASSERT_NEAR(got.as<float>()[i], expected.as<float>()[i], 2e-6f * kSumOfAbsolutes);
  }
}

TEST_P(SimdWinograd, OtherConvolutions_AreRefused) {
  const Tensor x = random_floats({1, 20, 20, 32}, 1), w = random_floats({3, 3, 32, 32}, 2);
  const std::string window =
      "simd: a window that is not 3x3, without strides, dilations and groups";
  graph::Conv strided = three_by_three();
  strided.window.strides = {2, 1};
  EXPECT_EQ(refusal_of(simd_conv_winograd, {strided, {&x, &w}, {false, true}}), window);
  graph::Conv dilated = three_by_three();
  dilated.window.dilations = {1, 2};
  EXPECT_EQ(refusal_of(simd_conv_winograd, {dilated, {&x, &w}, {false, true}}), window);
  EXPECT_EQ(refusal_of(simd_conv_winograd, {three_by_three(), {&x, &w}, {false, false}}),
            "simd: weights that are computed");
  const Tensor few = random_floats({1, 20, 20, 8}, 1), v = random_floats({3, 3, 8, 32}, 2);
  EXPECT_EQ(refusal_of(simd_conv_winograd, {three_by_three(), {&few, &v}, {false, true}}),
            "simd: few channels");
}

}  // namespace
}  // namespace hornet::kernels
