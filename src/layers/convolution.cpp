// Convolutions over 1 to 3 spatial dimensions: plain, depthwise, separable, with a kernel for
// each place, transposed.
#include "base/check.h"
#include "graph/ops/linear_algebra.h"
#include "layers/windows.h"

namespace hornet::layers {
namespace {

using graph::Padding;

Padding padding_of(const LayerContext& layer) {
  const std::string padding =
      layer.attributes().choice("padding", "valid", {"valid", "same", "causal"});
  if (padding == "same") return Padding::kSame;
  return padding == "causal" ? Padding::kCausal : Padding::kValid;
}

Symbols finish(LayerContext& layer, ValueId y) {
  return one(activate(layer, "activation", spatial_output(layer, y)));
}

// A depthwise kernel [size..., C, multiplier] as that of a convolution with C groups.
ValueId as_grouped_kernel(const Builder& b, ValueId kernel, const graph::Window& window,
                          int64_t channels, int64_t multiplier) {
  std::vector<graph::TargetDim> target;
  for (const int64_t size : window.size) target.push_back(graph::TargetDim::fixed(size));
  target.push_back(graph::TargetDim::fixed(1));
  target.push_back(graph::TargetDim::fixed(channels * multiplier));
  return b.reshape(kernel, std::move(target));
}

ValueId add_conv(const Builder& b, ValueId x, ValueId kernel, ValueId bias, graph::Window window,
                 int64_t groups) {
  auto conv = std::make_shared<graph::Conv>();
  conv->window = std::move(window);
  conv->groups = groups;
  return b.add1(std::move(conv), {x, kernel, bias});
}

}  // namespace

size_t num_spatial(const LayerContext& layer) {
  const std::string& name = layer.config().class_name;
  const size_t digit = name.find_first_of("123");
  HORNET_CHECK(digit != std::string::npos);
  return static_cast<size_t>(name[digit] - '0');
}

graph::Window window_of(const LayerContext& layer, size_t spatial) {
  const Attributes& attributes = layer.attributes();
  graph::Window window;
  window.size = attributes.integers("kernel_size", spatial);
  window.strides = attributes.integers("strides", spatial, 1);
  window.dilations = attributes.integers("dilation_rate", spatial, 1);
  window.padding = padding_of(layer);
  for (const auto& [key, values] :
       {std::pair{"kernel_size", &window.size}, std::pair{"strides", &window.strides},
        std::pair{"dilation_rate", &window.dilations}}) {
    attributes.require_window(key, *values);
  }
  return window;
}

Shape kernel_shape(const graph::Window& window, int64_t in, int64_t out) {
  Shape shape = window.size;
  shape.push_back(in);
  shape.push_back(out);
  return shape;
}

Symbols conv(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(spatial_input(layer, call, spatial));
  const graph::Window window = window_of(layer, spatial);
  const int64_t filters = layer.attributes().positive("filters");
  const int64_t groups = layer.attributes().integer("groups", 1);
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  if (groups <= 0 || channels % groups != 0 || filters % groups != 0) {
    layer.attributes().fail_key(
        "groups", fmt::format("a divisor of {} channels and {} filters", channels, filters));
  }
  const ValueId kernel = layer.weight("kernel", kernel_shape(window, channels / groups, filters));
  const ValueId bias = bias_of(layer, filters);
  return finish(layer, add_conv(b, x, kernel, bias, window, groups));
}

Symbols depthwise_conv(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(spatial_input(layer, call, spatial));
  const graph::Window window = window_of(layer, spatial);
  const int64_t multiplier = layer.attributes().integer("depth_multiplier", 1);
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = layer.weight("kernel", kernel_shape(window, channels, multiplier));
  const ValueId bias = bias_of(layer, channels * multiplier);
  const ValueId grouped = as_grouped_kernel(b, kernel, window, channels, multiplier);
  return finish(layer, add_conv(b, x, grouped, bias, window, channels));
}

// A depthwise convolution, then one of size 1 over the channels.
Symbols separable_conv(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(spatial_input(layer, call, spatial));
  const graph::Window window = window_of(layer, spatial);
  const int64_t filters = layer.attributes().positive("filters");
  const int64_t multiplier = layer.attributes().integer("depth_multiplier", 1);
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  const ValueId depthwise =
      layer.weight("depthwise_kernel", kernel_shape(window, channels, multiplier));
  graph::Window point;
  point.size = point.strides = point.dilations = std::vector<int64_t>(spatial, 1);
  const ValueId pointwise =
      layer.weight("pointwise_kernel", kernel_shape(point, channels * multiplier, filters));
  const ValueId bias = bias_of(layer, filters);
  const ValueId grouped = as_grouped_kernel(b, depthwise, window, channels, multiplier);
  const ValueId mid = add_conv(b, x, grouped, kNoValue, window, channels);
  return finish(layer, add_conv(b, mid, pointwise, bias, point, 1));
}

namespace {

constexpr int64_t kMaxWindowCells = 4096;  // each is an operator

// The windows over x as [B, places, cells of a window], the cells in the order in which the input
// has its dimensions. x has its channels last, `places` are the sizes of the result.
ValueId cut_windows(const LayerContext& layer, ValueId x, const graph::Window& window,
                    const Shape& places) {
  const Builder& b = layer.build();
  const auto rank = static_cast<size_t>(b.rank(x));
  const int64_t num_cells = num_elements(window.size), channels = b.known_dim(x, b.rank(x) - 1);
  const int64_t axis = is_channels_first(layer) ? b.rank(x) : b.rank(x) - 1;
  std::vector<ValueId> cells;
  for (int64_t cell = 0; cell < num_cells; ++cell) {
    std::vector<graph::Slice::Range> ranges(rank);
    int64_t rest = cell;
    for (size_t i = places.size(); i-- > 0;) {
      const int64_t first = rest % window.size[i], step = window.strides[i];
      ranges[i + 1] = {first, first + (places[i] - 1) * step + 1, step};
      rest /= window.size[i];
    }
    cells.push_back(b.expand_dims(b.op<graph::Slice>({x}, std::move(ranges)), axis));
  }
  return b.reshape_keeping(b.concat(std::move(cells), axis), 1,
                           {num_elements(places), num_cells * channels});
}

}  // namespace

// Keras 1 and 2: a convolution that has a kernel for each place.
Symbols locally_connected(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(spatial_input(layer, call, spatial));
  const graph::Window window = window_of(layer, spatial);
  if (attributes.integer("implementation", 1) != 1) {
    attributes.fail_unsupported("implementation", "1");
  }
  if (window.padding != Padding::kValid) attributes.fail_key("padding", "valid");
  if (num_elements(window.size) > kMaxWindowCells) {
    attributes.fail_unsupported("kernel_size",
                                fmt::format("windows of {} cells at most", kMaxWindowCells));
  }
  const int64_t filters = layer.attributes().positive("filters");
  Shape places;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t size = b.known_dim(x, static_cast<int64_t>(i) + 1);
    if (size < window.size[i]) layer.fail_invalid("its input is smaller than its window");
    places.push_back((size - window.size[i]) / window.strides[i] + 1);
  }
  const ValueId windows = cut_windows(layer, x, window, places);
  const ValueId kernel =
      layer.weight("kernel", {num_elements(places), b.shape(windows)[2], filters});
  ValueId y = b.op<graph::Einsum>({windows, kernel}, std::vector<std::string>{"bpk", "pkf"}, "bpf");
  Shape result = places;
  result.push_back(filters);
  y = spatial_output(layer, b.reshape_keeping(y, 1, result));
  if (attributes.boolean("use_bias", true)) {
    // Keras does not move the channels of the bias, but takes its numbers as they lie.
    const ValueId bias = layer.weight("bias", result);
    const Shape shape(b.shape(y).begin() + 1, b.shape(y).end());
    y = b.binary(BinaryKind::add, y, b.reshape_keeping(bias, 0, shape));
  }
  return one(activate(layer, "activation", y));
}

