// The order in which Keras runs the calls of a Functional model.
#pragma once

#include <cstddef>
#include <vector>

#include "keras/model_config.h"

namespace hornet::layers {

struct CallRef {
  size_t layer, call;  // indices into ModelConfig::layers and LayerConfig::calls
};

// By depth, that is the longest way to an output, the deepest first; calls of one depth in the
// order in which Keras's walk from the outputs meets them. The order shows where a call changes
// what another one sees: MultiHeadAttention removes the masks of its inputs. Calls that no output
// needs come last, in the order of the file. InputLayers, which are not called, are left out.
std::vector<CallRef> execution_order(const keras::ModelConfig& model);

}  // namespace hornet::layers
