#include <gtest/gtest.h>

#include "graph/ops/indexing.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::ScatterKind;
using testing::ElementsAre;

TEST(ReferenceArgReduce, Ties_GoToTheFirst) {
  const Tensor x = array({2, 3}, {1, 5, 5, 2, 2, 0});
  EXPECT_THAT(values<int32_t>(reference_result(graph::ArgReduce(true, 1, false), {&x})),
              ElementsAre(1, 0));
  EXPECT_THAT(values<int32_t>(reference_result(graph::ArgReduce(false, 1, false), {&x})),
              ElementsAre(0, 2));
}

TEST(ReferenceArgReduce, OuterAxis_KeepsTheOthers) {
  const Tensor x = array({2, 3}, {1, 5, 5, 2, 2, 9});
  const Tensor y = reference_result(graph::ArgReduce(true, 0, true), {&x});
  EXPECT_EQ(y.shape(), (Shape{1, 3}));
  EXPECT_THAT(values<int32_t>(y), ElementsAre(1, 0, 1));
}

TEST(ReferenceArgReduce, Nan_IsBothLargestAndSmallest) {
  const Tensor x = array({4}, {1, kNan, 5, kNan});
  EXPECT_THAT(values<int32_t>(reference_result(graph::ArgReduce(true, 0, false), {&x})),
              ElementsAre(1));
  EXPECT_THAT(values<int32_t>(reference_result(graph::ArgReduce(false, 0, false), {&x})),
              ElementsAre(1));
}

TEST(ReferenceArgReduce, NoElements_IsRefused) {
  const Tensor x = array({2, 0}, {});
  EXPECT_ERROR(reference_result(graph::ArgReduce(true, 1, false), {&x}), ErrorCode::kUnsupported,
               "no elements");
}

TEST(ReferenceSort, EqualElements_KeepTheirOrder) {
  const Tensor x = array({5}, {2, 1, 2, 1, 0});
  const std::vector<Tensor> up = evaluate(graph::Sort(0), {&x}, true);
  EXPECT_THAT(values(up[0]), ElementsAre(0, 1, 1, 2, 2));
  EXPECT_THAT(values<int32_t>(up[1]), ElementsAre(4, 1, 3, 0, 2));
  const std::vector<Tensor> down = evaluate(graph::Sort(0, true), {&x}, true);
  EXPECT_THAT(values(down[0]), ElementsAre(2, 2, 1, 1, 0));
  EXPECT_THAT(values<int32_t>(down[1]), ElementsAre(0, 2, 1, 3, 4));
}

TEST(ReferenceSort, Nan_IsTheLargest) {
  const Tensor x = array({3}, {kNan, 1, kInf});
  EXPECT_THAT(values<int32_t>(evaluate(graph::Sort(0), {&x}, true)[1]), ElementsAre(1, 2, 0));
  EXPECT_THAT(values<int32_t>(evaluate(graph::Sort(0, true), {&x}, true)[1]), ElementsAre(0, 2, 1));
}

TEST(ReferenceSort, OuterAxis_SortsColumns) {
  const Tensor x = array<int32_t>({3, 2}, {3, 1, 1, 2, 2, 3});
  EXPECT_THAT(values<int32_t>(reference_result(graph::Sort(0), {&x})),
              ElementsAre(1, 1, 2, 2, 3, 3));
}

TEST(ReferenceTakeAlong, OtherDimensions_Broadcast) {
  const Tensor x = counting({2, 3});
  const Tensor indices = array<int32_t>({1, 2}, {2, -3});
  const Tensor y = reference_result(graph::TakeAlong(1), {&x, &indices});
  EXPECT_EQ(y.shape(), (Shape{2, 2}));
  EXPECT_THAT(values(y), ElementsAre(2, 0, 5, 3));
}

TEST(ReferenceTakeAlong, IndexOutside_IsAnError) {
  const Tensor x = counting({2, 3});
  const Tensor indices = array<int32_t>({2, 1}, {0, 3});
  EXPECT_ERROR(reference_result(graph::TakeAlong(1), {&x, &indices}), ErrorCode::kInvalidInput,
               "index 3");
}

TEST(ReferenceScatter, Duplicates_AreCombinedInOrder) {
  const Tensor base = array({3}, {10, 20, 30});
  const Tensor indices = array<int32_t>({4, 1}, {0, 2, 0, -2});
  const Tensor updates = array({4}, {1, 2, 3, 4});
  const auto scatter = [&](ScatterKind kind) {
    return values(reference_result(graph::Scatter(kind), {&base, &indices, &updates}));
  };
  EXPECT_THAT(scatter(ScatterKind::set), ElementsAre(3, 4, 2));
  EXPECT_THAT(scatter(ScatterKind::add), ElementsAre(14, 24, 32));
  EXPECT_THAT(scatter(ScatterKind::multiply), ElementsAre(30, 80, 60));
  EXPECT_THAT(scatter(ScatterKind::max), ElementsAre(10, 20, 30));
  EXPECT_THAT(scatter(ScatterKind::min), ElementsAre(1, 4, 2));
}

