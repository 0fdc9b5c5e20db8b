#include "plan/packing.h"

#include <gtest/gtest.h>

#include "graph/ops/contraction.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/recurrent.h"

namespace hornet::plan {
namespace {

constexpr size_t kMost = 1'000'000;

TEST(EstimatePackedBytes, MatricesCount_EachOnceAndWithoutData) {
  graph::Graph graph;
  const auto x = graph.add_input({DType::kFloat32, {-1, 5, 8}}, "x");
  const auto w = graph.add_weight({DType::kFloat32, {8, 8}}, "w");
  const auto bias = graph.add_weight({DType::kFloat32, {8}}, "bias");
  const auto half = graph.add_weight({DType::kFloat16, {2, 8}}, "half");  // float32 in memory
  const auto contraction = std::make_shared<graph::Contraction>();
  const auto once = graph.add_node(contraction, {x, w, bias}, "dense")[0];
  const auto twice = graph.add_node(contraction, {once, w, bias}, "dense")[0];
  const auto lstm = graph.add_node(std::make_shared<graph::Lstm>(), {twice, half}, "lstm")[0];
  graph.set_outputs({lstm});
  EXPECT_EQ(estimate_packed_bytes(graph, kMost), (8 * 8 + 2 * 8) * sizeof(float));
}

TEST(EstimatePackedBytes, ComputedMatricesAndOtherOperators_DoNotCount) {
  graph::Graph graph;
  const auto x = graph.add_input({DType::kFloat32, {-1, 8}}, "x");
  const auto w = graph.add_weight({DType::kFloat32, {8}}, "w");
  graph.set_outputs(
      graph.add_node(std::make_shared<graph::Binary>(graph::BinaryKind::add), {x, w}, "add"));
  EXPECT_EQ(estimate_packed_bytes(graph, kMost), 0u);
}

TEST(EstimatePackedBytes, MoreThanThereCanBe_IsAsMuchAsThereCanBe) {
  graph::Graph graph;
  const auto x = graph.add_input({DType::kFloat32, {-1, 1 << 30}}, "x");
  const auto w = graph.add_weight({DType::kFloat32, {1 << 30, int64_t{1} << 32}}, "w");
  graph.set_outputs(
      graph.add_node(std::make_shared<graph::Contraction>(), {x, w, graph::kNoValue}, "dense"));
  EXPECT_EQ(estimate_packed_bytes(graph, kMost), kMost);
}

}  // namespace
}  // namespace hornet::plan
