// Softmax and its relatives, normalisation by statistics, losses.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "layers/activations.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::ReduceKind;
using graph::TargetDim;

constexpr double kEpsilon = 1e-7;  // keras.config.epsilon()

// A vector along dimension `axis` of an array of `rank` dimensions; other arrays as they are.
ValueId along_axis(const Builder& b, ValueId vector, int64_t axis, int64_t rank) {
  if (b.rank(vector) != 1) return vector;
  std::vector<int64_t> others(static_cast<size_t>(rank - 1 - axis));
  std::iota(others.begin(), others.end(), 1);
  return expand_all(b, vector, others);
}

// Parameters that have the sizes of `axes` of x as an array that broadcasts over x. Keras takes
// their elements as they lie, in the ascending order of the axes.
ValueId over_axes(const Builder& b, ValueId parameters, ValueId x,
                  const std::vector<int64_t>& axes) {
  if (b.rank(parameters) == b.rank(x)) return parameters;
  std::vector<graph::TargetDim> target(static_cast<size_t>(b.rank(x)), graph::TargetDim::fixed(1));
  for (const int64_t axis : axes) {
    target[static_cast<size_t>(axis)] = graph::TargetDim::fixed(b.known_dim(x, axis));
  }
  return b.reshape(parameters, std::move(target));
}

std::vector<int64_t> axes_or_last(const Operation& op, int64_t rank) {
  return op.attributes().has("axis") ? op.axes_in_order("axis", rank)
                                     : std::vector<int64_t>{rank - 1};
}

std::vector<int64_t> ascending(std::vector<int64_t> axes) {
  std::sort(axes.begin(), axes.end());
  return axes;
}

}  // namespace

// Softmax, LogSoftmax.
Symbols op_softmax(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  // Null in the config are all axes; TensorFlow's functions have theirs in the call.
  const bool configured = layer.config().config.find("axis") != nullptr;
  const std::vector<int64_t> axes = configured || op.attributes().has("axis")
                                        ? op.axes("axis", b.rank(x))
                                        : std::vector<int64_t>{b.rank(x) - 1};
  return one(b.op<graph::Softmax>({x}, axes, op.class_name() == "LogSoftmax"));
}

Symbols op_sparsemax(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return one(sparsemax(layer.build(), layer.build().as_float(op.value(0, "x")),
                       op.attributes().integer("axis", -1)));
}

// x / max(|x|, epsilon)
Symbols op_normalize(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const std::vector<int64_t> axes = ascending(axes_or_last(op, b.rank(x)));
  const double order = op.attributes().number("order", 2.0);
  const double epsilon = op.attributes().number("epsilon", kEpsilon);
  if (order == 2) {
    const ValueId squares = b.reduce(ReduceKind::sum, b.unary(UnaryKind::square, x), axes, true);
    const ValueId bounded = b.binary(BinaryKind::maximum, squares, number(b, epsilon * epsilon, x));
    return one(multiply(b, x, b.unary(UnaryKind::rsqrt, bounded)));
  }
  const ValueId sizes = b.unary(UnaryKind::abs, x);
  ValueId norm = kNoValue;
  if (std::isinf(order)) {
    norm = b.reduce(order > 0 ? ReduceKind::max : ReduceKind::min, sizes, axes, true);
  } else if (order == 1) {
    norm = b.reduce(ReduceKind::sum, sizes, axes, true);
  } else {
    const ValueId powers = b.binary(BinaryKind::power, sizes, number(b, order, x));
    norm = b.binary(BinaryKind::power, b.reduce(ReduceKind::sum, powers, axes, true),
                    number(b, 1 / order, x));
  }
  return one(divide(b, x, b.binary(BinaryKind::maximum, norm, number(b, epsilon, x))));
}

Symbols op_batch_norm(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const int64_t axis = op.axis("axis", -1, b.rank(x));
  const auto parameter = [&](size_t index, const char* name) {
    const ValueId value = op.optional_value(index, name);
    return value == kNoValue ? value : b.as_float(value);
  };
  const ValueId average = b.as_float(op.value(1, "mean"));
  const ValueId squares = b.as_float(op.value(2, "variance"));
  const ValueId offset = parameter(3, "offset"), factor = parameter(4, "scale");
  const double epsilon = op.attributes().number("epsilon", 1e-3);
  ValueId scale = b.unary(UnaryKind::rsqrt, add(b, squares, number(b, epsilon, squares)));
  if (factor != kNoValue) scale = multiply(b, factor, scale);
  ValueId shift = b.unary(UnaryKind::negative, multiply(b, average, scale));
  if (offset != kNoValue) shift = add(b, offset, shift);
  const ValueId scaled = multiply(b, x, along_axis(b, scale, axis, b.rank(x)));
  return one(add(b, scaled, along_axis(b, shift, axis, b.rank(x))));
}

