// How many rows one plan execution should compute.
#pragma once

#include <functional>

#include "base/cpu.h"
#include "graph/graph.h"
#include "plan/plan.h"

namespace hornet::plan {

inline constexpr int64_t kMaxBatchSize = 384;

// A power of two, the same for the same graph and cache. The arena of one worker should stay in the
// L2 cache; but products with constant weights want enough rows at once to reuse the weights they
// load, so models whose work is mostly in such products with few rows get at least that many.
// `plan_for(n)` compiles, or finds, the plan for n rows.
int64_t choose_batch_size(const std::function<const Plan&(int64_t)>& plan_for,
                          const graph::Graph& graph, const CacheSizes& caches);

}  // namespace hornet::plan
