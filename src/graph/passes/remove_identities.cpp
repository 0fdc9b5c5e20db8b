#include <algorithm>

#include "graph/dims.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/reduction.h"
#include "graph/ops/shape.h"
#include "graph/passes/pass.h"

namespace hornet::graph {
namespace {

bool all_zero(const std::vector<int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 0; });
}

bool is_identity_permutation(const std::vector<int64_t>& order) {
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

// The reshaped dimensions are those of the input, whatever the unknown ones turn out to be.
bool keeps_shape(const Reshape& reshape, const Shape& input) {
  if (reshape.target.size() != input.size()) return false;
  int unclear = 0;
  for (size_t i = 0; i < input.size(); ++i) {
    const TargetDim& dim = reshape.target[i];
    const bool same = (dim.kind == TargetDim::Kind::kFixed && dim.value == input[i]) ||
                      (dim.kind == TargetDim::Kind::kCopied && dim.input == 0 &&
                       dim.value == static_cast<int64_t>(i));
    if (same) continue;
    if (dim.kind != TargetDim::Kind::kInferred) return false;
    ++unclear;
  }
  return unclear <= 1;
}

bool has_no_effect(const Graph& graph, const Node& node) {
  const TensorType& input = graph.type(node.inputs[0]);
  const Op* op = node.op.get();
  if (const auto* unary = dynamic_cast<const Unary*>(op)) return unary->function.is_identity();
  if (const auto* cast = dynamic_cast<const Cast*>(op)) {
    return storage_dtype(cast->dtype) == storage_dtype(input.dtype);
  }
  if (const auto* transpose = dynamic_cast<const Transpose*>(op)) {
    return is_identity_permutation(transpose->permutation);
  }
  if (const auto* pad = dynamic_cast<const Pad*>(op)) {
    return all_zero(pad->before) && all_zero(pad->after);
  }
  if (const auto* reshape = dynamic_cast<const Reshape*>(op)) {
    return keeps_shape(*reshape, input.shape);
  }
  if (const auto* slice = dynamic_cast<const Slice*>(op)) {
    return std::all_of(slice->ranges.begin(), slice->ranges.end(),
                       [](const Slice::Range& r) { return !r.start && !r.stop && r.step == 1; });
  }
  if (const auto* concat = dynamic_cast<const Concat*>(op); concat != nullptr) {
    return node.inputs.size() == 1;
  }
  if (const auto* reduce = dynamic_cast<const Reduce*>(op)) {
    return reduce->axes.empty() && reduce->kind != ReduceKind::all &&
           reduce->kind != ReduceKind::any;
  }
  return false;
}

// transpose(transpose(x)) becomes one, or none.
bool merge_transposes(Graph& graph, const std::vector<int>& producers, Node& node) {
  const auto* outer = dynamic_cast<const Transpose*>(node.op.get());
  if (outer == nullptr) return false;
  const int producer = producers[static_cast<size_t>(node.inputs[0])];
  if (producer < 0) return false;
  const Node& before = graph.nodes()[static_cast<size_t>(producer)];
  const auto* inner = dynamic_cast<const Transpose*>(before.op.get());
  if (inner == nullptr) return false;
  std::vector<int64_t> order;
  for (const int64_t axis : outer->permutation) {
    order.push_back(inner->permutation[static_cast<size_t>(axis)]);
  }
  node.op = std::make_shared<Transpose>(order);
  node.inputs[0] = before.inputs[0];
  return true;
}

}  // namespace

bool remove_identities(Graph& graph, const PassContext&) {
  bool changed = false;
  const std::vector<int> producers = graph.producers();
  const std::vector<int> uses = graph.use_counts();
  for (Node& node : graph.mutable_nodes()) {
    if (node.inputs.empty() || node.inputs[0] == kNoValue) continue;
    if (merge_transposes(graph, producers, node)) changed = true;
    if (node.outputs[0] == kNoValue || !has_no_effect(graph, node)) continue;
    if (uses[static_cast<size_t>(node.outputs[0])] == 0) continue;
    graph.replace_uses(node.outputs[0], node.inputs[0]);
    changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
