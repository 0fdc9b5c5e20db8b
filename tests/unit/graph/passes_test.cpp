// Each pass: what it takes away, and that the numbers stay the same.
#include "graph/passes/pass.h"

#include <gtest/gtest.h>

#include <random>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/pooling.h"
#include "graph/ops/recurrent.h"
#include "graph/ops/shape.h"
#include "kernels/evaluate.h"

namespace hornet::graph {
namespace {

class PassesTest : public ::testing::Test {
 protected:
  Tensor random(Shape shape) {
    Tensor tensor(DType::kFloat32, std::move(shape));
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      tensor.mutable_as<float>()[i] = uniform(generator_);
    }
    return tensor;
  }

  ValueId input(Shape shape) { return graph_.add_input({DType::kFloat32, std::move(shape)}, "x"); }
  ValueId constant(Tensor data) { return graph_.add_constant(std::move(data)); }
  template <class OpType, class... Args>
  ValueId add(std::vector<ValueId> inputs, Args&&... args) {
    return graph_.add_node(std::make_shared<OpType>(std::forward<Args>(args)...), std::move(inputs),
                           "layer")[0];
  }
  ValueId add_conv(ValueId x, Tensor kernel, ValueId bias = kNoValue) {
    auto conv = std::make_shared<Conv>();
    const size_t spatial = kernel.shape().size() - 2;
    conv->window.size.assign(kernel.shape().begin(), kernel.shape().end() - 2);
    conv->window.strides.assign(spatial, 1);
    conv->window.dilations.assign(spatial, 1);
    return graph_.add_node(conv, {x, constant(std::move(kernel)), bias}, "conv")[0];
  }

  // The graph's first output for `rows`, computed node by node by the reference kernels.
  Tensor compute(const Tensor& rows) const {
    std::vector<Tensor> values(graph_.values().size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (graph_.values()[i].data) values[i] = graph_.values()[i].data->tensor();
    }
    values[static_cast<size_t>(graph_.inputs()[0])] = rows;
    for (const Node& node : graph_.nodes()) {
      std::vector<const Tensor*> inputs;
      for (const ValueId id : node.inputs) {
        inputs.push_back(id == kNoValue ? nullptr : &values[static_cast<size_t>(id)]);
      }
      const std::vector<Tensor> outputs = kernels::evaluate(*node.op, inputs, true);
      for (size_t k = 0; k < outputs.size(); ++k) {
        if (node.outputs[k] != kNoValue) values[static_cast<size_t>(node.outputs[k])] = outputs[k];
      }
    }
    return values[static_cast<size_t>(graph_.outputs()[0])];
  }

  // Runs the passes; expects `num_nodes` nodes and the numbers from before.
  void expect_same_numbers(Shape rows_shape, size_t num_nodes, double tolerance = 1e-5) {
    const Tensor rows = random(std::move(rows_shape));
    const Tensor before = compute(rows);
    run_passes(graph_, {[](const Node& node, const std::vector<const Tensor*>& inputs) {
                 return kernels::evaluate(*node.op, inputs, true);
               }});
    EXPECT_EQ(graph_.nodes().size(), num_nodes) << graph_.to_string();
    const Tensor after = compute(rows);
    ASSERT_EQ(before.shape(), after.shape());
    for (int64_t i = 0; i < before.num_elements(); ++i) {
      EXPECT_NEAR(before.as<float>()[i], after.as<float>()[i], tolerance) << "element " << i;
    }
  }