namespace {

// Keras 1 wrote the shape of a transposed convolution's result, batch included, into the config.
void require_written_output(const LayerContext& layer, const Shape& computed) {
  if (!layer.attributes().has("output_shape")) return;
  const size_t first = is_channels_first(layer) ? 2 : 1, spatial = computed.size() - 2;
  const keras::List* written = layer.attributes().find("output_shape")->get_if<keras::List>();
  if (written == nullptr || written->size() != computed.size()) {
    layer.attributes().fail_key("output_shape", fmt::format("a list of {} sizes", computed.size()));
  }
  for (size_t i = 0; i < spatial; ++i) {
    const auto size = (*written)[first + i].integer();
    if (!size || computed[1 + i] == kUnknownDim || *size == computed[1 + i]) continue;
    layer.attributes().fail_unsupported(
        "output_shape", fmt::format("the size that follows from the input, {}", computed[1 + i]));
  }
}

}  // namespace

Symbols conv_transpose(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const size_t spatial = num_spatial(layer);
  const ValueId x = b.as_float(spatial_input(layer, call, spatial));
  auto op = std::make_shared<graph::ConvTranspose>();
  op->window = window_of(layer, spatial);
  if (op->window.padding == Padding::kCausal)
    layer.attributes().fail_key("padding", "valid or same");
  if (layer.attributes().has("output_padding")) {
    op->output_padding = layer.attributes().integers("output_padding", spatial);
  }
  const int64_t filters = layer.attributes().positive("filters");
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = layer.weight("kernel", kernel_shape(op->window, filters, channels));
  const ValueId bias = bias_of(layer, filters);
  const ValueId y = b.add1(op, {x, kernel, bias});
  require_written_output(layer, b.shape(y));
  return finish(layer, y);
}

}  // namespace hornet::layers
