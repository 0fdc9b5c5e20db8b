#include "kernels/reference/functions.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include "base/check.h"

namespace hornet::kernels::reference {
namespace {

using graph::BinaryKind;
using graph::UnaryFunction;
using graph::UnaryKind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = std::numbers::pi;
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluAlpha = 1.6732632423543772848170429916717;

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
double softplus(double x) { return std::log1p(std::exp(-std::abs(x))) + (x > 0 ? x : 0); }
double elu(double x, double a) { return x < 0 ? a * std::expm1(x) : x; }
double clip(double x, double low, double high) {
  const double raised = x < low ? low : x;
  return raised > high ? high : raised;
}
// What is above the threshold, between 0 and the ceiling where there is one, less `slope` times
// what lies below the threshold.
double relu_general(double x, double slope, double ceiling, double threshold) {
  const double above = x <= threshold ? 0 : x;
  const double cut = std::isinf(ceiling) ? above : clip(above, 0, ceiling);
  return slope != 0 && x < threshold ? cut - slope * (threshold - x) : cut;
}
double hard_sigmoid(double x) { return clip(x + 3, 0, 6) / 6; }
double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

double erfinv(double y) {
  if (y == 0 || std::isnan(y)) return y;
  if (std::abs(y) > 1) return kNaN;
  if (std::abs(y) == 1) return y * kInfinity;
  // Winitzki's approximation, good to 2e-3, then Newton's steps, which square the error. Small
  // 1 - |y| is taken through erfc, where 1 - erf(x) would cancel.
  constexpr double kA = 0.147;
  const double log_term = std::log1p(-y * y);
  const double half = 2 / (kPi * kA) + log_term / 2;
  double x = std::copysign(std::sqrt(std::sqrt(half * half - log_term / kA) - half), y);
  for (int i = 0; i < 4; ++i) {
    const double error = y > 0.5    ? (1 - y) - std::erfc(x)
                         : y < -0.5 ? std::erfc(-x) - (1 + y)
                                    : std::erf(x) - y;
    x -= error / (2 / std::sqrt(kPi) * std::exp(-x * x));
  }
  return x;
}

double bessel_i0(double x) {
  if (std::isnan(x)) return x;
  // Beyond 100 the value exceeds every float.
  return std::abs(x) > 100 ? kInfinity : std::cyl_bessel_i(0.0, std::abs(x));
}

// numpy's divmod: the remainder has the sign of y, the quotient is rounded to a whole number.
struct Divided {
  double quotient, remainder;
};
Divided divide_floor(double x, double y) {
  if (y == 0) return {x / y, kNaN};
  double remainder = std::fmod(x, y);
  double quotient = (x - remainder) / y;
  if (remainder != 0) {
    if ((y < 0) != (remainder < 0)) {
      remainder += y;
      quotient -= 1;
    }
  } else {
    remainder = std::copysign(0.0, y);
  }
  if (quotient == 0) return {std::copysign(0.0, x / y), remainder};
  const double floor = std::floor(quotient);
  return {quotient - floor > 0.5 ? floor + 1 : floor, remainder};
}

double log_add_exp(double x, double y) {
  if (x == y) return x + std::numbers::ln2;  // infinities, too
  const double difference = x - y;
  return difference > 0 ? x + std::log1p(std::exp(-difference))
                        : y + std::log1p(std::exp(difference));
}

double log_add_exp2(double x, double y) {
  if (x == y) return x + 1;
  const double larger = x > y ? x : y;
  return larger + std::log1p(std::exp2(-std::abs(x - y))) / std::numbers::ln2;
}

}  // namespace

double apply(const UnaryFunction& function, double x) {
  const double a = function.a, b = function.b, c = function.c;
  switch (function.kind) {
    case UnaryKind::identity:
      return x;
    case UnaryKind::relu:
      return x < 0 ? 0 : x;
    case UnaryKind::relu_general:
      return relu_general(x, a, b, c);
    case UnaryKind::relu6:
      return clip(x, 0, 6);
    case UnaryKind::leaky_relu:
      return x < 0 ? a * x : x;
    case UnaryKind::elu:
      return elu(x, a);
    case UnaryKind::selu:
      return kSeluScale * elu(x, kSeluAlpha);
    case UnaryKind::celu:
      return x < 0 ? a * std::expm1(x / a) : x;
    case UnaryKind::sigmoid:
      return sigmoid(x);
    case UnaryKind::hard_sigmoid:
      return clip(a * x + b, 0, 1);
    case UnaryKind::hard_silu:
      return x * hard_sigmoid(x);
    case UnaryKind::silu:
      return x * sigmoid(x);
    case UnaryKind::mish:
      return x * std::tanh(softplus(x));
    case UnaryKind::tanh:
      return std::tanh(x);
    case UnaryKind::hard_tanh:
      return clip(x, -1, 1);
    case UnaryKind::tanh_shrink:
      return x - std::tanh(x);
    case UnaryKind::softplus:
      return softplus(x);
    case UnaryKind::softsign:
      return x / (1 + std::abs(x));
    case UnaryKind::log_sigmoid:
      return -softplus(-x);
    case UnaryKind::gelu:
      return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
    case UnaryKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / kPi) * (x + 0.044715 * x * x * x)));
    case UnaryKind::exponential:
      return std::exp(x);
    case UnaryKind::hard_shrink:
      return std::abs(x) > a ? x : 0;
    case UnaryKind::soft_shrink:
      return x > a ? x - a : x < -a ? x + a : 0;
    case UnaryKind::sparse_plus:
      return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    case UnaryKind::sparse_sigmoid:
      return x <= -1 ? 0 : x < 1 ? (x + 1) / 2 : std::isnan(x) ? x : 1;
    case UnaryKind::squareplus:
      return (x + std::sqrt(x * x + a)) / 2;
    case UnaryKind::threshold:
      return x > a ? x : b;
    case UnaryKind::negative:
      return -x;
    case UnaryKind::abs:
      return std::abs(x);
    case UnaryKind::sign:
      return sign(x);
    case UnaryKind::square:
      return x * x;
    case UnaryKind::sqrt:
      return std::sqrt(x);
    case UnaryKind::rsqrt:
      return 1 / std::sqrt(x);
    case UnaryKind::cbrt:
      return std::cbrt(x);
    case UnaryKind::reciprocal:
      return 1 / x;
    case UnaryKind::exp2:
      return std::exp2(x);
    case UnaryKind::expm1:
      return std::expm1(x);
    case UnaryKind::log:
      return std::log(x);
    case UnaryKind::log1p:
      return std::log1p(x);
    case UnaryKind::log2:
      return std::log2(x);
    case UnaryKind::log10:
      return std::log10(x);
    case UnaryKind::sin:
      return std::sin(x);
    case UnaryKind::cos:
      return std::cos(x);
    case UnaryKind::tan:
      return std::tan(x);
    case UnaryKind::arcsin:
      return std::asin(x);
    case UnaryKind::arccos:
      return std::acos(x);
    case UnaryKind::arctan:
      return std::atan(x);
    case UnaryKind::sinh:
      return std::sinh(x);
    case UnaryKind::cosh:
      return std::cosh(x);
    case UnaryKind::arcsinh:
      return std::asinh(x);
    case UnaryKind::arccosh:
      return std::acosh(x);
    case UnaryKind::arctanh:
      return std::atanh(x);
    case UnaryKind::ceil:
      return std::ceil(x);
    case UnaryKind::floor:
      return std::floor(x);
    case UnaryKind::trunc:
      return std::trunc(x);
    case UnaryKind::round:
      return std::nearbyint(x);
    case UnaryKind::erf:
      return std::erf(x);
    case UnaryKind::erfc:
      return std::erfc(x);
    case UnaryKind::erfinv:
      return erfinv(x);
    case UnaryKind::deg2rad:
      return x * (kPi / 180);
    case UnaryKind::rad2deg:
      return x * (180 / kPi);
    case UnaryKind::sinc:
      return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x);
    case UnaryKind::i0:
      return bessel_i0(x);
    case UnaryKind::scale:
      return a * x + b;
    case UnaryKind::clip:
      return clip(x, a, b);
    case UnaryKind::logical_not:
      return x == 0;
    case UnaryKind::isnan:
      return std::isnan(x);
    case UnaryKind::isinf:
      return std::isinf(x);
    case UnaryKind::isfinite:
      return std::isfinite(x);
    case UnaryKind::signbit:
      return std::signbit(x);
    case UnaryKind::bitwise_not:
      break;
  }
  fail(ErrorCode::kInternal, "{} of a float", graph::to_string(function.kind));
}

