// Convolutions and pooling whose kernels are arguments, and patches.
#include "graph/ops/convolution.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"
#include "graph/ops/pooling.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::Padding;
using graph::TargetDim;

// The data with channels last, and how many spatial dimensions it has.
struct Data {
  ValueId value;
  size_t spatial;
};

Data data_of(const Operation& op, std::string_view name) {
  const Builder& b = op.build();
  ValueId x = b.as_float(op.value(0, name));
  const int64_t rank = b.rank(x);
  if (rank < 3 || rank > 5) {
    op.fail_invalid(
        fmt::format("its input is {}; expected 3 to 5 dimensions", to_string(b.shape(x))));
  }
  if (op.channels_first()) x = to_channels_last(b, x);
  return {x, static_cast<size_t>(rank) - 2};
}

Symbols result(const Operation& op, ValueId y) {
  return one(op.channels_first() ? to_channels_first(op.build(), y) : y);
}

std::vector<int64_t> positive_integers(const Operation& op, const char* key, size_t count,
                                       std::optional<int64_t> absent) {
  std::vector<int64_t> values = op.attributes().integers(key, count, absent);
  op.attributes().require_window(key, values);
  return values;
}

graph::Window window_of(const Operation& op, std::vector<int64_t> size) {
  const size_t spatial = size.size();
  graph::Window window;
  window.size = std::move(size);
  window.strides = positive_integers(op, "strides", spatial, 1);
  window.dilations = positive_integers(op, "dilation_rate", spatial, 1);
  const std::string padding =
      op.attributes().choice("padding", "valid", {"valid", "same", "causal"});
  window.padding = padding == "same"     ? Padding::kSame
                   : padding == "causal" ? Padding::kCausal
                                         : Padding::kValid;
  return window;
}

// A kernel argument [size..., a, b] for `spatial` dimensions.
ValueId kernel_of(const Operation& op, size_t index, std::string_view name, size_t spatial) {
  const Builder& b = op.build();
  const ValueId kernel = b.as_float(op.value(index, name));
  if (b.shape(kernel).size() != spatial + 2 || !is_known(b.shape(kernel))) {
    op.fail_invalid(fmt::format("its {} is {}; expected {} dimensions", name,
                                to_string(b.shape(kernel)), spatial + 2));
  }
  return kernel;
}

std::vector<int64_t> sizes_of(const Builder& b, ValueId kernel) {
  return {b.shape(kernel).begin(), b.shape(kernel).end() - 2};
}

ValueId convolve(const Builder& b, ValueId x, ValueId kernel, graph::Window window,
                 int64_t groups) {
  auto conv = std::make_shared<graph::Conv>();
  conv->window = std::move(window);
  conv->groups = groups;
  return b.add1(std::move(conv), {x, kernel, kNoValue});
}

// A depthwise kernel [size..., C, multiplier] is that of a convolution with C groups.
ValueId convolve_depthwise(const Operation& op, ValueId x, ValueId kernel, graph::Window window) {
  const Builder& b = op.build();
  const Shape& shape = b.shape(kernel);
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  if (shape[shape.size() - 2] != channels) {
    op.fail_invalid(
        fmt::format("its kernel is {} for an input of {} channels", to_string(shape), channels));
  }
  std::vector<TargetDim> target;
  for (const int64_t size : window.size) target.push_back(TargetDim::fixed(size));
  target.push_back(TargetDim::fixed(1));
  target.push_back(TargetDim::fixed(channels * shape.back()));
  return convolve(b, x, b.reshape(kernel, std::move(target)), std::move(window), channels);
}

// For each cell of a window the cells of x [N, spatial..., C] that it covers: [N, places..., C].
std::vector<ValueId> window_cells(const Operation& op, ValueId x, const graph::Window& window) {
  const Builder& b = op.build();
  const size_t spatial = window.size.size();
  auto pad = std::make_shared<graph::Pad>();
  pad->before.assign(spatial + 2, 0);
  pad->after.assign(spatial + 2, 0);
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t extent = (window.size[i] - 1) * window.dilations[i] + 1;
    if (window.padding == Padding::kValid) continue;
    const auto axis = static_cast<int64_t>(i) + 1;
    if (window.padding == Padding::kExplicit) {
      pad->before[i + 1] = window.pads_begin[i];
      pad->after[i + 1] = window.pads_end[i];
    } else if (window.strides[i] == 1) {
      pad->before[i + 1] = (extent - 1) / 2;
      pad->after[i + 1] = extent - 1 - (extent - 1) / 2;
    } else {
      const graph::Window::Axis places = window.resolve(i, b.known_dim(x, axis));
      pad->before[i + 1] = places.pad_begin;
      pad->after[i + 1] = places.pad_end;
    }
  }
  const bool pads = std::any_of(pad->before.begin(), pad->before.end(), [](auto n) { return n; }) ||
                    std::any_of(pad->after.begin(), pad->after.end(), [](auto n) { return n; });
  if (pads) x = b.add1(pad, {x});
  // Each cell is an operator of its own.
  constexpr int64_t kMostCells = 1 << 14;
  graph::Size size = 1;
  for (const int64_t n : window.size) size = size * n;
  const int64_t count = size.value();
  if (count > kMostCells) {
    op.fail_unsupported(fmt::format("windows of {} cells; supported: up to {}", count, kMostCells));
  }
  std::vector<ValueId> cells;
  for (int64_t n = 0; n < count; ++n) {
    std::vector<graph::Slice::Range> ranges(spatial + 2);
    int64_t rest = n;
    for (size_t i = spatial; i-- > 0;) {
      const int64_t cell = rest % window.size[i] * window.dilations[i];
      rest /= window.size[i];
      // So many cells behind the last one read are only there for the other cells of the window.
      const int64_t behind = (window.size[i] - 1) * window.dilations[i] - cell;
      const auto stop = behind == 0 ? std::nullopt : std::optional(-behind);
      ranges[i + 1] = {cell, stop, window.strides[i]};
    }
    cells.push_back(b.op<graph::Slice>({x}, std::move(ranges)));
  }
  return cells;
}

}  // namespace

