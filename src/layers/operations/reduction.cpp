// Operations that make one number of many: sums, extremes, statistics, norms.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "graph/ops/indexing.h"
#include "graph/ops/linear_algebra.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::ReduceKind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ValueId is_nan(const Builder& b, ValueId x) { return b.unary(UnaryKind::isnan, x); }

// x with `value` in the place of NaN.
ValueId replace_nan(const Builder& b, ValueId x, double value) {
  if (!is_floating(b.type(x).dtype)) return x;
  return b.select(is_nan(b, x), number(b, value, x), x);
}

ValueId count_numbers(const Builder& b, ValueId x, const std::vector<int64_t>& axes,
                      bool keepdims) {
  const ValueId numbers = b.unary(UnaryKind::logical_not, is_nan(b, x));
  return b.reduce(ReduceKind::sum, b.cast(numbers, b.type(x).dtype), axes, keepdims);
}

ValueId nan_mean(const Builder& b, ValueId x, const std::vector<int64_t>& axes, bool keepdims) {
  const ValueId sum = b.reduce(ReduceKind::sum, replace_nan(b, x, 0), axes, keepdims);
  return divide(b, sum, count_numbers(b, x, axes, keepdims));
}

ValueId nan_variance(const Builder& b, ValueId x, const std::vector<int64_t>& axes, bool keepdims) {
  const ValueId centre = nan_mean(b, x, axes, true);
  return nan_mean(b, b.binary(BinaryKind::squared_difference, x, centre), axes, keepdims);
}

// The largest or smallest number; NaN where there is none.
ValueId nan_extreme(const Builder& b, ValueId x, ReduceKind kind, const std::vector<int64_t>& axes,
                    bool keepdims) {
  if (!is_floating(b.type(x).dtype)) return b.reduce(kind, x, axes, keepdims);
  const double worst = kind == ReduceKind::max ? -kInfinity : kInfinity;
  const ValueId best = b.reduce(kind, replace_nan(b, x, worst), axes, keepdims);
  const ValueId none = b.reduce(ReduceKind::all, is_nan(b, x), axes, keepdims);
  return b.select(none, number(b, std::numeric_limits<double>::quiet_NaN(), x), best);
}

// sum(|x|^p)^(1/p) and its limits.
ValueId vector_norm(const Builder& b, ValueId x, double order, const std::vector<int64_t>& axes,
                    bool keepdims) {
  const auto reduce = [&](ReduceKind kind, ValueId y) { return b.reduce(kind, y, axes, keepdims); };
  if (order == 2) {
    return b.unary(UnaryKind::sqrt, reduce(ReduceKind::sum, b.unary(UnaryKind::square, x)));
  }
  if (order == 0) return reduce(ReduceKind::sum, b.cast(truth(b, x), b.type(x).dtype));
  const ValueId size = b.unary(UnaryKind::abs, x);
  if (order == kInfinity) return reduce(ReduceKind::max, size);
  if (order == -kInfinity) return reduce(ReduceKind::min, size);
  if (order == 1) return reduce(ReduceKind::sum, size);
  const ValueId powers = b.binary(BinaryKind::power, size, number(b, order, x));
  return b.binary(BinaryKind::power, reduce(ReduceKind::sum, powers), number(b, 1 / order, x));
}

// Over the two dimensions `axes`; `order`: one of 1, -1, 2, -2, infinities, or "nuc".
ValueId matrix_norm(const Operation& op, ValueId x, double order, bool nuclear, int64_t row_axis,
                    int64_t column_axis) {
  const Builder& b = op.build();
  // Matrices last, then the two dimensions are 0 and 1 from the end.
  const int64_t rank = b.rank(x);
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i < rank; ++i) {
    if (i != row_axis && i != column_axis) permutation.push_back(i);
  }
  permutation.push_back(row_axis);
  permutation.push_back(column_axis);
  const ValueId matrices = b.transpose(x, permutation);
  if (nuclear || std::abs(order) == 2) {
    const ValueId values = b.op<graph::Linalg>({matrices}, graph::LinalgKind::singular_values);
    const ReduceKind kind = nuclear     ? ReduceKind::sum
                            : order > 0 ? ReduceKind::max
                                        : ReduceKind::min;
    return b.reduce(kind, values, {-1}, false);
  }
  if (std::abs(order) != 1 && !std::isinf(order)) {
    op.attributes().fail_key("ord", "fro, nuc, 1, -1, 2, -2 or an infinity, for a matrix");
  }
  const int64_t summed = std::isinf(order) ? -1 : -2;
  const ValueId sums =
      b.reduce(ReduceKind::sum, b.unary(UnaryKind::abs, matrices), {summed}, false);
  return b.reduce(order > 0 ? ReduceKind::max : ReduceKind::min, sums, {-1}, false);
}

}  // namespace

