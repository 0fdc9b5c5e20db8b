#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/reduction.h"
#include "graph/ops/shape.h"
#include "hornet/error.h"

namespace hornet::plan {
namespace {

using graph::BinaryKind;
using graph::UnaryFunction;
using graph::UnaryKind;
using graph::ValueId;

std::vector<float> numbers(const Shape& shape, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> values(static_cast<size_t>(num_elements(shape)));
  for (float& value : values) value = distribution(generator);
  return values;
}

class PlanTest : public ::testing::Test {
 protected:
  ValueId input(Shape shape) { return graph_.add_input({DType::kFloat32, std::move(shape)}, "x"); }
  template <class OpType, class... Args>
  ValueId add(std::vector<ValueId> inputs, Args&&... args) {
    return graph_.add_node(std::make_shared<OpType>(std::forward<Args>(args)...), std::move(inputs),
                           "layer \"l\" (L)")[0];
  }
  ValueId constant(std::vector<float> values, Shape shape) {
    Tensor tensor(DType::kFloat32, std::move(shape));
    std::copy(values.begin(), values.end(), tensor.mutable_as<float>());
    return graph_.add_constant(std::move(tensor));
  }

  // Executes twice with one state: what the first run left must not show in the second.
  std::vector<std::vector<float>> run(std::vector<std::vector<float>> inputs,
                                      const std::vector<Shape>& shapes,
                                      const PlanOptions& options = {}) {
    const auto plan = Plan::compile(graph_, shapes, packed_, options);
    WorkerState state(*plan);
    std::vector<const void*> sources;
    for (const auto& values : inputs) sources.push_back(values.data());
    std::vector<std::vector<float>> outputs;
    std::vector<void*> targets;
    for (const auto& type : plan->output_types()) {
      outputs.emplace_back(static_cast<size_t>(num_elements(type.shape)), -7.0f);
    }
    for (auto& values : outputs) targets.push_back(values.data());
    plan->execute({sources, targets}, state);
    plan->execute({sources, targets}, state);
    text_ = plan->to_string();
    return outputs;
  }

