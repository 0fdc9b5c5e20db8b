#include "plan/row_by_row.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/recurrent.h"
#include "graph/ops/reduction.h"
#include "graph/ops/shape.h"
#include "kernels/pair.h"
#include "plan/plan.h"

namespace hornet::plan {
namespace {

using graph::kNoValue;
using graph::ValueId;

// A large image, its mean, and a product with many weights.
class RowByRowTest : public ::testing::Test {
 protected:
  static constexpr int64_t kCells = 4096, kChannels = 64, kUnits = 512;

  template <class OpType, class... Args>
  ValueId add(std::vector<ValueId> inputs, Args&&... args) {
    return graph_.add_node(std::make_shared<OpType>(std::forward<Args>(args)...), std::move(inputs),
                           "layer")[0];
  }
  void SetUp() override {
    x_ = graph_.add_input({DType::kFloat32, {-1, kCells, kChannels}}, "x");
    image_ = add<graph::Unary>({x_}, graph::UnaryFunction{graph::UnaryKind::tanh});
    mean_ = add<graph::Reduce>({image_}, graph::ReduceKind::mean, std::vector<int64_t>{1}, false);
    Tensor w(DType::kFloat32, {kChannels, kUnits});
    for (int64_t i = 0; i < w.num_elements(); ++i) {
      w.mutable_as<float>()[i] = static_cast<float>(i % 17) - 8;
    }
    y_ = add<graph::Contraction>({mean_, graph_.add_constant(std::move(w)), kNoValue});
    graph_.set_outputs({y_});
  }
  int count() {
    CacheSizes caches;
    caches.l2_bytes = 1 << 20;
    return count_nodes_row_by_row(graph_, {{kCells, kChannels}}, caches);
  }

