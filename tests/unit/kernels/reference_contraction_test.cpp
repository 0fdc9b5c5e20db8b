#include <gtest/gtest.h>

#include <cmath>

#include "graph/ops/contraction.h"
#include "graph/ops/reduction.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::Attention;
using graph::MatMul;
using graph::Reduce;
using graph::ReduceKind;
using testing::ElementsAre;

TEST(ReferenceContraction, EveryRow_IsMultipliedByTheKernel) {
  const Tensor x = counting({2, 1, 2}, 1), w = counting({2, 3}, 1);
  const Tensor y = reference_result(graph::Contraction(), {&x, &w, nullptr, nullptr});
  EXPECT_EQ(y.shape(), (Shape{2, 1, 3}));
  EXPECT_THAT(values(y), ElementsAre(9, 12, 15, 19, 26, 33));
}

TEST(ReferenceContraction, BiasAndResidual_AreAddedBeforeTheActivation) {
  const Tensor x = array({1, 1}, {1}), w = array({1, 2}, {1, 1});
  const Tensor bias = array({2}, {-3, 1}), residual = array({1, 2}, {1, 1});
  const graph::Contraction op(graph::Epilogue{{graph::UnaryKind::relu}});
  EXPECT_THAT(values(reference_result(op, {&x, &w, &bias, &residual})), ElementsAre(0, 3));
  EXPECT_THAT(values(reference_result(op, {&x, &w, nullptr, &residual})), ElementsAre(2, 2));
}

TEST(ReferenceContraction, NoElementsToSum_GiveTheBias) {
  const Tensor x = array({2, 0}, {}), w = array({0, 1}, {}), bias = array({1}, {5});
  EXPECT_THAT(values(reference_result(graph::Contraction(), {&x, &w, &bias})), ElementsAre(5, 5));
}

TEST(ReferenceMatMul, TransposedOperands_ExchangeTheirLastDimensions) {
  const Tensor a = counting({2, 3}, 1), b = counting({3, 2}, 1);
  const std::vector<float> product = {22, 28, 49, 64};
  EXPECT_EQ(values(reference_result(MatMul(false, false), {&a, &b})), product);
  const Tensor at = array({3, 2}, {1, 4, 2, 5, 3, 6}), bt = array({2, 3}, {1, 3, 5, 2, 4, 6});
  EXPECT_EQ(values(reference_result(MatMul(true, false), {&at, &b})), product);
  EXPECT_EQ(values(reference_result(MatMul(false, true), {&a, &bt})), product);
  EXPECT_EQ(values(reference_result(MatMul(true, true), {&at, &bt})), product);
}

TEST(ReferenceMatMul, LeadingDimensions_AreBroadcast) {
  const Tensor a = counting({2, 1, 1, 2}), b = counting({3, 2, 1});
  const Tensor c = reference_result(MatMul(false, false), {&a, &b});
  EXPECT_EQ(c.shape(), (Shape{2, 3, 1, 1}));
  EXPECT_THAT(values(c), ElementsAre(1, 3, 5, 3, 13, 23));
}

TEST(ReferenceMatMul, Integers_WrapAround) {
  const Tensor a = array<int8_t>({1, 2}, {100, 100}), b = array<int8_t>({2, 1}, {1, 1});
  EXPECT_THAT(values<int8_t>(reference_result(MatMul(false, false), {&a, &b})), ElementsAre(-56));
}

class ReferenceAttention : public testing::Test {
 protected:
  const Tensor zeros_ = array({1, 2, 1, 1}, {0, 0});
  const Tensor v_ = array({1, 2, 1, 1}, {2, 4});
  std::vector<float> run(const Attention& op, const Tensor* mask = nullptr) {
    return values(reference_result(op, {&zeros_, &zeros_, &v_, mask}));
  }
};

TEST_F(ReferenceAttention, EqualScores_GiveTheAverage) {
  EXPECT_THAT(run(Attention()), ElementsAre(3, 3));
}

TEST_F(ReferenceAttention, Causal_SeesNothingLater) {
  Attention op;
  op.causal = true;
  EXPECT_THAT(run(op), ElementsAre(2, 3));
}

TEST_F(ReferenceAttention, Window_SeesNeighboursOnly) {
  Attention op;
  op.window = 1;
  EXPECT_THAT(run(op), ElementsAre(2, 4));
}

TEST_F(ReferenceAttention, Mask_HidesAndIsBroadcast) {
  const Tensor mask = array<bool>({1, 1, 1, 2}, {false, true});
  EXPECT_THAT(run(Attention(), &mask), ElementsAre(4, 4));
}

