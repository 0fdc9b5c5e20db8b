#include "graph/ops/convolution.h"
#include "graph/ops/shape.h"
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

}  // namespace

bool fuse_padding(Graph& graph, const PassContext&) {
  bool changed = false;
  const std::vector<int> producers = graph.producers();
  for (Node& node : graph.mutable_nodes()) {
    const auto* conv = dynamic_cast<const Conv*>(node.op.get());
    if (conv == nullptr ||
        (conv->window.padding != Padding::kValid && conv->window.padding != Padding::kExplicit)) {
      continue;
    }
    const int producer = producers[static_cast<size_t>(node.inputs[0])];
    if (producer < 0) continue;
    const Node& before = graph.nodes()[static_cast<size_t>(producer)];
    const auto* pad = dynamic_cast<const Pad*>(before.op.get());
    if (pad == nullptr || !pads_spatial_zeros_only(*pad)) continue;
    auto fused = std::make_shared<Conv>(*conv);
    const size_t spatial = conv->window.size.size();
    fused->window.padding = Padding::kExplicit;
    fused->window.pads_begin.resize(spatial, 0);
    fused->window.pads_end.resize(spatial, 0);
    for (size_t i = 0; i < spatial; ++i) {
      fused->window.pads_begin[i] += pad->before[i + 1];
      fused->window.pads_end[i] += pad->after[i + 1];
    }
    if (is_wider_than_window(fused->window)) continue;
    node.op = fused;
    node.inputs[0] = before.inputs[0];
    changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
