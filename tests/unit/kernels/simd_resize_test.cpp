#include <fmt/format.h>

#include "graph/ops/image.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/resize.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::Interpolation;
using graph::ResizeImage;

class SimdResize : public SimdTest {};
HORNET_SIMD_TESTS(SimdResize);

constexpr Interpolation kInterpolations[] = {
    Interpolation::kNearest,       Interpolation::kBilinear, Interpolation::kBicubic,
    Interpolation::kLanczos3,      Interpolation::kLanczos5, Interpolation::kGaussian,
    Interpolation::kMitchellCubic, Interpolation::kArea};

TEST_P(SimdResize, AnyInterpolationAndSize_IsAsInTheReference) {
  for (const int64_t channels : {1, 2, 3, 4, 17}) {
    const Tensor x = random_floats({2, 7, 10, channels}, 1);
    for (const Interpolation interpolation : kInterpolations) {
      for (const auto& [height, width] :
           {std::pair<int64_t, int64_t>{7, 10}, {14, 20}, {3, 4}, {1, 1}, {5, 33}}) {
        for (const bool antialias : {false, true}) {
          ResizeImage op = resize(height, width, interpolation);
          op.antialias = antialias;
          SCOPED_TRACE(fmt::format("{} channels, {} to {} x {}, antialias {}", channels,
                                   to_string(interpolation), height, width, antialias));
          expect_like_reference(simd_resize_image, {op, {&x}, {false}}, 2e-6);
        }
      }
    }
  }
}

TEST_P(SimdResize, CroppedAndFilledUpImages_AreAsInTheReference) {
  for (const int64_t channels : {1, 3, 8}) {
    const Tensor x = random_floats({2, 9, 5, channels}, 1);
    for (const auto fit : {ResizeImage::Fit::kCrop, ResizeImage::Fit::kPad}) {
      for (const Interpolation interpolation : kInterpolations) {
        for (const auto& [height, width] :
             {std::pair<int64_t, int64_t>{4, 11}, {12, 3}, {6, 6}, {1, 9}}) {
          ResizeImage op = resize(height, width, interpolation);
          op.fit = fit;
          op.fill_value = 0.75f;
          SCOPED_TRACE(fmt::format("{} channels, {} to {} x {}, fit {}", channels,
                                   to_string(interpolation), height, width, static_cast<int>(fit)));
          expect_like_reference(simd_resize_image, {op, {&x}, {false}}, 2e-6);
        }
      }
    }
  }
}

TEST_P(SimdResize, FactorsAndCorners_AreAsInTheReference) {
  const Tensor x = random_floats({1, 4, 6, 5}, 1);
  ResizeImage factors;
  factors.row_factor = 2;
  factors.column_factor = 3;
  expect_like_reference(simd_resize_image, {factors, {&x}, {false}}, 2e-6);
  ResizeImage corners = resize(9, 8, Interpolation::kBilinear);
  corners.from_corner = true;
  expect_like_reference(simd_resize_image, {corners, {&x}, {false}}, 2e-6);
}

TEST_P(SimdResize, NearestCells_AreCopied) {
  Tensor x = random_floats({1, 3, 3, 2}, 1);
  x.mutable_as<float>()[0] = -0.0f;
  x.mutable_as<float>()[5] = 1e-45f;
  const ResizeImage op = resize(3, 3, Interpolation::kNearest);
  const std::vector<Tensor> y = run_simd(simd_resize_image, {op, {&x}, {false}});
  EXPECT_EQ(std::memcmp(y[0].data(), x.data(), x.num_bytes()), 0);
}

TEST_P(SimdResize, Rows_AreOnTheirOwn) {
  const ResizeImage op = resize(6, 9, Interpolation::kBicubic);
  const Tensor none = random_floats({0, 5, 7, 3}, 1), x = random_floats({5, 5, 7, 3}, 1);
  expect_like_reference(simd_resize_image, {op, {&none}, {false}}, 0);
  expect_same_bits_in_any_batch(simd_resize_image, {op, {&x}, {false}});
  expect_nan_stays_in_its_row(simd_resize_image, {op, {&x}, {false}});
}

}  // namespace
}  // namespace hornet::kernels
