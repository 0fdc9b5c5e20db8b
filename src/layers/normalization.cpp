// Normalisation layers.
#include <algorithm>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {
namespace {

// A per-channel vector as an array that broadcasts over an input of `rank` with channels at `axis`.
ValueId per_channel(const Builder& b, ValueId vector, int64_t axis, int64_t rank) {
  if (axis == rank - 1) return vector;
  std::vector<graph::TargetDim> target(static_cast<size_t>(rank - axis),
                                       graph::TargetDim::fixed(1));
  target[0] = graph::TargetDim::copied(0);
  return b.reshape(vector, std::move(target));
}

// Weight `name` over the axes of x that a layer normalises, as an array that broadcasts to x. It is
// stored with the sizes of the axes in the order in which the config names them.
ValueId scale_over(LayerContext& layer, ValueId x, const std::vector<int64_t>& axes,
                   const char* name) {
  const Builder& b = layer.build();
  Shape shape;
  for (const int64_t axis : axes) shape.push_back(b.known_dim(x, axis));
  ValueId weight = layer.weight(name, shape);
  std::vector<int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  std::vector<graph::TargetDim> target;
  for (int64_t i = sorted.front(); i < b.rank(x); ++i) {
    const bool normalized = std::find(axes.begin(), axes.end(), i) != axes.end();
    target.push_back(graph::TargetDim::fixed(normalized ? b.known_dim(x, i) : 1));
  }
  return b.reshape(weight, std::move(target));
}

// TensorFlow's Keras 2 computes images, and volumes from 2.5 on, with the fused operator
// (BatchNormalizationBase.build in tf_keras), which takes an epsilon of at least 1.001e-5 on any
// device (fused_batch_norm in tensorflow/python/ops/nn_impl.py).
bool is_fused(const LayerContext& layer, ValueId x, int64_t axis) {
  const keras::KerasVersion& version = layer.lowering().version();
  if (version.major >= 3 || (!version.tensorflow && version.before(2, 4))) return false;
  const Attributes& attributes = layer.attributes();
  const int64_t rank = layer.build().rank(x);
  return (rank == 4 || (rank == 5 && !version.before(2, 5))) && (axis == 1 || axis == rank - 1) &&
         layer.build().type(x).dtype != DType::kFloat64 && attributes.boolean("fused", true) &&
         !attributes.boolean("renorm", false) && !attributes.boolean("synchronized", false) &&
         !attributes.has("virtual_batch_size");
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
  double epsilon = attributes.number("epsilon", 1e-3);
  if (is_fused(layer, x, axis)) epsilon = std::max(epsilon, 1.001e-5);
  ValueId scale = b.unary(UnaryKind::rsqrt, b.binary(BinaryKind::add, variance, b.scalar(epsilon)));
  if (gamma != kNoValue) scale = b.binary(BinaryKind::multiply, gamma, scale);
  ValueId offset = b.unary(UnaryKind::negative, b.binary(BinaryKind::multiply, mean, scale));
  if (beta != kNoValue) offset = b.binary(BinaryKind::add, beta, offset);
  const ValueId scaled = b.binary(BinaryKind::multiply, x, per_channel(b, scale, axis, b.rank(x)));
  return one(b.binary(BinaryKind::add, scaled, per_channel(b, offset, axis, b.rank(x))));
}

namespace {

// What Keras calls rms_scaling: x / sqrt(variance + epsilon), though x keeps its mean.
ValueId scale_by_variance(const Builder& b, ValueId x, const std::vector<int64_t>& axes,
                          double epsilon) {
  const ValueId mean = b.reduce(graph::ReduceKind::mean, x, axes, true);
  const ValueId square = b.unary(UnaryKind::square, b.binary(BinaryKind::subtract, x, mean));
  const ValueId variance = b.reduce(graph::ReduceKind::mean, square, axes, true);
  const ValueId scale =
      b.unary(UnaryKind::rsqrt, b.binary(BinaryKind::add, variance, b.scalar(epsilon)));
  return b.binary(BinaryKind::multiply, x, scale);
}

}  // namespace

Symbols layer_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  auto op = std::make_shared<graph::LayerNorm>();
  op->axes = attributes.has("axis") ? attributes.integers("axis") : std::vector<int64_t>{-1};
  for (int64_t& axis : op->axes) axis = b.axis(axis, b.rank(x));
  op->epsilon = static_cast<float>(attributes.number("epsilon", 1e-3));
  const bool by_variance = attributes.boolean("rms_scaling", false);
  const bool uses_scale = attributes.boolean("scale", true) || by_variance;
  const bool uses_center = attributes.boolean("center", true) && !by_variance;
  const ValueId gamma = uses_scale ? scale_over(layer, x, op->axes, "gamma") : kNoValue;
  const ValueId beta = uses_center ? scale_over(layer, x, op->axes, "beta") : kNoValue;
  std::sort(op->axes.begin(), op->axes.end());
  if (by_variance) {
    const ValueId scaled = scale_by_variance(b, x, op->axes, attributes.number("epsilon", 1e-3));
    return one(b.binary(BinaryKind::multiply, scaled, gamma));
  }
  return one(b.add1(op, {x, gamma, beta}));
}