  graph::Graph graph_;
  ValueId x_ = kNoValue, image_ = kNoValue, mean_ = kNoValue, y_ = kNoValue;
};

TEST_F(RowByRowTest, LargeImages_GoRowByRowUntilWeightsCount) { EXPECT_EQ(count(), 2); }

TEST_F(RowByRowTest, SmallImages_GoTogether) {
  CacheSizes caches;
  caches.l2_bytes = 64 << 20;
  EXPECT_EQ(count_nodes_row_by_row(graph_, {{kCells, kChannels}}, caches), 0);
}

TEST_F(RowByRowTest, LongSequencesOfRecurrentLayers_GoTogether) {
  // One row at a time would multiply a vector with the recurrent kernel at each step.
  graph::Graph& graph = graph_ = {};
  const ValueId x = graph.add_input({DType::kFloat32, {-1, kCells, 4 * kChannels}}, "x");
  const ValueId kernel = graph.add_constant(Tensor(DType::kFloat32, {kChannels, 4 * kChannels}));
  const ValueId sequence = graph.add_node(std::make_shared<graph::Lstm>(),
                                          {x, kernel, kNoValue, kNoValue, kNoValue}, "lstm")[0];
  const ValueId mean =
      add<graph::Reduce>({sequence}, graph::ReduceKind::mean, std::vector<int64_t>{1}, false);
  const ValueId w = graph.add_constant(Tensor(DType::kFloat32, {kChannels, 16 * kUnits}));
  graph.set_outputs({add<graph::Contraction>({mean, w, kNoValue})});
  CacheSizes caches;
  caches.l2_bytes = 1 << 20;
  EXPECT_EQ(count_nodes_row_by_row(graph, {{kCells, 4 * kChannels}}, caches), 0);
}

TEST_F(RowByRowTest, ValueBetween_IsTheOnlyOneOrNone) {
  EXPECT_EQ(value_between(graph_, 0), x_);
  EXPECT_EQ(value_between(graph_, 1), image_);
  EXPECT_EQ(value_between(graph_, 2), mean_);
  // An output in front.
  graph_.set_outputs({y_, mean_});
  EXPECT_EQ(value_between(graph_, 2), std::nullopt);
  EXPECT_EQ(count(), 0);
}

TEST_F(RowByRowTest, SeveralValuesBetween_KeepNodesTogether) {
  const ValueId other =
      add<graph::Reduce>({x_}, graph::ReduceKind::max, std::vector<int64_t>{1, 2}, true);
  const ValueId flat =
      add<graph::Reduce>({other}, graph::ReduceKind::max, std::vector<int64_t>{1}, false);
  graph_.set_outputs({add<graph::Binary>({y_, flat}, graph::BinaryKind::add)});
  EXPECT_EQ(value_between(graph_, 2), std::nullopt);
  EXPECT_EQ(count(), 0);
}

// One kernel may compute a convolution and its mean: parted, they could give other bits. Between
// them would be the best place, as in EfficientNet: behind it two values are needed for long.
TEST_F(RowByRowTest, CutsNeverPartWhatOneKernelMayCompute) {
  graph::Conv depthwise;
  depthwise.window.size = {3};
  depthwise.window.strides = {64};
  depthwise.window.dilations = {1};
  depthwise.window.padding = graph::Padding::kSame;
  depthwise.groups = kChannels;
  const auto weights = [&](Shape shape) {
    return graph_.add_constant(Tensor(DType::kFloat32, std::move(shape)));
  };
  const ValueId image = add<graph::Conv>({image_, weights({3, 1, kChannels})}, depthwise);
  const ValueId mean =
      add<graph::Reduce>({image}, graph::ReduceKind::mean, std::vector<int64_t>{1}, true);
  const ValueId reduced = add<graph::Contraction>({mean, weights({kChannels, 4096}), kNoValue});
  const ValueId gate = add<graph::Contraction>({reduced, weights({4096, kChannels}), kNoValue});
  graph_.set_outputs({add<graph::Binary>({image, gate}, graph::BinaryKind::multiply)});
  graph_.remove_dead();
  ASSERT_EQ(graph_.nodes()[2].op->name(), "reduce");
  EXPECT_EQ(value_between(graph_, 2), image);
  EXPECT_EQ(count(), 1);
}

TEST_F(RowByRowTest, PlanOfTwoParts_GivesTheSameBytes) {
  kernels::PackedWeights packed;
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-1, 1);
  for (const int64_t rows : {1, 2, 5, 8}) {
    const Shape shape = {rows, kCells, kChannels};
    std::vector<float> x(static_cast<size_t>(num_elements(shape)));
    for (float& value : x) value = distribution(generator);
    std::vector<std::vector<float>> results;
    for (const int nodes : {0, 2}) {
      const auto plan = Plan::compile(graph_, {shape}, packed, {.nodes_row_by_row = nodes});
      EXPECT_EQ(plan->output_types()[0].shape, (Shape{rows, kUnits}));
      WorkerState state(*plan);
      std::vector<float> y(static_cast<size_t>(rows * kUnits), 7.0f);
      const void* input = x.data();
      void* output = y.data();
      plan->execute({{&input, 1}, {&output, 1}}, state);
      results.push_back(y);
      std::vector<double> seconds(plan->steps().size());
      std::fill(y.begin(), y.end(), 7.0f);
      plan->execute_timed({{&input, 1}, {&output, 1}}, state, seconds);
      EXPECT_EQ(y, results.back());
      const std::string text = plan->to_string();
      EXPECT_EQ(text.find("for all") != std::string::npos, nodes > 0 && rows > 1) << text;
    }
    EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), results[0].size() * sizeof(float)),
              0);
  }
}

