// Operations that compute each element on its own.
#include <cmath>
#include <limits>

#include "base/check.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

// What a function does with integers and bool.
enum class Integers {
  kKeep,   // it is defined for them; bool becomes int32
  kFloat,  // they become float32
  kTest,   // it tells true from false
};

struct NamedFunction {
  std::string_view class_name;
  UnaryKind kind;
  Integers integers;
};

const NamedFunction kFunctions[] = {
    {"Arccos", UnaryKind::arccos, Integers::kFloat},
    {"Arccosh", UnaryKind::arccosh, Integers::kFloat},
    {"Arcsin", UnaryKind::arcsin, Integers::kFloat},
    {"Arcsinh", UnaryKind::arcsinh, Integers::kFloat},
    {"Arctan", UnaryKind::arctan, Integers::kFloat},
    {"Arctanh", UnaryKind::arctanh, Integers::kFloat},
    {"Cbrt", UnaryKind::cbrt, Integers::kFloat},
    {"Ceil", UnaryKind::ceil, Integers::kFloat},
    {"Cos", UnaryKind::cos, Integers::kFloat},
    {"Cosh", UnaryKind::cosh, Integers::kFloat},
    {"Deg2rad", UnaryKind::deg2rad, Integers::kFloat},
    {"Erf", UnaryKind::erf, Integers::kFloat},
    {"Erfc", UnaryKind::erfc, Integers::kFloat},
    {"Erfinv", UnaryKind::erfinv, Integers::kFloat},
    {"Exp", UnaryKind::exponential, Integers::kFloat},
    {"Exp2", UnaryKind::exp2, Integers::kFloat},
    {"Expm1", UnaryKind::expm1, Integers::kFloat},
    {"Floor", UnaryKind::floor, Integers::kFloat},
    {"HardSilu", UnaryKind::hard_silu, Integers::kFloat},
    {"HardTanh", UnaryKind::hard_tanh, Integers::kFloat},
    {"I0", UnaryKind::i0, Integers::kFloat},
    {"Isfinite", UnaryKind::isfinite, Integers::kTest},
    {"Isinf", UnaryKind::isinf, Integers::kTest},
    {"Isnan", UnaryKind::isnan, Integers::kTest},
    {"Log", UnaryKind::log, Integers::kFloat},
    {"Log10", UnaryKind::log10, Integers::kFloat},
    {"Log1p", UnaryKind::log1p, Integers::kFloat},
    {"Log2", UnaryKind::log2, Integers::kFloat},
    {"LogSigmoid", UnaryKind::log_sigmoid, Integers::kFloat},
    {"Negative", UnaryKind::negative, Integers::kKeep},
    {"Rad2deg", UnaryKind::rad2deg, Integers::kFloat},
    {"Reciprocal", UnaryKind::reciprocal, Integers::kFloat},
    {"Relu", UnaryKind::relu, Integers::kKeep},
    {"Relu6", UnaryKind::relu6, Integers::kKeep},
    {"Rsqrt", UnaryKind::rsqrt, Integers::kFloat},
    {"Selu", UnaryKind::selu, Integers::kFloat},
    {"Sigmoid", UnaryKind::sigmoid, Integers::kFloat},
    {"Sign", UnaryKind::sign, Integers::kKeep},
    {"Signbit", UnaryKind::signbit, Integers::kTest},
    {"Silu", UnaryKind::silu, Integers::kFloat},
    {"Sin", UnaryKind::sin, Integers::kFloat},
    {"Sinc", UnaryKind::sinc, Integers::kFloat},
    {"Sinh", UnaryKind::sinh, Integers::kFloat},
    {"Softplus", UnaryKind::softplus, Integers::kFloat},
    {"Softsign", UnaryKind::softsign, Integers::kFloat},
    {"SparsePlus", UnaryKind::sparse_plus, Integers::kFloat},
    {"SparseSigmoid", UnaryKind::sparse_sigmoid, Integers::kFloat},
    {"Sqrt", UnaryKind::sqrt, Integers::kFloat},
    {"Square", UnaryKind::square, Integers::kKeep},
    {"Tan", UnaryKind::tan, Integers::kFloat},
    {"Tanh", UnaryKind::tanh, Integers::kFloat},
    {"TanhShrink", UnaryKind::tanh_shrink, Integers::kFloat},
    {"Trunc", UnaryKind::trunc, Integers::kKeep},
};

