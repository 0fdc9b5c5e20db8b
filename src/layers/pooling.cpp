// Pooling: windows and whole images.
#include <numeric>

#include "base/check.h"
#include "layers/windows.h"

namespace hornet::layers {
namespace {

using graph::ReduceKind;

Symbols window_pool(LayerContext& layer, const CallArguments& call, graph::PoolKind kind) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const size_t spatial = num_spatial(layer);
  const ValueId x = spatial_input(layer, call, spatial);
  auto op = std::make_shared<graph::Pool>();
  op->kind = kind;
  op->window.size = attributes.integers("pool_size", spatial, 2);
  op->window.strides =
      attributes.has("strides") ? attributes.integers("strides", spatial) : op->window.size;
  attributes.require_window("pool_size", op->window.size);
  attributes.require_window("strides", op->window.strides);
  op->window.dilations.assign(spatial, 1);
  op->window.padding = attributes.choice("padding", "valid", {"valid", "same"}) == "same"
                           ? graph::Padding::kSame
                           : graph::Padding::kValid;
  return one(spatial_output(layer, b.add1(op, {b.as_float(x)})));
}

Symbols adaptive_pool(LayerContext& layer, const CallArguments& call, graph::PoolKind kind) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(spatial_input(layer, call, spatial));
  std::vector<int64_t> size = layer.attributes().integers("output_size", spatial);
  for (const int64_t cells : size) {
    if (cells <= 0) layer.attributes().fail_key("output_size", "numbers above 0");
  }
  const ValueId y = b.op<graph::AdaptivePool>({x}, kind, std::move(size));
  return one(spatial_output(layer, y));
}

Symbols global_pool(LayerContext& layer, const CallArguments& call, ReduceKind kind) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(input_of(layer, call).value);
  if (b.shape(x).size() != spatial + 2) {
    layer.fail_invalid(
        fmt::format("its input is {}; expected {} dimensions", to_string(b.shape(x)), spatial + 2));
  }
  std::vector<int64_t> axes(spatial);
  std::iota(axes.begin(), axes.end(), is_channels_first(layer) ? 2 : 1);
  const bool keepdims = layer.attributes().boolean("keepdims", false);
  return one(b.reduce(kind, x, axes, keepdims));
}

}  // namespace

Symbols max_pooling(LayerContext& layer, const CallArguments& call) {
  return window_pool(layer, call, graph::PoolKind::kMax);
}

Symbols average_pooling(LayerContext& layer, const CallArguments& call) {
  return window_pool(layer, call, graph::PoolKind::kAverage);
}

Symbols adaptive_max_pooling(LayerContext& layer, const CallArguments& call) {
  return adaptive_pool(layer, call, graph::PoolKind::kMax);
}

Symbols adaptive_average_pooling(LayerContext& layer, const CallArguments& call) {
  return adaptive_pool(layer, call, graph::PoolKind::kAverage);
}

Symbols global_max_pooling(LayerContext& layer, const CallArguments& call) {
  return global_pool(layer, call, ReduceKind::max);
}

// Over one spatial dimension a mask counts: the mean of the steps it shows.
Symbols global_average_pooling(LayerContext& layer, const CallArguments& call) {
  const ValueId mask = num_spatial(layer) == 1 ? call.mask() : kNoValue;
  if (mask == kNoValue) return global_pool(layer, call, ReduceKind::mean);
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const int64_t steps = is_channels_first(layer) ? 2 : 1;
  const bool keepdims = layer.attributes().boolean("keepdims", false);
  const ValueId weights = b.expand_dims(b.cast(mask, DType::kFloat32), steps == 1 ? 2 : 1);
  const ValueId shown = b.binary(BinaryKind::multiply, x, weights);
  const ValueId sum = b.reduce(ReduceKind::sum, shown, {steps}, keepdims);
  const ValueId count = b.reduce(ReduceKind::sum, weights, {steps}, keepdims);
  return one(b.binary(BinaryKind::divide, sum, count));
}

}  // namespace hornet::layers
