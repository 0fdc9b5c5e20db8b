#include <gtest/gtest.h>

#include "graph/ops/convolution.h"
#include "graph/ops/pooling.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::Conv;
using graph::ConvTranspose;
using graph::Padding;
using graph::Pool;
using graph::PoolKind;
using graph::Window;
using testing::ElementsAre;

Window window_1d(int64_t size, int64_t stride, int64_t dilation, Padding padding) {
  return {{size}, {stride}, {dilation}, padding, {}, {}};
}

std::vector<float> conv_1d(const Window& window, const std::vector<float>& x,
                           const std::vector<float>& w) {
  const Tensor input = array({1, static_cast<int64_t>(x.size()), 1}, x);
  const Tensor kernel = array({static_cast<int64_t>(w.size()), 1, 1}, w);
  Conv op;
  op.window = window;
  return values(reference_result(op, {&input, &kernel, nullptr, nullptr}));
}

TEST(ReferenceConv, Valid_IsACorrelation) {
  EXPECT_THAT(conv_1d(window_1d(2, 1, 1, Padding::kValid), {1, 2, 3, 4, 5}, {1, 2}),
              ElementsAre(5, 8, 11, 14));
  EXPECT_THAT(conv_1d(window_1d(2, 2, 1, Padding::kValid), {1, 2, 3, 4, 5}, {1, 2}),
              ElementsAre(5, 11));
  EXPECT_THAT(conv_1d(window_1d(2, 1, 3, Padding::kValid), {1, 2, 3, 4, 5}, {1, 2}),
              ElementsAre(9, 12));
}

TEST(ReferenceConv, SamePaddingWithStride2_PadsAtTheEnd) {
  EXPECT_THAT(conv_1d(window_1d(3, 2, 1, Padding::kSame), {1, 2, 3, 4}, {1, 10, 100}),
              ElementsAre(321, 43));
}

TEST(ReferenceConv, Causal_PadsInFront) {
  EXPECT_THAT(conv_1d(window_1d(2, 1, 2, Padding::kCausal), {1, 2, 3, 4}, {10, 1}),
              ElementsAre(1, 2, 13, 24));
}

TEST(ReferenceConv, ExplicitPadding_HasTwoSides) {
  Window window = window_1d(2, 1, 1, Padding::kExplicit);
  window.pads_begin = {2};
  window.pads_end = {1};
  EXPECT_THAT(conv_1d(window, {1, 2}, {10, 1}), ElementsAre(0, 1, 12, 20));
}

TEST(ReferenceConv, Groups_ReadTheirChannelsOnly) {
  const Tensor x = array({1, 1, 4}, {1, 2, 3, 4});
  const Tensor w = array({1, 2, 2}, {1, 10, 100, 1000});
  Conv op;
  op.window = window_1d(1, 1, 1, Padding::kValid);
  op.groups = 2;
  EXPECT_THAT(values(reference_result(op, {&x, &w, nullptr, nullptr})), ElementsAre(201, 4030));
}

TEST(ReferenceConv, BiasAndResidual_AreAddedBeforeTheActivation) {
  const Tensor x = array({2, 1, 1}, {1, 2}), w = array({1, 1, 1}, {1});
  const Tensor bias = array({1}, {-4}), residual = array({2, 1, 1}, {1, 5});
  Conv op;
  op.window = window_1d(1, 1, 1, Padding::kValid);
  op.epilogue.activation = {graph::UnaryKind::relu};
  EXPECT_THAT(values(reference_result(op, {&x, &w, &bias, &residual})), ElementsAre(0, 3));
}

TEST(ReferenceConv, TwoDimensions_TakeHeightFirst) {
  const Tensor x = counting({1, 2, 3, 1}, 1);
  const Tensor w = array({2, 1, 1, 1}, {1, 10});
  Conv op;
  op.window = {{2, 1}, {1, 1}, {1, 1}, Padding::kValid, {}, {}};
  const Tensor y = reference_result(op, {&x, &w, nullptr, nullptr});
  EXPECT_EQ(y.shape(), (Shape{1, 1, 3, 1}));
  EXPECT_THAT(values(y), ElementsAre(41, 52, 63));
}

