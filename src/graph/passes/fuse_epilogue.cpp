#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/passes/epilogue.h"
#include "graph/passes/pass.h"

// A residual addition and then an activation behind an operator with an Epilogue go into it.

namespace hornet::graph {

const Epilogue* epilogue_of(const Op& op) {
  if (const auto* conv = dynamic_cast<const Conv*>(&op)) return &conv->epilogue;
  if (const auto* contraction = dynamic_cast<const Contraction*>(&op)) {
    return &contraction->epilogue;
  }
  if (const auto* transpose = dynamic_cast<const ConvTranspose*>(&op)) return &transpose->epilogue;
  return nullptr;
}

namespace {

// A copy of `op` with another epilogue; nullptr for operators without one.
template <class T>
std::shared_ptr<Op> copy_with(const Op& op, const Epilogue& epilogue) {
  const auto* typed = dynamic_cast<const T*>(&op);
  if (typed == nullptr) return nullptr;
  auto copy = std::make_shared<T>(*typed);
  copy->epilogue = epilogue;
  return copy;
}

std::shared_ptr<Op> with_epilogue(const Op& op, const Epilogue& epilogue) {
  if (auto copy = copy_with<Conv>(op, epilogue)) return copy;
  if (auto copy = copy_with<Contraction>(op, epilogue)) return copy;
  return copy_with<ConvTranspose>(op, epilogue);
}

bool has_residual(const Node& node) { return node.inputs.size() > 3 && node.inputs[3] != kNoValue; }

// Equal for every batch: an unknown dimension other than the batch might turn out to be 1.
bool surely_equal(const Shape& a, const Shape& b) {
  if (a != b) return false;
  for (size_t i = 1; i < a.size(); ++i) {
    if (a[i] == kUnknownDim) return false;
  }
  return true;
}

bool fuse_residual(Graph& graph, Node& node, const std::vector<int>& producers,
                   const std::vector<int>& uses) {
  const auto* binary = dynamic_cast<const Binary*>(node.op.get());
  if (binary == nullptr || binary->kind != BinaryKind::add) return false;
  // The later of the two operands is fused, so that the other is there when it runs.
  int best = -1;
  for (int side = 0; side < 2; ++side) {
    const ValueId data = node.inputs[static_cast<size_t>(side)];
    const ValueId other = node.inputs[static_cast<size_t>(1 - side)];
    const int producer = producers[static_cast<size_t>(data)];
    if (producer < 0 || data == other || uses[static_cast<size_t>(data)] != 1) continue;
    const Node& before = graph.nodes()[static_cast<size_t>(producer)];
    const Epilogue* epilogue = epilogue_of(*before.op);
    if (epilogue == nullptr || !epilogue->activation.is_identity() || has_residual(before))
      continue;
    if (graph.value(other).is_constant) continue;
    if (!surely_equal(graph.type(data).shape, graph.type(other).shape)) continue;
    if (best < 0 ||
        producer > producers[static_cast<size_t>(node.inputs[static_cast<size_t>(best)])]) {
      best = side;
    }
  }
  if (best < 0) return false;
  const ValueId other = node.inputs[static_cast<size_t>(1 - best)];
  const Node before = graph.nodes()[static_cast<size_t>(
      producers[static_cast<size_t>(node.inputs[static_cast<size_t>(best)])])];
  node.op = with_epilogue(*before.op, Epilogue{binary->activation});
  node.inputs = before.inputs;
  node.inputs.resize(4, kNoValue);
  node.inputs[3] = other;
  node.layer = before.layer;
  return true;
}

bool fuse_activation(Graph& graph, Node& node, const std::vector<int>& producers,
                     const std::vector<int>& uses, const PassContext& context) {
  const auto* unary = dynamic_cast<const Unary*>(node.op.get());
  if (unary == nullptr || unary->function.is_identity()) return false;
  if (context.may_be_epilogue && !context.may_be_epilogue(unary->function)) return false;
  if (graph.type(node.inputs[0]).dtype != graph.type(node.outputs[0]).dtype) return false;
  const int producer = producers[static_cast<size_t>(node.inputs[0])];
  if (producer < 0 || uses[static_cast<size_t>(node.inputs[0])] != 1) return false;
  const Node before = graph.nodes()[static_cast<size_t>(producer)];
  if (const Epilogue* epilogue = epilogue_of(*before.op)) {
    if (!epilogue->activation.is_identity()) return false;
    node.op = with_epilogue(*before.op, Epilogue{unary->function});
  } else if (const auto* binary = dynamic_cast<const Binary*>(before.op.get())) {
    const bool arithmetic = binary->kind < BinaryKind::equal;
    if (!arithmetic || !binary->activation.is_identity()) return false;
    if (graph.type(node.inputs[0]).dtype != DType::kFloat32) return false;
    node.op = std::make_shared<Binary>(binary->kind, unary->function);
  } else {
    return false;
  }
  node.inputs = before.inputs;
  node.layer = before.layer;
  return true;
}

}  // namespace

bool fuse_epilogue(Graph& graph, const PassContext& context) {
  bool changed = false;
  // These stay right while nodes are fused: a fused node takes over the uses of the one before it,
  // which is dead from then on.
  const std::vector<int> producers = graph.producers();
  const std::vector<int> uses = graph.use_counts();
  for (Node& node : graph.mutable_nodes()) {
    if (fuse_residual(graph, node, producers, uses)) changed = true;
    if (fuse_activation(graph, node, producers, uses, context)) changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
