// Dense, Masking, Activation and the layers that do nothing when predicting.
#include "base/check.h"
#include "layers/family.h"
#include "layers/quantization.h"

namespace hornet::layers {
namespace {

using Mode = Quantization::Mode;

int64_t units_of(const LayerContext& layer) {
  const int64_t units = layer.attributes().integer("units");
  if (units <= 0) layer.attributes().fail_key("units", "a number above 0");
  return units;
}

ValueId matrix_input(const LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  if (b.rank(x) < 2) {
    layer.fail_invalid(
        fmt::format("its input is {}; expected at least 2 dimensions", to_string(b.shape(x))));
  }
  return x;
}

ValueId add_bias(const Builder& b, ValueId y, ValueId bias) {
  return bias == kNoValue ? y : b.binary(BinaryKind::add, y, bias);
}

ValueId int8_product(LayerContext& layer, ValueId x, int64_t features, int64_t units,
                     const Quantization& how) {
  const Builder& b = layer.build();
  const ValueId kernel = layer.weight("kernel", {features, units}, false, DType::kInt8);
  const ValueId bias = bias_of(layer, units);
  ValueId scale = layer.weight("kernel_scale", {units}, false);
  if (how.quantizes_input) {
    const QuantizedInput input = quantize_input(b, x, {-1}, how);
    x = input.values;
    scale = b.binary(BinaryKind::multiply, scale, input.scale);
  }
  const ValueId sum = b.op<graph::Contraction>({x, b.cast(kernel, DType::kFloat32), kNoValue});
  return add_bias(b, b.binary(BinaryKind::divide, sum, scale), bias);
}

ValueId float8_product(LayerContext& layer, ValueId x, int64_t features, int64_t units,
                       const Quantization& how) {
  const Builder& b = layer.build();
  const ValueId kernel = layer.weight("kernel", {features, units});
  const ValueId bias = bias_of(layer, units);
  const ValueId input_scale = layer.weight("inputs_scale", {});
  layer.weight("inputs_amax_history", {how.history_length});
  const ValueId kernel_scale = layer.weight("kernel_scale", {});
  layer.weight("kernel_amax_history", {how.history_length});
  layer.weight("outputs_grad_scale", {});
  layer.weight("outputs_grad_amax_history", {how.history_length});
  const ValueId sum = b.op<graph::Contraction>(
      {through_float8(b, x, input_scale), through_float8(b, kernel, kernel_scale), kNoValue});
  // Keras adds the bias in bfloat16.
  return add_bias(b, sum, bias == kNoValue ? bias : round_mantissa(b, bias, 7, -126));
}

ValueId quantized_product(LayerContext& layer, ValueId x, int64_t features, int64_t units,
                          const Quantization& how) {
  if (how.mode == Mode::kInt8) return int8_product(layer, x, features, units, how);
  if (how.mode == Mode::kFloat8) return float8_product(layer, x, features, units, how);
  const Builder& b = layer.build();
  ValueId bias = kNoValue;
  const ValueId kernel =
      quantized_matrix(layer, how, features, units, [&] { bias = bias_of(layer, units); });
  if (!how.quantizes_input || how.is_grouped()) {
    return b.op<graph::Contraction>({x, kernel, bias});
  }
  const QuantizedInput input = quantize_input(b, x, {-1}, how);
  const ValueId sum = b.op<graph::Contraction>({input.values, kernel, kNoValue});
  return add_bias(b, b.binary(BinaryKind::divide, sum, input.scale), bias);
}

}  // namespace

Symbols dense(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = matrix_input(layer, call);
  const int64_t units = units_of(layer);
  const int64_t features = b.known_dim(x, b.rank(x) - 1);
  const Quantization how = quantization_of(layer);
  ValueId y = kNoValue;
  if (how.mode == Mode::kNone) {
    const ValueId kernel = layer.weight("kernel", {features, units});
    y = b.op<graph::Contraction>({x, kernel, bias_of(layer, units)});
  } else {
    y = quantized_product(layer, x, features, units, how);
  }
  return one(activate(layer, "activation", y));
}

// The kernel's signs where it is larger than the threshold, else 0. Without a threshold that is
// half the mean size of the kernel's numbers, and the mean scales the result.
Symbols ternary_dense(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = matrix_input(layer, call);
  const int64_t units = units_of(layer);
  if (quantization_of(layer).mode != Mode::kNone) {
    layer.fail_unsupported("it is quantised; supported: float kernels");
  }
  const ValueId kernel = layer.weight("kernel", {b.known_dim(x, b.rank(x) - 1), units});
  const ValueId bias = bias_of(layer, units);
  const ValueId size = b.unary(UnaryKind::abs, kernel);
  const ValueId mean = b.reduce(graph::ReduceKind::mean, size, {0, 1}, false);
  const auto given = layer.attributes().optional_number("threshold");
  const ValueId threshold =
      given ? b.scalar(*given) : b.binary(BinaryKind::multiply, mean, b.scalar(0.5));
  ValueId ternary = b.binary(BinaryKind::multiply, b.unary(UnaryKind::sign, kernel),
                             b.binary(BinaryKind::greater, size, threshold));
  if (!given) ternary = b.binary(BinaryKind::multiply, ternary, mean);
  return one(activate(layer, "activation", b.op<graph::Contraction>({x, ternary, bias})));
}

// Keras 1: the largest of several products for each unit, W [features, in, units].
Symbols maxout_dense(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = matrix_input(layer, call);
  const int64_t units = attributes.integer("output_dim");
  const int64_t features = attributes.integer("nb_feature", 4);
  if (units <= 0) attributes.fail_key("output_dim", "a number above 0");
  if (features <= 0) attributes.fail_key("nb_feature", "a number above 0");
  const int64_t inputs = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = layer.weight("W", {features, inputs, units});
  ValueId bias = kNoValue;
  if (attributes.boolean("bias", true)) {
    bias = b.reshape_keeping(layer.weight("b", {features, units}), 0, {features * units});
  }
  const ValueId matrix =
      b.reshape_keeping(b.transpose(kernel, {1, 0, 2}), 0, {inputs, features * units});
  const ValueId all = b.op<graph::Contraction>({x, matrix, bias});
  const ValueId by_feature =
      b.reshape_keeping(all, static_cast<size_t>(b.rank(x) - 1), {features, units});
  return one(b.reduce(graph::ReduceKind::max, by_feature, {-2}, false));
}

// Keras 1: t activation(x W + b) + (1 - t) x, where t = sigmoid(x W_carry + b_carry).
Symbols highway(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = matrix_input(layer, call);
  const int64_t size = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = layer.weight("W", {size, size});
  const ValueId carry = layer.weight("W_carry", {size, size});
  const bool biased = layer.attributes().boolean("bias", true);
  const ValueId bias = biased ? layer.weight("b", {size}) : kNoValue;
  const ValueId carry_bias = biased ? layer.weight("b_carry", {size}) : kNoValue;
  const ValueId gate =
      b.unary(UnaryKind::sigmoid, b.op<graph::Contraction>({x, carry, carry_bias}));
  const ValueId changed =
      activate(layer, "activation", b.op<graph::Contraction>({x, kernel, bias}));
  const ValueId kept =
      b.binary(BinaryKind::multiply, b.binary(BinaryKind::subtract, b.scalar(1), gate), x);
  return one(b.binary(BinaryKind::add, b.binary(BinaryKind::multiply, gate, changed), kept));
}

// A step is masked where all its features equal mask_value; it becomes 0.
Symbols masking(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = input_of(layer, call).value;
  const ValueId hidden = b.scalar(layer.attributes().number("mask_value", 0.0), b.type(x).dtype);
  const ValueId differs = b.binary(BinaryKind::not_equal, x, hidden);
  const ValueId keep = b.reduce(graph::ReduceKind::any, differs, {-1}, true);
  const ValueId mask = b.squeeze(keep, b.rank(keep) - 1);
  return one(b.binary(BinaryKind::multiply, x, keep), mask);
}

// Of ConvNeXt: a factor for each channel.
Symbols layer_scale(LayerContext& layer, const CallArguments& call) {
  const ValueId x = input_of(layer, call).value;
  const ValueId gamma = layer.weight("gamma", {layer.attributes().integer("projection_dim")});
  return one(layer.build().binary(BinaryKind::multiply, x, gamma));
}

// Of InceptionResNetV2: the first input and a share of the second.
Symbols custom_scale_layer(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Symbols inputs = call.tensors();
  if (inputs.size() != 2) {
    layer.fail_invalid(fmt::format("it has {} inputs; expected 2", inputs.size()));
  }
  const ValueId x = inputs[1].value;
  const ValueId share = b.scalar(layer.attributes().number("scale"), b.type(x).dtype);
  return one(b.binary(BinaryKind::add, inputs[0].value, b.binary(BinaryKind::multiply, x, share)));
}

Symbols activation(LayerContext& layer, const CallArguments& call) {
  return one(activate(layer, "activation", input_of(layer, call).value));
}

Symbols identity(LayerContext& layer, const CallArguments& call) {
  return one(input_of(layer, call).value);
}

}  // namespace hornet::layers