  graph::Graph graph_;
  kernels::PackedWeights packed_;
  std::string text_;
};

TEST_F(PlanTest, ChainOfSteps_ComputesEachOnce) {
  const ValueId x = input({-1, 2});
  const ValueId y =
      add<graph::Contraction>({x, constant({1, 2, 3, 4}, {2, 2}), constant({10, 20}, {2})});
  graph_.set_outputs({add<graph::Unary>({y}, UnaryFunction{UnaryKind::negative})});
  EXPECT_THAT(run({{1, 1, 0, 2}}, {{2, 2}}),
              testing::ElementsAre(testing::ElementsAre(-14, -26, -16, -28)));
}

TEST_F(PlanTest, OutputThatIsAnInput_IsCopied) {
  const ValueId x = input({-1, 2});
  graph_.set_outputs({x});
  EXPECT_THAT(run({{1, 2, 3, 4}}, {{2, 2}}),
              testing::ElementsAre(testing::ElementsAre(1, 2, 3, 4)));
}

TEST_F(PlanTest, OutputWantedTwice_IsWrittenTwice) {
  const ValueId x = input({-1, 2});
  const ValueId y = add<graph::Unary>({x}, UnaryFunction{UnaryKind::negative});
  graph_.set_outputs({y, y, x});
  EXPECT_THAT(run({{1, 2}}, {{1, 2}}),
              testing::ElementsAre(testing::ElementsAre(-1, -2), testing::ElementsAre(-1, -2),
                                   testing::ElementsAre(1, 2)));
}

TEST_F(PlanTest, OutputThatIsAConstant_IsCopied) {
  input({-1, 1});
  graph_.set_outputs({constant({5, 6}, {2})});
  EXPECT_THAT(run({{0}}, {{1, 1}}), testing::ElementsAre(testing::ElementsAre(5, 6)));
}

TEST_F(PlanTest, OutputThatOtherStepsRead_IsNotOverwritten) {
  const ValueId x = input({-1, 2});
  const ValueId y = add<graph::Unary>({x}, UnaryFunction{UnaryKind::negative});
  const ValueId z = add<graph::Unary>({y}, UnaryFunction{UnaryKind::square});
  const ValueId w = add<graph::Binary>({z, y}, BinaryKind::add);
  graph_.set_outputs({y, w});
  EXPECT_THAT(run({{2, 3}}, {{1, 2}}),
              testing::ElementsAre(testing::ElementsAre(-2, -3), testing::ElementsAre(2, 6)));
}

TEST_F(PlanTest, ReshapedValue_NeedsNoStep) {
  const ValueId x = input({-1, 4});
  const ValueId y = add<graph::Unary>({x}, UnaryFunction{UnaryKind::negative});
  const ValueId r = add<graph::Reshape>(
      {y}, std::vector<graph::TargetDim>{graph::TargetDim::copied(0), graph::TargetDim::fixed(2),
                                         graph::TargetDim::fixed(2)});
  const ValueId z = add<graph::Unary>({r}, UnaryFunction{UnaryKind::square});
  // y is read again after its view was: the square must not be computed in its place.
  const ValueId back = add<graph::Reshape>(
      {z},
      std::vector<graph::TargetDim>{graph::TargetDim::copied(0), graph::TargetDim::inferred()});
  graph_.set_outputs({add<graph::Binary>({back, y}, BinaryKind::subtract)});
  EXPECT_THAT(run({{1, 2, 3, 4}}, {{1, 4}}),
              testing::ElementsAre(testing::ElementsAre(2, 6, 12, 20)));
  EXPECT_EQ(text_.find("reshape"), std::string::npos) << text_;
}

TEST_F(PlanTest, InputAtAnOddAddress_IsRead) {
  const ValueId x = input({-1, 3});
  graph_.set_outputs(
      {add<graph::Contraction>({x, constant({1, 0, 0, 1, 1, 1}, {3, 2}), graph::kNoValue})});
  const auto plan = Plan::compile(graph_, {{2, 3}}, packed_);
  WorkerState state(*plan);
  std::vector<float> rows = {0, 1, 2, 3, 4, 5, 6}, result(5, -7.0f);
  const void* source = rows.data() + 1;
  void* target = result.data() + 1;
  plan->execute({std::span(&source, 1), std::span(&target, 1)}, state);
  EXPECT_THAT(result, testing::ElementsAre(-7, 4, 5, 10, 11));
}

TEST_F(PlanTest, NoRows_ComputesNothing) {
  const ValueId x = input({-1, 2});
  const ValueId y = add<graph::Contraction>({x, constant({1, 2}, {2, 1}), graph::kNoValue});
  graph_.set_outputs({add<graph::Unary>({y}, UnaryFunction{UnaryKind::sigmoid})});
  EXPECT_THAT(run({{}}, {{0, 2}}), testing::ElementsAre(testing::IsEmpty()));
}

TEST_F(PlanTest, ErrorOfAStep_NamesItsLayer) {
  const ValueId x = input({-1, 1});
  const ValueId ids = add<graph::Cast>({x}, DType::kInt32);
  graph_.set_outputs({add<graph::Gather>({constant({1, 2, 3}, {3, 1}), ids}, 0)});
  try {
    run({{7}}, {{1, 1}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message().rfind("layer \"l\" (L): ", 0), 0u) << error.message();
  }
}

// A block of squeeze and excitation: steps of two nodes each, one of which keeps its first result.
TEST_F(PlanTest, StepsOfTwoNodes_GiveWhatTheyGiveAlone) {
  const auto weights = [&](Shape shape, uint32_t seed) {
    return constant(numbers(shape, seed), shape);
  };
  graph::Conv depthwise, project;
  for (graph::Conv* conv : {&depthwise, &project}) {
    conv->window.padding = graph::Padding::kSame;
    conv->window.strides = conv->window.dilations = {1, 1};
  }
  depthwise.window.size = {3, 3};
  depthwise.groups = 16;
  project.window.size = {1, 1};
  const Shape image = {2, 64, 65, 16};
  for (const bool outputs_images : {false, true}) {
    graph_ = {};
    const ValueId x = input({-1, 64, 65, 16});
    const ValueId y = add<graph::Conv>({x, weights({3, 3, 1, 16}, 1)}, depthwise);
    const ValueId mean =
        add<graph::Reduce>({y}, graph::ReduceKind::mean, std::vector<int64_t>{1, 2}, true);
    const ValueId gate = add<graph::Unary>({mean}, UnaryFunction{UnaryKind::sigmoid});
    const ValueId product = add<graph::Binary>({y, gate}, BinaryKind::multiply);
    const ValueId z =
        add<graph::Conv>({product, weights({1, 1, 16, 16}, 2), weights({16}, 3), x}, project);
    graph_.set_outputs(outputs_images ? std::vector<ValueId>{z, y} : std::vector<ValueId>{z});
    const std::vector<float> rows = numbers(image, 4);
    const auto expected = run({rows}, {image}, {.reference_only = true});
    EXPECT_EQ(text_.find("simd"), std::string::npos) << text_;
    const auto got = run({rows}, {image});
    EXPECT_NE(text_.find("depthwise + mean"), std::string::npos) << text_;
    EXPECT_NE(text_.find("simd multiply + "), std::string::npos) << text_;
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_THAT(got[i], testing::Pointwise(testing::FloatNear(1e-5f), expected[i]));
    }
  }
}

TEST_F(PlanTest, StepOfTwoNodesInPlaceOfItsResidual_GivesTheSameBytes) {
  const Shape image = {2, 64, 65, 20}, factors = {2, 1, 1, 20};
  const ValueId x = input({-1, 64, 65, 20}), gate = input({-1, 1, 1, 20});
  const ValueId residual = add<graph::Unary>({x}, UnaryFunction{UnaryKind::negative});
  const ValueId product = add<graph::Binary>({x, gate}, BinaryKind::multiply);
  graph::Conv project;
  project.window.size = project.window.strides = project.window.dilations = {1, 1};
  const ValueId w = constant(numbers({1, 1, 20, 20}, 1), {1, 1, 20, 20});
  const ValueId y = add<graph::Conv>({product, w, graph::kNoValue, residual}, project);
  const ValueId z = add<graph::Unary>({y}, UnaryFunction{UnaryKind::negative});
  const std::vector<std::vector<float>> rows = {numbers(image, 2), numbers(factors, 3)};

  graph_.set_outputs({z});
  const std::vector<float> got = run(rows, {image, factors})[0];
  EXPECT_NE(text_.find("simd multiply + "), std::string::npos) << text_;
  const auto image_bytes = static_cast<size_t>(num_elements(image)) * sizeof(float);
  EXPECT_LT(Plan::compile(graph_, {image, factors}, packed_)->arena_bytes(), 2 * image_bytes);
  for (const size_t row : {0, 1}) {
    std::vector<std::vector<float>> one = rows;
    for (std::vector<float>& values : one) {
      const auto half = static_cast<std::ptrdiff_t>(values.size() / 2);
      values = row == 0 ? std::vector<float>(values.begin(), values.begin() + half)
                        : std::vector<float>(values.begin() + half, values.end());
    }
    const std::vector<float> alone = run(one, {{1, 64, 65, 20}, {1, 1, 1, 20}})[0];
    EXPECT_EQ(
        std::memcmp(alone.data(), got.data() + row * alone.size(), alone.size() * sizeof(float)), 0)
        << "row " << row;
  }

  graph_.set_outputs({z, residual});  // is not overwritten
  EXPECT_EQ(run(rows, {image, factors})[0], got);
  EXPECT_NE(text_.find("simd multiply + "), std::string::npos) << text_;
  graph_.set_outputs({z, product});  // two steps
  EXPECT_EQ(run(rows, {image, factors})[0], got);
  EXPECT_EQ(text_.find("simd multiply + "), std::string::npos) << text_;
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-5f),
                                      run(rows, {image, factors}, {.reference_only = true})[0]));
}