struct NamedArithmetic {
  std::string_view class_name;
  BinaryKind kind;
  enum class Types {
    kCommon,    // the operands' common type
    kNumbers,   // the same, int32 for bool
    kFloats,    // the same, float32 for integers and bool
    kLogic,     // bool
    kIntegers,  // integers and bool only
    kShift,     // the same, and bool becomes int32
  } types;
};

using Types = NamedArithmetic::Types;
const NamedArithmetic kArithmetic[] = {
    {"Add", BinaryKind::add, Types::kCommon},
    {"Arctan2", BinaryKind::arctan2, Types::kFloats},
    {"BitwiseAnd", BinaryKind::bitwise_and, Types::kIntegers},
    {"BitwiseLeftShift", BinaryKind::left_shift, Types::kShift},
    {"BitwiseOr", BinaryKind::bitwise_or, Types::kIntegers},
    {"BitwiseRightShift", BinaryKind::right_shift, Types::kShift},
    {"BitwiseXor", BinaryKind::bitwise_xor, Types::kIntegers},
    {"Divide", BinaryKind::divide, Types::kFloats},
    {"DivideNoNan", BinaryKind::divide_no_nan, Types::kFloats},
    {"Equal", BinaryKind::equal, Types::kCommon},
    {"FloorDivide", BinaryKind::floor_divide, Types::kNumbers},
    {"Fmax", BinaryKind::fmax, Types::kCommon},
    {"Fmin", BinaryKind::fmin, Types::kCommon},
    {"Fmod", BinaryKind::fmod, Types::kNumbers},
    {"Greater", BinaryKind::greater, Types::kCommon},
    {"GreaterEqual", BinaryKind::greater_equal, Types::kCommon},
    {"Heaviside", BinaryKind::heaviside, Types::kFloats},
    {"Hypot", BinaryKind::hypot, Types::kFloats},
    {"LeftShift", BinaryKind::left_shift, Types::kShift},
    {"Less", BinaryKind::less, Types::kCommon},
    {"LessEqual", BinaryKind::less_equal, Types::kCommon},
    {"Logaddexp", BinaryKind::logaddexp, Types::kFloats},
    {"Logaddexp2", BinaryKind::logaddexp2, Types::kFloats},
    {"LogicalAnd", BinaryKind::logical_and, Types::kLogic},
    {"LogicalOr", BinaryKind::logical_or, Types::kLogic},
    {"LogicalXor", BinaryKind::logical_xor, Types::kLogic},
    {"Maximum", BinaryKind::maximum, Types::kCommon},
    {"Minimum", BinaryKind::minimum, Types::kCommon},
    {"Mod", BinaryKind::mod, Types::kNumbers},
    {"Multiply", BinaryKind::multiply, Types::kCommon},
    {"NotEqual", BinaryKind::not_equal, Types::kCommon},
    {"Power", BinaryKind::power, Types::kNumbers},
    {"RightShift", BinaryKind::right_shift, Types::kShift},
    {"Subtract", BinaryKind::subtract, Types::kNumbers},
    {"TrueDivide", BinaryKind::divide, Types::kFloats},
};

template <class Entry, size_t N>
const Entry& entry_of(const Entry (&entries)[N], const std::string& class_name) {
  for (const Entry& entry : entries) {
    if (entry.class_name == class_name) return entry;
  }
  fail(ErrorCode::kInternal, "operation {} has no entry", class_name);
}

