#include <gtest/gtest.h>

#include <cmath>

#include "graph/ops/elementwise.h"
#include "kernels/reference/functions.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::Binary;
using graph::BinaryKind;
using graph::Unary;
using graph::UnaryFunction;
using graph::UnaryKind;
using testing::ElementsAre;

std::vector<float> unary(const UnaryFunction& function, const std::vector<float>& x) {
  const Tensor input = array({static_cast<int64_t>(x.size())}, x);
  return values(reference_result(Unary(function), {&input}));
}

template <class T>
std::vector<T> unary_integers(const UnaryFunction& function, const std::vector<T>& x) {
  const Tensor input = array<T>({static_cast<int64_t>(x.size())}, x);
  return values<T>(reference_result(Unary(function), {&input}));
}

template <class T = float, class R = T>
std::vector<R> binary(BinaryKind kind, const std::vector<T>& x, const std::vector<T>& y) {
  const Tensor a = array<T>({static_cast<int64_t>(x.size())}, x);
  const Tensor b = array<T>({static_cast<int64_t>(y.size())}, y);
  return values<R>(reference_result(Binary(kind), {&a, &b}));
}

struct UnaryCase {
  UnaryFunction function;
  std::vector<float> x, y;
};

class ReferenceUnary : public testing::TestWithParam<UnaryCase> {};

TEST_P(ReferenceUnary, GivesTheValuesOfItsDefinition) {
  EXPECT_THAT(unary(GetParam().function, GetParam().x), near(GetParam().y));
}