double apply(BinaryKind kind, double x, double y) {
  switch (kind) {
    case BinaryKind::add:
      return x + y;
    case BinaryKind::subtract:
      return x - y;
    case BinaryKind::multiply:
      return x * y;
    case BinaryKind::divide:
      return x / y;
    case BinaryKind::divide_no_nan:
      return y == 0 ? 0 : x / y;
    case BinaryKind::floor_divide:
      return divide_floor(x, y).quotient;
    case BinaryKind::mod:
      return divide_floor(x, y).remainder;
    case BinaryKind::fmod:
      return std::fmod(x, y);
    case BinaryKind::power:
      return std::pow(x, y);
    case BinaryKind::maximum:
      return std::isnan(x) || x > y ? x : y;
    case BinaryKind::minimum:
      return std::isnan(x) || x < y ? x : y;
    case BinaryKind::fmax:
      return std::fmax(x, y);
    case BinaryKind::fmin:
      return std::fmin(x, y);
    case BinaryKind::arctan2:
      return std::atan2(x, y);
    case BinaryKind::hypot:
      return std::hypot(x, y);
    case BinaryKind::logaddexp:
      return log_add_exp(x, y);
    case BinaryKind::logaddexp2:
      return log_add_exp2(x, y);
    case BinaryKind::heaviside:
      return std::isnan(x) ? x : x < 0 ? 0 : x > 0 ? 1 : y;
    case BinaryKind::squared_difference:
      return (x - y) * (x - y);
    case BinaryKind::equal:
      return x == y;
    case BinaryKind::not_equal:
      return x != y;
    case BinaryKind::greater:
      return x > y;
    case BinaryKind::greater_equal:
      return x >= y;
    case BinaryKind::less:
      return x < y;
    case BinaryKind::less_equal:
      return x <= y;
    case BinaryKind::logical_and:
      return x != 0 && y != 0;
    case BinaryKind::logical_or:
      return x != 0 || y != 0;
    case BinaryKind::logical_xor:
      return (x != 0) != (y != 0);
    case BinaryKind::bitwise_and:
    case BinaryKind::bitwise_or:
    case BinaryKind::bitwise_xor:
    case BinaryKind::left_shift:
    case BinaryKind::right_shift:
      break;
  }
  fail(ErrorCode::kInternal, "{} of floats", graph::to_string(kind));
}

