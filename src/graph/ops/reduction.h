// Reductions over some dimensions.
#pragma once

#include <algorithm>

#include "graph/op.h"

namespace hornet::graph {

#define HORNET_REDUCE_KINDS(X) X(sum) X(mean) X(max) X(min) X(prod) X(all) X(any) X(logsumexp)

enum class ReduceKind {
#define X(name) name,
  HORNET_REDUCE_KINDS(X)
#undef X
};
std::string_view to_string(ReduceKind kind);

// Over `axes` (0..rank-1, ascending). all and any take and give bool, the others keep the type.
struct Reduce final : Op {
  Reduce(ReduceKind k, std::vector<int64_t> over, bool keep)
      : kind(k), axes(std::move(over)), keepdims(keep) {}
  ReduceKind kind;
  std::vector<int64_t> axes;
  bool keepdims;
  std::string_view name() const override { return "reduce"; }
  bool mixes(size_t input, size_t along, std::span<const TensorType>) const override {
    return input == 0 &&
           std::find(axes.begin(), axes.end(), static_cast<int64_t>(along)) != axes.end();
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

}  // namespace hornet::graph
