#include "plan/batch_size.h"

#include <gtest/gtest.h>

#include <map>

#include "graph/ops/contraction.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/recurrent.h"

namespace hornet::plan {
namespace {

class BatchSizeTest : public ::testing::Test {
 protected:
  int64_t choose(size_t l2_bytes, bool row_by_row = false) {
    std::map<int64_t, std::unique_ptr<const Plan>> plans;
    const Shape row(graph_.type(graph_.inputs()[0]).shape.begin() + 1,
                    graph_.type(graph_.inputs()[0]).shape.end());
    CacheSizes caches;
    caches.l2_bytes = l2_bytes;
    return choose_batch_size(
        [&](int64_t rows) -> const Plan& {
          Shape shape = row;
          shape.insert(shape.begin(), rows);
          auto& plan = plans[rows];
          if (plan == nullptr) plan = Plan::compile(graph_, {shape}, packed_);
          return *plan;
        },
        graph_, caches, row_by_row);
  }

  graph::Graph graph_;
  kernels::PackedWeights packed_;
};

TEST_F(BatchSizeTest, SmallDenseModel_GetsTheLargestBatch) {
  const auto x = graph_.add_input({DType::kFloat32, {-1, 8}}, "x");
  const auto w = graph_.add_constant(Tensor(DType::kFloat32, {8, 8}));
  graph_.set_outputs(
      graph_.add_node(std::make_shared<graph::Contraction>(), {x, w, graph::kNoValue}, "dense"));
  EXPECT_EQ(choose(1 << 20), kMaxBatchSize);
}

TEST_F(BatchSizeTest, RowsLargerThanTheCache_GoOneByOne) {
  const auto x = graph_.add_input({DType::kFloat32, {-1, 1 << 20}}, "x");
  graph_.set_outputs(graph_.add_node(
      std::make_shared<graph::Unary>(graph::UnaryFunction{graph::UnaryKind::relu}), {x}, "relu"));
  EXPECT_EQ(choose(1 << 20), 1);
}

TEST_F(BatchSizeTest, PlansThatBeginRowByRow_AreForSeveralRowsWhereInputsAreNotTooLarge) {
  for (const auto& [floats, expected] : {std::pair(1 << 18, 8), std::pair(1 << 20, 2)}) {
    graph_ = graph::Graph();
    const auto x = graph_.add_input({DType::kFloat32, {-1, floats}}, "x");
    graph_.set_outputs(graph_.add_node(
        std::make_shared<graph::Unary>(graph::UnaryFunction{graph::UnaryKind::relu}), {x}, "relu"));
    EXPECT_EQ(choose(1 << 20, true), expected) << floats;
  }
}

TEST_F(BatchSizeTest, DenseModelLargerThanTheCache_StillReusesItsWeights) {
  const auto x = graph_.add_input({DType::kFloat32, {-1, 1 << 16}}, "x");
  const auto w = graph_.add_constant(Tensor(DType::kFloat32, {1 << 16, 8}));
  graph_.set_outputs(
      graph_.add_node(std::make_shared<graph::Contraction>(), {x, w, graph::kNoValue}, "dense"));
  EXPECT_EQ(choose(1 << 18), 36);
}

TEST_F(BatchSizeTest, RecurrentModel_GetsRowsForItsStatesWhateverItsProjection) {
  // The recurrent kernel [32, 128] fits into the cache, the projection [4096, 128] does not.
  const auto x = graph_.add_input({DType::kFloat32, {-1, 50, 4096}}, "x");
  const auto recurrent = graph_.add_constant(Tensor(DType::kFloat32, {32, 128}));
  const auto projection = graph_.add_constant(Tensor(DType::kFloat32, {4096, 128}));
  const graph::ValueId none = graph::kNoValue;
  graph_.set_outputs(
      {graph_.add_node(std::make_shared<graph::Lstm>(),
                       {x, recurrent, none, none, none, projection, none}, "lstm")[1]});
  EXPECT_EQ(choose(1 << 20), 12);
}

}  // namespace
}  // namespace hornet::plan
