// Convolutions over 1 to 3 spatial dimensions: plain, depthwise, separable, transposed.
#include "base/check.h"
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

int64_t positive(const LayerContext& layer, const char* key) {
  const int64_t value = layer.attributes().integer(key);
  if (value <= 0) layer.attributes().fail_key(key, "a number above 0");
  return value;
}

ValueId bias_of(LayerContext& layer, int64_t filters) {
  return layer.attributes().boolean("use_bias", true) ? layer.weight("bias", {filters}) : kNoValue;
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
    for (const int64_t value : *values) {
      if (value <= 0) attributes.fail_key(key, "numbers above 0");
    }
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
  const int64_t filters = positive(layer, "filters");
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
  const int64_t filters = positive(layer, "filters");
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
  const int64_t filters = positive(layer, "filters");
  const int64_t channels = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = layer.weight("kernel", kernel_shape(op->window, filters, channels));
  const ValueId bias = bias_of(layer, filters);
  const ValueId y = b.add1(op, {x, kernel, bias});
  require_written_output(layer, b.shape(y));
  return finish(layer, y);
}

}  // namespace hornet::layers
