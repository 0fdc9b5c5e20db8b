#include "graph/graph.h"

#include <gtest/gtest.h>

#include "graph/ops/elementwise.h"
#include "graph/ops/reduction.h"
#include "hornet/error.h"

namespace hornet::graph {
namespace {

OpPtr unary(UnaryKind kind) { return std::make_shared<Unary>(UnaryFunction{kind}); }

TEST(Graph, Error_NamesTheLayer) {
  Graph graph;
  const ValueId a = graph.add_input({DType::kFloat32, {-1, 3}}, "a");
  const ValueId b = graph.add_input({DType::kFloat32, {-1, 4}}, "b");
  try {
    graph.add_node(std::make_shared<Binary>(BinaryKind::add), {a, b}, "layer \"sum\" (Add)");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message().rfind("layer \"sum\" (Add): ", 0), 0u) << error.message();
  }
}

TEST(Graph, InferTypes_ResolvesUnknownDimensionsEverywhere) {
  Graph graph;
  const ValueId x = graph.add_input({DType::kFloat32, {-1, -1, 3}}, "x");
  const ValueId y = graph.add_node(unary(UnaryKind::relu), {x}, "relu")[0];
  const ValueId z = graph.add_node(
      std::make_shared<Reduce>(ReduceKind::sum, std::vector<int64_t>{1}, false), {y}, "sum")[0];
  graph.set_outputs({z});
  const std::vector<TensorType> inputs = {{DType::kFloat32, {7, 5, 3}}};
  const std::vector<TensorType> types = graph.infer_types(inputs);
  EXPECT_EQ(types[static_cast<size_t>(y)].shape, (Shape{7, 5, 3}));
  EXPECT_EQ(types[static_cast<size_t>(z)].shape, (Shape{7, 3}));
}

TEST(Graph, RemoveDead_KeepsWhatOutputsNeed) {
  Graph graph;
  const ValueId x = graph.add_input({DType::kFloat32, {-1, 3}}, "x");
  const ValueId used = graph.add_node(unary(UnaryKind::relu), {x}, "used")[0];
  graph.add_node(unary(UnaryKind::tanh), {x}, "unused");
  graph.set_outputs({used});
  graph.remove_dead();
  ASSERT_EQ(graph.nodes().size(), 1u);
  EXPECT_EQ(graph.nodes()[0].layer, "used");
  graph.check();
}

TEST(Graph, BoundWeight_IsConvertedToItsStorageType) {
  Graph graph;
  const ValueId weight = graph.add_weight({DType::kFloat16, {2}}, "w");
  Tensor data(DType::kFloat64, {2});
  data.mutable_as<double>()[1] = 1.5;
  graph.bind(weight, data);
  ASSERT_TRUE(graph.value(weight).data.has_value());
  EXPECT_EQ(graph.value(weight).data->dtype(), DType::kFloat32);
  EXPECT_EQ(graph.value(weight).data->as<float>()[1], 1.5f);
}

TEST(Graph, NodeBeforeItsInput_FailsTheCheck) {
  Graph graph;
  const ValueId x = graph.add_input({DType::kFloat32, {-1, 3}}, "x");
  const ValueId y = graph.add_node(unary(UnaryKind::relu), {x}, "first")[0];
  const ValueId z = graph.add_node(unary(UnaryKind::tanh), {y}, "second")[0];
  graph.set_outputs({z});
  std::swap(graph.mutable_nodes()[0], graph.mutable_nodes()[1]);
  EXPECT_THROW(graph.check(), Error);
}

TEST(Graph, Text_NamesOperatorsTypesAndLayers) {
  Graph graph;
  const ValueId x = graph.add_input({DType::kFloat32, {-1, 3}}, "rows");
  graph.set_outputs({graph.add_node(unary(UnaryKind::relu), {x}, "layer \"a\" (ReLU)")[0]});
  EXPECT_EQ(graph.to_string(),
            "input %0:rows float32[None, 3]\n"
            "%1 = unary(%0:rows) relu : float32[None, 3]  # layer \"a\" (ReLU)\n"
            "output %1\n");
}

}  // namespace
}  // namespace hornet::graph