TEST(ReferenceScatter, ShortIndices_WriteRows) {
  const Tensor base = counting({2, 2});
  const Tensor indices = array<int64_t>({1, 1}, {1});
  const Tensor updates = array({1, 2}, {8, 9});
  EXPECT_THAT(
      values(reference_result(graph::Scatter(ScatterKind::set), {&base, &indices, &updates})),
      ElementsAre(0, 1, 8, 9));
}

TEST(ReferenceScatter, IndexOutside_IsLeftOut) {
  const Tensor base = array({2}, {1, 2});
  const Tensor indices = array<int32_t>({2, 1}, {2, -3});
  const Tensor updates = array({2}, {5, 6});
  EXPECT_THAT(
      values(reference_result(graph::Scatter(ScatterKind::set), {&base, &indices, &updates})),
      ElementsAre(1, 2));
}

TEST(ReferenceSliceAt, Start_IsMovedInside) {
  const Tensor x = counting({3, 4});
  const Tensor starts = array<int32_t>({2}, {5, -2});
  const Tensor y = reference_result(graph::SliceAt({2, 2}), {&x, &starts});
  EXPECT_THAT(values(y), ElementsAre(6, 7, 10, 11));
}

TEST(ReferenceUpdateAt, Updates_ReplaceAPart) {
  const Tensor x = counting({2, 3});
  const Tensor starts = array<int32_t>({2}, {0, 1});
  const Tensor updates = array({2, 1}, {8, 9});
  EXPECT_THAT(values(reference_result(graph::UpdateAt(), {&x, &starts, &updates})),
              ElementsAre(0, 8, 2, 3, 9, 5));
}

TEST(ReferenceRoll, AnyShift_Wraps) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(values(reference_result(graph::Roll(1, 1), {&x})), ElementsAre(2, 0, 1, 5, 3, 4));
  EXPECT_THAT(values(reference_result(graph::Roll(-4, 1), {&x})), ElementsAre(1, 2, 0, 4, 5, 3));
  EXPECT_THAT(values(reference_result(graph::Roll(1, 0), {&x})), ElementsAre(3, 4, 5, 0, 1, 2));
}

TEST(ReferenceDiagonal, Offsets_ReachBothSides) {
  const Tensor x = counting({3, 4});
  EXPECT_THAT(values(reference_result(graph::Diagonal(0, 0, 1), {&x})), ElementsAre(0, 5, 10));
  EXPECT_THAT(values(reference_result(graph::Diagonal(2, 0, 1), {&x})), ElementsAre(2, 7));
  EXPECT_THAT(values(reference_result(graph::Diagonal(-1, 0, 1), {&x})), ElementsAre(4, 9));
  EXPECT_EQ(reference_result(graph::Diagonal(4, 0, 1), {&x}).shape(), Shape{0});
}

TEST(ReferenceDiagonal, OuterAxes_LeaveTheLastFirst) {
  const Tensor x = counting({2, 2, 3});
  const Tensor y = reference_result(graph::Diagonal(0, 0, 1), {&x});
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  EXPECT_THAT(values(y), ElementsAre(0, 9, 1, 10, 2, 11));
}

TEST(ReferenceCumulative, SumsAndProducts_RunAlongTheAxis) {
  const Tensor x = array({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(values(reference_result(graph::Cumulative(false, 1), {&x})),
              ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(values(reference_result(graph::Cumulative(true, 0), {&x})),
              ElementsAre(1, 2, 3, 4, 10, 18));
  const Tensor bytes = array<uint8_t>({2}, {200, 100});
  EXPECT_THAT(values<uint8_t>(reference_result(graph::Cumulative(false, 0), {&bytes})),
              ElementsAre(200, 44));
}

TEST(ReferenceQuantile, Methods_DifferBetweenElements) {
  const Tensor x = array({4}, {4, 1, 3, 2});
  graph::Quantile op;
  op.q = {0, 0.5, 0.9, 1};
  const auto with = [&](graph::QuantileMethod method) {
    op.method = method;
    return values(reference_result(op, {&x}));
  };
  using Method = graph::QuantileMethod;
  EXPECT_THAT(with(Method::kLinear), near({1, 2.5f, 3.7f, 4}));
  EXPECT_THAT(with(Method::kLower), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(with(Method::kHigher), ElementsAre(1, 3, 4, 4));
  EXPECT_THAT(with(Method::kMidpoint), ElementsAre(1, 2.5f, 3.5f, 4));
  EXPECT_THAT(with(Method::kNearest), ElementsAre(1, 3, 4, 4));
}

TEST(ReferenceQuantile, Nan_SpoilsTheRowUnlessSkipped) {
  const Tensor x = array({2, 3}, {3, kNan, 1, kNan, kNan, kNan});
  graph::Quantile op;
  op.q = {0.5};
  EXPECT_THAT(values(reference_result(op, {&x})), near({kNan, kNan}));
  op.skip_nan = true;
  EXPECT_THAT(values(reference_result(op, {&x})), near({2, kNan}));
}

}  // namespace
}  // namespace hornet::kernels
