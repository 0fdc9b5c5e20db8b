#include "kernels/simd/elementwise.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/reference/functions.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::BinaryKind;
using graph::UnaryFunction;
using graph::UnaryKind;

const UnaryFunction kFunctions[] = {
    {UnaryKind::relu},
    {UnaryKind::relu_general, 0.25f, 6, 1},
    {UnaryKind::relu6},
    {UnaryKind::leaky_relu, 0.3f},
    {UnaryKind::elu, 1.5f},
    {UnaryKind::selu},
    {UnaryKind::celu, 0.7f},
    {UnaryKind::sigmoid},
    {UnaryKind::hard_sigmoid, 0.2f, 0.5f},
    {UnaryKind::hard_silu},
    {UnaryKind::silu},
    {UnaryKind::mish},
    {UnaryKind::tanh},
    {UnaryKind::hard_tanh},
    {UnaryKind::softplus},
    {UnaryKind::softsign},
    {UnaryKind::log_sigmoid},
    {UnaryKind::gelu},
    {UnaryKind::gelu_tanh},
    {UnaryKind::exponential},
    {UnaryKind::hard_shrink, 0.5f},
    {UnaryKind::soft_shrink, 0.5f},
    {UnaryKind::sparse_plus},
    {UnaryKind::sparse_sigmoid},
    {UnaryKind::squareplus, 4},
    {UnaryKind::threshold, 0.5f, -2},
    {UnaryKind::negative},
    {UnaryKind::abs},
    {UnaryKind::square},
    {UnaryKind::sqrt},
    {UnaryKind::rsqrt},
    {UnaryKind::reciprocal},
    {UnaryKind::log},
    {UnaryKind::log1p},
    {UnaryKind::ceil},
    {UnaryKind::floor},
    {UnaryKind::trunc},
    {UnaryKind::round},
    {UnaryKind::erf},
    {UnaryKind::scale, 3, -1},
    {UnaryKind::clip, -0.5f, 2},
};

// Numbers of every size, and the neighbourhood of 0 more densely.
std::vector<float> probes() {
  std::vector<float> x = {0.0f, -0.0f, 1, -1, 0.5f, -0.5f, 1e-45f, -1e-45f, 3e38f, -3e38f};
  for (uint32_t bits = 0; bits < 0x7F800000; bits += 0x7F800000 / 20000) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    x.insert(x.end(), {value, -value});
  }
  for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<float>(i) * 0.0011f);
  for (int i = -2000; i <= 2000; ++i) x.push_back(static_cast<float>(i) * 0.053f);
  return x;
}

// What a function may be off besides a relative error.
double absolute_error(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::scale:  // sums lose what cancels
    case UnaryKind::hard_sigmoid:
    case UnaryKind::hard_silu:
      return 2e-7;
    case UnaryKind::gelu:  // 1 + erf cancels
      return 1e-6;
    case UnaryKind::gelu_tanh:  // here it is the reference that cancels
      return 1e-14;
    case UnaryKind::squareplus:
      return 1e-7;         // and here
    case UnaryKind::silu:  // x times a number that may be flushed
      return 2e-36;
    default:  // numbers at the end of the range may be flushed to 0
      return 1e-36;
  }
}

class SimdUnary : public SimdTest {};
HORNET_SIMD_TESTS(SimdUnary);

TEST_P(SimdUnary, EveryFunction_IsAccurate) {
  const std::vector<float> x = probes();
  std::vector<float> y(x.size());
  for (const UnaryFunction& f : kFunctions) {
    const std::optional<Activation> activation = find_activation(f);
    ASSERT_TRUE(activation) << f.to_string();
    (*activation)(x.data(), 0, y.data(), 0, 1, static_cast<int64_t>(x.size()));
    double worst = 0;
    float worst_x = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = reference::apply(f, static_cast<double>(x[i]));
      const double expected = static_cast<double>(static_cast<float>(exact));
      const double got = static_cast<double>(y[i]);
      if (std::isnan(expected) || std::isinf(expected)) {
        // Where the exact value is at the end of the range either side will do.
        const bool at_the_end = std::isinf(expected) && got > 3.4e38 && expected > 0;
        ASSERT_TRUE(std::isnan(expected) ? std::isnan(got) : got == expected || at_the_end)
            << f.to_string() << " of " << x[i] << ": got " << got << ", expected " << expected;
        continue;
      }
      const double error = std::max(0.0, std::abs(got - exact) - absolute_error(f.kind)) /
                           (std::abs(exact) + 1e-300);
      if (error > worst) {
        worst = error;
        worst_x = x[i];
      }
      ASSERT_FALSE(std::isnan(got)) << f.to_string() << " of " << x[i];
    }
    EXPECT_LT(worst, 2e-6) << f.to_string() << " of " << worst_x;
  }
}

