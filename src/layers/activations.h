// Activations given by name, by function object or as a layer inside a layer.
#pragma once

#include <optional>
#include <string_view>

#include "layers/lowering.h"

namespace hornet::layers {

// The elementwise activation Keras knows under `name`; nothing for those over an axis (softmax) and
// unknown names.
std::optional<UnaryFunction> elementwise_activation(std::string_view name);

// The function of an activation layer, given as in a config; nothing for other layers and for those
// over an axis or with weights.
std::optional<UnaryFunction> elementwise_layer(const keras::Dict& object);

// Applies the activation in attribute `key` of `layer` (null: none) to x.
ValueId activate(LayerContext& layer, std::string_view key, ValueId x);
// The same, by name; the error names `layer`.
ValueId activate_by_name(LayerContext& layer, std::string_view name, ValueId x);

// The first half of `axis`, scaled by a gate that is the second.
ValueId gated_linear_unit(const LayerContext& layer, ValueId x, int64_t axis);

ValueId sparsemax(const Builder& b, ValueId x, int64_t axis);

// The activation in attribute `key` (null: none; no such key: `absent`), for operators that apply
// it themselves; nothing where it is not elementwise.
std::optional<UnaryFunction> find_activation_function(const LayerContext& layer,
                                                      std::string_view key,
                                                      std::string_view absent);
// The same; Error(kUnsupported) where it is of another kind.
UnaryFunction activation_function(const LayerContext& layer, std::string_view key,
                                  std::string_view absent);

}  // namespace hornet::layers
