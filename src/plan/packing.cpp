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

size_t estimate_packed_bytes(const graph::Graph& graph, size_t most) {
  std::unordered_set<graph::ValueId> counted;
  double bytes = 0;  // a config may claim any size
  for (const graph::Node& node : graph.nodes()) {
    if (!is_one_of<graph::Contraction, graph::Conv, graph::ConvTranspose>(*node.op) &&
        !graph::is_recurrent(*node.op)) {
      continue;
    }
    const graph::ValueId weights = node.inputs[1];
    if (!graph.value(weights).is_constant || !counted.insert(weights).second) continue;
    const graph::TensorType& type = graph.type(weights);
    auto of_weights = static_cast<double>(size_of(graph::storage_dtype(type.dtype)));
    for (const int64_t size : type.shape) of_weights *= static_cast<double>(size);
    bytes += of_weights;
  }
  return bytes < static_cast<double>(most) ? static_cast<size_t>(bytes) : most;
}

}  // namespace hornet::plan
