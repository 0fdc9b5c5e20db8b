#include "api/shared_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/ops/contraction.h"

namespace hornet::internal {
namespace {

// A dense layer with weights [64, 64] and a bias [64] that lie in one block, as in an archive.
struct Lowered {
  graph::Graph graph;
  graph::ValueId weights, bias;
  std::weak_ptr<const void> archive;

  explicit Lowered(float first) {
    constexpr int64_t kSize = 64;
    const auto block = std::make_shared<std::vector<float>>(kSize * kSize + kSize);
    for (float& value : *block) value = first++;
    archive = block;
    const auto x = graph.add_input({DType::kFloat32, {kUnknownDim, kSize}}, "x");
    weights = graph.add_constant(Tensor(DType::kFloat32, {kSize, kSize}, block, block->data()));
    bias =
        graph.add_constant(Tensor(DType::kFloat32, {kSize}, block, block->data() + kSize * kSize));
    graph.set_outputs(
        graph.add_node(std::make_shared<graph::Contraction>(), {x, weights, bias}, "dense"));
  }
  std::vector<float> values(graph::ValueId id) const {
    const Tensor& data = graph.value(id).data->tensor();
    return {data.as<float>(), data.as<float>() + data.num_elements()};
  }
};

TEST(SharedWeights, ConstantsAndPackedWeights_AreThoseOfWhoSharedThem) {
  const Lowered parent(1);
  kernels::PackedWeights packed, adopted;
  packed.get("key", 8, [](void* data) { std::fill_n(static_cast<char*>(data), 8, 'x'); });
  packed.complete();
  const auto file = share_weights(parent.graph, packed);
  Lowered worker(1);
  adopt_weights(file->descriptor(), worker.graph, adopted);
  EXPECT_EQ(worker.values(worker.weights), parent.values(parent.weights));
  EXPECT_EQ(worker.values(worker.bias), parent.values(parent.bias));
  const auto buffer = adopted.get("key", 8, [](void*) { FAIL() << "it is packed already"; });
  adopted.complete();
  EXPECT_EQ(std::string(static_cast<const char*>(buffer.get()), 8), "xxxxxxxx");
}

TEST(SharedWeights, FactorsOfAConstant_StayWithWhoAdoptsIt) {
  const auto scaled = [](Lowered& model) {
    return model.graph.add_scaled_constant(model.graph.value(model.weights).data->tensor(),
                                           std::vector<float>(64, 0.5f));
  };
  Lowered parent(1), worker(2);
  const graph::ValueId of_parent = scaled(parent), of_worker = scaled(worker);
  parent.graph.set_outputs({of_parent});
  kernels::PackedWeights none;
  const auto file = share_weights(parent.graph, none);
  kernels::PackedWeights packed;
  adopt_weights(file->descriptor(), worker.graph, packed);
  EXPECT_EQ(worker.values(of_worker), parent.values(of_parent));
  EXPECT_EQ(worker.values(of_worker)[2], 1.5f);
}

TEST(SharedWeights, WhatWasReadForThem_IsNotKeptInMemory) {
  const Lowered parent(1);
  kernels::PackedWeights none;
  const auto file = share_weights(parent.graph, none);
  Lowered worker(1);
  EXPECT_FALSE(worker.archive.expired());
  kernels::PackedWeights packed;
  adopt_weights(file->descriptor(), worker.graph, packed);
  EXPECT_TRUE(worker.archive.expired());
  EXPECT_FALSE(parent.archive.expired());
}

}  // namespace
}  // namespace hornet::internal
