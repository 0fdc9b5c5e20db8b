// The weights of a model in one memory file, for worker processes to map.
#pragma once

#include <memory>

#include "base/memory_file.h"
#include "graph/graph.h"
#include "kernels/kernel.h"

namespace hornet::internal {

// Packed weights, and the constants of the graph that are worth sharing, sealed: nobody can change
// them. To be called when all plans that workers need are compiled.
std::unique_ptr<MemoryFile> share_weights(const graph::Graph& graph,
                                          kernels::PackedWeights& packed);

// Puts what another process shared in the place of this one's own. Both have lowered the same model
// in the same way: throws Error(kInternal) where a constant is of another type.
void adopt_weights(int descriptor, graph::Graph& graph, kernels::PackedWeights& packed);

}  // namespace hornet::internal