Symbols op_layer_norm(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const std::vector<int64_t> axes = axes_or_last(op, b.rank(x));
  const double epsilon = op.attributes().number("epsilon", kEpsilon);
  const auto parameter = [&](size_t index, const char* name) {
    const ValueId value = op.optional_value(index, name);
    return value == kNoValue ? value : over_axes(b, b.as_float(value), x, axes);
  };
  const ValueId gamma = parameter(1, "gamma"), beta = parameter(2, "beta");
  if (op.attributes().boolean("rms_scaling", false)) {
    // Divided by the deviation, but not centred.
    const ValueId squares = variance(b, x, ascending(axes), true);
    const ValueId scale = b.unary(UnaryKind::rsqrt, add(b, squares, number(b, epsilon, squares)));
    const ValueId y = multiply(b, x, scale);
    return one(gamma == kNoValue ? y : multiply(b, y, gamma));
  }
  auto norm = std::make_shared<graph::LayerNorm>();
  norm->axes = ascending(axes);
  norm->epsilon = static_cast<float>(epsilon);
  return one(b.add1(norm, {x, gamma, beta}));
}

Symbols op_rms_norm(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(op.value(0, "x"));
  const std::vector<int64_t> axes = axes_or_last(op, b.rank(x));
  auto norm = std::make_shared<graph::LayerNorm>();
  norm->axes = ascending(axes);
  norm->epsilon = static_cast<float>(op.attributes().number("epsilon", kEpsilon));
  norm->rms = true;
  // The scale meets the last dimensions, whatever the axes.
  const ValueId scale = op.optional_value(1, "scale");
  if (scale == kNoValue) return one(b.add1(norm, {x, kNoValue, kNoValue}));
  const std::vector<int64_t> last = {b.rank(x) - 1};
  if (norm->axes == last && b.rank(scale) == 1) {
    return one(b.add1(norm, {x, b.as_float(scale), kNoValue}));
  }
  return one(multiply(b, b.add1(norm, {x, kNoValue, kNoValue}), b.as_float(scale)));
}

// --- losses

Symbols op_binary_crossentropy(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId target = b.as_float(op.value(0, "target"));
  const ValueId output = b.as_float(op.value(1, "output"));
  if (op.attributes().boolean("from_logits", false)) {
    // -log sigmoid(x) t - log sigmoid(-x) (1 - t)
    return one(subtract(b, b.unary(UnaryKind::softplus, output), multiply(b, output, target)));
  }
  const ValueId p = clamp(b, output, kEpsilon, 1 - kEpsilon);
  const ValueId one_p = subtract(b, number(b, 1, p), p);
  const ValueId one_t = subtract(b, number(b, 1, target), target);
  const ValueId sum = add(b, multiply(b, target, b.unary(UnaryKind::log, p)),
                          multiply(b, one_t, b.unary(UnaryKind::log, one_p)));
  return one(b.unary(UnaryKind::negative, sum));
}

// CategoricalCrossentropy, SparseCategoricalCrossentropy.
Symbols op_categorical_crossentropy(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId output = b.as_float(op.value(1, "output"));
  const int64_t axis = op.axis("axis", -1, b.rank(output));
  ValueId target = op.value(0, "target");
  if (op.class_name() == "SparseCategoricalCrossentropy") {
    if (b.rank(target) == b.rank(output)) target = b.squeeze(target, axis);
    const int64_t classes = b.known_dim(output, axis);
    std::vector<int64_t> numbers(static_cast<size_t>(classes));
    std::iota(numbers.begin(), numbers.end(), 0);
    const ValueId ids = b.cast(target, DType::kInt32);
    const ValueId hot =
        b.binary(BinaryKind::equal, b.expand_dims(ids, b.rank(ids)), b.integers(numbers));
    target = b.move_axis(hot, b.rank(hot) - 1, axis);
  }
  target = b.cast(target, b.type(output).dtype);
  ValueId logs = kNoValue;
  if (op.attributes().boolean("from_logits", false)) {
    logs = b.op<graph::Softmax>({output}, std::vector<int64_t>{axis}, true);
  } else {
    const ValueId shares = divide(b, output, b.reduce(ReduceKind::sum, output, {axis}, true));
    logs = b.unary(UnaryKind::log, clamp(b, shares, kEpsilon, 1 - kEpsilon));
  }
  const ValueId sum = b.reduce(ReduceKind::sum, multiply(b, target, logs), {axis}, false);
  return one(b.unary(UnaryKind::negative, sum));
}

// 10 log10(max_val^2 / mean squared error)
Symbols op_psnr(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x1, x2] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const ValueId x = b.as_float(x1), y = b.as_float(x2);
  std::vector<int64_t> all(static_cast<size_t>(b.rank(x)));
  std::iota(all.begin(), all.end(), 0);
  const ValueId error = mean(b, b.binary(BinaryKind::squared_difference, x, y), all, false);
  const double largest = op.attributes().number("max_val");
  const ValueId logs = b.unary(UnaryKind::log10, error);
  return one(b.unary(UnaryKind::scale, logs, -10, 20 * std::log10(largest)));
}

}  // namespace hornet::layers
