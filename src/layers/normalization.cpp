// Normalisation layers.
#include <algorithm>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {
namespace {

// A per-channel vector as an array that broadcasts over an input of `rank` with channels at `axis`.
ValueId along_axis(const Builder& b, ValueId vector, int64_t axis, int64_t rank) {
  if (axis == rank - 1) return vector;
  std::vector<graph::TargetDim> target(static_cast<size_t>(rank - axis),
                                       graph::TargetDim::fixed(1));
  target[0] = graph::TargetDim::copied(0);
  return b.reshape(vector, std::move(target));
}

}  // namespace

// Lowers to a product and a sum with constants, which the pass fold_scale puts into the layer
// before.
Symbols batch_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const int64_t axis = b.axis(attributes.integer("axis", -1), b.rank(x));
  const int64_t channels = b.known_dim(x, axis);
  const ValueId gamma =
      attributes.boolean("scale", true) ? layer.weight("gamma", {channels}) : kNoValue;
  const ValueId beta =
      attributes.boolean("center", true) ? layer.weight("beta", {channels}) : kNoValue;
  const ValueId mean = layer.weight("moving_mean", {channels}, false);
  const ValueId variance = layer.weight("moving_variance", {channels}, false);
  if (attributes.boolean("renorm", false)) {
    // Part of the file, without effect on predictions.
    layer.weight("moving_stddev", {channels}, false);
    layer.weight("renorm_mean", {channels}, false);
    layer.weight("renorm_stddev", {channels}, false);
  }
  ValueId scale = b.unary(UnaryKind::rsqrt, b.binary(BinaryKind::add, variance,
                                                     b.scalar(attributes.number("epsilon", 1e-3))));
  if (gamma != kNoValue) scale = b.binary(BinaryKind::multiply, gamma, scale);
  ValueId offset = b.unary(UnaryKind::negative, b.binary(BinaryKind::multiply, mean, scale));
  if (beta != kNoValue) offset = b.binary(BinaryKind::add, beta, offset);
  const ValueId scaled = b.binary(BinaryKind::multiply, x, along_axis(b, scale, axis, b.rank(x)));
  return one(b.binary(BinaryKind::add, scaled, along_axis(b, offset, axis, b.rank(x))));
}

Symbols layer_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  auto op = std::make_shared<graph::LayerNorm>();
  op->axes = attributes.has("axis") ? attributes.integers("axis") : std::vector<int64_t>{-1};
  for (int64_t& axis : op->axes) axis = b.axis(axis, b.rank(x));
  op->epsilon = static_cast<float>(attributes.number("epsilon", 1e-3));
  op->rms = attributes.boolean("rms_scaling", false);
  // gamma and beta have the sizes of the axes, in the order in which the config names them.
  Shape shape;
  for (const int64_t axis : op->axes) shape.push_back(b.known_dim(x, axis));
  const bool uses_scale = attributes.boolean("scale", true) || op->rms;
  const bool uses_center = attributes.boolean("center", true) && !op->rms;
  ValueId gamma = uses_scale ? layer.weight("gamma", shape) : kNoValue;
  ValueId beta = uses_center ? layer.weight("beta", shape) : kNoValue;
  std::sort(op->axes.begin(), op->axes.end());
  std::vector<graph::TargetDim> target;
  for (int64_t i = op->axes.front(); i < b.rank(x); ++i) {
    const bool normalized = std::find(op->axes.begin(), op->axes.end(), i) != op->axes.end();
    target.push_back(graph::TargetDim::fixed(normalized ? b.known_dim(x, i) : 1));
  }
  if (gamma != kNoValue) gamma = b.reshape(gamma, target);
  if (beta != kNoValue) beta = b.reshape(beta, target);
  return one(b.add1(op, {x, gamma, beta}));
}

}  // namespace hornet::layers
