#include "graph/passes/pass.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace hornet::graph {

const std::vector<Pass>& all_passes() {
  static const std::vector<Pass> kPasses = {
      {"fold_constants", fold_constants},        // arithmetic on weights alone
      {"remove_identities", remove_identities},  // casts, transposes, reshapes without effect
      {"fuse_padding", fuse_padding},            // zero padding into the convolution behind it
      {"fold_scale", fold_scale},            // batch-norm and biases into the weights before them
      {"fuse_epilogue", fuse_epilogue},      // residual additions and activations
      {"fuse_projection", fuse_projection},  // of inputs into the loop over time
  };
  return kPasses;
}

std::vector<PassReport> run_passes(Graph& graph, const PassContext& context,
                                   const std::vector<std::string_view>& disabled) {
  std::vector<PassReport> reports;
  for (const Pass& pass : all_passes()) reports.push_back({pass.name});
  graph.remove_dead();
  // Each change removes a node or moves one into another, so this ends; the bound is for bugs.
  constexpr int kMaxRounds = 100;
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = false;
    for (size_t i = 0; i < all_passes().size(); ++i) {
      const Pass& pass = all_passes()[i];
      if (std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end()) continue;
      const auto start = std::chrono::steady_clock::now();
      const bool pass_changed = pass.run(graph, context);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      reports[i].seconds += elapsed.count();
      if (!pass_changed) continue;
      ++reports[i].changes;
      changed = true;
      graph.remove_dead();
      graph.check();
    }
    if (!changed) return reports;
  }
  fail(ErrorCode::kInternal, "the passes do not come to an end");
}

}  // namespace hornet::graph
