#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "graph/ops/signal.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::Fft;
using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

TEST(ReferenceFft, FourNumbers_AsByHand) {
  const Tensor real = array({4}, {1, 2, 3, 4}), imaginary = array({4}, {0, 1, 0, -1});
  const std::vector<Tensor> y = evaluate(Fft(Fft::Kind::kForward), {&real, &imaginary}, true);
  EXPECT_THAT(values(y[0]), near({10, 0, -2, -4}));
  EXPECT_THAT(values(y[1]), near({0, 2, 0, -2}));
}

// Lengths with one prime factor, several, and a large one, against the definition.
TEST(ReferenceFft, AnyLength_FollowsTheDefinition) {
  for (const int64_t n : {1, 2, 6, 8, 12, 13, 15}) {
    const Tensor x = counting({n}, 0.5f);
    const std::vector<Tensor> y = evaluate(Fft(Fft::Kind::kForward), {&x, nullptr}, true);
    for (int64_t k = 0; k < n; ++k) {
      double real = 0, imaginary = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double angle =
            -2 * std::numbers::pi * static_cast<double>(i * k) / static_cast<double>(n);
        real += static_cast<double>(x.as<float>()[i]) * std::cos(angle);
        imaginary += static_cast<double>(x.as<float>()[i]) * std::sin(angle);
      }
      EXPECT_NEAR(y[0].as<float>()[k], real, 1e-4) << n;
      EXPECT_NEAR(y[1].as<float>()[k], imaginary, 1e-4) << n;
    }
  }
}

TEST(ReferenceFft, Inverse_GivesTheNumbersBack) {
  const Tensor real = counting({2, 6}), imaginary = counting({2, 6}, 3);
  const std::vector<Tensor> y = evaluate(Fft(Fft::Kind::kForward), {&real, &imaginary}, true);
  const std::vector<Tensor> x = evaluate(Fft(Fft::Kind::kInverse), {&y[0], &y[1]}, true);
  EXPECT_THAT(values(x[0]), Pointwise(FloatNear(1e-4f), values(real)));
  EXPECT_THAT(values(x[1]), Pointwise(FloatNear(1e-4f), values(imaginary)));
}

TEST(ReferenceFft, RealTransform_HasHalfOfTheResult) {
  const Tensor x = array({4}, {1, 2, 3, 4});
  const std::vector<Tensor> y = evaluate(Fft(Fft::Kind::kReal), {&x, nullptr}, true);
  EXPECT_THAT(values(y[0]), near({10, -2, -2}));
  EXPECT_THAT(values(y[1]), near({0, 2, 0}));
  for (const int64_t n : {4, 5}) {
    const Tensor given = counting({n}, 1);
    const std::vector<Tensor> z = evaluate(Fft(Fft::Kind::kReal), {&given, nullptr}, true);
    const Tensor back = reference_result(Fft(Fft::Kind::kRealInverse, n), {&z[0], &z[1]});
    EXPECT_THAT(values(back), Pointwise(FloatNear(1e-5f), values(given)));
  }
}

TEST(ReferenceFft, Length_CutsOrFills) {
  const Tensor x = array({4}, {1, 2, 3, 4});
  EXPECT_THAT(values(reference_result(Fft(Fft::Kind::kReal, 2), {&x, nullptr})), near({3, -1}));
  EXPECT_EQ(reference_result(Fft(Fft::Kind::kReal, 9), {&x, nullptr}).shape(), Shape{5});
  EXPECT_FLOAT_EQ(values(reference_result(Fft(Fft::Kind::kReal, 9), {&x, nullptr}))[0], 10);
}

TEST(ReferenceFft, NoNumbers_AreAnError) {
  const Tensor x = array({2, 0}, {});
  EXPECT_ERROR(reference_result(Fft(Fft::Kind::kForward), {&x, nullptr}), ErrorCode::kShapeMismatch,
               "transform");
}

}  // namespace
}  // namespace hornet::kernels