// Each row's channels in groups, normalised over a group and all other dimensions.
Symbols group_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const int64_t rank = b.rank(x);
  const int64_t axis = b.axis(attributes.integer("axis", -1), rank);
  if (axis == 0) attributes.fail_key("axis", "a dimension behind the batch");
  const int64_t channels = b.known_dim(x, axis);
  int64_t groups = attributes.integer("groups", 32);
  if (groups == -1) groups = channels;
  if (groups <= 0 || channels % groups != 0) {
    attributes.fail_key("groups", fmt::format("a divisor of {} channels", channels));
  }
  const ValueId gamma =
      attributes.boolean("scale", true) ? layer.weight("gamma", {channels}) : kNoValue;
  const ValueId beta =
      attributes.boolean("center", true) ? layer.weight("beta", {channels}) : kNoValue;

  // [..., channels, ...] -> [..., groups, channels / groups, ...]
  std::vector<graph::TargetDim> grouped, restored;
  for (int64_t i = 0; i < rank; ++i) {
    restored.push_back(graph::TargetDim::copied(i, 1));
    if (i != axis) {
      grouped.push_back(graph::TargetDim::copied(i));
      continue;
    }
    grouped.push_back(graph::TargetDim::fixed(groups));
    grouped.push_back(graph::TargetDim::fixed(channels / groups));
  }
  auto op = std::make_shared<graph::LayerNorm>();
  op->epsilon = static_cast<float>(attributes.number("epsilon", 1e-3));
  for (int64_t i = 1; i < rank + 1; ++i) {
    if (i != axis) op->axes.push_back(i);
  }
  const ValueId normalized = b.add1(op, {b.reshape(x, grouped), kNoValue, kNoValue});
  ValueId y = b.reshape(normalized, restored, x);
  if (gamma != kNoValue) y = b.binary(BinaryKind::multiply, y, per_channel(b, gamma, axis, rank));
  if (beta != kNoValue) y = b.binary(BinaryKind::add, y, per_channel(b, beta, axis, rank));
  return one(y);
}

Symbols rms_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  auto op = std::make_shared<graph::LayerNorm>();
  op->rms = true;
  op->epsilon = static_cast<float>(attributes.number("epsilon", 1e-6));
  op->axes = attributes.has("axis") ? attributes.integers("axis") : std::vector<int64_t>{-1};
  Shape shape;
  for (int64_t& axis : op->axes) {
    axis = b.axis(axis, b.rank(x));
    shape.push_back(b.known_dim(x, axis));
  }
  std::sort(op->axes.begin(), op->axes.end());
  const ValueId scale = layer.weight("scale", shape);
  // Keras multiplies without regard to the axes: the scale meets the last dimensions.
  const std::vector<int64_t> last = {b.rank(x) - 1};
  if (op->axes == last) return one(b.add1(op, {x, scale, kNoValue}));
  return one(b.binary(BinaryKind::multiply, b.add1(op, {x, kNoValue, kNoValue}), scale));
}

// x / sqrt(max(sum of squares, 1e-24))
Symbols unit_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const std::vector<int64_t> axes = layer.attributes().has("axis")
                                        ? layer.attributes().integers("axis")
                                        : std::vector<int64_t>{-1};
  constexpr double kLeastSquare = 1e-24;
  const ValueId square =
      b.reduce(graph::ReduceKind::sum, b.unary(UnaryKind::square, x), axes, true);
  const ValueId scale =
      b.unary(UnaryKind::rsqrt, b.binary(BinaryKind::maximum, square, b.scalar(kLeastSquare)));
  return one(b.binary(BinaryKind::multiply, x, scale));
}

}  // namespace hornet::layers
