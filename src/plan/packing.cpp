#include "plan/packing.h"

#include <unordered_set>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/recurrent.h"

namespace hornet::plan {
namespace {

template <class... Ops>
bool is_one_of(const graph::Op& op) {
  return ((dynamic_cast<const Ops*>(&op) != nullptr) || ...);
}

}  // namespace

size_t estimate_packed_bytes(const graph::Graph& graph) {
  std::unordered_set<graph::ValueId> counted;
  size_t bytes = 0;
  for (const graph::Node& node : graph.nodes()) {
    if (!is_one_of<graph::Contraction, graph::Conv, graph::ConvTranspose>(*node.op) &&
        !graph::is_recurrent(*node.op)) {
      continue;
    }
    const graph::ValueId weights = node.inputs[1];
    if (!graph.value(weights).is_constant || !counted.insert(weights).second) continue;
    const graph::TensorType& type = graph.type(weights);
    bytes += num_bytes(graph::storage_dtype(type.dtype), type.shape);
  }
  return bytes;
}

}  // namespace hornet::plan