TEST_F(PlanTest, DepthwiseConvolutions_TakeThePlaceOfTheirInputs) {
  const Shape image = {2, 30, 31, 48};
  const ValueId x = input({-1, 30, 31, 48});
  graph::Conv depthwise;
  depthwise.window.size = {3, 3};
  depthwise.window.strides = depthwise.window.dilations = {1, 1};
  depthwise.window.padding = graph::Padding::kSame;
  depthwise.groups = 48;
  const ValueId w = constant(numbers({3, 3, 1, 48}, 1), {3, 3, 1, 48});
  const ValueId first = add<graph::Unary>({x}, UnaryFunction{UnaryKind::negative});
  const ValueId second = add<graph::Conv>({first, w}, depthwise);
  const ValueId third = add<graph::Conv>({second, w}, depthwise);
  const ValueId y = add<graph::Unary>({third}, UnaryFunction{UnaryKind::negative});
  const std::vector<std::vector<float>> rows = {numbers(image, 2)};
  const auto image_bytes = static_cast<size_t>(num_elements(image)) * sizeof(float);
  const auto arena_bytes = [&] { return Plan::compile(graph_, {image}, packed_)->arena_bytes(); };

  graph_.set_outputs({y});
  const std::vector<float> got = run(rows, {image})[0];
  EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-5f),
                                      run(rows, {image}, {.reference_only = true})[0]));
  // Of two in a row the second has a place of its own.
  EXPECT_LT(arena_bytes(), 9 * image_bytes / 4);

  // What others read is left alone.
  graph_.set_outputs({y, first, third});
  const auto all = run(rows, {image});
  EXPECT_EQ(all[0], got);
  EXPECT_EQ(all[1], run(rows, {image}, {.reference_only = true})[1]);
  const ValueId sum = add<graph::Binary>({third, second}, BinaryKind::add);
  graph_.set_outputs({sum, y});
  EXPECT_EQ(run(rows, {image})[1], got);
  EXPECT_THAT(run(rows, {image})[0],
              testing::Pointwise(testing::FloatNear(1e-5f),
                                 run(rows, {image}, {.reference_only = true})[0]));

  // With their means.
  const ValueId fourth = add<graph::Conv>({y, w}, depthwise);
  const ValueId mean =
      add<graph::Reduce>({fourth}, graph::ReduceKind::mean, std::vector<int64_t>{1, 2}, true);
  graph_.set_outputs({add<graph::Binary>({fourth, mean}, BinaryKind::multiply)});
  const std::vector<float> scaled = run(rows, {image})[0];
  EXPECT_NE(text_.find("depthwise + mean"), std::string::npos) << text_;
  EXPECT_THAT(scaled, testing::Pointwise(testing::FloatNear(1e-4f),
                                         run(rows, {image}, {.reference_only = true})[0]));
}

