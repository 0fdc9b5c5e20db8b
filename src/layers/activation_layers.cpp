// Activations that are layers of their own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {

namespace {

UnaryFunction relu_function(const Attributes& attributes) {
  const double slope = attributes.number("negative_slope", 0.0);
  const double ceiling = attributes.number("max_value", std::numeric_limits<double>::infinity());
  const double threshold = attributes.number("threshold", 0.0);
  const bool plain = slope == 0 && threshold == 0;
  if (plain && ceiling == 6) return {UnaryKind::relu6};
  if (plain && std::isinf(ceiling)) return {UnaryKind::relu};
  return {UnaryKind::relu_general, static_cast<float>(slope), static_cast<float>(ceiling),
          static_cast<float>(threshold)};
}

UnaryFunction leaky_relu_function(const Attributes& attributes) {
  return {UnaryKind::leaky_relu,
          static_cast<float>(attributes.number("negative_slope", attributes.number("alpha", 0.3)))};
}

UnaryFunction elu_function(const Attributes& attributes) {
  return {UnaryKind::elu, static_cast<float>(attributes.number("alpha", 1.0))};
}

Symbols apply_to_input(LayerContext& layer, const CallArguments& call,
                       const UnaryFunction& function) {
  const Builder& b = layer.build();
  return one(b.apply(function, b.as_float(input_of(layer, call).value)));
}

}  // namespace

std::optional<UnaryFunction> elementwise_layer(const keras::Dict& object) {
  const keras::LayerConfig layer = keras::parse_layer(object);
  if (!layer.registered_name.empty()) return std::nullopt;
  const Attributes attributes(layer.config, layer.label());
  if (layer.class_name == "ReLU") return relu_function(attributes);
  if (layer.class_name == "LeakyReLU") return leaky_relu_function(attributes);
  if (layer.class_name == "ELU") return elu_function(attributes);
  if (layer.class_name == "Identity") return UnaryFunction{};
  const std::string* name = nullptr;
  if (const keras::Value* inner = attributes.find("activation"))
    name = inner->get_if<std::string>();
  if (layer.class_name == "Activation" && name != nullptr) return elementwise_activation(*name);
  return std::nullopt;
}

Symbols relu(LayerContext& layer, const CallArguments& call) {
  return apply_to_input(layer, call, relu_function(layer.attributes()));
}

Symbols leaky_relu(LayerContext& layer, const CallArguments& call) {
  return apply_to_input(layer, call, leaky_relu_function(layer.attributes()));
}

Symbols elu(LayerContext& layer, const CallArguments& call) {
  return apply_to_input(layer, call, elu_function(layer.attributes()));
}

namespace {

// The shape of a weight with a number for each cell of a row of x, 1 along shared_axes (which count
// from the first after the batch, 1).
Shape shape_by_cell(const LayerContext& layer, ValueId x) {
  const Builder& b = layer.build();
  Shape shape(b.shape(x).begin() + 1, b.shape(x).end());
  const keras::Value* shared = layer.attributes().find("shared_axes");
  const auto* list = shared == nullptr ? nullptr : shared->get_if<keras::List>();
  // Keras 1 listed null for none.
  if (shared == nullptr || (list != nullptr && list->size() == 1 && list->front().is_null())) {
    return shape;
  }
  for (const int64_t axis : layer.attributes().integers("shared_axes")) {
    shape.at(static_cast<size_t>(b.axis(axis, b.rank(x)) - 1)) = 1;
  }
  return shape;
}

}  // namespace

Symbols prelu(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const ValueId alpha = layer.weight("alpha", shape_by_cell(layer, x));
  const ValueId negative = b.binary(BinaryKind::minimum, x, b.scalar(0));
  const ValueId scaled = b.binary(BinaryKind::multiply, negative, alpha);
  return one(b.binary(BinaryKind::add, b.unary(UnaryKind::relu, x), scaled));
}