INSTANTIATE_TEST_SUITE_P(
    Values, ReferenceUnary,
    testing::Values(
        UnaryCase{{UnaryKind::relu}, {-1, 0, 2, kNan}, {0, 0, 2, kNan}},
        // keras.layers.ReLU(max_value=6, negative_slope=0.5, threshold=1)
        UnaryCase{{UnaryKind::relu_general, 0.5f, 6, 1},
                  {-1, 0.5f, 1, 3, 6, 9},
                  {-1, -0.25f, 0, 3, 6, 6}},
        // A threshold below 0 lets numbers below 0 through, a ceiling cuts them off.
        UnaryCase{{UnaryKind::relu_general, 0, kInf, -1}, {-2, -1, -0.5f, 3}, {0, 0, -0.5f, 3}},
        UnaryCase{{UnaryKind::relu_general, 0.5f, 2, -1}, {-2, -0.5f, 3}, {-0.5f, 0, 2}},
        UnaryCase{{UnaryKind::relu_general, 0.1f, kInf, 0}, {-1, 0, 1e9f}, {-0.1f, 0, 1e9f}},
        UnaryCase{{UnaryKind::relu6}, {-1, 5, 7}, {0, 5, 6}},
        UnaryCase{{UnaryKind::leaky_relu, 0.2f}, {-1, 5}, {-0.2f, 5}},
        UnaryCase{{UnaryKind::elu, 2}, {-1, 0, 1.5f}, {-1.2642411f, 0, 1.5f}},
        UnaryCase{{UnaryKind::selu}, {-1, 1}, {-1.1113307f, 1.050701f}},
        UnaryCase{{UnaryKind::celu, 2}, {-1, 1}, {-0.7869387f, 1}},
        UnaryCase{{UnaryKind::sigmoid}, {-100, -1, 0, 100}, {3.7835e-44f, 0.26894143f, 0.5f, 1}},
        UnaryCase{{UnaryKind::hard_sigmoid, 1.0f / 6, 0.5f}, {-4, 0, 1.5f, 4}, {0, 0.5f, 0.75f, 1}},
        UnaryCase{{UnaryKind::hard_silu}, {-4, -1, 1, 4}, {0, -1.0f / 3, 2.0f / 3, 4}},
        UnaryCase{{UnaryKind::silu}, {-1, 2}, {-0.26894143f, 1.761594f}},
        UnaryCase{{UnaryKind::mish}, {-1, 1}, {-0.30340146f, 0.8650984f}},
        UnaryCase{{UnaryKind::hard_tanh}, {-3, 0.5f, 3}, {-1, 0.5f, 1}},
        UnaryCase{{UnaryKind::tanh_shrink}, {1}, {0.23840584f}},
        UnaryCase{{UnaryKind::softplus}, {-200, 0, 200}, {0, 0.6931472f, 200}},
        UnaryCase{{UnaryKind::softsign}, {-1, 3}, {-0.5f, 0.75f}},
        UnaryCase{{UnaryKind::log_sigmoid}, {-200, 0, 200}, {-200, -0.6931472f, 0}},
        UnaryCase{{UnaryKind::gelu}, {-1, 1}, {-0.15865525f, 0.8413447f}},
        UnaryCase{{UnaryKind::gelu_tanh}, {-1, 1}, {-0.15880801f, 0.841192f}},
        UnaryCase{{UnaryKind::hard_shrink, 0.5f}, {-1, -0.5f, 0.2f, 0.6f}, {-1, 0, 0, 0.6f}},
        UnaryCase{{UnaryKind::soft_shrink, 0.5f}, {-1, 0.2f, 0.75f}, {-0.5f, 0, 0.25f}},
        UnaryCase{{UnaryKind::sparse_plus}, {-2, 0, 1, 3}, {0, 0.25f, 1, 3}},
        UnaryCase{{UnaryKind::sparse_sigmoid}, {-2, 0, 0.5f, 3}, {0, 0.5f, 0.75f, 1}},
        UnaryCase{{UnaryKind::squareplus, 4}, {-1, 0, 3}, {0.61803399f, 1, 3.3027756f}},
        UnaryCase{{UnaryKind::threshold, 1, -7}, {0, 1, 2}, {-7, -7, 2}},
        UnaryCase{{UnaryKind::sign}, {-3, 0, 2, kNan}, {-1, 0, 1, kNan}},
        UnaryCase{{UnaryKind::round}, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f}, {0, 2, 2, 0, -2}},
        UnaryCase{{UnaryKind::rsqrt}, {4, 0}, {0.5f, kInf}},
        UnaryCase{{UnaryKind::log}, {-1, 0, 1}, {kNan, -kInf, 0}},
        UnaryCase{{UnaryKind::erf}, {-0.5f, 3}, {-0.5204999f, 0.99997791f}},
        UnaryCase{{UnaryKind::erfc}, {3}, {2.209e-5f}},
        UnaryCase{{UnaryKind::erfinv},
                  {-1, -0.9999f, 0, 1e-7f, 0.5f, 0.999999f, 1, 2},
                  {-kInf, -2.7510354f, 0, 8.8622694e-8f, 0.47693628f, 3.4570747f, kInf, kNan}},
        UnaryCase{{UnaryKind::sinc}, {0, 0.5f, 1}, {1, 0.63661977f, 0}},
        UnaryCase{{UnaryKind::i0}, {0, -1, 3.75f, 20}, {1, 1.2660659f, 9.1189458f, 43558283.f}},
        UnaryCase{{UnaryKind::scale, 2, 1}, {3}, {7}},
        UnaryCase{{UnaryKind::clip, -1, 2}, {-3, 0, 3, kNan}, {-1, 0, 2, kNan}},
        UnaryCase{{UnaryKind::deg2rad}, {180}, {3.1415927f}},
        UnaryCase{{UnaryKind::expm1}, {1e-8f}, {1e-8f}}, UnaryCase{{UnaryKind::cbrt}, {-8}, {-2}}),
    [](const auto& parameter) {
      return std::string(graph::to_string(parameter.param.function.kind)) +
             std::to_string(parameter.index);
    });

TEST(ReferenceUnaryFunction, EveryKindButBitwiseNot_TakesFloats) {
  for (int i = 0; i <= static_cast<int>(UnaryKind::signbit); ++i) {
    const auto kind = static_cast<UnaryKind>(i);
    if (kind == UnaryKind::bitwise_not) continue;
    EXPECT_NO_THROW(reference::apply(UnaryFunction{kind, 1, 1, 1}, 0.5)) << to_string(kind);
  }
}

TEST(ReferenceUnaryFunction, Predicates_GiveBool) {
  const Tensor x = array({4}, {kNan, kInf, -0.0f, 1});
  const auto test = [&](UnaryKind kind) {
    return values<bool>(reference_result(Unary({kind}), {&x}));
  };
  EXPECT_THAT(test(UnaryKind::isnan), ElementsAre(true, false, false, false));
  EXPECT_THAT(test(UnaryKind::isinf), ElementsAre(false, true, false, false));
  EXPECT_THAT(test(UnaryKind::isfinite), ElementsAre(false, false, true, true));
  EXPECT_THAT(test(UnaryKind::signbit), ElementsAre(false, false, true, false));
  EXPECT_THAT(test(UnaryKind::logical_not), ElementsAre(false, false, true, false));
}

