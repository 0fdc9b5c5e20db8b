#include <gtest/gtest.h>

#include "graph/ops/recurrent.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

// One unit and linear activations, so that the expected values can be checked by hand.

namespace hornet::kernels {
namespace {

using graph::RecurrentOptions;
using testing::ElementsAre;

RecurrentOptions linear() {
  RecurrentOptions options;
  options.activation = options.recurrent_activation = {};
  return options;
}

class ReferenceSimpleRnn : public testing::Test {
 protected:
  const Tensor x_ = array({1, 3, 1}, {1, 2, 3});
  const Tensor kernel_ = array({1, 1}, {0.5f});
  graph::SimpleRnn op_;

  void SetUp() override { op_.options = linear(); }
  std::vector<Tensor> run(const Tensor* h = nullptr, const Tensor* mask = nullptr) {
    return evaluate(op_, {&x_, &kernel_, h, mask}, true);
  }
};

TEST_F(ReferenceSimpleRnn, EachStep_AddsTheRecurrentProduct) {
  const std::vector<Tensor> results = run();
  EXPECT_THAT(values(results[0]), ElementsAre(1, 2.5f, 4.25f));
  EXPECT_THAT(values(results[1]), ElementsAre(4.25f));
  EXPECT_THAT(values(results[2]), ElementsAre(4.25f));
}

TEST_F(ReferenceSimpleRnn, Backwards_TheSequenceStaysReversed) {
  op_.options.go_backwards = true;
  EXPECT_THAT(values(run()[0]), ElementsAre(3, 3.5f, 2.75f));
}

TEST_F(ReferenceSimpleRnn, MaskedStep_KeepsStateAndOutput) {
  const Tensor mask = array<bool>({1, 3}, {true, false, true});
  EXPECT_THAT(values(run(nullptr, &mask)[0]), ElementsAre(1, 1, 3.5f));
  op_.options.zero_output_for_mask = true;
  EXPECT_THAT(values(run(nullptr, &mask)[0]), ElementsAre(1, 0, 3.5f));
}

TEST_F(ReferenceSimpleRnn, MaskedAtTheStart_OutputIsZeroAndTheStateKept) {
  const Tensor mask = array<bool>({1, 3}, {false, true, false}), h = array({1, 1}, {10});
  const std::vector<Tensor> results = run(&h, &mask);
  EXPECT_THAT(values(results[0]), ElementsAre(0, 7, 7));
  EXPECT_THAT(values(results[1]), ElementsAre(7));
  EXPECT_THAT(values(results[2]), ElementsAre(7));
}

TEST_F(ReferenceSimpleRnn, MaskedAtTheEndWithZeroOutput_LastOutputIsZeroTheStateIsNot) {
  const Tensor mask = array<bool>({1, 3}, {true, true, false});
  op_.options.zero_output_for_mask = true;
  const std::vector<Tensor> results = run(nullptr, &mask);
  EXPECT_THAT(values(results[1]), ElementsAre(0));
  EXPECT_THAT(values(results[2]), ElementsAre(2.5f));
}

TEST_F(ReferenceSimpleRnn, Activation_IsTanhByDefault) {
  op_.options = {};
  EXPECT_THAT(values(run()[0]), near({0.76159416f, 0.9830411f, 0.99814676f}));
}

TEST_F(ReferenceSimpleRnn, Projection_GivesTheProjectedInput) {
  const Tensor x = array({1, 2, 2}, {1, 2, 3, 4}), projection = array({2, 1}, {10, 100});
  const Tensor bias = array({1}, {5});
  const auto sequence = [&](const Tensor* given_bias) {
    return values(
        reference_result(op_, {&x, &kernel_, nullptr, nullptr, nullptr, &projection, given_bias}));
  };
  EXPECT_THAT(sequence(nullptr), ElementsAre(210, 430 + 105));
  EXPECT_THAT(sequence(&bias), ElementsAre(215, 435 + 107.5f));
}

TEST_F(ReferenceSimpleRnn, ProjectionThatDoesNotFit_IsAnError) {
  const Tensor narrow = array({2, 1}, {1, 1}), wide = array({1, 2}, {1, 1});
  const auto compute = [&](const Tensor& projection) {
    evaluate(op_, {&x_, &kernel_, nullptr, nullptr, nullptr, &projection}, true);
  };
  EXPECT_ERROR(compute(narrow), ErrorCode::kShapeMismatch,
               "projection is [2, 1]; it does not fit input [1, 3, 1]");
  EXPECT_ERROR(compute(wide), ErrorCode::kShapeMismatch,
               "recurrent kernel is [1, 1]; it does not fit projected input [1, 3, 2]");
}

TEST_F(ReferenceSimpleRnn, NoSteps_GiveTheInitialState) {
  const Tensor x = array({2, 0, 1}, {}), h = array({2, 1}, {5, 6});
  const std::vector<Tensor> results = evaluate(op_, {&x, &kernel_, &h}, true);
  EXPECT_THAT(values(results[1]), ElementsAre(0, 0));
  EXPECT_THAT(values(results[2]), ElementsAre(5, 6));
}

TEST(ReferenceLstm, Gates_AreInputForgetCellOutput) {
  const Tensor x = array({1, 1, 4}, {1, 2, 3, 4}), kernel = array({1, 4}, {10, 20, 30, 40});
  const Tensor h = array({1, 1}, {1}), c = array({1, 1}, {5});
  graph::Lstm op;
  op.options = linear();
  // i 11, f 22, candidate 33, o 44: c' = 22 * 5 + 11 * 33, h' = 44 c'
  const std::vector<Tensor> results = evaluate(op, {&x, &kernel, &h, &c, nullptr}, true);
  EXPECT_THAT(values(results[0]), ElementsAre(20812));
  EXPECT_THAT(values(results[1]), ElementsAre(20812));
  EXPECT_THAT(values(results[2]), ElementsAre(20812));
  EXPECT_THAT(values(results[3]), ElementsAre(473));
}

TEST(ReferenceLstm, Rows_DoNotShareTheirState) {
  const Tensor x = array({2, 2, 4}, {1, 0, 1, 1, 1, 1, 1, 1, 2, 0, 1, 1, 1, 1, 1, 1});
  const Tensor kernel = array({1, 4}, {0, 0, 0, 0});
  graph::Lstm op;
  op.options = linear();
  EXPECT_THAT(values(reference_result(op, {&x, &kernel, nullptr, nullptr, nullptr})),
              ElementsAre(1, 2, 2, 3));
}

TEST(ReferenceGru, ResetAfter_AppliesToTheRecurrentProduct) {
  const Tensor x = array({1, 1, 3}, {2, 3, 4}), kernel = array({1, 3}, {10, 20, 30});
  const Tensor h = array({1, 1}, {1}), bias = array({3}, {0, 0, 7});
  graph::Gru op;
  op.options = linear();
  // z 12, r 23, candidate 4 + 23 * (30 + 7) = 855: 12 - 11 * 855
  const std::vector<Tensor> results = evaluate(op, {&x, &kernel, &h, nullptr, &bias}, true);
  EXPECT_THAT(values(results[0]), ElementsAre(-9393));
}

TEST(ReferenceGru, ResetBefore_AppliesToTheState) {
  const Tensor x = array({1, 1, 3}, {2, 3, 4}), kernel = array({1, 3}, {10, 20, 30});
  const Tensor h = array({1, 1}, {1}), bias = array({3}, {0, 0, 7});
  graph::Gru op;
  op.options = linear();
  op.reset_after = false;
  // z 12, r 23, candidate 4 + 23 * 30 = 694: 12 - 11 * 694
  EXPECT_THAT(values(reference_result(op, {&x, &kernel, &h, nullptr, nullptr})),
              ElementsAre(-7622));
  EXPECT_ERROR(evaluate(op, {&x, &kernel, &h, nullptr, &bias}, true), ErrorCode::kUnsupported,
               "a recurrent bias without reset_after");
}

}  // namespace
}  // namespace hornet::kernels