// As long as what it takes from its input: nothing would be spared.
TEST_F(PlanTest, DepthwiseConvolutionOfALine_HasAPlaceOfItsOwn) {
  const Shape line = {1, 64, 48};
  const ValueId x = input({-1, 64, 48});
  graph::Conv depthwise;
  depthwise.window.size = {3};
  depthwise.window.strides = depthwise.window.dilations = {1};
  depthwise.window.padding = graph::Padding::kSame;
  depthwise.groups = 48;
  const ValueId before = add<graph::Unary>({x}, UnaryFunction{UnaryKind::negative});
  const ValueId y =
      add<graph::Conv>({before, constant(numbers({3, 1, 48}, 1), {3, 1, 48})}, depthwise);
  const ValueId after = add<graph::Unary>({y}, UnaryFunction{UnaryKind::negative});
  const ValueId end =
      add<graph::Conv>({after, constant(numbers({3, 1, 48}, 2), {3, 1, 48})}, depthwise);
  graph_.set_outputs({add<graph::Unary>({end}, UnaryFunction{UnaryKind::negative})});
  const auto plan = Plan::compile(graph_, {line}, packed_);
  EXPECT_EQ(plan->arena_bytes(), 2 * static_cast<size_t>(num_elements(line)) * sizeof(float))
      << plan->to_string();
}

TEST_F(PlanTest, TwoPlansOfOneGraph_SharePackedWeights) {
  const ValueId x = input({-1, 32});
  graph_.set_outputs({add<graph::Contraction>(
      {x, constant(std::vector<float>(32 * 32, 1.0f), {32, 32}), graph::kNoValue})});
  const auto first = Plan::compile(graph_, {{1, 32}}, packed_);
  const size_t bytes = packed_.total_bytes();
  const auto second = Plan::compile(graph_, {{8, 32}}, packed_);
  EXPECT_GT(bytes, 0u);
  EXPECT_EQ(packed_.total_bytes(), bytes);
}

}  // namespace
}  // namespace hornet::plan
