// Dense, Embedding, Masking, Activation and the layers that do nothing when predicting.
#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {

Symbols dense(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  if (b.rank(x) < 2) layer.fail_invalid(fmt::format("its input is {}", to_string(b.shape(x))));
  const int64_t units = attributes.integer("units");
  if (units <= 0) attributes.fail_key("units", "a number above 0");
  const int64_t features = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = layer.weight("kernel", {features, units});
  const ValueId bias =
      attributes.boolean("use_bias", true) ? layer.weight("bias", {units}) : kNoValue;
  const ValueId y = b.op<graph::Contraction>({x, kernel, bias});
  return one(activate(layer, "activation", y));
}

Symbols embedding(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const int64_t input_dim = layer.attributes().integer("input_dim");
  const int64_t output_dim = layer.attributes().integer("output_dim");
  const ValueId table = layer.weight("embeddings", {input_dim, output_dim});
  ValueId ids = input_of(layer, call).value;
  if (!is_integer(b.type(ids).dtype)) ids = b.cast(ids, DType::kInt32);
  ValueId mask = kNoValue;
  if (layer.attributes().boolean("mask_zero", false)) {
    mask = b.binary(BinaryKind::not_equal, ids, b.scalar(0, b.type(ids).dtype));
  }
  return one(b.op<graph::Gather>({table, ids}, 0), mask);
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

Symbols activation(LayerContext& layer, const CallArguments& call) {
  return one(activate(layer, "activation", input_of(layer, call).value));
}

Symbols identity(LayerContext& layer, const CallArguments& call) {
  return one(input_of(layer, call).value);
}

}  // namespace hornet::layers