ValueId number_from_bool(const Builder& b, ValueId x) {
  return is_bool(b.type(x).dtype) ? b.cast(x, DType::kInt32) : x;
}

ValueId logical_not(const Builder& b, ValueId x) { return b.unary(UnaryKind::logical_not, x); }

// f(x) with parameters from the config, for floats.
Symbols with_parameters(const Operation& op, UnaryKind kind, double a = 0, double b = 0) {
  const Builder& builder = op.build();
  return one(builder.unary(kind, builder.as_float(op.value(0, "x")), a, b));
}

}  // namespace

Symbols op_unary(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const NamedFunction& function = entry_of(kFunctions, op.class_name());
  ValueId x = op.value(0, "x");
  if (function.integers == Integers::kFloat) x = b.as_float(x);
  if (function.integers == Integers::kKeep) x = number_from_bool(b, x);
  return one(b.unary(function.kind, x));
}

Symbols op_binary(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const NamedArithmetic& arithmetic = entry_of(kArithmetic, op.class_name());
  const Operand x = op.operand(0, "x1");
  // Shifts and bit operations call their operands x and y.
  const Operand y = op.operand(1, op.has(1, "x2") || !op.has(1, "y") ? "x2" : "y");
  DType common = op.common_type({x, y});
  switch (arithmetic.types) {
    case Types::kCommon:
      break;
    case Types::kNumbers:
      if (is_bool(common)) common = DType::kInt32;
      break;
    case Types::kFloats:
      common = float_type(common);
      break;
    case Types::kLogic:
      return one(b.binary(arithmetic.kind, truth(b, x.value), truth(b, y.value)));
    case Types::kShift:
      if (is_bool(common)) common = DType::kInt32;
      [[fallthrough]];
    case Types::kIntegers:
      if (is_floating(common)) op.fail_invalid("an operand is floating; expected integers");
      break;
  }
  return one(b.binary(arithmetic.kind, op.as(x, common), op.as(y, common)));
}

Symbols op_absolute(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const ValueId x = op.value(0, "x");
  return one(is_bool(layer.build().type(x).dtype) ? x : layer.build().unary(UnaryKind::abs, x));
}

Symbols op_fabs(LayerContext& layer, const CallArguments& call) {
  return with_parameters(Operation(layer, call), UnaryKind::abs);
}

// The size of x1 with the sign of x2.
Symbols op_copysign(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x1, x2] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const ValueId size = b.unary(UnaryKind::abs, b.as_float(x1));
  const ValueId negative = b.unary(UnaryKind::signbit, b.as_float(x2));
  return one(b.select(negative, b.unary(UnaryKind::negative, size), size));
}

Symbols op_logical_not(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return one(logical_not(layer.build(), truth(layer.build(), op.value(0, "x"))));
}

Symbols op_bitwise_not(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const ValueId x = op.value(0, "x");
  if (is_floating(layer.build().type(x).dtype)) op.fail_invalid("its input is floating");
  return one(layer.build().unary(UnaryKind::bitwise_not, x));
}

// --- activations with parameters

Symbols op_elu(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::elu, op.attributes().number("alpha", 1.0));
}

Symbols op_celu(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::celu, op.attributes().number("alpha", 1.0));
}

Symbols op_leaky_relu(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::leaky_relu, op.attributes().number("negative_slope", 0.2));
}

Symbols op_hard_sigmoid(LayerContext& layer, const CallArguments& call) {
  return with_parameters(Operation(layer, call), UnaryKind::hard_sigmoid, 1.0 / 6.0, 0.5);
}

Symbols op_gelu(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const bool approximate = op.attributes().boolean("approximate", true);
  return with_parameters(op, approximate ? UnaryKind::gelu_tanh : UnaryKind::gelu);
}

Symbols op_hard_shrink(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::hard_shrink, op.attributes().number("threshold", 0.5));
}

