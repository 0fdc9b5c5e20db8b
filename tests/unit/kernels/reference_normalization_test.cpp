#include <gtest/gtest.h>

#include "graph/ops/normalization.h"
#include "tensors.h"

namespace hornet::kernels {
namespace {

using graph::LayerNorm;
using graph::Softmax;
using testing::ElementsAre;

TEST(ReferenceSoftmax, LastAxis_SumsToOne) {
  const Tensor x = array({2, 2}, {0, 1.0986123f, 1000, 1000});
  EXPECT_THAT(values(reference_result(Softmax({1}), {&x})), near({0.25f, 0.75f, 0.5f, 0.5f}));
}

TEST(ReferenceSoftmax, FirstAxis_RunsOverColumns) {
  const Tensor x = array({2, 2}, {0, 5, 1.0986123f, 5});
  EXPECT_THAT(values(reference_result(Softmax({0}), {&x})), near({0.25f, 0.5f, 0.75f, 0.5f}));
}

TEST(ReferenceSoftmax, SeveralAxes_AreOneSum) {
  const Tensor x = array({1, 2, 2}, {3, 3, 3, 3});
  EXPECT_THAT(values(reference_result(Softmax({1, 2}), {&x})),
              ElementsAre(0.25f, 0.25f, 0.25f, 0.25f));
}

TEST(ReferenceSoftmax, Logarithm_DoesNotUnderflow) {
  const Tensor x = array({1, 2}, {0, 1000});
  EXPECT_THAT(values(reference_result(Softmax({1}, true), {&x})), near({-1000, 0}));
}

TEST(ReferenceSoftmax, MinusInfinity_HasNoWeight) {
  const Tensor x = array({1, 2}, {-kInf, 3});
  EXPECT_THAT(values(reference_result(Softmax({1}), {&x})), ElementsAre(0, 1));
}

TEST(ReferenceLayerNorm, Deviations_AreScaledAndShifted) {
  const Tensor x = array({2, 2}, {1, 3, 10, 30}), gamma = array({2}, {1, 2});
  const Tensor beta = array({2}, {0, 1});
  LayerNorm op;
  op.axes = {1};
  op.epsilon = 0;
  EXPECT_THAT(values(reference_result(op, {&x, nullptr, nullptr})), near({-1, 1, -1, 1}));
  EXPECT_THAT(values(reference_result(op, {&x, &gamma, &beta})), near({-1, 3, -1, 3}));
}

TEST(ReferenceLayerNorm, Epsilon_IsAddedToTheVariance) {
  const Tensor x = array({1, 2}, {1, 3});
  LayerNorm op;
  op.axes = {1};
  op.epsilon = 3;
  EXPECT_THAT(values(reference_result(op, {&x, nullptr, nullptr})), near({-0.5f, 0.5f}));
}

TEST(ReferenceLayerNorm, Rms_KeepsTheMean) {
  const Tensor x = array({1, 2}, {3, 4});
  LayerNorm op;
  op.axes = {1};
  op.epsilon = 0;
  op.rms = true;
  EXPECT_THAT(values(reference_result(op, {&x, nullptr, nullptr})),
              near({0.84852814f, 1.1313708f}));
}

TEST(ReferenceLayerNorm, GroupsOfTheMiddleAxis_TakeTheirGamma) {
  // Group normalization: [row, group, channels of a group], statistics over the last axis.
  const Tensor x = array({1, 2, 2}, {1, 3, 5, 9}), gamma = array({2, 2}, {1, 2, 3, 4});
  LayerNorm op;
  op.axes = {2};
  op.epsilon = 0;
  EXPECT_THAT(values(reference_result(op, {&x, &gamma, nullptr})), near({-1, 2, -3, 4}));
}

TEST(ReferenceLayerNorm, OuterAxes_AreNormalizedPerColumn) {
  const Tensor x = array({2, 2}, {1, 10, 3, 30});
  LayerNorm op;
  op.axes = {0};
  op.epsilon = 0;
  EXPECT_THAT(values(reference_result(op, {&x, nullptr, nullptr})), near({-1, -1, 1, 1}));
}

}  // namespace
}  // namespace hornet::kernels