  Graph graph_;
  std::mt19937 generator_{20240607};
};

TEST_F(PassesTest, BatchNormalisationBehindConvolution_GoesIntoItsWeights) {
  const ValueId x = input({-1, 5, 5, 3});
  const ValueId conv = add_conv(x, random({3, 3, 3, 4}));
  const ValueId scaled = add<Binary>({conv, constant(random({4}))}, BinaryKind::multiply);
  const ValueId shifted = add<Binary>({scaled, constant(random({4}))}, BinaryKind::add);
  graph_.set_outputs({add<Unary>({shifted}, UnaryFunction{UnaryKind::relu})});
  expect_same_numbers({2, 5, 5, 3}, 1);
}

TEST_F(PassesTest, ScaledWeights_StayWhereTheyAre) {
  constexpr int64_t kRows = 20;
  const ValueId x = input({-1, kRows}), weights = constant(random({kRows, 4}));
  const Tensor data = graph_.value(weights).data->tensor();
  const std::vector<float> before(data.as<float>(), data.as<float>() + data.num_elements());
  const auto scaled = [&] {
    const ValueId y = add<Contraction>({x, weights, kNoValue});
    const ValueId twice = add<Binary>({y, constant(random({4}))}, BinaryKind::multiply);
    return add<Binary>({twice, constant(random({4}))}, BinaryKind::multiply);
  };
  ValueId sum = add<Binary>({scaled(), scaled()}, BinaryKind::add);
  sum = add<Binary>({sum, add<Contraction>({x, weights, kNoValue})}, BinaryKind::add);
  graph_.set_outputs({sum});
  expect_same_numbers({5, kRows}, 3);
  EXPECT_EQ(std::vector<float>(data.as<float>(), data.as<float>() + data.num_elements()), before);
  int num_scaled = 0;
  for (const Node& node : graph_.nodes()) {
    const Constant& own = *graph_.value(node.inputs[1]).data;
    EXPECT_EQ(own.unscaled().data(), data.data());
    num_scaled += own.line().empty() ? 0 : 1;
  }
  EXPECT_EQ(num_scaled, 2);
}

TEST_F(PassesTest, TwoScales_AreFoldedOneAfterTheOther) {
  const ValueId y = add<Contraction>({input({-1, 3}), constant(random({3, 4})), kNoValue});
  const ValueId twice = add<Binary>({y, constant(random({4}))}, BinaryKind::multiply);
  graph_.set_outputs({add<Binary>({twice, constant(random({4}))}, BinaryKind::multiply)});
  expect_same_numbers({5, 3}, 1);
}

TEST_F(PassesTest, WeightsWhoseProductsOverflow_StayAsTheyAre) {
  Tensor weights(DType::kFloat32, {3, 4});
  std::fill_n(weights.mutable_as<float>(), 12, 1e30f);
  const ValueId y = add<Contraction>({input({-1, 3}), constant(weights), kNoValue});
  Tensor factor(DType::kFloat32, {4});
  std::fill_n(factor.mutable_as<float>(), 4, 1.0f);
  factor.mutable_as<float>()[3] = 1e20f;
  graph_.set_outputs({add<Binary>({y, constant(factor)}, BinaryKind::multiply)});
  run_passes(graph_, {}, {"fold_constants"});
  EXPECT_EQ(graph_.nodes().size(), 2u);
}

TEST_F(PassesTest, TwoScalesWhoseProductOverflows_AreNotBothFolded) {
  Tensor weights(DType::kFloat32, {3, 4}), factor(DType::kFloat32, {4});
  std::fill_n(weights.mutable_as<float>(), 12, 1e-30f);
  std::fill_n(factor.mutable_as<float>(), 4, 1e20f);
  const ValueId y = add<Contraction>({input({-1, 3}), constant(weights), kNoValue});
  const ValueId once = add<Binary>({y, constant(factor)}, BinaryKind::multiply);
  graph_.set_outputs({add<Binary>({once, constant(factor)}, BinaryKind::multiply)});
  run_passes(graph_, {}, {"fold_constants"});
  EXPECT_EQ(graph_.nodes().size(), 2u);
}

// Large enough for several pieces a layer, which go to several threads.
TEST_F(PassesTest, WeightsOfSeveralLayers_AreScaledWithoutThoseThatAFloatDoesNotHold) {
  constexpr int64_t kWidth = 600;
  Tensor factor = random({kWidth});
  factor.mutable_as<float>()[kWidth - 1] = 3e38f;  // times 0.05: as it should be
  Tensor too_large = random({kWidth, kWidth});
  too_large.mutable_as<float>()[kWidth * kWidth - 1] = 30;  // times 3e38: infinite
  ValueId x = input({-1, kWidth});
  const auto layer = [&](ValueId weights, const Tensor& scale) {
    const ValueId y = add<Contraction>({x, weights, kNoValue});
    const ValueId scaled = add<Binary>({y, constant(scale)}, BinaryKind::multiply);
    const ValueId shifted = add<Binary>({scaled, constant(random({kWidth}))}, BinaryKind::add);
    x = add<Unary>({shifted}, UnaryFunction{UnaryKind::sigmoid});
  };
  layer(constant(random({kWidth, kWidth})), random({kWidth}));
  layer(constant(too_large), factor);
  layer(constant(random({kWidth, kWidth})), random({kWidth}));
  layer(constant(random({kWidth, kWidth})), random({kWidth}));
  graph_.set_outputs({x});
  // Three operators, and the one whose product and sum stay.
  expect_same_numbers({3, kWidth}, 3 + 3, 1e-4);
}

TEST_F(PassesTest, ConstantsOfTwoScaledLayers_AreScaledForTheOneWhoseProductsAFloatHolds) {
  Tensor weights(DType::kFloat32, {3, 4});
  std::fill_n(weights.mutable_as<float>(), 12, 2.0f);
  Tensor large(DType::kFloat32, {4}), small(DType::kFloat32, {4});
  std::fill_n(large.mutable_as<float>(), 4, 3e38f);
  std::fill_n(small.mutable_as<float>(), 4, 0.5f);
  const ValueId x = input({-1, 3}), shared = constant(weights);
  const auto scaled = [&](const Tensor& factor) {
    const ValueId y = add<Contraction>({x, shared, kNoValue});
    return add<Binary>({y, constant(factor)}, BinaryKind::multiply);
  };
  graph_.set_outputs({scaled(large), scaled(small)});
  EXPECT_TRUE(fold_scale(graph_, {}));
  EXPECT_EQ(graph_.nodes()[1].op->name(), "binary") << graph_.to_string();
  EXPECT_EQ(graph_.nodes()[3].op->name(), "contraction") << graph_.to_string();
  const Constant& after = *graph_.value(graph_.nodes()[3].inputs[1]).data;
  EXPECT_EQ(after.as<float>()[11], 1.0f);
  EXPECT_EQ(graph_.value(shared).data->as<float>()[11], 2.0f);
}

TEST_F(PassesTest, BatchNormalisationBehindTransposedConvolution_ScalesTheOutputChannels) {
  const ValueId x = input({-1, 4, 3});
  auto op = std::make_shared<ConvTranspose>();
  op->window.size = op->window.strides = {2};
  op->window.dilations = {1};
  const ValueId y = graph_.add_node(op, {x, constant(random({2, 5, 3})), kNoValue}, "up")[0];
  graph_.set_outputs({add<Binary>({y, constant(random({5}))}, BinaryKind::multiply)});
  expect_same_numbers({2, 4, 3}, 1);
}

TEST_F(PassesTest, SubtractionFromAConstant_TurnsTheSign) {
  const ValueId x = input({-1, 3});
  const ValueId y = add<Contraction>({x, constant(random({3, 4})), constant(random({4}))});
  graph_.set_outputs({add<Binary>({constant(random({4})), y}, BinaryKind::subtract)});
  expect_same_numbers({2, 3}, 1);
}

TEST_F(PassesTest, ScaleBehindAnActivation_StaysWhereItIs) {
  const ValueId x = input({-1, 3});
  const ValueId y = add<Contraction>({x, constant(random({3, 4})), kNoValue});
  const ValueId active = add<Unary>({y}, UnaryFunction{UnaryKind::relu});
  graph_.set_outputs({add<Binary>({active, constant(random({4}))}, BinaryKind::multiply)});
  expect_same_numbers({2, 3}, 2);
}

TEST_F(PassesTest, ConvolutionWithTwoReaders_IsNotFolded) {
  const ValueId x = input({-1, 3});
  const ValueId y = add<Contraction>({x, constant(random({3, 4})), kNoValue});
  const ValueId scaled = add<Binary>({y, constant(random({4}))}, BinaryKind::multiply);
  graph_.set_outputs({add<Binary>({scaled, y}, BinaryKind::maximum)});
  expect_same_numbers({2, 3}, 3);
}

TEST_F(PassesTest, ConstantThatWidensTheResult_IsNotFolded) {
  const ValueId x = input({-1, 3});
  const ValueId y = add<Contraction>({x, constant(random({3, 1})), kNoValue});
  graph_.set_outputs({add<Binary>({y, constant(random({4}))}, BinaryKind::multiply)});
  expect_same_numbers({2, 3}, 2);
}

TEST_F(PassesTest, ResidualAdditionAndActivation_GoIntoTheLaterConvolution) {
  const ValueId x = input({-1, 4, 4, 3});
  const ValueId first = add_conv(x, random({1, 1, 3, 3}));
  const ValueId second = add_conv(first, random({1, 1, 3, 3}));
  const ValueId sum = add<Binary>({first, second}, BinaryKind::add);
  graph_.set_outputs({add<Unary>({sum}, UnaryFunction{UnaryKind::relu})});
  expect_same_numbers({2, 4, 4, 3}, 2);
}

TEST_F(PassesTest, FunctionThatIsNoEpilogue_StaysWhereItIs) {
  const auto nodes_with = [this](UnaryKind kind) {
    graph_ = Graph();
    const ValueId x = input({-1, 3});
    const ValueId y = add<Contraction>({x, constant(random({3, 3})), kNoValue});
    graph_.set_outputs({add<Unary>({y}, UnaryFunction{kind})});
    PassContext context;
    context.may_be_epilogue = [](const UnaryFunction& f) { return f.kind == UnaryKind::relu; };
    run_passes(graph_, context);
    return graph_.nodes().size();
  };
  EXPECT_EQ(nodes_with(UnaryKind::relu), 1u);
  EXPECT_EQ(nodes_with(UnaryKind::sin), 2u);
}

TEST_F(PassesTest, AdditionThatBroadcasts_IsNoResidual) {
  const ValueId x = input({-1, 4, 3});
  const ValueId y = add<Contraction>({x, constant(random({3, 3})), kNoValue});
  const ValueId mean = add<Slice>({x}, std::vector<Slice::Range>{{}, {0, 1, 1}, {}});
  graph_.set_outputs({add<Binary>({y, mean}, BinaryKind::add)});
  expect_same_numbers({2, 4, 3}, 3);
}

TEST_F(PassesTest, ProjectionBeforeRecurrence_GoesIntoIt) {
  for (const bool has_bias : {false, true}) {
    graph_ = Graph();
    const ValueId x = input({-1, -1, 3});
    const ValueId bias = has_bias ? constant(random({8})) : kNoValue;
    const ValueId projected = add<Contraction>({x, constant(random({3, 8})), bias});
    const ValueId first =
        add<Lstm>({projected, constant(random({2, 8})), kNoValue, kNoValue, kNoValue});
    const ValueId second = add<Contraction>({first, constant(random({2, 6})), kNoValue});
    const ValueId gru =
        add<Gru>({second, constant(random({2, 6})), kNoValue, kNoValue, constant(random({6}))});
    const ValueId third = add<Contraction>({gru, constant(random({2, 4})), kNoValue});
    graph_.set_outputs({add<SimpleRnn>({third, constant(random({4, 4}))})});
    expect_same_numbers({2, 5, 3}, 3);
  }
}

TEST_F(PassesTest, ProjectionWithAResidualOrComputedWeights_StaysWhereItIs) {
  const ValueId x = input({-1, 2, 2});
  const ValueId residual = add<Contraction>({x, constant(random({2, 2})), kNoValue, x}, Epilogue{});
  const ValueId first = add<SimpleRnn>({residual, constant(random({2, 2}))});
  const ValueId flat =
      add<Reshape>({x}, std::vector<TargetDim>{TargetDim::fixed(2), TargetDim::fixed(2)});
  const ValueId computed = add<Contraction>({first, flat, kNoValue});
  graph_.set_outputs({add<SimpleRnn>({computed, constant(random({2, 2}))})});
  expect_same_numbers({1, 2, 2}, 5);
}

TEST_F(PassesTest, ProjectionInARecurrence_CountsItsOperations) {
  const ValueId x = input({-1, 5, 3});
  const ValueId projected = add<Contraction>({x, constant(random({3, 8})), kNoValue});
  graph_.set_outputs({add<Lstm>({projected, constant(random({2, 8}))})});
  run_passes(graph_, {});
  ASSERT_EQ(graph_.nodes().size(), 1u);
  std::vector<TensorType> types;
  for (const ValueId id : graph_.nodes()[0].inputs) {
    types.push_back(id == kNoValue ? TensorType{} : graph_.type(id));
  }
  types[0].shape[0] = 7;
  EXPECT_EQ(graph_.nodes()[0].op->flops(types, {}), 2.0 * 7 * 5 * (3 + 2) * 8);
}

TEST_F(PassesTest, DenseLayerBeforeAProjection_StaysWhereItIs) {
  const ValueId x = input({-1, 4, 3});
  const ValueId dense = add<Contraction>({x, constant(random({3, 5})), kNoValue});
  const ValueId projected = add<Contraction>({dense, constant(random({5, 2})), kNoValue});
  graph_.set_outputs({add<SimpleRnn>({projected, constant(random({2, 2}))})});
  expect_same_numbers({2, 4, 3}, 2);
}

TEST_F(PassesTest, ProjectionWithAnotherReaderOrAnActivation_StaysWhereItIs) {
  const ValueId x = input({-1, 4, 3});
  const ValueId active =
      add<Contraction>({x, constant(random({3, 2})), kNoValue}, Epilogue{{UnaryKind::relu}});
  const ValueId sequence = add<SimpleRnn>({active, constant(random({2, 2}))});
  const ValueId shared = add<Contraction>({sequence, constant(random({2, 2})), kNoValue});
  const ValueId last = add<SimpleRnn>({shared, constant(random({2, 2}))});
  graph_.set_outputs({add<Binary>({last, shared}, BinaryKind::multiply)});
  expect_same_numbers({2, 4, 3}, 5);
}

TEST_F(PassesTest, ZeroPaddingBeforeConvolution_BecomesItsPadding) {
  const ValueId x = input({-1, 5, 5, 2});
  auto pad = std::make_shared<Pad>();
  pad->before = {0, 0, 1, 0};
  pad->after = {0, 1, 2, 0};
  const ValueId padded = graph_.add_node(pad, {x}, "pad")[0];
  graph_.set_outputs({add_conv(padded, random({3, 3, 2, 2}))});
  expect_same_numbers({1, 5, 5, 2}, 1);
}

// Windows that cover padding alone crashed a kernel of oneDNN's.
TEST_F(PassesTest, PaddingAsWideAsTheWindow_StaysWhereItIs) {
  const ValueId x = input({-1, 5, 5, 2});
  auto pad = std::make_shared<Pad>();
  pad->before = {0, 1, 0, 0};
  pad->after = {0, 0, 0, 0};
  const ValueId padded = graph_.add_node(pad, {x}, "pad")[0];
  graph_.set_outputs({add_conv(padded, random({1, 1, 2, 2}))});
  expect_same_numbers({1, 5, 5, 2}, 2);
}

TEST_F(PassesTest, ZeroPaddingBeforeMaximaOfWhatIsNotNegative_BecomesTheirPadding) {
  const ValueId x = input({-1, 5, 5, 2});
  const ValueId positive = add<Unary>({x}, UnaryFunction{UnaryKind::relu});
  auto pad = std::make_shared<Pad>();
  pad->before = {0, 1, 1, 0};
  pad->after = {0, 1, 1, 0};
  const ValueId padded = graph_.add_node(pad, {positive}, "pad")[0];
  Pool pool;
  pool.window = {{3, 3}, {2, 2}, {1, 1}, Padding::kValid, {}, {}};
  graph_.set_outputs({add<Pool>({padded}, pool)});
  expect_same_numbers({1, 5, 5, 2}, 2);
}

TEST_F(PassesTest, ZeroPaddingBeforeOtherMaxima_StaysWhereItIs) {
  const ValueId x = input({-1, 5, 5, 2});
  const ValueId negative = add<Unary>({x}, UnaryFunction{UnaryKind::negative});
  auto pad = std::make_shared<Pad>();
  pad->before = {0, 1, 1, 0};
  pad->after = {0, 1, 1, 0};
  const ValueId padded = graph_.add_node(pad, {negative}, "pad")[0];
  Pool pool;
  pool.window = {{3, 3}, {2, 2}, {1, 1}, Padding::kValid, {}, {}};
  graph_.set_outputs({add<Pool>({padded}, pool)});
  expect_same_numbers({1, 5, 5, 2}, 3);
}

TEST_F(PassesTest, PaddingWithAnotherValue_StaysWhereItIs) {
  const ValueId x = input({-1, 5, 2});
  auto pad = std::make_shared<Pad>();
  pad->before = {0, 1, 0};
  pad->after = {0, 0, 0};
  pad->value = 1;
  const ValueId padded = graph_.add_node(pad, {x}, "pad")[0];
  graph_.set_outputs({add_conv(padded, random({3, 2, 2}))});
  expect_same_numbers({1, 5, 2}, 2);
}

TEST_F(PassesTest, ArithmeticOnConstants_IsDoneOnce) {
  const ValueId x = input({-1, 3});
  const ValueId sum = add<Binary>({constant(random({3})), constant(random({3}))}, BinaryKind::add);
  graph_.set_outputs({add<Binary>({x, sum}, BinaryKind::multiply)});
  expect_same_numbers({2, 3}, 1);
}

TEST_F(PassesTest, TransposeThereAndBack_Vanishes) {
  const ValueId x = input({-1, 2, 3, 4});
  const ValueId there = add<Transpose>({x}, std::vector<int64_t>{0, 3, 1, 2});
  const ValueId back = add<Transpose>({there}, std::vector<int64_t>{0, 2, 3, 1});
  graph_.set_outputs({add<Unary>({back}, UnaryFunction{UnaryKind::tanh})});
  expect_same_numbers({2, 2, 3, 4}, 1);
}

TEST_F(PassesTest, IdentityBetweenInputAndOutput_LeavesAnEmptyGraph) {
  const ValueId x = input({-1, 3});
  graph_.set_outputs({add<Unary>({x}, UnaryFunction{})});
  expect_same_numbers({2, 3}, 0);
}

TEST_F(PassesTest, DisabledPass_DoesNotRun) {
  const ValueId x = input({-1, 3});
  const ValueId y = add<Contraction>({x, constant(random({3, 4})), kNoValue});
  graph_.set_outputs({add<Unary>({y}, UnaryFunction{UnaryKind::relu})});
  run_passes(graph_, {}, {"fold_constants", "fuse_epilogue"});
  EXPECT_EQ(graph_.nodes().size(), 2u);
}

TEST_F(PassesTest, FoldScale_WhereAFloatDoesNotHoldTheProduct_LeavesItAlone) {
  const auto filled = [](Shape shape, float value) {
    Tensor tensor(DType::kFloat32, std::move(shape));
    std::fill_n(tensor.mutable_as<float>(), tensor.num_elements(), value);
    return tensor;
  };
  for (const auto& [weight, factor, is_divisor] :
       {std::tuple(1.0f, 0.0f, true), std::tuple(1e10f, 1e30f, false),
        std::tuple(1e-30f, 1e-20f, false)}) {
    graph_ = Graph();
    const ValueId x = input({kUnknownDim, 2});
    const ValueId product =
        add<Contraction>({x, constant(filled({2, 2}, weight)), constant(filled({2}, 0))});
    const BinaryKind kind = is_divisor ? BinaryKind::divide : BinaryKind::multiply;
    graph_.set_outputs({add<Binary>({product, constant(filled({2}, factor))}, kind)});
    EXPECT_FALSE(fold_scale(graph_, {})) << weight << " and " << factor;
  }
}

}  // namespace
}  // namespace hornet::graph
