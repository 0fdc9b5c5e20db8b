// What is known of packed weights before there is a plan.
#pragma once

#include <cstddef>

#include "graph/graph.h"

namespace hornet::plan {

// About as many bytes as plans of `graph` will pack, rather too few: those of the matrices and
// kernels of products, convolutions and recurrences. They need no data yet.
size_t estimate_packed_bytes(const graph::Graph& graph);

}  // namespace hornet::plan
