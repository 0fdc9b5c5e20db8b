// Layers around other layers: TimeDistributed, SpectralNormalization, Pipeline.
#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

const keras::Dict& wrapped_object(const LayerContext& layer) {
  const keras::Value* value = layer.attributes().find("layer");
  const auto* object = value == nullptr ? nullptr : value->get_if<keras::Dict>();
  if (object == nullptr) layer.attributes().fail_key("layer", "a layer");
  return *object;
}

// [B, T, ...] -> [B T, ...]
ValueId merge_steps(const Builder& b, ValueId x) {
  std::vector<TargetDim> target = {TargetDim::inferred()};
  for (int64_t i = 2; i < b.rank(x); ++i) target.push_back(TargetDim::copied(i));
  return b.reshape(x, std::move(target));
}

// [B T, ...] -> [B, T, ...], sizes as those of `like`.
ValueId split_steps(const Builder& b, ValueId y, ValueId like) {
  std::vector<TargetDim> target = {TargetDim::copied(0, 1), TargetDim::copied(1, 1)};
  for (int64_t i = 1; i < b.rank(y); ++i) target.push_back(TargetDim::copied(i));
  return b.reshape(y, std::move(target), like);
}

// A mask over parts of steps as one over steps: those of which any part is shown.
ValueId mask_of_steps(const Builder& b, ValueId mask) {
  while (mask != kNoValue && b.rank(mask) > 2) {
    mask = b.reduce(graph::ReduceKind::any, mask, {-1}, false);
  }
  return mask;
}

}  // namespace

// The layer inside sees the steps of all rows as rows of their own.
Symbols time_distributed(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = input_of(layer, call).value;
  if (b.rank(x) < 2) {
    layer.fail_invalid(
        fmt::format("its input is {}; expected [batch, time, ...]", to_string(b.shape(x))));
  }
  LayerContext& inner = layer.sublayer("layer", wrapped_object(layer));
  Symbol steps{merge_steps(b, x), kNoValue};
  // A mask of a step itself, not of whole steps, is what the layer inside may use.
  const ValueId mask = call.mask();
  if (mask != kNoValue && b.rank(mask) > 2) steps.mask = merge_steps(b, mask);
  CallArguments inner_call;
  inner_call.args.push_back(Argument{steps});
  Symbols outputs = inner.call(inner_call);
  for (Symbol& output : outputs) {
    const ValueId inner_mask = output.mask;
    output = {split_steps(b, output.value, x), kNoValue};
    // What Keras 3 drops: the masks that the layer inside gives, or else that of the steps.
    if (layer.lowering().version().major >= 3) continue;
    output.mask = inner_mask != kNoValue ? split_steps(b, inner_mask, x) : mask_of_steps(b, mask);
  }
  return outputs;
}

// Predicting uses the wrapped layer's weights as they are, which training has normalised; the copy
// of its kernel and the vector that this layer keeps have no effect. The result has the type of the
// input.
Symbols spectral_normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Symbol input = input_of(layer, call);
  LayerContext& inner = layer.sublayer("layer", wrapped_object(layer));
  const Symbol output = inner.call(input);
  const keras::WeightOwner owner = inner.weights("");
  for (const keras::WeightSlot& slot : owner.slots) {
    if (slot.name != "kernel" && slot.name != "embeddings") continue;
    layer.weight("kernel", slot.shape);
    layer.weight("vector_u", {1, slot.shape.back()}, false);
    return one(b.cast(output.value, b.type(input.value).dtype));
  }
  layer.fail_unsupported(fmt::format("{} has no kernel", inner.label()));
}

// Layers one behind the other.
Symbols pipeline(LayerContext& layer, const CallArguments& call) {
  const keras::Value* given = layer.attributes().find("layers");
  const auto* list = given == nullptr ? nullptr : given->get_if<keras::List>();
  if (list == nullptr) layer.attributes().fail_key("layers", "a list of layers");
  Symbol current = input_of(layer, call);
  std::map<std::string, int> used;
  for (const keras::Value& item : *list) {
    const auto* object = item.get_if<keras::Dict>();
    if (object == nullptr) layer.attributes().fail_key("layers", "a list of layers");
    const std::string name = keras::snake_case(keras::parse_layer(*object).class_name);
    const int number = used[name]++;
    const std::string path = "layers/" + (number == 0 ? name : fmt::format("{}_{}", name, number));
    current = layer.sublayer(path, *object).call(current);
  }
  return one(current.value);
}

}  // namespace hornet::layers