Symbols op_soft_shrink(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::soft_shrink, op.attributes().number("threshold", 0.5));
}

Symbols op_squareplus(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::squareplus, op.attributes().number("b", 4.0));
}

Symbols op_threshold(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return with_parameters(op, UnaryKind::threshold, op.attributes().number("threshold"),
                         op.attributes().number("default_value"));
}

// --- predicates

Symbols op_signed_infinity(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const double infinity = std::numeric_limits<double>::infinity();
  const bool positive = op.class_name() == "Isposinf";
  return one(b.binary(BinaryKind::equal, x, number(b, positive ? infinity : -infinity, x)));
}

// Arrays of Hornet are real.
Symbols op_isreal(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  return one(full_like(b, b.scalar(1, DType::kBool), op.value(0, "x")));
}

// Isclose, Allclose: |x - y| <= atol + rtol |y|, or equal.
Symbols op_isclose(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x1, x2] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const ValueId x = b.as_float(x1), y = b.as_float(x2);
  const auto tolerance = [&](size_t index, const char* name, double absent) {
    return op.has(index, name) ? b.as_float(op.value(index, name))
                               : number(b, op.attributes().number(name, absent), x);
  };
  const ValueId relative = multiply(b, tolerance(2, "rtol", 1e-5), b.unary(UnaryKind::abs, y));
  const ValueId bound = add(b, tolerance(3, "atol", 1e-8), relative);
  const ValueId distance = b.unary(UnaryKind::abs, subtract(b, x, y));
  // Infinities are close to themselves alone.
  const ValueId finite = b.unary(UnaryKind::isfinite, y);
  ValueId close =
      b.binary(BinaryKind::logical_and, b.binary(BinaryKind::less_equal, distance, bound), finite);
  close = b.binary(BinaryKind::logical_or, close, b.binary(BinaryKind::equal, x, y));
  const auto equal_nan = op.constant(4, "equal_nan");
  const bool* flag = equal_nan ? equal_nan->get_if<bool>() : nullptr;
  if (flag != nullptr && *flag) {
    const ValueId both = b.binary(BinaryKind::logical_and, b.unary(UnaryKind::isnan, x),
                                  b.unary(UnaryKind::isnan, y));
    close = b.binary(BinaryKind::logical_or, close, both);
  }
  if (op.class_name() == "Isclose") return one(close);
  return one(b.reduce(graph::ReduceKind::all, flatten_all(b, close), {0}, false));
}

// --- arrays of the shape of another

Symbols op_full_like(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const DType dtype = op.dtype(b.type(x).dtype);
  const std::string& name = op.class_name();
  const ValueId fill =
      name == "FullLike" ? op.value(1, "fill_value") : b.scalar(name == "OnesLike" ? 1 : 0, dtype);
  return one(full_like(b, b.cast(fill, dtype), x));
}

// --- types

Symbols op_cast(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const DType dtype = op.dtype(b.type(x).dtype);
  return one(is_bool(dtype) ? truth(b, x) : b.cast(x, dtype));
}

Symbols op_saturate_cast(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const DType dtype = op.dtype(b.type(x).dtype);
  return one(is_bool(dtype) ? truth(b, x) : saturate(b, x, dtype));
}

// Copy, Conjugate and Real of real arrays, StopGradient.
Symbols op_identity(LayerContext& layer, const CallArguments& call) {
  return one(Operation(layer, call).value(0, "x"));
}

Symbols op_imag(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  return one(full_like(b, b.scalar(0, b.type(x).dtype), x));
}

// The angle of a real number: 0 or pi.
Symbols op_angle(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  return one(b.binary(BinaryKind::arctan2, number(b, 0, x), x));
}

// --- several operands