bool is_predicate(UnaryKind kind) {
  return kind == UnaryKind::logical_not || kind == UnaryKind::isnan || kind == UnaryKind::isinf ||
         kind == UnaryKind::isfinite || kind == UnaryKind::signbit;
}

bool is_predicate(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::equal:
    case BinaryKind::not_equal:
    case BinaryKind::greater:
    case BinaryKind::greater_equal:
    case BinaryKind::less:
    case BinaryKind::less_equal:
    case BinaryKind::logical_and:
    case BinaryKind::logical_or:
    case BinaryKind::logical_xor:
      return true;
    default:
      return false;
  }
}

bool takes_integers(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::identity:
    case UnaryKind::relu:
    case UnaryKind::relu6:
    case UnaryKind::negative:
    case UnaryKind::abs:
    case UnaryKind::sign:
    case UnaryKind::square:
    case UnaryKind::ceil:
    case UnaryKind::floor:
    case UnaryKind::trunc:
    case UnaryKind::round:
    case UnaryKind::clip:
    case UnaryKind::bitwise_not:
      return true;
    default:
      return is_predicate(kind);
  }
}

bool takes_bool(UnaryKind kind) {
  return kind == UnaryKind::identity || kind == UnaryKind::abs || kind == UnaryKind::bitwise_not ||
         is_predicate(kind);
}

