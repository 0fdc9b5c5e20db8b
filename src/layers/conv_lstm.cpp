// ConvLSTM1D, ConvLSTM2D and ConvLSTM3D.
#include "base/check.h"
#include "layers/recurrent.h"
#include "layers/windows.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

// The channels of [B, T, channels, spatial...] go last, or back.
ValueId move_channels(const Builder& b, ValueId x, int64_t first, bool to_last) {
  std::vector<int64_t> order;
  const int64_t rank = b.rank(x);
  for (int64_t i = 0; i < first; ++i) order.push_back(i);
  if (!to_last) order.push_back(rank - 1);
  for (int64_t i = to_last ? first + 1 : first; i < (to_last ? rank : rank - 1); ++i) {
    order.push_back(i);
  }
  if (to_last) order.push_back(first);
  return b.transpose(x, std::move(order));
}

// The input's convolution for all steps at once: [B, T, spatial..., C] -> [B, T, spatial..., 4 f].
ValueId project_images(const Builder& b, ValueId x, ValueId kernel, ValueId bias,
                       const graph::Window& window) {
  const int64_t rank = b.rank(x);
  std::vector<TargetDim> merged = {TargetDim::inferred()};
  for (int64_t i = 2; i < rank; ++i) merged.push_back(TargetDim::copied(i));
  auto conv = std::make_shared<graph::Conv>();
  conv->window = window;
  const ValueId y = b.add1(std::move(conv), {b.reshape(x, merged), kernel, bias});
  std::vector<TargetDim> split = {TargetDim::copied(0, 1), TargetDim::copied(1, 1)};
  for (int64_t i = 1; i < rank - 1; ++i) split.push_back(TargetDim::copied(i));
  return b.reshape(y, std::move(split), x);
}

}  // namespace

RecurrentResult run_conv_lstm(LayerContext& layer, ValueId x, const RecurrentCall& call) {
  const Builder& b = layer.build();
  LayerContext& cell = layer.part("cell");
  const size_t spatial = num_spatial(layer);
  const auto rank = static_cast<int64_t>(spatial) + 3;
  if (b.rank(x) != rank) {
    layer.fail_invalid(
        fmt::format("its input is {}; expected {} dimensions", to_string(b.shape(x)), rank));
  }
  if (!call.initial.empty() && call.initial.size() != 2) {
    layer.fail_invalid(
        fmt::format("it is given {} initial states; expected 2", call.initial.size()));
  }
  const bool channels_first = is_channels_first(layer);
  if (channels_first) x = move_channels(b, x, 2, true);
  const graph::Window window = window_of(layer, spatial);
  const int64_t filters = layer.attributes().integer("filters");
  if (filters <= 0) layer.attributes().fail_key("filters", "a number above 0");
  const int64_t channels = b.known_dim(x, rank - 1);
  const ValueId kernel = cell.weight("kernel", kernel_shape(window, channels, 4 * filters));
  const ValueId recurrent =
      cell.weight("recurrent_kernel", kernel_shape(window, filters, 4 * filters));
  const ValueId bias =
      layer.attributes().boolean("use_bias", true) ? cell.weight("bias", {4 * filters}) : kNoValue;

  auto op = std::make_shared<graph::ConvLstm>();
  op->options.go_backwards = call.backwards;
  op->options.zero_output_for_mask = call.zero_masked;
  op->options.activation = activation_function(layer, "activation", "tanh");
  op->options.recurrent_activation = activation_function(layer, "recurrent_activation", "sigmoid");
  const auto state = [&](size_t i) {
    const ValueId given = call.state(i);
    return given != kNoValue && channels_first ? move_channels(b, given, 1, true) : given;
  };
  const std::vector<ValueId> results = b.add(
      op, {project_images(b, x, kernel, bias, window), recurrent, state(0), state(1), call.mask});
  const auto restored = [&](size_t i, int64_t axis) {
    return channels_first ? move_channels(b, results[i], axis, false) : results[i];
  };
  return {restored(0, 2), restored(1, 1), {restored(2, 1), restored(3, 1)}};
}

}  // namespace hornet::layers
