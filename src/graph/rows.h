// Whether a Graph computes each row by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace hornet::graph {

// The types of all values for two numbers of rows: dimensions that differ grow with rows.
struct TypesByRows {
  static constexpr int64_t kFew = 2, kMore = 3;
  std::vector<TensorType> few, more;
};

// Why outputs are not one row for each row of the inputs, computed from that row alone: a layer
// that works across rows, an output of another size; nothing where rows can be predicted apart.
// The dimensions that grow with rows are followed through the operators; what is picked by computed
// places (scatter) is not.
std::optional<std::string> find_row_mixing(const Graph& graph, const TypesByRows& types);

// Whether a value has its rows along another dimension than the first, as a transposed one has.
// Kernels give a row the same bits in any batch where rows lie along the first dimension; other
// models are to be computed row by row.
bool moves_rows(const Graph& graph, const TypesByRows& types);

}  // namespace hornet::graph