// Keras 1: alpha softplus(beta x).
Symbols parametric_softplus(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const Shape shape = shape_by_cell(layer, x);
  const ValueId alpha = layer.weight("alphas", shape), beta = layer.weight("betas", shape);
  const ValueId inner = b.unary(UnaryKind::softplus, b.binary(BinaryKind::multiply, beta, x));
  return one(b.binary(BinaryKind::multiply, inner, alpha));
}

// Keras 1: x between two thresholds, and slopes of their own below the left and above the right
// one, which is given by its distance from the left one.
Symbols s_relu(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const Shape shape = shape_by_cell(layer, x);
  const ValueId left = layer.weight("t_left", shape), slope_left = layer.weight("a_left", shape);
  const ValueId distance = layer.weight("t_right", shape);
  const ValueId slope_right = layer.weight("a_right", shape);
  const ValueId right = b.binary(BinaryKind::add, left, b.unary(UnaryKind::abs, distance));
  const auto part = [&](BinaryKind side, ValueId threshold, ValueId slope) {
    const ValueId beyond = b.binary(BinaryKind::subtract, x, threshold);
    return b.binary(BinaryKind::multiply, b.binary(side, beyond, b.scalar(0)), slope);
  };
  const ValueId middle =
      b.binary(BinaryKind::minimum, b.binary(BinaryKind::maximum, x, left), right);
  const ValueId below = part(BinaryKind::minimum, left, slope_left);
  const ValueId above = part(BinaryKind::maximum, right, slope_right);
  return one(b.binary(BinaryKind::add, b.binary(BinaryKind::add, middle, below), above));
}

namespace {

// A mask of numbers shows where it is above one half.
ValueId shown(const Builder& b, ValueId mask) {
  return b.type(mask).dtype == DType::kBool
             ? mask
             : b.binary(BinaryKind::greater, b.as_float(mask), b.scalar(0.5));
}

// Keras 2 made what the mask hides very small, and no more (tf_keras/layers/activation/softmax.py).
ValueId keras2_hidden(const LayerContext& layer, ValueId x, ValueId keep) {
  const Builder& b = layer.build();
  const DType dtype = b.type(x).dtype;
  const ValueId hidden = b.scalar(dtype == DType::kFloat16 ? -65504.0 / 2 : -1e9, dtype);
  if (layer.attributes().boolean("robust_masking", false)) {
    return b.select(shown(b, keep), x, hidden);
  }
  const ValueId lack = b.binary(BinaryKind::subtract, b.scalar(1, dtype), b.cast(keep, dtype));
  return b.binary(BinaryKind::add, x, b.binary(BinaryKind::multiply, lack, hidden));
}

}  // namespace

// axis may be a list; positions that the mask hides get no weight.
Symbols softmax(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  ValueId x = b.as_float(input_of(layer, call).value);
  std::vector<int64_t> axes = layer.attributes().has("axis") ? layer.attributes().integers("axis")
                                                             : std::vector<int64_t>{-1};
  for (int64_t& axis : axes) axis = b.axis(axis, b.rank(x));
  std::sort(axes.begin(), axes.end());
  const Argument* given = call.find(1, "mask");
  ValueId keep = given != nullptr && given->symbol() != nullptr ? given->symbol()->value : kNoValue;
  if (keep == kNoValue) keep = call.mask();
  if (keep == kNoValue) return one(b.op<graph::Softmax>({x}, axes));
  if (layer.lowering().version().major < 3) {
    return one(b.op<graph::Softmax>({keras2_hidden(layer, x, keep)}, axes));
  }
  keep = shown(b, keep);
  x = b.select(keep, x, b.scalar(static_cast<double>(std::numeric_limits<float>::lowest()) / 2));
  const ValueId y = b.op<graph::Softmax>({x}, axes);
  return one(b.binary(BinaryKind::multiply, y, b.cast(keep, DType::kFloat32)));
}

}  // namespace hornet::layers