TEST_F(ReferenceAttention, AllHidden_GivesTheAverageOrZero) {
  const Tensor mask = array<bool>({1, 1, 2, 2}, {false, false, true, false});
  Attention op;
  EXPECT_THAT(run(op, &mask), ElementsAre(3, 2));
  op.zero_hidden = true;
  EXPECT_THAT(run(op, &mask), ElementsAre(0, 2));
}

TEST_F(ReferenceAttention, Scores_AreTheSoftmaxOfScaledProducts) {
  const Tensor q = array({1, 1, 1, 1}, {2}), k = array({1, 2, 1, 1}, {0, std::log(3.0f)});
  Attention op;
  op.scale = 0.5f;
  const std::vector<Tensor> results = evaluate(op, {&q, &k, &v_, nullptr}, true);
  EXPECT_THAT(values(results[0]), near({3.5f}));
  EXPECT_EQ(results[1].shape(), (Shape{1, 1, 1, 2}));
  EXPECT_THAT(values(results[1]), near({0.25f, 0.75f}));
}

TEST_F(ReferenceAttention, Heads_ReadTheirGroup) {
  const Tensor q = array({1, 1, 4, 1}, {0, 0, 0, 0}), k = array({1, 1, 2, 1}, {0, 0});
  const Tensor v = array({1, 1, 2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(values(reference_result(Attention(), {&q, &k, &v})),
              ElementsAre(1, 2, 1, 2, 3, 4, 3, 4));
}

TEST(ReferenceReduce, EachKind_ReducesTheAxes) {
  const Tensor x = array({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto rows = [&](ReduceKind kind) {
    return values(reference_result(Reduce(kind, {1}, false), {&x}));
  };
  EXPECT_THAT(rows(ReduceKind::sum), ElementsAre(6, 15));
  EXPECT_THAT(rows(ReduceKind::mean), ElementsAre(2, 5));
  EXPECT_THAT(rows(ReduceKind::max), ElementsAre(3, 6));
  EXPECT_THAT(rows(ReduceKind::min), ElementsAre(1, 4));
  EXPECT_THAT(rows(ReduceKind::prod), ElementsAre(6, 120));
  EXPECT_THAT(rows(ReduceKind::logsumexp), near({3.407606f, 6.407606f}));
}

TEST(ReferenceReduce, OuterAxisAndAllAxes_AreReduced) {
  const Tensor x = array({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor columns = reference_result(Reduce(ReduceKind::sum, {0}, true), {&x});
  EXPECT_EQ(columns.shape(), (Shape{1, 3}));
  EXPECT_THAT(values(columns), ElementsAre(5, 7, 9));
  const Tensor all = reference_result(Reduce(ReduceKind::sum, {0, 1}, false), {&x});
  EXPECT_EQ(all.shape(), Shape{});
  EXPECT_THAT(values(all), ElementsAre(21));
}

TEST(ReferenceReduce, SpecialValues_FollowNumpy) {
  const Tensor x = array({3, 2}, {1, kNan, -kInf, -kInf, kInf, 0});
  EXPECT_THAT(values(reference_result(Reduce(ReduceKind::max, {1}, false), {&x})),
              near({kNan, -kInf, kInf}));
  EXPECT_THAT(values(reference_result(Reduce(ReduceKind::logsumexp, {1}, false), {&x})),
              near({kNan, -kInf, kInf}));
}

TEST(ReferenceReduce, Bool_IsReducedByAllAndAny) {
  const Tensor x = array<bool>({2, 2}, {true, true, false, true});
  EXPECT_THAT(values<bool>(reference_result(Reduce(ReduceKind::all, {1}, false), {&x})),
              ElementsAre(true, false));
  EXPECT_THAT(values<bool>(reference_result(Reduce(ReduceKind::any, {0}, false), {&x})),
              ElementsAre(true, true));
}

TEST(ReferenceReduce, NoElements_GiveTheNeutralElement) {
  const Tensor x = array({2, 0}, {});
  EXPECT_THAT(values(reference_result(Reduce(ReduceKind::sum, {1}, false), {&x})),
              ElementsAre(0, 0));
  EXPECT_THAT(values(reference_result(Reduce(ReduceKind::prod, {1}, false), {&x})),
              ElementsAre(1, 1));
  EXPECT_ERROR(evaluate(Reduce(ReduceKind::max, {1}, false), {&x}, true), ErrorCode::kUnsupported,
               "max of no elements");
}

TEST(ReferenceReduce, MeanOfIntegers_IsRefused) {
  const Tensor x = array<int32_t>({2}, {1, 2});
  EXPECT_ERROR(evaluate(Reduce(ReduceKind::mean, {0}, false), {&x}, true), ErrorCode::kUnsupported,
               "mean is not defined for int32");
}

}  // namespace
}  // namespace hornet::kernels
