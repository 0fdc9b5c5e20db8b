// What is known of packed weights before there is a plan.
#pragma once

#include <cstddef>

#include "graph/graph.h"

namespace hornet::plan {

// About as many bytes as plans of `graph` will pack, rather too few: those of the matrices and
// kernels of products, convolutions and recurrences. They need no data yet; `most` is what there
// can be of it at all.
size_t estimate_packed_bytes(const graph::Graph& graph, size_t most);

}  // namespace hornet::plan
