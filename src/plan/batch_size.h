// How many rows one plan execution should compute.
#pragma once

#include <functional>

#include "base/cpu.h"
#include "graph/graph.h"
#include "plan/plan.h"

namespace hornet::plan {

inline constexpr int64_t kMaxBatchSize = 384;  // 12, which most products want, doubled five times

// The same for the same graph, caches and instruction set. The arena of one worker should stay in
// the L2 cache: as many rows as that allows, doubled from 1 on. But products with constant weights
// want enough rows at once to reuse the weights they load, so models whose work is mostly in such
// products with few rows begin with as many as those want.
// With `row_by_row` plans compute their first nodes so, and the others for kRowsAfterRowByRow rows,
// fewer where inputs are very large. `plan_for(n)` compiles, or finds, the plan for n rows.
int64_t choose_batch_size(const std::function<const Plan&(int64_t)>& plan_for,
                          const graph::Graph& graph, const CacheSizes& caches,
                          bool row_by_row = false);

}  // namespace hornet::plan
