// Activations that are layers of their own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {

Symbols relu(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const double slope = attributes.number("negative_slope", 0.0);
  const double ceiling = attributes.number("max_value", std::numeric_limits<double>::infinity());
  const double threshold = attributes.number("threshold", 0.0);
  const bool plain = slope == 0 && threshold == 0;
  if (plain && ceiling == 6) return one(b.unary(UnaryKind::relu6, x));
  if (plain && std::isinf(ceiling)) return one(b.unary(UnaryKind::relu, x));
  return one(b.unary(UnaryKind::relu_general, x, slope, ceiling, threshold));
}

Symbols leaky_relu(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const double slope =
      layer.attributes().number("negative_slope", layer.attributes().number("alpha", 0.3));
  return one(b.unary(UnaryKind::leaky_relu, b.as_float(input_of(layer, call).value), slope));
}

Symbols elu(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  return one(b.unary(UnaryKind::elu, b.as_float(input_of(layer, call).value),
                     layer.attributes().number("alpha", 1.0)));
}

// alpha has the shape of a row, 1 along shared_axes (which count from the first after the batch,
// 1).
Symbols prelu(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  Shape shape(b.shape(x).begin() + 1, b.shape(x).end());
  if (layer.attributes().has("shared_axes")) {
    for (const int64_t axis : layer.attributes().integers("shared_axes")) {
      shape.at(static_cast<size_t>(b.axis(axis, b.rank(x)) - 1)) = 1;
    }
  }
  const ValueId alpha = layer.weight("alpha", shape);
  const ValueId negative = b.binary(BinaryKind::minimum, x, b.scalar(0));
  const ValueId scaled = b.binary(BinaryKind::multiply, negative, alpha);
  return one(b.binary(BinaryKind::add, b.unary(UnaryKind::relu, x), scaled));
}

// axis may be a list; positions that the mask hides get no weight.
Symbols softmax(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  ValueId x = b.as_float(input_of(layer, call).value);
  std::vector<int64_t> axes = layer.attributes().has("axis") ? layer.attributes().integers("axis")
                                                             : std::vector<int64_t>{-1};
  for (int64_t& axis : axes) axis = b.axis(axis, b.rank(x));
  std::sort(axes.begin(), axes.end());
  const Argument* mask = call.find(1, "mask");
  if (mask == nullptr || mask->symbol() == nullptr) {
    return one(b.op<graph::Softmax>({x}, axes));
  }
  const ValueId keep = b.cast(mask->symbol()->value, DType::kBool);
  x = b.select(keep, x, b.scalar(std::numeric_limits<float>::lowest() / 2));
  const ValueId y = b.op<graph::Softmax>({x}, axes);
  return one(b.binary(BinaryKind::multiply, y, b.cast(keep, DType::kFloat32)));
}

}  // namespace hornet::layers
