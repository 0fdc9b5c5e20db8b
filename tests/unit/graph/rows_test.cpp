// Which graphs compute each row by itself.
#include "graph/rows.h"

#include <gmock/gmock.h>

#include "graph/ops/contraction.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/indexing.h"
#include "graph/ops/linear_algebra.h"
#include "graph/ops/normalization.h"
#include "graph/ops/reduction.h"
#include "graph/ops/shape.h"
#include "graph/ops/signal.h"

namespace hornet::graph {
namespace {

using testing::HasSubstr;
using testing::Optional;

class RowsTest : public testing::Test {
 protected:
  RowsTest() : x_(graph_.add_input({DType::kFloat32, {kUnknownDim, 4}}, "x")) {}

  template <class OpType, class... Args>
  ValueId add(std::vector<ValueId> inputs, Args&&... args) {
    return graph_.add_node(std::make_shared<OpType>(std::forward<Args>(args)...), std::move(inputs),
                           "layer \"l\"")[0];
  }
  TypesByRows types() const {
    const auto of = [&](int64_t rows) {
      return graph_.infer_types(std::vector<TensorType>{{DType::kFloat32, {rows, 4}}});
    };
    return {of(TypesByRows::kFew), of(TypesByRows::kMore)};
  }
  // What is found with `output` as the graph's only one.
  std::optional<std::string> mixing(ValueId output) {
    graph_.set_outputs({output});
    return find_row_mixing(graph_, types());
  }
  // x and `part`, which is made from it, in one sum: an output of as many rows.
  std::optional<std::string> mixing_with(ValueId part) {
    return mixing(add<Binary>({x_, part}, BinaryKind::add));
  }
  static std::vector<Slice::Range> range(size_t axis, std::optional<int64_t> start,
                                         std::optional<int64_t> stop, int64_t step = 1) {
    std::vector<Slice::Range> ranges(2);
    ranges[axis] = {start, stop, step};
    return ranges;
  }

  Graph graph_;
  ValueId x_;
};

TEST_F(RowsTest, StatisticsOverTheBatch_AreFoundAndNamed) {
  const ValueId mean = add<Reduce>({x_}, ReduceKind::mean, std::vector<int64_t>{0}, true);
  EXPECT_THAT(mixing_with(mean), Optional(HasSubstr("layer \"l\" computes across rows (reduce")));
  const ValueId of_row = add<Reduce>({x_}, ReduceKind::mean, std::vector<int64_t>{1}, true);
  EXPECT_EQ(mixing_with(of_row), std::nullopt);
}

TEST_F(RowsTest, OperatorsAlongTheBatch_AreFoundAndAlongARowAreNot) {
  const auto check = [&](const char* name, ValueId along_batch, ValueId along_row) {
    EXPECT_THAT(mixing_with(along_batch), Optional(HasSubstr(name)));
    EXPECT_EQ(mixing_with(along_row), std::nullopt) << name;
  };
  const auto axes = [](int64_t axis) { return std::vector<int64_t>{axis}; };
  check("softmax", add<Softmax>({x_}, axes(0)), add<Softmax>({x_}, axes(1)));
  check("sort", add<Sort>({x_}, 0), add<Sort>({x_}, 1));
  check("roll", add<Roll>({x_}, 1, 0), add<Roll>({x_}, 1, 1));
  check("cumulative", add<Cumulative>({x_}, false, 0), add<Cumulative>({x_}, false, 1));
  check("slice", add<Slice>({x_}, range(0, {}, {}, -1)), add<Slice>({x_}, range(1, {}, {}, -1)));
  check("slice", add<Slice>({x_}, range(0, 0, 1)), add<Slice>({x_}, range(1, 0, 1)));
}

TEST_F(RowsTest, SliceOfAllRows_IsNoMixing) {
  EXPECT_EQ(mixing_with(add<Slice>({x_}, range(0, 0, std::nullopt))), std::nullopt);
  EXPECT_EQ(mixing_with(add<Slice>({x_}, range(0, std::nullopt, 1000))), std::nullopt);
}

TEST_F(RowsTest, RowsAlongAnotherDimension_AreFound) {
  const auto moves = [&](ValueId output) {
    graph_.set_outputs({output});
    return moves_rows(graph_, types());
  };
  const std::vector<int64_t> swapped = {1, 0};
  const ValueId softmax = add<Softmax>({x_}, std::vector<int64_t>{1});
  EXPECT_FALSE(moves(softmax));
  const ValueId transposed = add<Transpose>({x_}, swapped);
  EXPECT_FALSE(moves(softmax));  // nobody reads the transposed one
  EXPECT_TRUE(moves(add<Transpose>({transposed}, swapped)));
}

TEST_F(RowsTest, TransposedBatch_IsFollowed) {
  const ValueId transposed = add<Transpose>({x_}, std::vector<int64_t>{1, 0});
  const ValueId gram = add<MatMul>({transposed, x_}, false, false);  // [4, 4]
  EXPECT_THAT(mixing(add<MatMul>({x_, gram}, false, false)), Optional(HasSubstr("matmul")));
  const ValueId sorted = add<Sort>({transposed}, 1);
  EXPECT_THAT(mixing(add<Transpose>({sorted}, std::vector<int64_t>{1, 0})),
              Optional(HasSubstr("sort along dimension 1")));
  const ValueId there_and_back = add<Transpose>({transposed}, std::vector<int64_t>{1, 0});
  EXPECT_EQ(mixing(there_and_back), std::nullopt);
}

TEST_F(RowsTest, SumOverAnEinsumLabel_IsFound) {
  const auto product = [&](const char* output) {
    return add<Einsum>({x_, x_}, std::vector<std::string>{"bi", "bj"}, std::string(output));
  };
  EXPECT_THAT(mixing(add<MatMul>({x_, product("ij")}, false, false)),
              Optional(HasSubstr("einsum")));
  EXPECT_EQ(mixing(product("bij")), std::nullopt);
}

TEST_F(RowsTest, OutputsOfAnotherSize_AreFound) {
  EXPECT_THAT(mixing(add<Transpose>({x_}, std::vector<int64_t>{1, 0})),
              Optional(HasSubstr("does not give one output row for each input row")));
  EXPECT_THAT(mixing(add<Reduce>({x_}, ReduceKind::sum, std::vector<int64_t>{0, 1}, false)),
              Optional(HasSubstr("does not give one output row")));
}

}  // namespace
}  // namespace hornet::graph
