// Which nodes of a graph are better computed row by row, and which for several rows at once.
#pragma once

#include <optional>

#include "base/cpu.h"
#include "graph/graph.h"

namespace hornet::plan {

// The one value by which nodes from `node` on depend on those before them, but for constants.
// Nothing where there are others, or graph outputs before `node`.
std::optional<graph::ValueId> value_between(const graph::Graph& graph, int node);

// Rows of one execution of a plan that computes its first nodes row by row.
inline constexpr int64_t kRowsAfterRowByRow = 8;

// So many nodes are better computed row by row, when those behind them are computed for
// kRowsAfterRowByRow rows at once; 0: all nodes are better computed for the same number of rows.
// Convolutional networks begin with large images, of which one fits into the cache, and end with
// products of few rows whose weights take longer to load than to multiply. `row_shapes` are those
// of the inputs for one row, without the dimension of the batch; the rows of the graph must not
// depend on each other. The result decides on speed alone.
int count_nodes_row_by_row(const graph::Graph& graph, const std::vector<Shape>& row_shapes,
                           const CacheSizes& caches);

}  // namespace hornet::plan
