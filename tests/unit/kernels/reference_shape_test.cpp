#include <gtest/gtest.h>

#include "graph/ops/shape.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::PadMode;
using graph::Slice;
using graph::TargetDim;
using testing::ElementsAre;

TEST(ReferenceReshape, Elements_KeepTheirOrder) {
  const Tensor x = counting({2, 3});
  const Tensor y =
      reference_result(graph::Reshape({TargetDim::fixed(3), TargetDim::inferred()}), {&x});
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  EXPECT_THAT(values(y), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(ReferenceReshape, InPlace_CopiesNothing) {
  const graph::Reshape op({TargetDim::fixed(2)});
  Tensor x = counting({1, 2});
  PackedWeights packed;
  const std::vector<const Tensor*> inputs = {&x};
  const KernelRequest request = make_request(op, inputs, packed);
  const auto kernel = choose_kernel(request, {});
  ASSERT_EQ(kernel->in_place_output(0), 0);
  const void* source = x.data();
  void* destination = x.mutable_data();
  kernel->run({{&source, 1}, {&destination, 1}, nullptr}, nullptr);
  EXPECT_THAT(values(x), ElementsAre(0, 1));
}

TEST(ReferenceTranspose, AnyPermutation_MovesDimensions) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(values(reference_result(graph::Transpose({1, 0}), {&x})),
              ElementsAre(0, 3, 1, 4, 2, 5));
  const Tensor cube = counting({2, 2, 2});
  EXPECT_THAT(values(reference_result(graph::Transpose({1, 0, 2}), {&cube})),
              ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
}

TEST(ReferenceTranspose, EveryElementSize_IsMoved) {
  const Tensor bytes = array<int8_t>({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(values<int8_t>(reference_result(graph::Transpose({1, 0}), {&bytes})),
              ElementsAre(1, 3, 2, 4));
  const Tensor words = array<int64_t>({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(values<int64_t>(reference_result(graph::Transpose({1, 0}), {&words})),
              ElementsAre(1, 3, 2, 4));
}

TEST(ReferenceConcat, InnerAxis_InterleavesRows) {
  const Tensor a = counting({2, 1}), b = counting({2, 2}, 10), none = array({2, 0}, {});
  EXPECT_THAT(values(reference_result(graph::Concat(1), {&a, &none, &b})),
              ElementsAre(0, 10, 11, 1, 12, 13));
}

TEST(ReferenceSlice, StepsAndNegativeBounds_FollowPython) {
  const Tensor x = counting({5});
  const auto slice = [&](Slice::Range range) {
    return values(reference_result(Slice({range}), {&x}));
  };
  EXPECT_THAT(slice({1, 4, 2}), ElementsAre(1, 3));
  EXPECT_THAT(slice({-2, {}, 1}), ElementsAre(3, 4));
  EXPECT_THAT(slice({{}, {}, -2}), ElementsAre(4, 2, 0));
  EXPECT_THAT(slice({3, 1, 1}), ElementsAre());
}

TEST(ReferenceSlice, SeveralDimensions_AreSlicedAtOnce) {
  const Tensor x = counting({3, 4});
  EXPECT_THAT(values(reference_result(Slice({{1, {}, 1}, {{}, 3, 2}}), {&x})),
              ElementsAre(4, 6, 8, 10));
}

std::vector<float> pad(PadMode mode, std::vector<int64_t> before, std::vector<int64_t> after,
                       const Tensor& x, double value = 0) {
  graph::Pad op;
  op.mode = mode;
  op.before = std::move(before);
  op.after = std::move(after);
  op.value = value;
  return values(reference_result(op, {&x}));
}

TEST(ReferencePad, Modes_RepeatTheirCells) {
  const Tensor x = array({3}, {1, 2, 3});
  EXPECT_THAT(pad(PadMode::kConstant, {1}, {2}, x, 9), ElementsAre(9, 1, 2, 3, 9, 9));
  EXPECT_THAT(pad(PadMode::kReflect, {2}, {3}, x), ElementsAre(3, 2, 1, 2, 3, 2, 1, 2));
  EXPECT_THAT(pad(PadMode::kSymmetric, {2}, {4}, x), ElementsAre(2, 1, 1, 2, 3, 3, 2, 1, 1));
  EXPECT_THAT(pad(PadMode::kEdge, {2}, {1}, x), ElementsAre(1, 1, 1, 2, 3, 3));
}

TEST(ReferencePad, NegativeCounts_Crop) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(pad(PadMode::kConstant, {-1, 1}, {0, -1}, x), ElementsAre(0, 3, 4));
}

TEST(ReferencePad, TwoDimensions_ReflectInBoth) {
  const Tensor x = counting({2, 2});
  EXPECT_THAT(pad(PadMode::kReflect, {1, 0}, {0, 1}, x), ElementsAre(2, 3, 2, 0, 1, 0, 2, 3, 2));
}

TEST(ReferencePad, IntegerValue_IsSaturated) {
  const Tensor x = array<uint8_t>({1}, {1});
  graph::Pad op;
  op.before = {1};
  op.after = {0};
  op.value = 1000;
  EXPECT_THAT(values<uint8_t>(reference_result(op, {&x})), ElementsAre(255, 1));
}

TEST(ReferenceGather, IndicesAlongAnAxis_TakeRows) {
  const Tensor x = counting({2, 3}), indices = array<int32_t>({2}, {2, -3});
  EXPECT_THAT(values(reference_result(graph::Gather(1), {&x, &indices})), ElementsAre(2, 0, 5, 3));
  const Tensor rows = array<int64_t>({1, 2}, {1, -1});
  const Tensor y = reference_result(graph::Gather(0), {&x, &rows});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 3}));
  EXPECT_THAT(values(y), ElementsAre(3, 4, 5, 3, 4, 5));
}

TEST(ReferenceGather, IndexOutside_IsAnErrorThatNamesIt) {
  const Tensor x = counting({3});
  const auto gather = [&](auto index) {
    const Tensor indices = array<decltype(index)>({2}, {0, index});
    reference_result(graph::Gather(0), {&x, &indices});
  };
  EXPECT_ERROR(gather(int32_t{3}), ErrorCode::kInvalidInput,
               "index 3 at position 1 of the indices is outside an axis of 3 elements");
  EXPECT_ERROR(gather(int32_t{-4}), ErrorCode::kInvalidInput, "index -4");
  EXPECT_ERROR(gather(std::numeric_limits<uint64_t>::max()), ErrorCode::kInvalidInput,
               "index 18446744073709551615");
}

TEST(ReferenceBroadcastTo, Sizes1AndMissingDimensions_Repeat) {
  const Tensor x = counting({2, 1});
  EXPECT_THAT(values(reference_result(graph::BroadcastTo({2, 2, 2}), {&x})),
              ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));
}

TEST(ReferenceKernels, TooManyDimensions_AreRefused) {
  const Tensor x = counting(Shape(13, 1));
  EXPECT_ERROR(evaluate(graph::BroadcastTo(Shape(13, 1)), {&x}, true), ErrorCode::kUnsupported,
               "more than 12 dimensions");
}

}  // namespace
}  // namespace hornet::kernels