// Sum, Prod, Nansum, Nanprod.
Symbols op_sum(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  const bool product = op.class_name() == "Prod" || op.class_name() == "Nanprod";
  if (op.class_name().starts_with("Nan")) x = replace_nan(b, x, product ? 1 : 0);
  x = b.cast(x, op.dtype(accumulated_type(b.type(x).dtype)));
  const std::vector<int64_t> axes = op.axes("axis", b.rank(x));
  return one(b.reduce(product ? ReduceKind::prod : ReduceKind::sum, x, axes, op.keepdims()));
}

// Max, Min, Amax, Amin, Nanmax, Nanmin.
Symbols op_extreme(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const std::string& name = op.class_name();
  const bool largest = name == "Max" || name == "Amax" || name == "Nanmax";
  const ReduceKind kind = largest ? ReduceKind::max : ReduceKind::min;
  const std::vector<int64_t> axes = op.axes("axis", b.rank(x));
  ValueId y = name.starts_with("Nan") ? nan_extreme(b, x, kind, axes, op.keepdims())
                                      : b.reduce(kind, x, axes, op.keepdims());
  if (op.attributes().has("initial")) {
    const ValueId initial = b.cast(op.value(1, "initial"), b.type(x).dtype);
    y = b.binary(largest ? BinaryKind::maximum : BinaryKind::minimum, y, initial);
  }
  return one(y);
}

Symbols op_all_any(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = truth(b, op.value(0, "x"));
  const ReduceKind kind = op.class_name() == "All" ? ReduceKind::all : ReduceKind::any;
  return one(b.reduce(kind, x, op.axes("axis", b.rank(x)), op.keepdims()));
}

Symbols op_count_nonzero(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.cast(truth(b, op.value(0, "x")), DType::kInt32);
  return one(b.reduce(ReduceKind::sum, x, op.axes("axis", b.rank(x)), op.keepdims()));
}

// Mean, Var, Std and their relatives that leave out NaN.
Symbols op_statistic(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const std::vector<int64_t> axes = op.axes("axis", b.rank(x));
  const bool keepdims = op.keepdims();
  const std::string& name = op.class_name();
  if (name == "Mean") return one(mean(b, x, axes, keepdims));
  if (name == "Nanmean") return one(nan_mean(b, x, axes, keepdims));
  const ValueId y =
      name.starts_with("Nan") ? nan_variance(b, x, axes, keepdims) : variance(b, x, axes, keepdims);
  const bool deviation = name == "Std" || name == "Nanstd";
  return one(deviation ? b.unary(UnaryKind::sqrt, y) : y);
}

Symbols op_logsumexp(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  return one(b.reduce(ReduceKind::logsumexp, x, op.axes("axis", b.rank(x)), op.keepdims()));
}

// The largest less the smallest element.
Symbols op_ptp(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const std::vector<int64_t> axes = op.axes("axis", b.rank(x));
  const ValueId largest = b.reduce(ReduceKind::max, x, axes, op.keepdims());
  return one(subtract(b, largest, b.reduce(ReduceKind::min, x, axes, op.keepdims())));
}

Symbols op_average(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId given = op.value(0, "x");
  if (!op.has(1, "weights")) {
    return one(mean(b, given, op.axes("axis", b.rank(given)), false));
  }
  auto [x, weights] = op.in_common_type({given, false}, op.operand(1, "weights"));
  x = b.as_float(x);
  weights = b.as_float(weights);
  const std::vector<int64_t> axes = op.axes("axis", b.rank(x));
  // A vector of weights is for the one axis.
  if (b.rank(weights) == 1 && b.rank(x) > 1) {
    if (axes.size() != 1) op.fail_invalid("its weights are a vector, and axis names no one axis");
    std::vector<int64_t> others(static_cast<size_t>(b.rank(x) - 1 - axes[0]));
    std::iota(others.begin(), others.end(), 1);
    weights = expand_all(b, weights, others);
  }
  const ValueId repeated = broadcast_like(b, weights, x);
  const ValueId sum = b.reduce(ReduceKind::sum, multiply(b, x, weights), axes, false);
  return one(divide(b, sum, b.reduce(ReduceKind::sum, repeated, axes, false)));
}

