// The calls of a Functional model's layers, in the spellings of Keras 1, 2 and 3.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "keras/model_config.h"

namespace hornet::keras {

enum class CallDialect { kNone, kKeras2, kKeras3 };

// Fills `layer.calls` from the `inbound_nodes` of its object. `layer_names` are those of the model:
// Keras 2 writes a tensor as a list that starts with one. Returns the dialect of the nodes, kNone
// where there are none.
CallDialect parse_calls(const Value& inbound_nodes,
                        const std::unordered_set<std::string>& layer_names, LayerConfig& layer);

// The TensorRefs of `input_layers` or `output_layers`, in their nesting.
Value parse_model_tensors(const Value& nested);

// Calls `visit` for each TensorRef in the nesting.
void for_each_ref(Value& nested, const std::function<void(TensorRef&)>& visit);
void for_each_ref(LayerConfig& layer, const std::function<void(TensorRef&)>& visit);

}  // namespace hornet::keras
