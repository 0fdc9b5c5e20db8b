// Whether a Graph computes each row by itself.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace hornet::graph {

// Why outputs are not one row for each row of the inputs, computed from that row alone: a layer
// that works across rows, an output of another size; nothing where rows can be predicted apart.
// `types_for` gives the types of all values for a number of rows. The dimensions that grow with it
// are followed through the operators; what is picked by computed places (scatter) is not.
std::optional<std::string> find_row_mixing(
    const Graph& graph, const std::function<std::vector<TensorType>(int64_t rows)>& types_for);

// Whether a value has its rows along another dimension than the first, as a transposed one has.
// Kernels give a row the same bits in any batch where rows lie along the first dimension; other
// models are to be computed row by row.
bool moves_rows(const Graph& graph,
                const std::function<std::vector<TensorType>(int64_t rows)>& types_for);

}  // namespace hornet::graph