Symbols op_clip(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Operand x = op.operand(0, "x");
  const DType dtype = b.type(x.value).dtype;
  const DType result = is_bool(dtype) ? DType::kInt32 : dtype;
  ValueId y = b.cast(x.value, result);
  const auto bound = [&](size_t index, const char* name, BinaryKind kind) {
    if (!op.has(index, name) && !op.attributes().has(name)) return;
    const Operand limit = op.operand(index, name);
    const auto [value, limit_value] = op.in_common_type({y, false}, limit);
    y = b.binary(kind, value, limit_value);
  };
  bound(1, "x_min", BinaryKind::maximum);
  bound(2, "x_max", BinaryKind::minimum);
  return one(b.cast(y, result));
}

Symbols op_where(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  if (!op.has(1, "x1") || !op.has(2, "x2")) {
    op.fail_unsupported(
        "the shape of its result depends on values: it is called without x1 and x2");
  }
  const auto [x, y] = op.in_common_type(op.operand(1, "x1"), op.operand(2, "x2"));
  return one(b.select(truth(b, op.value(0, "condition")), x, y));
}

// The choice of the first condition that holds.
Symbols op_select(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const std::vector<Operand> conditions = op.operands(0, "condlist");
  std::vector<Operand> choices = op.operands(1, "choicelist");
  if (conditions.size() != choices.size()) {
    op.fail_invalid(
        fmt::format("it has {} conditions and {} choices", conditions.size(), choices.size()));
  }
  const bool has_default = op.has(2, "default") || op.attributes().has("default");
  choices.push_back(has_default ? op.operand(2, "default")
                                : Operand{b.scalar(0, DType::kInt32), true});
  const DType common = op.common_type(choices);
  ValueId result = op.as(choices.back(), common);
  for (size_t i = conditions.size(); i-- > 0;) {
    result = b.select(truth(b, conditions[i].value), op.as(choices[i], common), result);
  }
  return one(result);
}

Symbols op_round(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = number_from_bool(b, op.value(0, "x"));
  const int64_t decimals = op.attributes().integer("decimals", 0);
  const DType dtype = b.type(x).dtype;
  if (decimals == 0) return one(b.unary(UnaryKind::round, x));
  if (is_integer(dtype) && decimals > 0) return one(x);
  const ValueId power = b.scalar(std::pow(10.0, std::abs(static_cast<double>(decimals))));
  const ValueId floats = b.as_float(x);
  const ValueId scaled = decimals > 0 ? multiply(b, floats, power) : divide(b, floats, power);
  const ValueId rounded = b.unary(UnaryKind::round, scaled);
  return one(b.cast(decimals > 0 ? divide(b, rounded, power) : multiply(b, rounded, power), dtype));
}

Symbols op_nan_to_num(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  if (!is_floating(b.type(x).dtype)) return one(x);
  double largest = static_cast<double>(std::numeric_limits<float>::max());
  if (b.type(x).dtype == DType::kFloat16) largest = 65504;
  if (b.type(x).dtype == DType::kBFloat16) largest = 3.3895313892515355e38;
  const Attributes& attributes = op.attributes();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto replace = [&](ValueId y, ValueId where, double value) {
    return b.select(where, number(b, value, x), y);
  };
  ValueId y = replace(x, b.unary(UnaryKind::isnan, x), attributes.number("nan", 0.0));
  y = replace(y, b.binary(BinaryKind::equal, x, number(b, infinity, x)),
              attributes.number("posinf", largest));
  return one(replace(y, b.binary(BinaryKind::equal, x, number(b, -infinity, x)),
                     attributes.number("neginf", -largest)));
}

// x1 * 2 ** x2
Symbols op_ldexp(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x1"));
  return one(multiply(b, x, b.unary(UnaryKind::exp2, b.cast(op.value(1, "x2"), b.type(x).dtype))));
}

// The two halves of x along an axis: the first gated by the second.
Symbols op_glu(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const ValueId x = layer.build().as_float(op.value(0, "x"));
  return one(gated_linear_unit(layer, x, op.axis("axis", -1, layer.build().rank(x))));
}

}  // namespace hornet::layers
