#include "graph/ops/contraction.h"
#include "graph/ops/recurrent.h"
#include "graph/passes/pass.h"

// The projection of a recurrent layer's input goes into the loop over time, which then projects a
// few steps at a time: all of them together are often larger than a cache.

namespace hornet::graph {
namespace {

bool has_projection(const Node& node) {
  return node.inputs.size() > kProjectionInput && node.inputs[kProjectionInput] != kNoValue;
}

// Whether this gives x w + b with constant weights, and nothing else.
bool is_projection(const Graph& graph, const Node& node) {
  const auto* contraction = dynamic_cast<const Contraction*>(node.op.get());
  if (contraction == nullptr || !contraction->epilogue.activation.is_identity()) return false;
  if (node.inputs.size() > 3 && node.inputs[3] != kNoValue) return false;
  return graph.value(node.inputs[1]).is_constant &&
         graph.type(node.inputs[0]).dtype == graph.type(node.outputs[0]).dtype;
}

}  // namespace

bool fuse_projection(Graph& graph, const PassContext&) {
  bool changed = false;
  const std::vector<int> producers = graph.producers();
  const std::vector<int> uses = graph.use_counts();
  for (Node& node : graph.mutable_nodes()) {
    if (!is_recurrent(*node.op) || has_projection(node)) continue;
    const ValueId projected = node.inputs[0];
    const int producer = producers[static_cast<size_t>(projected)];
    if (producer < 0 || uses[static_cast<size_t>(projected)] != 1) continue;
    const Node& projection = graph.nodes()[static_cast<size_t>(producer)];
    if (!is_projection(graph, projection)) continue;
    node.inputs.resize(kProjectionInput + 2, kNoValue);
    node.inputs[0] = projection.inputs[0];
    node.inputs[kProjectionInput] = projection.inputs[1];
    if (projection.inputs.size() > 2) node.inputs[kProjectionInput + 1] = projection.inputs[2];
    changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