// Two inputs, one of integers, two outputs, a block of squeeze and excitation, values of any size.
TEST_F(RowByRowTest, EveryCut_GivesTheBytesOfEachRowAlone) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-1, 1);
  const auto random = [&](Shape shape) {
    Tensor tensor(DType::kFloat32, std::move(shape));
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      tensor.mutable_as<float>()[i] = distribution(generator);
    }
    return tensor;
  };
  const auto weights = [&](Shape shape) { return graph_.add_constant(random(std::move(shape))); };
  const auto conv = [](int64_t size, int64_t groups) {
    graph::Conv op;
    op.window.size = {size, size};
    op.window.padding = graph::Padding::kSame;
    op.window.strides = op.window.dilations = {1, 1};
    op.groups = groups;
    return op;
  };
  graph_ = {};
  const ValueId x = graph_.add_input({DType::kFloat32, {-1, 13, 13, 5}}, "x");
  const ValueId ids = graph_.add_input({DType::kInt32, {-1, 1, 1, 5}}, "ids");
  const ValueId offsets = add<graph::Cast>({ids}, DType::kFloat32);
  const ValueId shifted = add<graph::Binary>({x, offsets}, graph::BinaryKind::add);
  const ValueId image = add<graph::Conv>({shifted, weights({3, 3, 5, 20})}, conv(3, 1));
  const ValueId wide = add<graph::Conv>({image, weights({1, 1, 20, 40})}, conv(1, 1));
  const ValueId deep = add<graph::Conv>({wide, weights({3, 3, 1, 40})}, conv(3, 40));
  const ValueId mean =
      add<graph::Reduce>({deep}, graph::ReduceKind::mean, std::vector<int64_t>{1, 2}, true);
  const ValueId gate = add<graph::Unary>({mean}, graph::UnaryFunction{graph::UnaryKind::sigmoid});
  const ValueId gated = add<graph::Binary>({deep, gate}, graph::BinaryKind::multiply);
  const ValueId narrow = add<graph::Conv>({gated, weights({1, 1, 40, 11})}, conv(1, 1));
  const ValueId flat = add<graph::Reshape>(
      {narrow}, std::vector<graph::TargetDim>{graph::TargetDim::copied(0),
                                              graph::TargetDim::fixed(13 * 13 * 11)});
  const ValueId dense = add<graph::Contraction>({flat, weights({13 * 13 * 11, 7}), kNoValue});
  graph_.set_outputs(
      {dense, add<graph::Unary>({dense}, graph::UnaryFunction{graph::UnaryKind::tanh})});

  constexpr int64_t kRows = 5;
  const Tensor rows = random({kRows, 13, 13, 5});
  std::vector<int32_t> numbers(kRows * 5);
  for (int32_t& number : numbers) number = static_cast<int32_t>(generator() % 3);
  kernels::PackedWeights packed;
  const auto run = [&](int64_t first, int64_t count, int nodes) {
    const auto plan = Plan::compile(graph_, {{count, 13, 13, 5}, {count, 1, 1, 5}}, packed,
                                    {.nodes_row_by_row = nodes});
    WorkerState state(*plan);
    std::vector<float> y(static_cast<size_t>(count * 7)), z(y.size());
    const std::vector<const void*> inputs = {rows.as<float>() + first * 13 * 13 * 5,
                                             numbers.data() + first * 5};
    const std::vector<void*> outputs = {y.data(), z.data()};
    plan->execute({inputs, outputs}, state);
    plan->execute({inputs, outputs}, state);
    y.insert(y.end(), z.begin(), z.end());
    return y;
  };
  std::vector<float> expected(kRows * 7), second(expected.size());
  for (int64_t row = 0; row < kRows; ++row) {
    const std::vector<float> alone = run(row, 1, 0);
    std::copy_n(alone.begin(), 7, expected.begin() + row * 7);
    std::copy_n(alone.begin() + 7, 7, second.begin() + row * 7);
  }
  expected.insert(expected.end(), second.begin(), second.end());
  std::vector<std::string> cuts;
  for (int i = 1; i < static_cast<int>(graph_.nodes().size()); ++i) {
    const auto node = graph_.nodes().begin() + i;
    if (!value_between(graph_, i) || kernels::may_be_pair(*(node - 1)->op, *node->op)) continue;
    cuts.emplace_back(node->op->name());
    const std::vector<float> got = run(0, kRows, i);
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
        << "before node " << i << ", " << cuts.back();
  }
  EXPECT_EQ(cuts, (std::vector<std::string>{"conv", "reshape", "contraction"}));
}

TEST_F(RowByRowTest, PlanOfTwoParts_CountsAllRowsAndNeedsLessMemory) {
  kernels::PackedWeights packed;
  const Shape shape = {8, kCells, kChannels};
  const auto whole = Plan::compile(graph_, {shape}, packed);
  const auto parts = Plan::compile(graph_, {shape}, packed, {.nodes_row_by_row = 2});
  EXPECT_DOUBLE_EQ(parts->flops(), whole->flops());
  EXPECT_LT(parts->arena_bytes(), whole->arena_bytes());
  ASSERT_EQ(parts->steps().size(), whole->steps().size());
  for (size_t i = 0; i < parts->steps().size(); ++i) {
    EXPECT_DOUBLE_EQ(parts->steps()[i].flops, whole->steps()[i].flops);
  }
}

}  // namespace
}  // namespace hornet::plan
