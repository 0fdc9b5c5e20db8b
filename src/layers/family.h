// What the files of layer families share.
#pragma once

#include <fmt/format.h>

#include "layers/activations.h"
#include "layers/lowering.h"

namespace hornet::layers {

// The only tensor of a call; Error(kInvalidModel) where there is none.
inline Symbol input_of(const LayerContext& layer, const CallArguments& call) {
  const Symbols tensors = call.tensors();
  if (tensors.empty()) layer.fail_invalid("it is called without an input");
  return tensors[0];
}

inline Symbols one(ValueId value, ValueId mask = kNoValue) { return {{value, mask}}; }

// The weight "bias", where the layer uses one.
inline ValueId bias_of(LayerContext& layer, int64_t size) {
  return layer.attributes().boolean("use_bias", true) ? layer.weight("bias", {size}) : kNoValue;
}

inline bool is_channels_first(const LayerContext& layer) {
  return layer.attributes().choice("data_format", "channels_last",
                                   {"channels_last", "channels_first"}) == "channels_first";
}

// x with channels last, for the lowering of layers that have a data_format.
inline ValueId spatial_input(const LayerContext& layer, const CallArguments& call,
                             size_t num_spatial) {
  const Builder& b = layer.build();
  const ValueId x = input_of(layer, call).value;
  if (b.shape(x).size() != num_spatial + 2) {
    layer.fail_invalid(fmt::format("its input is {}; expected {} dimensions", to_string(b.shape(x)),
                                   num_spatial + 2));
  }
  return is_channels_first(layer) ? to_channels_last(b, x) : x;
}

// The inverse, for the result.
inline ValueId spatial_output(const LayerContext& layer, ValueId x) {
  return is_channels_first(layer) ? to_channels_first(layer.build(), x) : x;
}

}  // namespace hornet::layers