Symbols op_conv(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, spatial] = data_of(op, "inputs");
  const ValueId kernel = kernel_of(op, 1, "kernel", spatial);
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  const int64_t of_kernel = b.shape(kernel)[spatial], filters = b.shape(kernel)[spatial + 1];
  const int64_t groups = of_kernel > 0 ? channels / of_kernel : 0;
  if (groups <= 0 || channels % of_kernel != 0 || filters % groups != 0) {
    op.fail_invalid(fmt::format("its kernel is {} for an input of {} channels",
                                to_string(b.shape(kernel)), channels));
  }
  return result(op, convolve(b, x, kernel, window_of(op, sizes_of(b, kernel)), groups));
}

Symbols op_depthwise_conv(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const auto [x, spatial] = data_of(op, "inputs");
  const ValueId kernel = kernel_of(op, 1, "kernel", spatial);
  const graph::Window window = window_of(op, sizes_of(op.build(), kernel));
  return result(op, convolve_depthwise(op, x, kernel, window));
}

Symbols op_separable_conv(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, spatial] = data_of(op, "inputs");
  const ValueId depthwise = kernel_of(op, 1, "depthwise_kernel", spatial);
  const ValueId pointwise = kernel_of(op, 2, "pointwise_kernel", spatial);
  const ValueId mid = convolve_depthwise(op, x, depthwise, window_of(op, sizes_of(b, depthwise)));
  graph::Window point;
  point.size = sizes_of(b, pointwise);
  point.strides = point.dilations = std::vector<int64_t>(spatial, 1);
  return result(op, convolve(b, mid, pointwise, point, 1));
}

Symbols op_conv_transpose(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, spatial] = data_of(op, "inputs");
  const ValueId kernel = kernel_of(op, 1, "kernel", spatial);
  auto conv = std::make_shared<graph::ConvTranspose>();
  conv->window = window_of(op, sizes_of(b, kernel));
  if (conv->window.padding == Padding::kCausal) {
    op.attributes().fail_key("padding", "valid or same");
  }
  if (op.attributes().has("output_padding")) {
    conv->output_padding = op.attributes().integers("output_padding", spatial);
  }
  return result(op, b.add1(conv, {x, kernel, kNoValue}));
}

// MaxPool, AveragePool.
Symbols op_pool(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const auto [x, spatial] = data_of(op, "inputs");
  auto pool = std::make_shared<graph::Pool>();
  pool->kind = op.class_name() == "MaxPool" ? graph::PoolKind::kMax : graph::PoolKind::kAverage;
  pool->window.size = positive_integers(op, "pool_size", spatial, std::nullopt);
  pool->window.strides = op.attributes().has("strides")
                             ? positive_integers(op, "strides", spatial, std::nullopt)
                             : pool->window.size;
  pool->window.dilations.assign(spatial, 1);
  pool->window.padding = op.attributes().choice("padding", "valid", {"valid", "same"}) == "same"
                             ? Padding::kSame
                             : Padding::kValid;
  return result(op, op.build().add1(pool, {x}));
}

// AdaptiveMaxPool, AdaptiveAveragePool.
Symbols op_adaptive_pool(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const auto [x, spatial] = data_of(op, "inputs");
  const auto kind =
      op.class_name() == "AdaptiveMaxPool" ? graph::PoolKind::kMax : graph::PoolKind::kAverage;
  return result(op, op.build().op<graph::AdaptivePool>(
                        {x}, kind, positive_integers(op, "output_size", spatial, std::nullopt)));
}

