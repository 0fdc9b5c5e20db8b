#include "layers/call_order.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace hornet::layers {
namespace {

// Depth first, dicts by their sorted keys.
void collect_refs(const keras::Value& value, std::vector<keras::TensorRef>& refs) {
  if (const auto* ref = value.get_if<keras::TensorRef>()) {
    refs.push_back(*ref);
  } else if (const auto* list = value.get_if<keras::List>()) {
    for (const keras::Value& item : *list) collect_refs(item, refs);
  } else if (const auto* dict = value.get_if<keras::Dict>()) {
    std::map<std::string_view, const keras::Value*> sorted;
    for (const auto& [key, item] : *dict) sorted[key] = &item;
    for (const auto& [key, item] : sorted) collect_refs(*item, refs);
  }
}

// The calls as numbered nodes, each with the nodes that its arguments come from. References to
// nothing are left out here; running the calls reports them.
struct CallGraph {
  std::vector<CallRef> nodes;
  std::vector<std::vector<size_t>> parents;
  std::vector<size_t> outputs;
};

CallGraph call_graph(const keras::ModelConfig& model) {
  CallGraph graph;
  std::unordered_map<std::string_view, size_t> layers;
  std::vector<size_t> first_node;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    layers[model.layers[i].name] = i;
    first_node.push_back(graph.nodes.size());
    const size_t num_calls = std::max<size_t>(model.layers[i].calls.size(), 1);
    for (size_t k = 0; k < num_calls; ++k) graph.nodes.push_back({i, k});
  }
  first_node.push_back(graph.nodes.size());
  const auto nodes_of = [&](const std::vector<keras::TensorRef>& refs) {
    std::vector<size_t> nodes;
    for (const keras::TensorRef& ref : refs) {
      const auto layer = layers.find(ref.layer);
      if (layer == layers.end() || ref.call < 0) continue;
      const size_t count = first_node[layer->second + 1] - first_node[layer->second];
      if (static_cast<size_t>(ref.call) >= count) continue;
      nodes.push_back(first_node[layer->second] + static_cast<size_t>(ref.call));
    }
    return nodes;
  };
  for (const CallRef& node : graph.nodes) {
    std::vector<keras::TensorRef> refs;
    const keras::LayerConfig& layer = model.layers[node.layer];
    if (node.call < layer.calls.size()) {
      for (const keras::Value& value : layer.calls[node.call].args) collect_refs(value, refs);
      collect_refs(keras::Value(layer.calls[node.call].kwargs), refs);
    }
    graph.parents.push_back(nodes_of(refs));
  }
  std::vector<keras::TensorRef> outputs;
  collect_refs(model.outputs, outputs);
  graph.outputs = nodes_of(outputs);
  return graph;
}

// Each node behind its parents, as a depth-first walk from the outputs leaves them.
std::vector<size_t> parents_first(const CallGraph& graph) {
  enum class State : char { kNew, kOpen, kDone };
  struct Visit {
    size_t node, next_parent;
  };
  std::vector<State> states(graph.nodes.size(), State::kNew);
  std::vector<size_t> order;
  std::vector<Visit> open;
  const auto enter = [&](size_t node) {
    if (states[node] != State::kNew) return;
    states[node] = State::kOpen;
    open.push_back({node, 0});
  };
  for (const size_t output : graph.outputs) {
    enter(output);
    while (!open.empty()) {
      Visit& visit = open.back();
      const std::vector<size_t>& parents = graph.parents[visit.node];
      if (visit.next_parent < parents.size()) {
        enter(parents[visit.next_parent++]);
        continue;
      }
      states[visit.node] = State::kDone;
      order.push_back(visit.node);
      open.pop_back();
    }
  }
  return order;
}

}  // namespace

std::vector<CallRef> execution_order(const keras::ModelConfig& model) {
  const CallGraph graph = call_graph(model);
  const std::vector<size_t> walked = parents_first(graph);

  constexpr int64_t kNoDepth = -1;
  std::vector<int64_t> depths(graph.nodes.size(), kNoDepth);
  std::vector<int64_t> layer_depths(model.layers.size(), 0);
  std::vector<size_t> met;  // nodes in the order in which they are given a depth
  const auto deepen = [&](size_t node, int64_t depth) {
    if (depths[node] == kNoDepth) met.push_back(node);
    depths[node] = std::max(depths[node], depth);
  };
  for (auto node = walked.rbegin(); node != walked.rend(); ++node) {
    deepen(*node, 0);
    // All calls of a layer are as deep as the deepest of those met before.
    int64_t& layer_depth = layer_depths[graph.nodes[*node].layer];
    depths[*node] = layer_depth = std::max(depths[*node], layer_depth);
    for (const size_t parent : graph.parents[*node]) deepen(parent, depths[*node] + 1);
  }
  std::stable_sort(met.begin(), met.end(),
                   [&](size_t a, size_t b) { return depths[a] > depths[b]; });
  for (size_t node = 0; node < graph.nodes.size(); ++node) {
    if (depths[node] == kNoDepth) met.push_back(node);
  }
  std::vector<CallRef> order;
  for (const size_t node : met) {
    const CallRef& ref = graph.nodes[node];
    if (ref.call < model.layers[ref.layer].calls.size()) order.push_back(ref);
  }
  return order;
}

}  // namespace hornet::layers
