// Layers that merge several tensors.
#include <algorithm>

#include "layers/family.h"

namespace hornet::layers {
namespace {

Symbols inputs_of(const LayerContext& layer, const CallArguments& call, size_t at_least) {
  Symbols tensors;
  if (!call.args.empty() && call.args[0].list() != nullptr) {
    CallArguments first;
    first.args = {call.args[0]};
    tensors = first.tensors();
  } else {
    tensors = call.tensors();
  }
  if (tensors.size() < at_least) {
    layer.fail_invalid(
        fmt::format("it merges {} tensors; expected at least {}", tensors.size(), at_least));
  }
  return tensors;
}

// Keras inserts dimensions of size 1 behind the batch where ranks differ.
void match_ranks(const Builder& b, Symbols& tensors) {
  int64_t rank = 0;
  for (const Symbol& tensor : tensors) rank = std::max(rank, b.rank(tensor.value));
  for (Symbol& tensor : tensors) {
    while (b.rank(tensor.value) < rank) tensor.value = b.expand_dims(tensor.value, 1);
  }
}

// The mask of a merge: those of the inputs, all of which must have one, combined by "or".
ValueId merged_mask(const Builder& b, const Symbols& tensors) {
  ValueId mask = kNoValue;
  for (const Symbol& tensor : tensors) {
    if (tensor.mask == kNoValue) return kNoValue;
    mask = mask == kNoValue ? tensor.mask : b.binary(BinaryKind::logical_or, mask, tensor.mask);
  }
  return mask;
}

// true in the shape of x, also where x is NaN.
ValueId ones_like(const Builder& b, ValueId x) {
  return b.binary(BinaryKind::logical_or, b.binary(BinaryKind::equal, x, x),
                  b.binary(BinaryKind::not_equal, x, x));
}

Symbols merge(LayerContext& layer, const CallArguments& call, BinaryKind kind) {
  const Builder& b = layer.build();
  Symbols tensors = inputs_of(layer, call, 1);
  const ValueId mask = merged_mask(b, tensors);
  match_ranks(b, tensors);
  ValueId result = tensors[0].value;
  for (size_t i = 1; i < tensors.size(); ++i) result = b.binary(kind, result, tensors[i].value);
  return one(result, mask);
}

}  // namespace

Symbols merge_add(LayerContext& layer, const CallArguments& call) {
  return merge(layer, call, BinaryKind::add);
}
Symbols merge_multiply(LayerContext& layer, const CallArguments& call) {
  return merge(layer, call, BinaryKind::multiply);
}
Symbols merge_maximum(LayerContext& layer, const CallArguments& call) {
  return merge(layer, call, BinaryKind::maximum);
}
Symbols merge_minimum(LayerContext& layer, const CallArguments& call) {
  return merge(layer, call, BinaryKind::minimum);
}

Symbols merge_subtract(LayerContext& layer, const CallArguments& call) {
  if (inputs_of(layer, call, 2).size() != 2)
    layer.fail_invalid("it subtracts other than 2 tensors");
  return merge(layer, call, BinaryKind::subtract);
}

Symbols merge_average(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const double count = static_cast<double>(inputs_of(layer, call, 1).size());
  Symbol sum = merge(layer, call, BinaryKind::add)[0];
  return one(b.binary(BinaryKind::divide, b.as_float(sum.value), b.scalar(count)), sum.mask);
}

Symbols merge_concatenate(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Symbols tensors = inputs_of(layer, call, 1);
  std::vector<ValueId> values;
  for (const Symbol& tensor : tensors) values.push_back(tensor.value);
  const int64_t axis = b.axis(layer.attributes().integer("axis", -1), b.rank(values[0]));
  const ValueId result = b.concat(values, axis);
  // A mask has the leading dimensions of its tensor. Inputs without one count as wholly shown.
  bool any = false;
  for (const Symbol& tensor : tensors) any = any || tensor.mask != kNoValue;
  if (!any) return one(result);
  std::vector<ValueId> masks;
  for (const Symbol& tensor : tensors) {
    const ValueId all_shown = ones_like(b, tensor.value);
    ValueId mask = tensor.mask;
    if (mask == kNoValue) {
      mask = all_shown;
    } else {
      while (b.rank(mask) < b.rank(tensor.value)) mask = b.expand_dims(mask, b.rank(mask));
      mask = b.binary(BinaryKind::logical_and, mask, all_shown);
    }
    masks.push_back(mask);
  }
  const ValueId joined = b.concat(masks, axis);
  return one(result, b.reduce(graph::ReduceKind::all, joined, {-1}, false));
}

}  // namespace hornet::layers
