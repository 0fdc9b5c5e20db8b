#include "graph/rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace hornet::graph {

std::optional<std::string> find_row_mixing(const Graph& graph, const TypesByRows& types) {
  const auto& [few, more] = types;
  for (const ValueId id : graph.outputs()) {
    const Shape& shape = few[static_cast<size_t>(id)].shape;
    Shape expected = shape;
    if (!expected.empty()) expected[0] = TypesByRows::kMore;
    if (shape.empty() || shape[0] != TypesByRows::kFew ||
        more[static_cast<size_t>(id)].shape != expected) {
      return fmt::format("it does not give one output row for each input row (for {} rows, {})",
                         TypesByRows::kFew, hornet::to_string(shape));
    }
  }
  const std::vector<bool> live = graph.live_nodes();
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    if (!live[n]) continue;
    const Node& node = graph.nodes()[n];
    std::vector<TensorType> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? TensorType{} : few[static_cast<size_t>(id)]);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      const Shape& larger = more[static_cast<size_t>(node.inputs[i])].shape;
      for (size_t axis = 0; axis < larger.size(); ++axis) {
        if (inputs[i].shape[axis] == larger[axis] || !node.op->mixes(i, axis, inputs)) continue;
        return fmt::format("{} computes across rows ({} along dimension {})", node.layer,
                           node.op->name(), axis);
      }
    }
  }
  return std::nullopt;
}

bool moves_rows(const Graph& graph, const TypesByRows& types) {
  const auto& [few, more] = types;
  const std::vector<bool> live = graph.live_nodes();
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    if (!live[n]) continue;
    for (const ValueId id : graph.nodes()[n].outputs) {
      if (id == kNoValue) continue;
      const Shape &a = few[static_cast<size_t>(id)].shape, &b = more[static_cast<size_t>(id)].shape;
      if (!a.empty() && !std::equal(a.begin() + 1, a.end(), b.begin() + 1, b.end())) return true;
    }
  }
  return false;
}

}  // namespace hornet::graph