// The cells of each window side by side, those of one cell's channels together.
Symbols op_extract_patches(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  std::vector<int64_t> size = op.attributes().integers("size");
  if (size.size() == 1) size.resize(2, size[0]);
  const size_t spatial = size.size();
  for (const int64_t n : size) {
    if (n <= 0) op.attributes().fail_key("size", "numbers above 0");
  }
  ValueId x = op.value(0, "images");
  const bool single = b.shape(x).size() == spatial + 1;
  if (single) x = b.expand_dims(x, 0);
  if (b.shape(x).size() != spatial + 2) {
    op.fail_invalid(fmt::format("its input is {}", to_string(b.shape(x))));
  }
  if (op.channels_first()) x = to_channels_last(b, x);
  graph::Window window = window_of(op, size);
  if (!op.attributes().has("strides")) window.strides = size;
  ValueId y = b.concat(window_cells(op, x, window), -1);
  if (op.channels_first()) y = to_channels_first(b, y);
  return one(single ? b.squeeze(y, 0) : y);
}

// [N, C, H, W] -> [N, C * cells of a window, places]
Symbols op_unfold(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "input");
  if (b.rank(x) != 4) op.fail_invalid(fmt::format("its input is {}", to_string(b.shape(x))));
  graph::Window window;
  window.size = positive_integers(op, "kernel_size", 2, std::nullopt);
  window.strides = positive_integers(op, "stride", 2, 1);
  window.dilations = positive_integers(op, "dilation", 2, 1);
  window.padding = Padding::kExplicit;
  window.pads_begin = window.pads_end = op.attributes().integers("padding", 2, 0);
  const std::vector<ValueId> cells = window_cells(op, to_channels_last(b, x), window);
  ValueId y = stack(b, cells, 4);           // [N, h, w, C, cells]
  y = join_dims(b, join_dims(b, y, 3), 1);  // [N, h w, C cells]
  return one(b.transpose(y, {0, 2, 1}));
}

// The inverse: sums where windows overlap. [N, C * cells of a window, places] -> [N, C, H, W]
Symbols op_fold(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = b.as_float(op.value(0, "x"));
  if (b.rank(x) != 3) op.fail_invalid(fmt::format("its input is {}", to_string(b.shape(x))));
  auto conv = std::make_shared<graph::ConvTranspose>();
  conv->window.size = positive_integers(op, "kernel_size", 2, std::nullopt);
  conv->window.strides = positive_integers(op, "stride", 2, 1);
  conv->window.dilations = positive_integers(op, "dilation", 2, 1);
  const std::vector<int64_t> size = positive_integers(op, "output_size", 2, std::nullopt);
  const std::vector<int64_t> padding = op.attributes().integers("padding", 2, 0);
  const int64_t cells = conv->window.size[0] * conv->window.size[1];
  const int64_t features = b.known_dim(x, 1), channels = features / cells;
  // How many windows there are, and what lies beyond the last one.
  int64_t places[2], beyond[2];
  for (size_t i = 0; i < 2; ++i) {
    const int64_t padded = size[i] + 2 * padding[i];
    const int64_t extent = (conv->window.size[i] - 1) * conv->window.dilations[i] + 1;
    if (padding[i] < 0 || padded < extent || features % cells != 0) {
      op.fail_invalid(
          fmt::format("windows {} of {} features do not fit", to_string(size), features));
    }
    places[i] = (padded - extent) / conv->window.strides[i] + 1;
    beyond[i] = padded - extent - (places[i] - 1) * conv->window.strides[i];
    // A stride longer than the window leaves a gap behind the last one.
    beyond[i] -= std::max<int64_t>(conv->window.strides[i] - extent, 0);
  }
  const graph::Size numbers = graph::Size(features) * features;
  if (numbers.value() > kMostNumbers) {
    op.fail_unsupported(fmt::format("{} features; supported: up to 8192", features));
  }
  // Filter c of cell k shows feature c * cells + k.
  std::vector<double> kernel(static_cast<size_t>(cells * channels * features), 0);
  for (int64_t k = 0; k < cells; ++k) {
    for (int64_t c = 0; c < channels; ++c) {
      kernel[static_cast<size_t>((k * channels + c) * features + c * cells + k)] = 1;
    }
  }
  const Shape kernel_shape = {conv->window.size[0], conv->window.size[1], channels, features};
  x = b.transpose(x, {0, 2, 1});
  x = b.reshape(x, {TargetDim::copied(0), TargetDim::fixed(places[0]), TargetDim::fixed(places[1]),
                    TargetDim::fixed(features)});
  x = b.add1(conv, {x, b.floats(kernel, kernel_shape), kNoValue});
  auto pad = std::make_shared<graph::Pad>();
  pad->before = {0, -padding[0], -padding[1], 0};
  pad->after = {0, beyond[0] - padding[0], beyond[1] - padding[1], 0};
  return one(to_channels_first(b, b.add1(pad, {x})));
}

}  // namespace hornet::layers