TEST(ReferenceConv, ThreeDimensions_SumTheCube) {
  const Tensor x = counting({1, 2, 2, 2, 2});
  const Tensor w = array({2, 2, 2, 2, 1}, std::vector<float>(16, 1));
  Conv op;
  op.window = {{2, 2, 2}, {1, 1, 1}, {1, 1, 1}, Padding::kValid, {}, {}};
  EXPECT_THAT(values(reference_result(op, {&x, &w, nullptr, nullptr})), ElementsAre(120));
}

std::vector<float> transposed_1d(int64_t stride, Padding padding,
                                 const std::vector<int64_t>& output_padding,
                                 const std::vector<float>& x, const std::vector<float>& w) {
  const Tensor input = array({1, static_cast<int64_t>(x.size()), 1}, x);
  const Tensor kernel = array({static_cast<int64_t>(w.size()), 1, 1}, w);
  ConvTranspose op;
  op.window = window_1d(static_cast<int64_t>(w.size()), stride, 1, padding);
  op.output_padding = output_padding;
  return values(reference_result(op, {&input, &kernel, nullptr, nullptr}));
}

TEST(ReferenceConvTranspose, Valid_KeepsTheFullResult) {
  EXPECT_THAT(transposed_1d(2, Padding::kValid, {}, {1, 2}, {1, 10, 100}),
              ElementsAre(1, 10, 102, 20, 200));
  EXPECT_THAT(transposed_1d(3, Padding::kValid, {}, {1, 2}, {1}), ElementsAre(1, 0, 0, 2, 0, 0));
}

TEST(ReferenceConvTranspose, Same_CropsTheSmallerHalfFirst) {
  EXPECT_THAT(transposed_1d(2, Padding::kSame, {}, {1, 2}, {1, 10, 100}),
              ElementsAre(1, 10, 102, 20));
  EXPECT_THAT(transposed_1d(1, Padding::kSame, {}, {1, 2, 3}, {1, 10, 100}),
              ElementsAre(12, 123, 230));
}

TEST(ReferenceConvTranspose, OutputPadding_AddsCellsAtTheEnd) {
  EXPECT_THAT(transposed_1d(2, Padding::kValid, {1}, {1, 2}, {1, 10}),
              ElementsAre(1, 10, 2, 20, 0));
}

TEST(ReferenceConvTranspose, Channels_AreSummedPerFilter) {
  const Tensor x = array({1, 1, 2}, {1, 2}), w = array({1, 2, 2}, {1, 10, 100, 1000});
  const Tensor bias = array({2}, {0.5f, -5000});
  ConvTranspose op;
  op.window = window_1d(1, 1, 1, Padding::kValid);
  op.epilogue.activation = {graph::UnaryKind::relu};
  EXPECT_THAT(values(reference_result(op, {&x, &w, &bias, nullptr})), ElementsAre(21.5f, 0));
}

std::vector<float> pool_1d(PoolKind kind, const Window& window, const std::vector<float>& x) {
  const Tensor input = array({1, static_cast<int64_t>(x.size()), 1}, x);
  Pool op;
  op.kind = kind;
  op.window = window;
  return values(reference_result(op, {&input}));
}

TEST(ReferencePool, Padding_NeitherWinsNorCounts) {
  const Window window = window_1d(2, 2, 1, Padding::kSame);
  EXPECT_THAT(pool_1d(PoolKind::kMax, window, {-1, -2, -3}), ElementsAre(-1, -3));
  EXPECT_THAT(pool_1d(PoolKind::kAverage, window, {-1, -2, -3}), ElementsAre(-1.5f, -3));
}

TEST(ReferencePool, NaN_IsTheMaximum) {
  EXPECT_THAT(pool_1d(PoolKind::kMax, window_1d(2, 1, 1, Padding::kValid), {kNan, 1, 2}),
              near({kNan, 2}));
}

TEST(ReferencePool, Channels_StayApart) {
  const Tensor x = counting({2, 2, 2, 2});
  Pool op;
  op.kind = PoolKind::kAverage;
  op.window = {{2, 2}, {1, 1}, {1, 1}, Padding::kValid, {}, {}};
  EXPECT_THAT(values(reference_result(op, {&x})), ElementsAre(3, 4, 11, 12));
}

TEST(ReferencePool, Dilation_IsRefused) {
  const Tensor x = counting({1, 4, 1});
  Pool op;
  op.window = window_1d(2, 1, 2, Padding::kValid);
  EXPECT_ERROR(evaluate(op, {&x}, true), ErrorCode::kUnsupported, "pooling with dilation");
}

}  // namespace
}  // namespace hornet::kernels