bool takes_floats(UnaryKind kind) { return kind != UnaryKind::bitwise_not; }

bool takes_integers(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::divide:
    case BinaryKind::divide_no_nan:
    case BinaryKind::arctan2:
    case BinaryKind::hypot:
    case BinaryKind::logaddexp:
    case BinaryKind::logaddexp2:
    case BinaryKind::heaviside:
      return false;
    default:
      return true;
  }
}

bool takes_bool(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::add:
    case BinaryKind::multiply:
    case BinaryKind::maximum:
    case BinaryKind::minimum:
    case BinaryKind::fmax:
    case BinaryKind::fmin:
    case BinaryKind::bitwise_and:
    case BinaryKind::bitwise_or:
    case BinaryKind::bitwise_xor:
      return true;
    default:
      return is_predicate(kind);
  }
}

bool takes_floats(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::bitwise_and:
    case BinaryKind::bitwise_or:
    case BinaryKind::bitwise_xor:
    case BinaryKind::left_shift:
    case BinaryKind::right_shift:
      return false;
    default:
      return true;
  }
}

namespace {

// Wraps around: the low bits of two's complement arithmetic do not depend on the width.
template <class T>
T wrap(uint64_t bits) {
  return static_cast<T>(bits);
}

template <class T>
uint64_t bits(T x) {
  return static_cast<uint64_t>(x);
}

template <class T>
T floor_divide_integer(T x, T y) {
  if (y == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (y == -1) return wrap<T>(0 - bits(x));  // the least number has no counterpart
    const bool towards_zero = x % y != 0 && (x < 0) != (y < 0);
    return static_cast<T>(x / y - (towards_zero ? 1 : 0));
  }
  return static_cast<T>(x / y);
}

template <class T>
T remainder_integer(T x, T y) {
  if (y == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (y == -1) return 0;
  }
  return static_cast<T>(x % y);
}

template <class T>
T mod_integer(T x, T y) {
  const T remainder = remainder_integer(x, y);
  return remainder != 0 && (remainder < 0) != (y < 0) ? static_cast<T>(remainder + y) : remainder;
}

template <class T>
T power_integer(T x, T y) {
  if (y < 0) {
    if (x == 1) return 1;
    if constexpr (std::is_signed_v<T>) {
      if (x == -1) return static_cast<T>(y % 2 == 0 ? 1 : -1);
    }
    return 0;
  }
  uint64_t result = 1, base = bits(x);
  for (uint64_t exponent = bits(y); exponent != 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return wrap<T>(result);
}

template <class T>
T right_shift_integer(T x, T y) {
  constexpr int kBits = 8 * sizeof(T);
  const bool all_bits = y < 0 || bits(y) >= kBits;
  if (all_bits) return static_cast<T>(x < 0 ? -1 : 0);
  return static_cast<T>(x >> y);
}

template <class T>
T left_shift_integer(T x, T y) {
  constexpr int kBits = 8 * sizeof(T);
  const bool all_bits = y < 0 || bits(y) >= kBits;
  return all_bits ? T{0} : wrap<T>(bits(x) << bits(y));
}

// The nearest number of type T.
template <class T>
T saturate(double x) {
  constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
  constexpr double kHigh = static_cast<double>(std::numeric_limits<T>::max());
  if (x <= kLow) return std::numeric_limits<T>::min();
  if (x >= kHigh) return std::numeric_limits<T>::max();
  return static_cast<T>(x);
}

template <class T>
T clip_integer(T x, T low, T high) {
  const T raised = x < low ? low : x;
  return raised > high ? high : raised;
}

}  // namespace

template <class T>
T apply_integer(const UnaryFunction& function, T x) {
  switch (function.kind) {
    case UnaryKind::identity:
    case UnaryKind::ceil:
    case UnaryKind::floor:
    case UnaryKind::trunc:
    case UnaryKind::round:
      return x;
    case UnaryKind::relu:
      return x < 0 ? T{0} : x;
    case UnaryKind::relu6:
      return clip_integer<T>(x, 0, 6);
    case UnaryKind::negative:
      return wrap<T>(0 - bits(x));
    case UnaryKind::abs:
      return x < 0 ? wrap<T>(0 - bits(x)) : x;
    case UnaryKind::sign:
      return static_cast<T>(x > 0 ? 1 : x < 0 ? -1 : 0);
    case UnaryKind::square:
      return wrap<T>(bits(x) * bits(x));
    case UnaryKind::clip:
      return clip_integer(x, saturate<T>(std::ceil(function.a)),
                          saturate<T>(std::floor(function.b)));
    case UnaryKind::bitwise_not:
      return wrap<T>(~bits(x));
    case UnaryKind::logical_not:
      return x == 0;
    case UnaryKind::isnan:
    case UnaryKind::isinf:
      return 0;
    case UnaryKind::isfinite:
      return 1;
    case UnaryKind::signbit:
      return x < 0;
    default:
      fail(ErrorCode::kInternal, "{} of an integer", graph::to_string(function.kind));
  }
}

template <class T>
T apply_integer(BinaryKind kind, T x, T y) {
  switch (kind) {
    case BinaryKind::add:
      return wrap<T>(bits(x) + bits(y));
    case BinaryKind::subtract:
      return wrap<T>(bits(x) - bits(y));
    case BinaryKind::multiply:
      return wrap<T>(bits(x) * bits(y));
    case BinaryKind::floor_divide:
      return floor_divide_integer(x, y);
    case BinaryKind::mod:
      return mod_integer(x, y);
    case BinaryKind::fmod:
      return remainder_integer(x, y);
    case BinaryKind::power:
      return power_integer(x, y);
    case BinaryKind::maximum:
    case BinaryKind::fmax:
      return x > y ? x : y;
    case BinaryKind::minimum:
    case BinaryKind::fmin:
      return x < y ? x : y;
    case BinaryKind::squared_difference:
      return wrap<T>((bits(x) - bits(y)) * (bits(x) - bits(y)));
    case BinaryKind::equal:
      return x == y;
    case BinaryKind::not_equal:
      return x != y;
    case BinaryKind::greater:
      return x > y;
    case BinaryKind::greater_equal:
      return x >= y;
    case BinaryKind::less:
      return x < y;
    case BinaryKind::less_equal:
      return x <= y;
    case BinaryKind::logical_and:
      return x != 0 && y != 0;
    case BinaryKind::logical_or:
      return x != 0 || y != 0;
    case BinaryKind::logical_xor:
      return (x != 0) != (y != 0);
    case BinaryKind::bitwise_and:
      return wrap<T>(bits(x) & bits(y));
    case BinaryKind::bitwise_or:
      return wrap<T>(bits(x) | bits(y));
    case BinaryKind::bitwise_xor:
      return wrap<T>(bits(x) ^ bits(y));
    case BinaryKind::left_shift:
      return left_shift_integer(x, y);
    case BinaryKind::right_shift:
      return right_shift_integer(x, y);
    default:
      fail(ErrorCode::kInternal, "{} of integers", graph::to_string(kind));
  }
}

#define X(T)                                                   \
  template T apply_integer<T>(const graph::UnaryFunction&, T); \
  template T apply_integer<T>(graph::BinaryKind, T, T);
X(int8_t) X(uint8_t) X(int16_t) X(uint16_t) X(int32_t) X(uint32_t) X(int64_t) X(uint64_t)
#undef X

}  // namespace hornet::kernels::reference