TEST(ReferenceUnaryFunction, Integers_WrapAround) {
  EXPECT_THAT(unary_integers<int8_t>({UnaryKind::negative}, {-128, 5}), ElementsAre(-128, -5));
  EXPECT_THAT(unary_integers<int8_t>({UnaryKind::abs}, {-128, -3}), ElementsAre(-128, 3));
  EXPECT_THAT(unary_integers<int8_t>({UnaryKind::square}, {16, 12}), ElementsAre(0, -112));
  EXPECT_THAT(unary_integers<uint8_t>({UnaryKind::bitwise_not}, {1}), ElementsAre(254));
  EXPECT_THAT(unary_integers<uint8_t>({UnaryKind::clip, -3, 300}, {0, 255}), ElementsAre(0, 255));
  EXPECT_THAT(unary_integers<bool>({UnaryKind::bitwise_not}, {true, false}),
              ElementsAre(false, true));
}

TEST(ReferenceUnaryFunction, SigmoidOfIntegers_IsRefused) {
  const Tensor x = array<int32_t>({1}, {1});
  EXPECT_ERROR(evaluate(Unary({UnaryKind::sigmoid}), {&x}, true), ErrorCode::kUnsupported,
               "sigmoid is not defined for int32");
}

TEST(ReferenceBinary, Shapes_AreBroadcast) {
  const Tensor x = array({2, 1}, {1, 2}), y = array({3}, {10, 20, 30});
  const Tensor z = reference_result(Binary(BinaryKind::add), {&x, &y});
  EXPECT_EQ(z.shape(), (Shape{2, 3}));
  EXPECT_THAT(values(z), ElementsAre(11, 21, 31, 12, 22, 32));
}

TEST(ReferenceBinary, Scalars_GiveAScalar) {
  const Tensor x = array({}, {3}), y = array({}, {4});
  EXPECT_THAT(values(reference_result(Binary(BinaryKind::hypot), {&x, &y})), ElementsAre(5));
}

TEST(ReferenceBinary, Activation_FollowsTheFunction) {
  const Tensor x = array({2}, {1, 2}), y = array({2}, {-3, 3});
  const Binary op(BinaryKind::add, {UnaryKind::relu});
  EXPECT_THAT(values(reference_result(op, {&x, &y})), ElementsAre(0, 5));
}

TEST(ReferenceBinary, FloorDivideAndMod_HaveTheSignOfTheDivisor) {
  EXPECT_THAT(binary(BinaryKind::floor_divide, {7, -7, 7, -7}, {2, 2, -2, -2}),
              ElementsAre(3, -4, -4, 3));
  EXPECT_THAT(binary(BinaryKind::mod, {7, -7, 7, -7}, {2, 2, -2, -2}), ElementsAre(1, 1, -1, -1));
  EXPECT_THAT(binary(BinaryKind::fmod, {7, -7, 7, -7}, {2, 2, -2, -2}), ElementsAre(1, -1, 1, -1));
  EXPECT_THAT(binary<int32_t>(BinaryKind::floor_divide, {7, -7, 7, -7, 5}, {2, 2, -2, -2, 0}),
              ElementsAre(3, -4, -4, 3, 0));
  EXPECT_THAT(binary<int32_t>(BinaryKind::mod, {7, -7, 7, -7, 5}, {2, 2, -2, -2, 0}),
              ElementsAre(1, 1, -1, -1, 0));
}

TEST(ReferenceBinary, LeastIntegerByMinusOne_WrapsAround) {
  EXPECT_THAT(binary<int8_t>(BinaryKind::floor_divide, {-128}, {-1}), ElementsAre(-128));
  EXPECT_THAT(binary<int8_t>(BinaryKind::mod, {-128}, {-1}), ElementsAre(0));
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(binary<int64_t>(BinaryKind::floor_divide, {kLeast}, {-1}), ElementsAre(kLeast));
  EXPECT_THAT(binary<int64_t>(BinaryKind::fmod, {kLeast}, {-1}), ElementsAre(0));
}

TEST(ReferenceBinary, Integers_WrapAround) {
  EXPECT_THAT(binary<int8_t>(BinaryKind::add, {127}, {1}), ElementsAre(-128));
  EXPECT_THAT(binary<uint8_t>(BinaryKind::subtract, {0}, {1}), ElementsAre(255));
  EXPECT_THAT(binary<int32_t>(BinaryKind::multiply, {65536, 3}, {65536, -4}), ElementsAre(0, -12));
  EXPECT_THAT(binary<int32_t>(BinaryKind::power, {3, 2, -2, -1, 5}, {4, 33, 3, -3, -1}),
              ElementsAre(81, 0, -8, -1, 0));
}

