// The user's layers as definitions of a registry.
#pragma once

#include <vector>

#include "hornet/custom_layer.h"
#include "layers/lowering.h"

namespace hornet::internal {

// Keras's layers and the given ones. Throws Error(kInvalidArgument) for a definition without a name
// or a function.
layers::Registry registry_with(const std::vector<CustomLayerDefinition>& custom_layers);

}  // namespace hornet::internal
