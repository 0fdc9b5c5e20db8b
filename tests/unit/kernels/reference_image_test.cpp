#include <gtest/gtest.h>

#include <numeric>

#include "graph/ops/image.h"
#include "resize.h"
#include "tensors.h"

namespace hornet::kernels {
namespace {

using graph::FillMode;
using graph::Interpolation;
using graph::MapCoordinates;
using graph::ResizeImage;
using testing::ElementsAre;

TEST(ReferenceResizeImage, Bilinear_KeepsTheEdges) {
  const Tensor x = array({1, 1, 2, 1}, {0, 4});
  EXPECT_THAT(values(reference_result(resize(1, 4, Interpolation::kBilinear), {&x})),
              near({0, 1, 3, 4}));
}

TEST(ReferenceResizeImage, Nearest_TakesTheCellUnderTheCentre) {
  const Tensor x = array({1, 1, 3, 1}, {1, 2, 3});
  EXPECT_THAT(values(reference_result(resize(1, 5, Interpolation::kNearest), {&x})),
              ElementsAre(1, 1, 2, 3, 3));
  EXPECT_THAT(values(reference_result(resize(1, 2, Interpolation::kNearest), {&x})),
              ElementsAre(1, 3));
}

// Coefficient -0.5, the weights of cells outside given to those inside.
TEST(ReferenceResizeImage, NearestOfACentreBetweenCells_IsAsInFloat32) {
  // (149 + 0.5) 224 / 299 is 112, and below it in double precision.
  const std::pair<int64_t, int64_t> sizes[] = {{224, 299}, {112, 380}, {260, 30}};
  const std::vector<std::pair<int64_t, float>> expected[] = {
      {{149, 112}}, {{47, 14}, {142, 42}, {332, 98}}, {{13, 117}, {25, 221}, {28, 247}}};
  for (size_t k = 0; k < std::size(sizes); ++k) {
    const auto [from, to] = sizes[k];
    Tensor x(DType::kFloat32, {1, 1, from, 1});
    std::iota(x.mutable_as<float>(), x.mutable_as<float>() + from, 0.0f);
    const Tensor y = evaluate(resize(1, to, Interpolation::kNearest), {&x}, true)[0];
    for (const auto& [at, cell] : expected[k]) EXPECT_EQ(y.as<float>()[at], cell);
  }
}

TEST(ReferenceResizeImage, Bicubic_RenormalisesAtTheEdges) {
  const Tensor x = array({1, 1, 4, 1}, {0, 0, 1, 0});
  const std::vector<float> y =
      values(reference_result(resize(1, 8, Interpolation::kBicubic), {&x}));
  EXPECT_FLOAT_EQ(y[4], 0.8671875f);
  EXPECT_FLOAT_EQ(y[3], 0.2265625f);
  EXPECT_FLOAT_EQ(y[7], -0.0703125f / (0.8671875f - 0.0703125f));
}

TEST(ReferenceResizeImage, Antialias_AveragesWhenShrinking) {
  const Tensor x = array({1, 1, 4, 1}, {0, 4, 8, 12});
  ResizeImage op = resize(1, 2, Interpolation::kBilinear);
  EXPECT_THAT(values(reference_result(op, {&x})), near({2, 10}));
  op.antialias = true;
  // Weights 3, 3, 1 over 0, 4, 8.
  EXPECT_THAT(values(reference_result(op, {&x})), near({20.0f / 7, 64.0f / 7}));
}

TEST(ReferenceResizeImage, AspectRatio_CropsOrPads) {
  const Tensor x = array({1, 1, 4, 1}, {1, 2, 3, 4});
  ResizeImage op = resize(2, 2, Interpolation::kNearest);
  op.fit = ResizeImage::Fit::kCrop;
  EXPECT_THAT(values(reference_result(op, {&x})), ElementsAre(2, 2, 2, 2));
  op.fit = ResizeImage::Fit::kPad;
  op.fill_value = 9;
  EXPECT_THAT(values(reference_result(op, {&x})), ElementsAre(9, 9, 9, 9));
  op.height = 4;
  op.width = 4;
  EXPECT_THAT(values(reference_result(op, {&x})),
              ElementsAre(9, 9, 9, 9, 1, 2, 3, 4, 1, 2, 3, 4, 9, 9, 9, 9));
}

TEST(ReferenceResizeImage, Channels_StayApart) {
  const Tensor x = array({1, 1, 2, 2}, {0, 10, 2, 30});
  EXPECT_THAT(values(reference_result(resize(1, 1, Interpolation::kBilinear), {&x})),
              near({1, 20}));
}

TEST(ReferenceMapCoordinates, Linear_MixesNeighbours) {
  const Tensor x = counting({2, 2});
  const Tensor at = array({2, 3}, {0.5f, 1, 0, 0.5f, 0.25f, 1});
  EXPECT_THAT(values(reference_result(MapCoordinates(), {&x, &at})), near({1.5f, 2.25f, 1}));
}

TEST(ReferenceMapCoordinates, FillModes_DifferOutside) {
  const Tensor x = array({4}, {1, 2, 3, 4});
  const Tensor at = array({1, 4}, {-1, -2, 4, 6});
  MapCoordinates op;
  op.order = 0;
  op.fill_value = 7;
  const auto with = [&](FillMode mode) {
    op.mode = mode;
    return values(reference_result(op, {&x, &at}));
  };
  EXPECT_THAT(with(FillMode::kConstant), ElementsAre(7, 7, 7, 7));
  EXPECT_THAT(with(FillMode::kNearest), ElementsAre(1, 1, 4, 4));
  EXPECT_THAT(with(FillMode::kWrap), ElementsAre(4, 3, 1, 3));
  EXPECT_THAT(with(FillMode::kMirror), ElementsAre(2, 3, 3, 1));
  EXPECT_THAT(with(FillMode::kReflect), ElementsAre(1, 2, 4, 2));
}

TEST(ReferenceMapCoordinates, ConstantFill_ReachesHalfACellInside) {
  const Tensor x = array({2}, {2, 4});
  const Tensor at = array({1, 3}, {-0.5f, 1.5f, kNan});
  MapCoordinates op;
  op.fill_value = 10;
  EXPECT_THAT(values(reference_result(op, {&x, &at})), near({6, 7, 10}));
}

TEST(ReferenceMapCoordinates, Batches_ReadTheirOwnImage) {
  const Tensor x = counting({2, 2, 2});  // two images of one dimension, two channels
  const Tensor at = array({1, 2, 1}, {0, 1});
  MapCoordinates op;
  op.batch_dims = 1;
  const Tensor y = reference_result(op, {&x, &at});
  EXPECT_EQ(y.shape(), (Shape{2, 1, 2}));
  EXPECT_THAT(values(y), ElementsAre(0, 1, 6, 7));
  const Tensor shared = array({1, 1, 1}, {1});
  EXPECT_THAT(values(reference_result(op, {&x, &shared})), ElementsAre(2, 3, 6, 7));
}

}  // namespace
}  // namespace hornet::kernels
