#include <algorithm>

#include "graph/passes/pass.h"

namespace hornet::graph {

bool fold_constants(Graph& graph, const PassContext& context) {
  bool changed = false;
  // Nodes are in order, so constants that appear are seen by the nodes behind them.
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node node = graph.nodes()[i];
    const auto has_data = [&](ValueId id) {
      return id == kNoValue || (graph.value(id).is_constant && graph.value(id).data.has_value());
    };
    const bool computes_something = std::any_of(node.outputs.begin(), node.outputs.end(),
                                                [](ValueId id) { return id != kNoValue; });
    if (!computes_something || !std::all_of(node.inputs.begin(), node.inputs.end(), has_data)) {
      continue;
    }
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? nullptr : &graph.value(id).data->tensor());
    }
    std::vector<Tensor> results = context.evaluate(node, inputs);
    for (size_t k = 0; k < results.size(); ++k) {
      if (node.outputs[k] != kNoValue) graph.make_constant(node.outputs[k], std::move(results[k]));
    }
    changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
