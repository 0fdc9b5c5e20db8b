#include <gtest/gtest.h>

#include <limits>

#include "graph/dims.h"
#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/shape.h"
#include "hornet/error.h"

namespace hornet::graph {
namespace {

TensorType f32(Shape shape) { return {DType::kFloat32, std::move(shape)}; }

Shape infer_one(const Op& op, std::vector<TensorType> inputs) { return op.infer(inputs)[0].shape; }

Window window(std::vector<int64_t> size, std::vector<int64_t> strides, Padding padding) {
  Window w;
  w.size = std::move(size);
  w.strides = std::move(strides);
  w.dilations.assign(w.size.size(), 1);
  w.padding = padding;
  return w;
}

TEST(Window, SamePaddingWithOddTotal_PadsMoreAtTheEnd) {
  const Window::Axis axis = window({3}, {2}, Padding::kSame).resolve(0, 8);
  EXPECT_EQ(axis.output, 4);
  EXPECT_EQ(axis.pad_begin, 0);
  EXPECT_EQ(axis.pad_end, 1);
}

TEST(Window, SamePaddingWithStrideAboveSize_PadsNothing) {
  const Window::Axis axis = window({1}, {3}, Padding::kSame).resolve(0, 7);
  EXPECT_EQ(axis.output, 3);
  EXPECT_EQ(axis.pad_begin + axis.pad_end, 0);
}

TEST(Window, CausalPadding_IsAllInFront) {
  Window w = window({3}, {1}, Padding::kCausal);
  w.dilations = {2};
  const Window::Axis axis = w.resolve(0, 5);
  EXPECT_EQ(axis.output, 5);
  EXPECT_EQ(axis.pad_begin, 4);
  EXPECT_EQ(axis.pad_end, 0);
}

TEST(Window, LargerThanItsInput_IsRefused) {
  EXPECT_THROW(window({4}, {1}, Padding::kValid).resolve(0, 3), Error);
}

TEST(Conv, UnknownBatchAndSize_StayUnknown) {
  Conv conv;
  conv.window = window({3, 3}, {2, 2}, Padding::kSame);
  EXPECT_EQ(infer_one(conv, {f32({-1, -1, 9, 4}), f32({3, 3, 4, 8})}), (Shape{-1, -1, 5, 8}));
}

TEST(Conv, KernelForOtherChannels_IsRefusedWithBothShapes) {
  Conv conv;
  conv.window = window({3, 3}, {1, 1}, Padding::kValid);
  try {
    infer_one(conv, {f32({-1, 8, 8, 5}), f32({3, 3, 4, 8})});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kShapeMismatch);
    EXPECT_NE(error.message().find("[3, 3, 4, 8]"), std::string::npos);
    EXPECT_NE(error.message().find("[None, 8, 8, 5]"), std::string::npos);
  }
}

TEST(ConvTranspose, OutputSizes_FollowKeras) {
  ConvTranspose same, valid, padded;
  same.window = window({3}, {2}, Padding::kSame);
  valid.window = window({3}, {2}, Padding::kValid);
  padded.window = window({3}, {2}, Padding::kSame);
  padded.output_padding = {1};
  EXPECT_EQ(same.resolve(0, 5).output, 10);
  EXPECT_EQ(valid.resolve(0, 5).output, 11);
  EXPECT_EQ(padded.resolve(0, 5).output, 10);
  EXPECT_EQ(valid.resolve(0, 5).crop, 0);
}

TEST(Reshape, InferredDimension_IsWhatIsLeft) {
  const Reshape reshape({TargetDim::copied(0), TargetDim::fixed(2), TargetDim::inferred()});
  EXPECT_EQ(infer_one(reshape, {f32({-1, 4, 6})}), (Shape{-1, 2, 12}));
  EXPECT_EQ(infer_one(reshape, {f32({3, 4, 6})}), (Shape{3, 2, 12}));
}

TEST(Reshape, InferredBatch_IsUnknownUntilItIsKnown) {
  const Reshape reshape({TargetDim::inferred(), TargetDim::fixed(6)});
  EXPECT_EQ(infer_one(reshape, {f32({-1, 4, 6})}), (Shape{-1, 6}));
  EXPECT_EQ(infer_one(reshape, {f32({0, 4, 6})}), (Shape{0, 6}));
}

TEST(Reshape, OtherNumberOfElements_IsRefused) {
  const Reshape reshape({TargetDim::copied(0), TargetDim::fixed(5)});
  EXPECT_THROW(infer_one(reshape, {f32({2, 4})}), Error);
}

TEST(Slice, NegativeBoundsAndSteps_FollowPython) {
  const Slice tail({{-2, std::nullopt, 1}});
  const Slice reversed({{std::nullopt, std::nullopt, -1}});
  const Slice every_other({{1, 100, 2}});
  EXPECT_EQ(tail.resolve(0, 5).start, 3);
  EXPECT_EQ(tail.resolve(0, 5).count, 2);
  EXPECT_EQ(reversed.resolve(0, 5).start, 4);
  EXPECT_EQ(reversed.resolve(0, 5).count, 5);
  EXPECT_EQ(every_other.resolve(0, 6).count, 3);
  EXPECT_EQ(every_other.resolve(0, 0).count, 0);
}

TEST(Broadcast, UnknownDimension_GivesWayToAKnownOne) {
  EXPECT_EQ(broadcast({-1, 1, 3}, {4, 3}), (Shape{-1, 4, 3}));
  EXPECT_EQ(broadcast({-1, 3}, {5, 1}), (Shape{5, 3}));
  EXPECT_THROW(broadcast({2, 3}, {4, 3}), Error);
}

TEST(Pad, CroppingMoreThanThereIs_IsRefused) {
  Pad pad;
  pad.before = {0, -3};
  pad.after = {0, -3};
  EXPECT_THROW(infer_one(pad, {f32({1, 5})}), Error);
}

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

TEST(Sizes, BeyondWhat64BitsHold_AreRefused) {
  Pad pad;
  pad.before = {0, kHuge};
  pad.after = {0, kHuge};
  EXPECT_THROW(infer_one(pad, {f32({1, 4})}), Error);
  EXPECT_THROW(infer_one(Concat(0), {f32({kHuge}), f32({kHuge})}), Error);
  Window dilated = window({kHuge}, {1}, Padding::kValid);
  dilated.dilations = {2};
  EXPECT_THROW(dilated.resolve(0, 3), Error);
  ConvTranspose transposed;
  transposed.window = window({3}, {kHuge}, Padding::kSame);
  EXPECT_THROW(infer_one(transposed, {f32({1, 5, 2}), f32({3, 4, 2})}), Error);
}

TEST(Sizes, WindowsOfNothing_AreRefused) {
  EXPECT_THROW(window({0}, {1}, Padding::kSame).resolve(0, 3), Error);
  EXPECT_THROW(window({2}, {0}, Padding::kSame).resolve(0, 3), Error);
  EXPECT_THROW(window({2}, {-1}, Padding::kValid).resolve(0, 3), Error);
}

TEST(Slice, StepsOfAnySize_CountWhatIsThere) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(Slice({{std::nullopt, std::nullopt, kHuge}}).resolve(0, 5).count, 1);
  EXPECT_EQ(Slice({{std::nullopt, std::nullopt, kLeast}}).resolve(0, 5).count, 1);
  EXPECT_EQ(Slice({{std::nullopt, std::nullopt, -2}}).resolve(0, 5).count, 3);
}

TEST(MatMul, InnerDimensionsThatDiffer_AreRefused) {
  EXPECT_EQ(infer_one(MatMul(false, true), {f32({-1, 4, 8}), f32({-1, 5, 8})}), (Shape{-1, 4, 5}));
  EXPECT_THROW(infer_one(MatMul(false, false), {f32({2, 4, 8}), f32({2, 5, 8})}), Error);
}

}  // namespace
}  // namespace hornet::graph