// Argmax, Argmin, Nanargmax, Nanargmin; -1 where there is nothing but NaN.
Symbols op_arg_extreme(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  const std::string& name = op.class_name();
  const bool largest = name == "Argmax" || name == "Nanargmax";
  const bool everything = !op.attributes().has("axis");
  const int64_t rank = b.rank(x);
  if (everything) x = flatten_all(b, x);
  if (b.rank(x) == 0) x = b.expand_dims(x, 0);
  const int64_t axis = everything ? 0 : op.axis("axis", 0, rank);
  ValueId numbers = x;
  const bool skips_nan = name.starts_with("Nan") && is_floating(b.type(x).dtype);
  if (skips_nan) numbers = replace_nan(b, x, largest ? -kInfinity : kInfinity);
  ValueId y = b.op<graph::ArgReduce>({numbers}, largest, axis, op.keepdims() && !everything);
  if (skips_nan) {
    const ValueId none =
        b.reduce(ReduceKind::all, is_nan(b, x), {axis}, op.keepdims() && !everything);
    y = b.select(none, number(b, -1, y), y);
  }
  if (everything && op.keepdims()) {
    y = b.reshape(
        y, std::vector<graph::TargetDim>(static_cast<size_t>(rank), graph::TargetDim::fixed(1)));
  }
  return one(y);
}

// Cumsum, Cumprod, Nancumsum, Nancumprod.
Symbols op_cumulative(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  const std::string& name = op.class_name();
  const bool product = name == "Cumprod" || name == "Nancumprod";
  if (name.starts_with("Nan")) x = replace_nan(b, x, product ? 1 : 0);
  const DType given = b.type(x).dtype;
  x = b.cast(x, op.dtype(is_bool(given) ? DType::kInt32 : given));
  if (!op.attributes().has("axis")) x = flatten_all(b, x);
  const int64_t axis = op.axis("axis", 0, b.rank(x));
  return one(b.op<graph::Cumulative>({x}, product, axis));
}

// Differences of neighbours, `n` times over.
Symbols op_diff(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "a");
  const int64_t axis = op.axis("axis", -1, b.rank(x));
  const int64_t n = op.attributes().integer("n", 1);
  // Beyond the size of the axis nothing is left.
  constexpr int64_t kMostTimes = 10'000;
  if (n < 0 || n > kMostTimes) op.attributes().fail_key("n", fmt::format("0 to {}", kMostTimes));
  const bool logic = is_bool(b.type(x).dtype);
  for (int64_t i = 0; i < n; ++i) {
    const ValueId next = slice(b, x, axis, 1, std::nullopt), here = slice(b, x, axis, 0, -1);
    x = b.binary(logic ? BinaryKind::not_equal : BinaryKind::subtract, next, here);
  }
  return one(x);
}

// Quantile, Percentile, Median and their relatives that leave out NaN.
Symbols op_quantile(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const std::string& name = op.class_name();
  const Attributes& attributes = op.attributes();
  auto quantile = std::make_shared<graph::Quantile>();
  quantile->skip_nan = name.starts_with("Nan");
  bool is_scalar = true;
  if (name == "Median" || name == "Nanmedian") {
    quantile->q = {0.5};
  } else {
    const auto q = op.constant(1, "q");
    if (!q || q->is_null()) op.fail_unsupported("q is a tensor; supported: constants");
    if (const Tensor* tensor = q->get_if<Tensor>()) {
      is_scalar = tensor->shape().empty();
      quantile->q.resize(static_cast<size_t>(tensor->num_elements()));
      convert_elements(tensor->dtype(), tensor->data(), DType::kFloat64, quantile->q.data(),
                       tensor->num_elements());
    } else if (const auto* list = q->get_if<keras::List>()) {
      is_scalar = false;
      for (const keras::Value& item : *list) {
        const auto share = item.number();
        if (!share) op.fail_invalid(fmt::format("q is {}; expected numbers", q->to_string()));
        quantile->q.push_back(*share);
      }
    } else if (const auto share = q->number()) {
      quantile->q = {*share};
    } else {
      op.fail_invalid(fmt::format("q is {}; expected numbers", q->to_string()));
    }
    const bool percent = name == "Percentile" || name == "Nanpercentile";
    for (double& share : quantile->q) {
      if (percent) share /= 100;
      if (!(share >= 0 && share <= 1)) {
        op.fail_invalid(fmt::format("q is {}; expected shares", q->to_string()));
      }
    }
    using Method = graph::QuantileMethod;
    const std::string method =
        attributes.choice("method", "linear", {"linear", "lower", "higher", "midpoint", "nearest"});
    quantile->method = method == "lower"      ? Method::kLower
                       : method == "higher"   ? Method::kHigher
                       : method == "midpoint" ? Method::kMidpoint
                       : method == "nearest"  ? Method::kNearest
                                              : Method::kLinear;
  }
  ValueId x = b.as_float(op.value(0, "x"));
  const int64_t rank = b.rank(x);
  const std::vector<int64_t> axes = op.axes("axis", rank);
  // The axes come last, as one dimension.
  std::vector<int64_t> order;
  for (int64_t i = 0; i < rank; ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(i);
  }
  order.insert(order.end(), axes.begin(), axes.end());
  const auto num_kept = rank - static_cast<int64_t>(axes.size());
  if (rank > 0) x = b.transpose(x, order);
  if (axes.empty()) x = b.expand_dims(x, rank);
  while (b.rank(x) > num_kept + 1) x = join_dims(b, x, num_kept);
  ValueId y = b.add1(quantile, {x});
  y = is_scalar ? b.squeeze(y, num_kept) : b.move_axis(y, num_kept, 0);
  if (op.keepdims()) {
    std::vector<int64_t> places = axes;
    if (!is_scalar) {
      for (int64_t& place : places) ++place;
    }
    y = expand_all(b, y, places);
  }
  return one(y);
}