TEST_P(SimdUnary, InfinitiesAndNaN_AreAsInTheReference) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  // Some arithmetic on bits would take NaNs with others than the usual for numbers.
  const std::vector<float> x = {
      inf, -inf, nan, -nan, std::nanf("1"), std::nanf("511"), -std::nanf("256")};
  std::vector<float> y(x.size());
  for (const UnaryFunction& f : kFunctions) {
    if (f.kind == UnaryKind::squareplus) continue;  // 0 at -inf, not NaN
    (*find_activation(f))(x.data(), 0, y.data(), 0, 1, static_cast<int64_t>(x.size()));
    for (size_t i = 0; i < x.size(); ++i) {
      const float expected = static_cast<float>(reference::apply(f, static_cast<double>(x[i])));
      const bool tiny = std::abs(y[i]) < 2e-38f && expected == 0;  // sigmoid of -inf
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(y[i]) : y[i] == expected || tiny)
          << f.to_string() << " of " << x[i] << ": got " << y[i] << ", expected " << expected;
    }
  }
}

TEST_P(SimdUnary, Tanh_IsNeverBeyondOne) {
  const Activation tanh = *find_activation({UnaryKind::tanh});
  for (float from : {-40.0f, 3.0f}) {
    std::vector<float> x(100000);
    for (size_t i = 0; i < x.size(); ++i) x[i] = from + 37e-5f * static_cast<float>(i);
    tanh(x.data(), 0, x.data(), 0, 1, static_cast<int64_t>(x.size()));
    EXPECT_LE(*std::max_element(x.begin(), x.end()), 1.0f);
    EXPECT_GE(*std::min_element(x.begin(), x.end()), -1.0f);
    EXPECT_EQ(from < 0 ? x.front() : x.back(), from < 0 ? -1.0f : 1.0f);
  }
}

TEST_P(SimdUnary, ResultDoesNotDependOnTheLane) {
  const Tensor x = random_floats({67}, 1, -5, 5);
  for (const UnaryFunction& f : kFunctions) {
    const Activation activation = *find_activation(f);
    std::vector<float> whole(67), one(1);
    activation(x.as<float>(), 0, whole.data(), 0, 1, 67);
    for (size_t i = 0; i < 67; ++i) {
      activation(x.as<float>() + i, 0, one.data(), 0, 1, 1);
      ASSERT_EQ(std::memcmp(&one[0], &whole[i], sizeof(float)), 0) << f.to_string();
    }
  }
}

TEST_P(SimdUnary, Kernel_IsAsTheReference) {
  const graph::Unary op({UnaryKind::gelu});
  for (const int64_t n : {0, 1, 15, 16, 17, 1000}) {
    const Tensor x = random_floats({n, 3}, 1, -4, 4);
    expect_like_reference(simd_unary, {op, {&x}, {false}}, 1e-6);
  }
}

TEST_P(SimdUnary, FunctionWithoutVectorForm_IsRefused) {
  const Tensor x = random_floats({3}, 1);
  const graph::Unary sine({UnaryKind::sin});
  EXPECT_EQ(refusal_of(simd_unary, {sine, {&x}, {false}}), "simd: function sin");
}

class SimdBinary : public SimdTest {};
HORNET_SIMD_TESTS(SimdBinary);

TEST_P(SimdBinary, EveryBroadcast_IsAsTheReference) {
  const std::pair<Shape, Shape> shapes[] = {
      {{7, 33}, {7, 33}},
      {{7, 33}, {}},
      {{}, {7, 33}},
      {{7, 33}, {33}},
      {{7, 33}, {7, 1}},
      {{5, 4, 3, 20}, {5, 1, 1, 20}},
      {{5, 4, 3, 3}, {3}},
      {{3}, {5, 40, 40, 3}},
      {{5, 40, 40, 1}, {1}},
      {{4, 1, 6}, {1, 5, 1}},
      {{4, 1, 6}, {4, 5, 1}},
      {{2, 1, 3, 1, 5}, {1, 4, 1, 6, 1}},
      {{1}, {1}},
      {{3, 100, 100}, {3, 100, 1}},
      {{3, 1000, 5}, {3, 1, 5}},
      {{2, 3, 4, 5, 6}, {2, 1, 4, 1, 6}},
  };
  for (const auto& [a, b] : shapes) {
    for (const BinaryKind kind :
         {BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply, BinaryKind::divide,
          BinaryKind::maximum, BinaryKind::minimum, BinaryKind::squared_difference}) {
      const Tensor x = random_floats(a, 1), y = random_floats(b, 2, 0.5f, 2);
      SCOPED_TRACE(fmt::format("{} of {} and {}", to_string(kind), to_string(a), to_string(b)));
      const graph::Binary op(kind, {UnaryKind::relu});
      expect_like_reference(simd_binary, {op, {&x, &y}, {false, false}}, 1e-6);
    }
  }
}

TEST_P(SimdBinary, MaximumAndMinimum_KeepNaN) {
  Tensor x = random_floats({20}, 1), y = random_floats({20}, 2);
  x.mutable_as<float>()[3] = y.mutable_as<float>()[17] = std::nanf("");
  for (const BinaryKind kind : {BinaryKind::maximum, BinaryKind::minimum}) {
    const graph::Binary op(kind);
    expect_like_reference(simd_binary, {op, {&x, &y}, {false, false}}, 0);
  }
}

}  // namespace
}  // namespace hornet::kernels