TEST(ReferenceBinary, Shifts_ByAllBitsLeaveTheSign) {
  EXPECT_THAT(binary<int8_t>(BinaryKind::left_shift, {1, 1, -1, 3}, {6, 7, 8, -1}),
              ElementsAre(64, -128, 0, 0));
  EXPECT_THAT(binary<int8_t>(BinaryKind::right_shift, {-128, -128, 64, 64}, {1, 100, 6, 100}),
              ElementsAre(-64, -1, 1, 0));
}

TEST(ReferenceBinary, MaximumPropagatesNaN_FmaxIgnoresIt) {
  const std::vector<float> x = {kNan, 1, 1}, y = {1, kNan, 2};
  EXPECT_THAT(binary(BinaryKind::maximum, x, y), near({kNan, kNan, 2}));
  EXPECT_THAT(binary(BinaryKind::minimum, x, y), near({kNan, kNan, 1}));
  EXPECT_THAT(binary(BinaryKind::fmax, x, y), near({1, 1, 2}));
  EXPECT_THAT(binary(BinaryKind::fmin, x, y), near({1, 1, 1}));
}

TEST(ReferenceBinary, OtherFloatFunctions_GiveTheirValues) {
  EXPECT_THAT(binary(BinaryKind::divide_no_nan, {1, 1}, {0, 4}), ElementsAre(0, 0.25f));
  EXPECT_THAT(binary(BinaryKind::logaddexp, {0, 1000, -kInf}, {0, 999, -kInf}),
              near({0.6931472f, 1000.3133f, -kInf}));
  EXPECT_THAT(binary(BinaryKind::logaddexp2, {0, 3}, {0, 3}), near({1, 4}));
  EXPECT_THAT(binary(BinaryKind::heaviside, {-1, 0, 1}, {0.5f, 0.5f, 0.5f}),
              ElementsAre(0, 0.5f, 1));
  EXPECT_THAT(binary(BinaryKind::squared_difference, {1}, {4}), ElementsAre(9));
  EXPECT_THAT(binary(BinaryKind::arctan2, {1}, {-1}), near({2.3561945f}));
  EXPECT_THAT(binary(BinaryKind::power, {2, 9}, {-1, 0.5f}), near({0.5f, 3}));
}

TEST(ReferenceBinary, ComparisonsAndLogic_GiveBool) {
  EXPECT_THAT((binary<float, bool>(BinaryKind::less, {1, 2, kNan}, {2, 2, 2})),
              ElementsAre(true, false, false));
  EXPECT_THAT((binary<int32_t, bool>(BinaryKind::not_equal, {1, 2}, {2, 2})),
              ElementsAre(true, false));
  EXPECT_THAT((binary<float, bool>(BinaryKind::logical_xor, {0, 2}, {3, 4})),
              ElementsAre(true, false));
  EXPECT_THAT(binary<bool>(BinaryKind::bitwise_and, {true, true}, {true, false}),
              ElementsAre(true, false));
}

TEST(ReferenceBinary, EveryKindOfEveryTypeItTakes_IsComputed) {
  for (int i = 0; i <= static_cast<int>(BinaryKind::right_shift); ++i) {
    const auto kind = static_cast<BinaryKind>(i);
    if (reference::takes_floats(kind)) {
      EXPECT_NO_THROW(reference::apply(kind, 1.5, 2.5)) << to_string(kind);
    }
    if (reference::takes_integers(kind)) {
      EXPECT_NO_THROW(reference::apply_integer<int32_t>(kind, 5, 3)) << to_string(kind);
    }
  }
}

TEST(ReferenceSelect, ConditionIsBroadcast) {
  const Tensor condition = array<bool>({2, 1}, {true, false});
  const Tensor x = array<int32_t>({2}, {1, 2}), y = array<int32_t>({}, {9});
  EXPECT_THAT(values<int32_t>(reference_result(graph::Select(), {&condition, &x, &y})),
              ElementsAre(1, 2, 9, 9));
}

TEST(ReferenceCast, FloatToInteger_RoundsTowardsZero) {
  const Tensor x = array({3}, {1.9f, -1.9f, 0});
  EXPECT_THAT(values<int32_t>(reference_result(graph::Cast(DType::kInt32), {&x})),
              ElementsAre(1, -1, 0));
  EXPECT_THAT(values<bool>(reference_result(graph::Cast(DType::kBool), {&x})),
              ElementsAre(true, true, false));
  EXPECT_EQ(reference_result(graph::Cast(DType::kFloat16), {&x}).dtype(), DType::kFloat32);
}

}  // namespace
}  // namespace hornet::kernels
