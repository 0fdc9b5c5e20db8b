// Layers that move elements: flatten, reshape, permute, repeat, crop, pad, up-sample.
#include <numeric>

#include "base/check.h"
#include "layers/images.h"
#include "layers/windows.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

struct Sides {
  std::vector<int64_t> before, after;
};

// Attribute `key` of a padding or cropping layer: a number, a number a dimension, or a pair a
// dimension. For one dimension a pair stands alone.
Sides sides_of(const LayerContext& layer, const char* key, size_t spatial) {
  const Attributes& attributes = layer.attributes();
  Sides sides;
  const keras::Value* value = attributes.find(key);
  const auto* list = value == nullptr ? nullptr : value->get_if<keras::List>();
  if (list == nullptr || (spatial == 1 && list->size() == 2)) {
    const std::vector<int64_t> numbers = attributes.integers(key, list == nullptr ? 1 : 2, 1);
    sides.before.assign(spatial, numbers.front());
    sides.after.assign(spatial, numbers.back());
    return sides;
  }
  const auto fail_sides = [&] {
    attributes.fail_key(key,
                        fmt::format("a number, or one or two for each of {} dimensions", spatial));
  };
  if (list->size() != spatial) fail_sides();
  for (const keras::Value& item : *list) {
    const auto* pair = item.get_if<keras::List>();
    const auto first = pair == nullptr     ? item.integer()
                       : pair->size() == 2 ? (*pair)[0].integer()
                                           : std::nullopt;
    const auto second = pair == nullptr     ? item.integer()
                        : pair->size() == 2 ? (*pair)[1].integer()
                                            : std::nullopt;
    if (!first || !second || *first < 0 || *second < 0) fail_sides();
    sides.before.push_back(*first);
    sides.after.push_back(*second);
  }
  return sides;
}

Symbols pad_spatial(LayerContext& layer, const CallArguments& call, const char* key, int64_t sign) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const Sides sides = sides_of(layer, key, spatial);
  const ValueId x = spatial_input(layer, call, spatial);
  auto op = std::make_shared<graph::Pad>();
  op->before.assign(spatial + 2, 0);
  op->after.assign(spatial + 2, 0);
  for (size_t i = 0; i < spatial; ++i) {
    op->before[i + 1] = sign * sides.before[i];
    op->after[i + 1] = sign * sides.after[i];
  }
  return one(spatial_output(layer, b.add1(op, {x})));
}

}  // namespace

Symbols flatten(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  ValueId x = input_of(layer, call).value;
  if (b.rank(x) == 1) return one(b.expand_dims(x, 1));
  if (b.rank(x) > 2 && is_channels_first(layer)) x = to_channels_last(b, x);
  return one(b.reshape_keeping(x, 1, {kUnknownDim}));
}

Symbols reshape(LayerContext& layer, const CallArguments& call) {
  const ValueId x = input_of(layer, call).value;
  const std::vector<int64_t> target = layer.attributes().integers("target_shape");
  int inferred = 0;
  for (const int64_t dim : target) {
    if (dim < -1) layer.attributes().fail_key("target_shape", "sizes of 0 or more, or one -1");
    inferred += dim == -1 ? 1 : 0;
  }
  if (inferred > 1) layer.attributes().fail_key("target_shape", "at most one -1");
  return one(layer.build().reshape_keeping(x, 1, target));
}

// dims counts from 1: 1 is the first dimension behind the batch.
Symbols permute(LayerContext& layer, const CallArguments& call) {
  std::vector<int64_t> order = layer.attributes().integers("dims");
  order.insert(order.begin(), 0);
  return one(layer.build().transpose(input_of(layer, call).value, order));
}

Symbols repeat_vector(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const int64_t n = layer.attributes().integer("n");
  if (n < 0) layer.attributes().fail_key("n", "a number of 0 or more");
  const ValueId x = b.expand_dims(input_of(layer, call).value, 1);
  Shape target = b.shape(x);
  if (target.size() != 3) layer.fail_invalid("its input has other than 2 dimensions");
  target[1] = n;
  return one(b.op<graph::BroadcastTo>({x}, target));
}

namespace {

// Each cell of dimension `axis` `count` times.
ValueId repeat_cells(const Builder& b, ValueId x, int64_t axis, int64_t count) {
  if (count == 1) return x;
  const ValueId spread = b.expand_dims(x, axis + 1);
  Shape target(b.shape(spread).size(), kUnknownDim);
  target[static_cast<size_t>(axis + 1)] = count;
  const ValueId repeated = b.op<graph::BroadcastTo>({spread}, target);
  std::vector<graph::TargetDim> joined;
  for (int64_t i = 0; i < b.rank(x); ++i) {
    joined.push_back(i == axis ? graph::TargetDim::inferred()
                               : graph::TargetDim::copied(i < axis ? i : i + 1));
  }
  return b.reshape(repeated, std::move(joined));
}

}  // namespace

namespace {

// Keras 2 on its own, before it was TensorFlow's alone, had the bilinear resizing of TensorFlow 1.
bool is_from_corner(const LayerContext& layer, graph::Interpolation interpolation) {
  const keras::KerasVersion& version = layer.lowering().version();
  return interpolation == graph::Interpolation::kBilinear && version.before(2, 4) &&
         !version.tensorflow;
}

}  // namespace

// Nearest cells are the same cells again, other interpolations (2D only) a resized image.
Symbols up_sampling(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const std::vector<int64_t> factors = layer.attributes().integers("size", spatial, 2);
  for (const int64_t factor : factors) {
    if (factor <= 0) layer.attributes().fail_key("size", "numbers above 0");
  }
  const std::string interpolation = layer.attributes().text("interpolation", "nearest");
  ValueId x = spatial_input(layer, call, spatial);
  if (interpolation == "nearest") {
    for (size_t i = 0; i < spatial; ++i) {
      x = repeat_cells(b, x, static_cast<int64_t>(i + 1), factors[i]);
    }
    return one(spatial_output(layer, x));
  }
  if (spatial != 2) layer.attributes().fail_key("interpolation", "nearest");
  auto op = std::make_shared<graph::ResizeImage>();
  op->interpolation = interpolation_of(layer, interpolation);
  op->from_corner = is_from_corner(layer, op->interpolation);
  op->row_factor = factors[0];
  op->column_factor = factors[1];
  return one(spatial_output(layer, b.add1(op, {b.as_float(x)})));
}

Symbols cropping(LayerContext& layer, const CallArguments& call) {
  return pad_spatial(layer, call, "cropping", -1);
}

Symbols zero_padding(LayerContext& layer, const CallArguments& call) {
  return pad_spatial(layer, call, "padding", 1);
}

}  // namespace hornet::layers
