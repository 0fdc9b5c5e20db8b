// Rewrites of a Graph that keep its meaning. One file a pass; the list is in pass.cpp.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/ops/elementwise.h"

namespace hornet::graph {

// Computes a node whose inputs are all constant; given by whoever knows the kernels.
using Evaluator =
    std::function<std::vector<Tensor>(const Node& node, const std::vector<const Tensor*>& inputs)>;

struct PassContext {
  Evaluator evaluate;
  // Whether operators compute a function behind their own as fast as it is alone: others are left
  // where they are, for they would make the whole operator slow. Empty: all.
  std::function<bool(const UnaryFunction& function)> may_be_epilogue = {};
};

struct Pass {
  std::string_view name;
  // True when the graph changed.
  bool (*run)(Graph& graph, const PassContext& context);
};

struct PassReport {
  std::string_view name;
  int changes = 0;  // rounds in which the pass changed the graph
  double seconds = 0;
};

// Passes in the order they run.
const std::vector<Pass>& all_passes();

// Runs the passes until none changes the graph, checking its invariants after each. Passes named in
// `disabled` are left out.
std::vector<PassReport> run_passes(Graph& graph, const PassContext& context,
                                   const std::vector<std::string_view>& disabled = {});

bool fold_constants(Graph& graph, const PassContext& context);
bool remove_identities(Graph& graph, const PassContext& context);
bool fuse_padding(Graph& graph, const PassContext& context);
bool fold_scale(Graph& graph, const PassContext& context);
bool fuse_projection(Graph& graph, const PassContext& context);
bool fuse_epilogue(Graph& graph, const PassContext& context);

}  // namespace hornet::graph
