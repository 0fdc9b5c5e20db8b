#include "plan/batch_size.h"

#include <algorithm>

#include "graph/ops/contraction.h"
#include "graph/ops/recurrent.h"
#include "plan/row_by_row.h"

namespace hornet::plan {
namespace {

// Rows that the products of this node have for one row of the data; nullopt for other nodes.
std::optional<int64_t> product_rows(const graph::Graph& graph, const graph::Node& node) {
  const graph::Op* op = node.op.get();
  const Shape& input = graph.type(node.inputs[0]).shape;
  if (dynamic_cast<const graph::Contraction*>(op) != nullptr) {
    int64_t rows = 1;
    for (size_t i = 1; i + 1 < input.size(); ++i) rows *= std::max<int64_t>(input[i], 1);
    return rows;
  }
  return graph::is_recurrent(*op) ? std::optional<int64_t>(1) : std::nullopt;
}

// Rows that products with these weights want: whole tiles (simd/gemm.cpp: of 6 rows with AVX2, of
// at most 14 with AVX-512) where weights stay in the cache, as many as make up for loading the
// weights again each time where they do not.
int64_t wanted_rows(const graph::Graph& graph, const graph::Node& node, const CacheSizes& caches) {
  constexpr int64_t kTiles = 12, kMany = 36;
  size_t bytes = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const graph::ValueId id = node.inputs[i];
    if (id == graph::kNoValue || !graph.value(id).is_constant) continue;
    if (i >= graph::kProjectionInput && graph::is_recurrent(*node.op)) continue;  // of many steps
    bytes += graph::storage_bytes(graph.type(id));
  }
  return bytes <= caches.l2_bytes / 2 ? kTiles : kMany;
}

// Floating point operations of a node for one row, as far as its shapes are known.
double flops_of(const graph::Graph& graph, const graph::Node& node) {
  std::vector<graph::TensorType> inputs, outputs;
  const auto known = [&](graph::ValueId id) {
    graph::TensorType type = id == graph::kNoValue ? graph::TensorType{} : graph.type(id);
    for (int64_t& dim : type.shape) dim = std::max<int64_t>(dim, 1);
    return type;
  };
  for (const graph::ValueId id : node.inputs) inputs.push_back(known(id));
  for (const graph::ValueId id : node.outputs) outputs.push_back(known(id));
  return node.op->flops(inputs, outputs);
}

}  // namespace

int64_t choose_batch_size(const std::function<const Plan&(int64_t)>& plan_for,
                          const graph::Graph& graph, const CacheSizes& caches, bool row_by_row) {
  constexpr double kImportantShare = 0.2;  // of all operations
  double all = 0, starved = 0;
  int64_t wanted = 1;  // rows of the data
  for (const graph::Node& node : graph.nodes()) {
    const double flops = flops_of(graph, node);
    all += flops;
    const auto rows = product_rows(graph, node);
    if (!rows) continue;
    const int64_t wanted_of_node = wanted_rows(graph, node, caches);
    if (*rows >= wanted_of_node) continue;
    starved += flops;
    wanted = std::max(wanted, (wanted_of_node + *rows - 1) / *rows);
  }
  int64_t batch = 1;
  if (starved > kImportantShare * all) batch = std::min(wanted, kMaxBatchSize);
  const auto io_bytes = [](const Plan& plan) {
    size_t bytes = 0;
    for (const auto& type : plan.input_types()) bytes += graph::storage_bytes(type);
    for (const auto& type : plan.output_types()) bytes += graph::storage_bytes(type);
    return bytes;
  };
  if (row_by_row) {
    // A worker may hold so much of inputs and outputs, which are for all rows at once.
    constexpr size_t kMostBytes = size_t{16} << 20;
    const size_t row_bytes = io_bytes(plan_for(1));
    while (2 * batch <= kRowsAfterRowByRow &&
           2 * static_cast<size_t>(batch) * row_bytes <= kMostBytes) {
      batch *= 2;
    }
  }
  const auto fits = [&](int64_t rows) {
    const Plan& plan = plan_for(rows);
    return plan.arena_bytes() + io_bytes(plan) <= caches.l2_bytes / 2;
  };
  while (2 * batch <= kMaxBatchSize && fits(2 * batch)) batch *= 2;
  return batch;
}

}  // namespace hornet::plan
