#include "plan/row_by_row.h"

#include <algorithm>

#include "base/check.h"
#include "graph/ops/recurrent.h"
#include "kernels/pair.h"

namespace hornet::plan {

using graph::kNoValue;
using graph::TensorType;
using graph::ValueId;

namespace {

std::vector<TensorType> types_for(const graph::Graph& graph, std::vector<Shape> shapes,
                                  int64_t rows) {
  for (Shape& shape : shapes) shape.insert(shape.begin(), rows);
  return graph.infer_types_for(shapes);
}

// What a node reads and computes for one row.
struct Cost {
  double values = 0, weights = 0, flops = 0;  // bytes, bytes, operations
};

Cost cost_of(const graph::Graph& graph, const graph::Node& node,
             const std::vector<TensorType>& types) {
  Cost cost;
  std::vector<TensorType> inputs, outputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? TensorType{} : types[static_cast<size_t>(id)]);
    if (id == kNoValue) continue;
    (graph.value(id).is_constant ? cost.weights : cost.values) +=
        static_cast<double>(graph::storage_bytes(inputs.back()));
  }
  for (const ValueId id : node.outputs) {
    outputs.push_back(id == kNoValue ? TensorType{} : types[static_cast<size_t>(id)]);
    if (id != kNoValue) cost.values += static_cast<double>(graph::storage_bytes(outputs.back()));
  }
  cost.flops = node.op->flops(inputs, outputs);
  if (node.op->name() == "reshape") cost.values = 0;  // no step
  return cost;
}

// Whether a value has one row for each row of the data.
bool goes_by_rows(const TensorType& one, const TensorType& many) {
  if (one.shape.empty() || one.shape.front() != 1) return false;
  Shape expected = one.shape;
  expected.front() = kRowsAfterRowByRow;
  return many.shape == expected;
}

}  // namespace

std::optional<ValueId> value_between(const graph::Graph& graph, int node) {
  const auto& nodes = graph.nodes();
  std::vector<bool> before(graph.values().size());
  for (const ValueId id : graph.inputs()) before[static_cast<size_t>(id)] = true;
  for (int i = 0; i < node; ++i) {
    for (const ValueId id : nodes[static_cast<size_t>(i)].outputs) {
      if (id != kNoValue) before[static_cast<size_t>(id)] = true;
    }
  }
  std::optional<ValueId> found;
  const auto is_other = [&](ValueId id) {
    if (id == kNoValue || !before[static_cast<size_t>(id)]) return false;
    if (!found) found = id;
    return found != id;
  };
  for (size_t i = static_cast<size_t>(node); i < nodes.size(); ++i) {
    if (std::any_of(nodes[i].inputs.begin(), nodes[i].inputs.end(), is_other)) return std::nullopt;
  }
  for (const ValueId id : graph.outputs()) {
    if (before[static_cast<size_t>(id)]) return std::nullopt;
  }
  return found;
}

int count_nodes_row_by_row(const graph::Graph& graph, const std::vector<Shape>& row_shapes,
                           const CacheSizes& caches) {
  const std::vector<TensorType> one = types_for(graph, row_shapes, 1);
  const std::vector<TensorType> many = types_for(graph, row_shapes, kRowsAfterRowByRow);
  const auto l2 = static_cast<double>(caches.l2_bytes);
  constexpr auto kRows = static_cast<double>(kRowsAfterRowByRow);
  // A weight that is multiplied with more rows than that is there before it is needed.
  constexpr double kFewProducts = 100;
  // Where values of several rows do not stay in the cache, about half of them are loaded again.
  constexpr double kLoadedAgain = 0.5;
  // Bytes that cost as much time as an operation, and what is worth an effort.
  constexpr double kBytesOfOperation = 0.1, kWorthwhile = 0.01;

  const auto& nodes = graph.nodes();
  double saved = 0, flops = 0;  // by all nodes from i on, in bytes a row
  double best_saved = 0;
  int best = 0;
  std::vector<Cost> costs;
  for (const graph::Node& node : nodes) costs.push_back(cost_of(graph, node, one));
  const auto has_large_images = [&](const Cost& cost) { return 2 * cost.values > l2 / 2; };
  if (std::none_of(costs.begin(), costs.end(), has_large_images)) return 0;
  // Steps of recurrent layers are products with one row for each row of the data: never one by one.
  const auto first_recurrent = std::find_if(
      nodes.begin(), nodes.end(), [](const graph::Node& n) { return graph::is_recurrent(*n.op); });
  for (int i = static_cast<int>(nodes.size()) - 1; i > 0; --i) {
    const Cost& cost = costs[static_cast<size_t>(i)];
    flops += cost.flops;
    const double products = 2 * cost.flops / std::max(cost.weights, 1.0);  // of each weight
    if (products < kFewProducts) saved += cost.weights * (1 - 1 / kRows);
    if (cost.values * kRows > l2) saved -= kLoadedAgain * cost.values;
    const auto node = nodes.begin() + i;
    if (node > first_recurrent || saved <= best_saved ||
        kernels::may_be_pair(*(node - 1)->op, *node->op)) {
      continue;
    }
    const std::optional<ValueId> between = value_between(graph, i);
    if (!between ||
        !goes_by_rows(one[static_cast<size_t>(*between)], many[static_cast<size_t>(*between)])) {
      continue;
    }
    best_saved = saved;
    best = i;
  }
  flops += costs.empty() ? 0 : costs[0].flops;
  const bool large_images = std::any_of(costs.begin(), costs.begin() + best, has_large_images);
  return large_images && best_saved > kWorthwhile * kBytesOfOperation * flops ? best : 0;
}

}  // namespace hornet::plan