Symbols op_moments(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const std::vector<int64_t> axes = op.axes("axes", b.rank(x));
  return {{mean(b, x, axes, op.keepdims()), kNoValue},
          {variance(b, x, axes, op.keepdims()), kNoValue}};
}

Symbols op_norm(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = b.as_float(op.value(0, "x"));
  const Attributes& attributes = op.attributes();
  const int64_t rank = b.rank(x);
  const keras::Value* ord = attributes.find("ord");
  const std::string* name = ord == nullptr ? nullptr : ord->get_if<std::string>();
  const auto order = ord == nullptr ? std::nullopt : ord->number();
  if (ord != nullptr && !order && (name == nullptr || (*name != "fro" && *name != "nuc"))) {
    attributes.fail_key("ord", "a number, fro or nuc");
  }
  std::vector<int64_t> in_order = op.axes_in_order("axis", rank);
  std::vector<int64_t> axes = op.axes("axis", rank);
  const bool is_vector = axes.size() == 1;
  if (ord == nullptr || (name != nullptr && *name == "fro" && axes.size() == 2)) {
    return one(vector_norm(b, x, 2, axes, op.keepdims()));
  }
  if (is_vector && order) return one(vector_norm(b, x, *order, axes, op.keepdims()));
  if (axes.size() != 2) {
    attributes.fail_key("ord", fmt::format("another for a norm over {} axes", axes.size()));
  }
  if (in_order.empty()) in_order = axes;
  const ValueId y =
      matrix_norm(op, x, order.value_or(0), name != nullptr, in_order[0], in_order[1]);
  return one(op.keepdims() ? expand_all(b, y, axes) : y);
}

// Sums of products along one axis of y, by the trapezoidal rule over x or steps dx.
Symbols op_trapezoid(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId y = b.as_float(op.value(0, "y"));
  const int64_t axis = op.axis("axis", -1, b.rank(y));
  const ValueId heights = add(b, slice(b, y, axis, 1, std::nullopt), slice(b, y, axis, 0, -1));
  ValueId areas = kNoValue;
  if (op.has(1, "x") || op.attributes().has("x")) {
    ValueId x = b.as_float(op.value(1, "x"));
    const int64_t x_axis = b.rank(x) == 1 ? 0 : axis;
    x = subtract(b, slice(b, x, x_axis, 1, std::nullopt), slice(b, x, x_axis, 0, -1));
    if (b.rank(x) == 1) {
      std::vector<int64_t> others(static_cast<size_t>(b.rank(y) - 1 - axis));
      std::iota(others.begin(), others.end(), 1);
      x = expand_all(b, x, others);
    }
    areas = multiply(b, heights, x);
  } else {
    areas = multiply(b, heights, number(b, op.attributes().number("dx", 1.0), y));
  }
  const ValueId sum = b.reduce(ReduceKind::sum, areas, {axis}, false);
  return one(multiply(b, sum, number(b, 0.5, sum)));
}

// Covariances of the rows, divided by the deviations.
Symbols op_corrcoef(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = b.as_float(op.value(0, "x"));
  if (b.rank(x) < 2) return one(b.scalar(1));
  if (b.rank(x) != 2) op.fail_invalid("its input has other than 1 or 2 dimensions");
  x = subtract(b, x, mean(b, x, {1}, true));
  const ValueId products = b.matmul(x, x, false, true);
  const ValueId squares = b.reduce(ReduceKind::sum, b.unary(UnaryKind::square, x), {1}, true);
  const ValueId deviations = b.unary(UnaryKind::sqrt, squares);
  const ValueId y = divide(b, divide(b, products, deviations), b.transpose(deviations, {1, 0}));
  return one(clamp(b, y, -1, 1));
}

}  // namespace hornet::layers
