// Operators that compute each element on its own.
#pragma once

#include <string>

#include "graph/op.h"

namespace hornet::graph {

// Functions of one number. a, b, c are the parameters of Unary; those without mention have none.
// X(name): the text is the name. Definitions: kernels/reference/elementwise.cpp.
// relu_general: slope a, ceiling b, threshold c, as keras ReLU. leaky_relu: slope a. elu, celu,
// hard_shrink, soft_shrink, squareplus: a. hard_sigmoid: clip(a x + b, 0, 1). threshold: x > a ? x
// : b. scale: a x + b. clip: to [a, b]. round: half to even.
// The formatter goes back and forth on long lists.
// clang-format off
#define HORNET_UNARY_KINDS(X)                                                               \
  X(identity) X(relu) X(relu_general) X(relu6) X(leaky_relu) X(elu) X(selu) X(celu)         \
  X(sigmoid) X(hard_sigmoid) X(hard_silu) X(silu) X(mish) X(tanh) X(hard_tanh)              \
  X(tanh_shrink) X(softplus) X(softsign) X(log_sigmoid) X(gelu) X(gelu_tanh) X(exponential) \
  X(hard_shrink) X(soft_shrink) X(sparse_plus) X(sparse_sigmoid) X(squareplus) X(threshold) \
  X(negative) X(abs) X(sign) X(square) X(sqrt) X(rsqrt) X(cbrt) X(reciprocal) X(exp2)       \
  X(expm1) X(log) X(log1p) X(log2) X(log10) X(sin) X(cos) X(tan) X(arcsin) X(arccos)        \
  X(arctan) X(sinh) X(cosh) X(arcsinh) X(arccosh) X(arctanh) X(ceil) X(floor) X(trunc)      \
  X(round) X(erf) X(erfc) X(erfinv) X(deg2rad) X(rad2deg) X(sinc) X(i0) X(scale) X(clip)    \
  X(logical_not) X(bitwise_not) X(isnan) X(isinf) X(isfinite) X(signbit)
// clang-format on

enum class UnaryKind {
#define X(name) name,
  HORNET_UNARY_KINDS(X)
#undef X
};
std::string_view to_string(UnaryKind kind);

// A unary function with its parameters: an activation, too.
struct UnaryFunction {
  UnaryKind kind = UnaryKind::identity;
  float a = 0, b = 0, c = 0;
  bool is_identity() const { return kind == UnaryKind::identity; }
  bool operator==(const UnaryFunction&) const = default;
  std::string to_string() const;
};

// y = f(x); bool for logical_not and the predicates, else the type of x.
struct Unary final : Op {
  explicit Unary(UnaryFunction f) : function(f) {}
  UnaryFunction function;
  std::string_view name() const override { return "unary"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override { return function.to_string(); }
  double flops(std::span<const TensorType>, std::span<const TensorType> outputs) const override;
};

// The formatter goes back and forth on long lists.
// clang-format off
#define HORNET_BINARY_KINDS(X)                                                             \
  X(add) X(subtract) X(multiply) X(divide) X(divide_no_nan) X(floor_divide) X(mod) X(fmod) \
  X(power) X(maximum) X(minimum) X(fmax) X(fmin) X(arctan2) X(hypot) X(logaddexp)          \
  X(logaddexp2) X(heaviside) X(squared_difference) X(equal) X(not_equal) X(greater)        \
  X(greater_equal) X(less) X(less_equal) X(logical_and) X(logical_or) X(logical_xor)       \
  X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(left_shift) X(right_shift)
// clang-format on

enum class BinaryKind {
#define X(name) name,
  HORNET_BINARY_KINDS(X)
#undef X
};
std::string_view to_string(BinaryKind kind);

// z = g(x, y) with NumPy's broadcasting, then an activation. x and y have one type; the result is
// bool for comparisons and logic, else that type.
struct Binary final : Op {
  explicit Binary(BinaryKind k, UnaryFunction f = {}) : kind(k), activation(f) {}
  BinaryKind kind;
  UnaryFunction activation;
  std::string_view name() const override { return "binary"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType>, std::span<const TensorType> outputs) const override;
};

// condition (bool) ? x : y, broadcast; x and y have one type.
struct Select final : Op {
  std::string_view name() const override { return "select"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
};

// The same values in another type, as numpy's astype.
struct Cast final : Op {
  explicit Cast(DType to) : dtype(to) {}
  DType dtype;
  std::string_view name() const override { return "cast"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override { return std::string(hornet::to_string(dtype)); }
};

}  // namespace hornet::graph
