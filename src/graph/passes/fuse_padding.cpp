#include "graph/ops/convolution.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/pooling.h"
#include "graph/ops/shape.h"
#include "graph/passes/epilogue.h"
#include "graph/passes/pass.h"

namespace hornet::graph {
namespace {

bool pads_spatial_zeros_only(const Pad& pad) {
  if (pad.mode != PadMode::kConstant || pad.value != 0) return false;
  const size_t rank = pad.before.size();
  for (size_t i = 0; i < rank; ++i) {
    const bool spatial = i > 0 && i + 1 < rank;
    if (pad.before[i] < 0 || pad.after[i] < 0) return false;
    if (!spatial && (pad.before[i] != 0 || pad.after[i] != 0)) return false;
  }
  return true;
}

// Fast kernels want every window to cover some cell of the image.
bool is_wider_than_window(const Window& window) {
  for (size_t i = 0; i < window.size.size(); ++i) {
    const int64_t extent = (window.size[i] - 1) * window.dilations[i] + 1;
    if (window.pads_begin[i] >= extent || window.pads_end[i] >= extent) return true;
  }
  return false;
}

bool is_nonnegative(const UnaryFunction& function) {
  using enum UnaryKind;
  switch (function.kind) {
    case relu:
    case relu6:
    case sigmoid:
    case softplus:
    case exponential:
    case abs:
    case square:
      return true;
    default:
      return false;
  }
}

// Whether what this node gives is never below zero.
bool gives_nonnegative(const Node& node) {
  if (const auto* unary = dynamic_cast<const Unary*>(node.op.get())) {
    return is_nonnegative(unary->function);
  }
  const Epilogue* epilogue = epilogue_of(*node.op);
  return epilogue != nullptr && is_nonnegative(epilogue->activation);
}

// `window` with the zeros around the image as its padding.
Window with_padding(const Window& window, const Pad& pad) {
  Window padded = window;
  padded.padding = Padding::kExplicit;
  const size_t spatial = window.size.size();
  padded.pads_begin.resize(spatial, 0);
  padded.pads_end.resize(spatial, 0);
  for (size_t i = 0; i < spatial; ++i) {
    padded.pads_begin[i] += pad.before[i + 1];
    padded.pads_end[i] += pad.after[i + 1];
  }
  return padded;
}

bool has_own_padding(const Window& window) {
  return window.padding != Padding::kValid && window.padding != Padding::kExplicit;
}

// The operator with the padding before it as its own; null where that is not the same. Maxima leave
// padding out, which makes no difference beside numbers that are not below zero.
std::shared_ptr<Op> with_padding(const Op& op, const Pad& pad, bool nonnegative) {
  const auto padded = [&]<class T>(const T& windowed) -> std::shared_ptr<Op> {
    if (has_own_padding(windowed.window)) return nullptr;
    auto copy = std::make_shared<T>(windowed);
    copy->window = with_padding(windowed.window, pad);
    return is_wider_than_window(copy->window) ? nullptr : copy;
  };
  if (const auto* conv = dynamic_cast<const Conv*>(&op)) return padded(*conv);
  const auto* pool = dynamic_cast<const Pool*>(&op);
  if (pool == nullptr || pool->kind != PoolKind::kMax || !nonnegative) return nullptr;
  return padded(*pool);
}

}  // namespace

bool fuse_padding(Graph& graph, const PassContext&) {
  bool changed = false;
  const std::vector<int> producers = graph.producers();
  const auto producer_of = [&](ValueId id) -> const Node* {
    const int index = producers[static_cast<size_t>(id)];
    return index < 0 ? nullptr : &graph.nodes()[static_cast<size_t>(index)];
  };
  for (Node& node : graph.mutable_nodes()) {
    if (node.inputs.empty() || node.inputs[0] == kNoValue) continue;
    const Node* before = producer_of(node.inputs[0]);
    const auto* pad = before == nullptr ? nullptr : dynamic_cast<const Pad*>(before->op.get());
    if (pad == nullptr || !pads_spatial_zeros_only(*pad)) continue;
    const Node* padded = producer_of(before->inputs[0]);
    const auto fused =
        with_padding(*node.op, *pad, padded != nullptr && gives_nonnegative(*padded));
    if (fused == nullptr) continue;
    node.op = fused;
    node.inputs[0] = before->inputs[0];
    changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
