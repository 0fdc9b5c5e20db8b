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

// The mask of each tensor as one over its features, where it has one. Those that were given further
// dimensions to match the others have lost theirs.
std::vector<ValueId> feature_masks(const Builder& b, const Symbols& given, const Symbols& matched) {
  std::vector<ValueId> masks;
  for (size_t i = 0; i < given.size(); ++i) {
    const ValueId mask = given[i].value == matched[i].value ? given[i].mask : kNoValue;
    masks.push_back(mask == kNoValue ? mask : b.expand_dims(mask, b.rank(mask)));
  }
  return masks;
}

// The larger or smaller of those inputs that show a step.
Symbols extreme(LayerContext& layer, const CallArguments& call, BinaryKind kind) {
  const Builder& b = layer.build();
  const Symbols given = inputs_of(layer, call, 1);
  Symbols tensors = given;
  match_ranks(b, tensors);
  const std::vector<ValueId> masks = feature_masks(b, given, tensors);
  ValueId result = tensors[0].value, shown = masks[0];
  for (size_t i = 1; i < tensors.size(); ++i) {
    ValueId x = tensors[i].value;
    if (masks[i] != kNoValue) x = b.select(masks[i], x, result);
    if (shown != kNoValue) result = b.select(shown, result, x);
    shown = shown == kNoValue || masks[i] == kNoValue
                ? kNoValue
                : b.binary(BinaryKind::logical_or, shown, masks[i]);
    result = b.binary(kind, result, x);
  }
  return one(result, merged_mask(b, given));
}

}  // namespace

Symbols merge_add(LayerContext& layer, const CallArguments& call) {
  return merge(layer, call, BinaryKind::add);
}
Symbols merge_maximum(LayerContext& layer, const CallArguments& call) {
  return extreme(layer, call, BinaryKind::maximum);
}
Symbols merge_minimum(LayerContext& layer, const CallArguments& call) {
  return extreme(layer, call, BinaryKind::minimum);
}

// A hidden step of an input counts as 1; what all inputs hide is 0.
Symbols merge_multiply(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Symbols given = inputs_of(layer, call, 1);
  Symbols tensors = given;
  match_ranks(b, tensors);
  const std::vector<ValueId> masks = feature_masks(b, given, tensors);
  ValueId result = kNoValue, shown = kNoValue;
  bool all_masked = true;
  for (size_t i = 0; i < tensors.size(); ++i) {
    ValueId x = tensors[i].value;
    all_masked = all_masked && masks[i] != kNoValue;
    if (masks[i] != kNoValue) {
      x = b.select(masks[i], x, b.scalar(1, b.type(x).dtype));
      shown = shown == kNoValue ? masks[i] : b.binary(BinaryKind::logical_or, shown, masks[i]);
    }
    result = result == kNoValue ? x : b.binary(BinaryKind::multiply, result, x);
  }
  if (all_masked) result = b.select(shown, result, b.scalar(0, b.type(result).dtype));
  return one(result, merged_mask(b, given));
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
  return one(result, b.reduce(graph::ReduceKind::any, joined, {-1}, false));
}

namespace {

// The axes of the two inputs that are summed over, 0 being the batch.
std::pair<int64_t, int64_t> dot_axes(const LayerContext& layer, ValueId x, ValueId y) {
  const Builder& b = layer.build();
  const std::vector<int64_t> axes = layer.attributes().integers("axes", 2);
  const std::pair<int64_t, int64_t> result = {b.axis(axes[0], b.rank(x)),
                                              b.axis(axes[1], b.rank(y))};
  if (result.first == 0 || result.second == 0) {
    layer.attributes().fail_key("axes", "dimensions behind the batch");
  }
  return result;
}

ValueId unit_length(const Builder& b, ValueId x, int64_t axis) {
  constexpr double kLeastSquare = 1e-14;
  const ValueId square =
      b.reduce(graph::ReduceKind::sum, b.unary(UnaryKind::square, x), {axis}, true);
  const ValueId scale =
      b.unary(UnaryKind::rsqrt, b.binary(BinaryKind::maximum, square, b.scalar(kLeastSquare)));
  return b.binary(BinaryKind::multiply, x, scale);
}

// The dimensions [begin, end) as one.
ValueId merge_dims(const Builder& b, ValueId x, int64_t begin, int64_t end) {
  if (end - begin == 1) return x;
  std::vector<graph::TargetDim> target;
  for (int64_t i = 0; i < begin; ++i) target.push_back(graph::TargetDim::copied(i));
  target.push_back(graph::TargetDim::inferred());
  for (int64_t i = end; i < b.rank(x); ++i) target.push_back(graph::TargetDim::copied(i));
  return b.reshape(x, std::move(target));
}

}  // namespace

// Products of the rows' elements, summed over one axis of each input: [B, i..., j...] from
// [B, i..., k] and [B, k, j...]. Two vectors give [B, 1].
Symbols merge_dot(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Symbols tensors = inputs_of(layer, call, 2);
  if (tensors.size() != 2) layer.fail_invalid("it multiplies other than 2 tensors");
  ValueId x = b.as_float(tensors[0].value), y = b.as_float(tensors[1].value);
  auto [axis_x, axis_y] = dot_axes(layer, x, y);
  if (layer.attributes().boolean("normalize", false)) {
    x = unit_length(b, x, axis_x);
    y = unit_length(b, y, axis_y);
  }
  const bool vector_x = b.rank(x) == 2, vector_y = b.rank(y) == 2;
  if (vector_x) {
    x = b.expand_dims(x, 1);
    axis_x = 2;
  }
  if (vector_y) y = b.expand_dims(y, 2);
  x = b.move_axis(x, axis_x, b.rank(x) - 1);
  y = b.move_axis(y, axis_y, 1);
  ValueId product = b.matmul(merge_dims(b, x, 1, b.rank(x) - 1), merge_dims(b, y, 2, b.rank(y)));
  if (b.rank(x) > 3 || b.rank(y) > 3) {
    // [B, i..., j...]: the sizes of x, then those of y, one of which may be unknown.
    std::vector<graph::TargetDim> target;
    for (int64_t i = 0; i + 1 < b.rank(x); ++i) {
      target.push_back(graph::TargetDim::copied(i, 1));
    }
    if (b.rank(y) == 3) {
      target.push_back(graph::TargetDim::copied(2));
    } else {
      for (int64_t i = 2; i < b.rank(y); ++i) {
        target.push_back(graph::TargetDim::fixed(b.known_dim(y, i)));
      }
    }
    product = b.reshape(product, std::move(target), x);
  }
  if (vector_x) return one(b.squeeze(product, 1));
  return one(vector_y ? b.squeeze(product, b.rank(product) - 1) : product);
}

}  // namespace hornet::layers
