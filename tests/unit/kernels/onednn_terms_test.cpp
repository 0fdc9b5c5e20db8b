#include "kernels/onednn/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hornet::kernels {
namespace {

using graph::Conv;
using graph::MatMul;
using graph::Padding;
using graph::Pool;
using testing::ElementsAre;

ConvolutionTerms terms_of(const Conv& op, const Shape& x, const Shape& w) {
  const std::vector<graph::TensorType> types = {{DType::kFloat32, x}, {DType::kFloat32, w}};
  return convolution_terms(op, x, w, op.infer(types)[0].shape);
}

TEST(ConvolutionTerms, Dilation_CountsFromZero) {
  Conv op;
  op.window = {{3, 3}, {1, 1}, {2, 1}, Padding::kValid, {}, {}};
  EXPECT_THAT(terms_of(op, {1, 8, 8, 4}, {3, 3, 4, 5}).dilates, ElementsAre(1, 0));
}

TEST(ConvolutionTerms, SamePaddingWithStride2_HasItsLargerHalfAtTheRight) {
  Conv op;
  op.window = {{3, 4}, {2, 1}, {1, 1}, Padding::kSame, {}, {}};
  const ConvolutionTerms terms = terms_of(op, {1, 8, 8, 4}, {3, 4, 4, 5});
  EXPECT_THAT(terms.padding_l, ElementsAre(0, 1));
  EXPECT_THAT(terms.padding_r, ElementsAre(1, 2));
  EXPECT_THAT(terms.strides, ElementsAre(2, 1));
  EXPECT_THAT(terms.dst, ElementsAre(1, 5, 4, 8));
}

TEST(ConvolutionTerms, Data_IsChannelsLastWithItsDimensionsInOneDnnOrder) {
  Conv op;
  op.window = {{1, 1}, {1, 1}, {1, 1}, Padding::kValid, {}, {}};
  const ConvolutionTerms terms = terms_of(op, {2, 5, 7, 3}, {1, 1, 3, 4});
  EXPECT_THAT(terms.src, ElementsAre(2, 3, 5, 7));
  EXPECT_THAT(terms.src_strides, ElementsAre(105, 1, 21, 3));
  EXPECT_THAT(terms.dst, ElementsAre(2, 4, 5, 7));
}

TEST(ConvolutionTerms, Kernel_IsReadWhereItLies) {
  Conv op;
  op.window = {{2, 3}, {1, 1}, {1, 1}, Padding::kValid, {}, {}};
  const ConvolutionTerms terms = terms_of(op, {1, 8, 8, 4}, {2, 3, 4, 5});
  EXPECT_THAT(terms.weights, ElementsAre(5, 4, 2, 3));
  EXPECT_THAT(terms.weights_strides, ElementsAre(1, 5, 60, 20));
}

TEST(ConvolutionTerms, Groups_SplitTheFilters) {
  Conv op;
  op.window = {{2, 3}, {1, 1}, {1, 1}, Padding::kValid, {}, {}};
  op.groups = 2;
  const ConvolutionTerms terms = terms_of(op, {1, 8, 8, 4}, {2, 3, 2, 6});
  EXPECT_THAT(terms.weights, ElementsAre(2, 3, 2, 2, 3));
  EXPECT_THAT(terms.weights_strides, ElementsAre(3, 1, 6, 36, 12));
}

TEST(ConvolutionTerms, OneDimension_BecomesTheWidth) {
  Conv op;
  op.window = {{3}, {2}, {2}, Padding::kCausal, {}, {}};
  const ConvolutionTerms terms = terms_of(op, {2, 9, 4}, {3, 4, 5});
  EXPECT_THAT(terms.src, ElementsAre(2, 4, 1, 9));
  EXPECT_THAT(terms.dst, ElementsAre(2, 5, 1, 5));
  EXPECT_THAT(terms.weights, ElementsAre(5, 4, 1, 3));
  EXPECT_THAT(terms.strides, ElementsAre(1, 2));
  EXPECT_THAT(terms.dilates, ElementsAre(0, 1));
  EXPECT_THAT(terms.padding_l, ElementsAre(0, 4));
  EXPECT_THAT(terms.padding_r, ElementsAre(0, 0));
}

TEST(ConvolutionTerms, WindowsOfPaddingAlone_AreFound) {
  Conv op;
  // Cells of x that windows cover: -1..1 to 7..9, of 0..8.
  op.window = {{3, 1}, {1, 1}, {1, 1}, Padding::kExplicit, {1, 0}, {1, 0}};
  EXPECT_FALSE(has_window_of_padding_alone(terms_of(op, {1, 9, 4, 2}, {3, 1, 2, 2})));
  op.window.pads_begin = {3, 0};
  EXPECT_TRUE(has_window_of_padding_alone(terms_of(op, {1, 9, 4, 2}, {3, 1, 2, 2})));
  op.window.pads_begin = {1, 0};
  op.window.pads_end = {1, 1};
  EXPECT_TRUE(has_window_of_padding_alone(terms_of(op, {1, 9, 4, 2}, {3, 1, 2, 2})));
  // -2 and 3 of 0..2: both ends beside the image.
  op.window = {{2, 1}, {1, 1}, {5, 1}, Padding::kExplicit, {2, 0}, {1, 0}};
  EXPECT_TRUE(has_window_of_padding_alone(terms_of(op, {1, 3, 4, 2}, {2, 1, 2, 2})));
}

TEST(ConvolutionTerms, ThreeDimensions_StayInOrder) {
  Conv op;
  op.window = {{1, 2, 3}, {1, 1, 1}, {1, 1, 1}, Padding::kExplicit, {1, 2, 3}, {4, 5, 6}};
  const ConvolutionTerms terms = terms_of(op, {1, 4, 5, 6, 2}, {1, 2, 3, 2, 7});
  EXPECT_THAT(terms.src, ElementsAre(1, 2, 4, 5, 6));
  EXPECT_THAT(terms.weights, ElementsAre(7, 2, 1, 2, 3));
  EXPECT_THAT(terms.weights_strides, ElementsAre(1, 7, 84, 42, 14));
  EXPECT_THAT(terms.padding_l, ElementsAre(1, 2, 3));
  EXPECT_THAT(terms.padding_r, ElementsAre(4, 5, 6));
}

TEST(PoolingTerms, OneDimension_BecomesTheWidth) {
  Pool op;
  op.window = {{3}, {2}, {1}, Padding::kSame, {}, {}};
  const PoolingTerms terms = pooling_terms(op, {2, 8, 4}, {2, 4, 4});
  EXPECT_THAT(terms.src, ElementsAre(2, 4, 1, 8));
  EXPECT_THAT(terms.src_strides, ElementsAre(32, 1, 32, 4));
  EXPECT_THAT(terms.dst, ElementsAre(2, 4, 1, 4));
  EXPECT_THAT(terms.kernel, ElementsAre(1, 3));
  EXPECT_THAT(terms.strides, ElementsAre(1, 2));
  EXPECT_THAT(terms.padding_l, ElementsAre(0, 0));
  EXPECT_THAT(terms.padding_r, ElementsAre(0, 1));
}

TEST(MatMulTerms, EqualLeadingDimensions_AreOneProductOverSlices) {
  const MatMulTerms terms =
      matmul_terms(MatMul(false, true), {2, 3, 4, 5}, {2, 3, 6, 5}, {2, 3, 4, 6});
  EXPECT_EQ(terms.m, 4);
  EXPECT_EQ(terms.n, 6);
  EXPECT_EQ(terms.k, 5);
  EXPECT_FALSE(terms.repeats);
  EXPECT_THAT(terms.a_strides, ElementsAre(5, 1));
  EXPECT_THAT(terms.b_strides, ElementsAre(1, 5));
  EXPECT_THAT(terms.a_offsets, ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_THAT(terms.b_offsets, ElementsAre(0, 30, 60, 90, 120, 150));
}

TEST(MatMulTerms, BroadcastOperands_Repeat) {
  const MatMulTerms terms =
      matmul_terms(MatMul(true, false), {2, 1, 5, 4}, {3, 5, 6}, {2, 3, 4, 6});
  EXPECT_TRUE(terms.repeats);
  EXPECT_THAT(terms.a_strides, ElementsAre(1, 4));
  EXPECT_THAT(terms.b_strides, ElementsAre(6, 1));
  EXPECT_THAT(terms.a_offsets, ElementsAre(0, 0, 0, 20, 20, 20));
  EXPECT_THAT(terms.b_offsets, ElementsAre(0, 30, 60, 0, 30, 60));
}

TEST(MatMulTerms, NoLeadingDimensions_AreOneSlice) {
  const MatMulTerms terms = matmul_terms(MatMul(false, false), {4, 5}, {2, 5, 6}, {2, 4, 6});
  EXPECT_TRUE(terms.repeats);
  EXPECT_THAT(terms.a_offsets, ElementsAre(0, 0));
  EXPECT_THAT(terms.b_offsets, ElementsAre(0, 30));
}

}  // namespace
}  // namespace hornet::kernels
