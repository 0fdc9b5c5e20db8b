// Pooling over 1 to 3 spatial dimensions, channels last.
#pragma once

#include "graph/ops/convolution.h"

namespace hornet::graph {

enum class PoolKind { kMax, kAverage };

// x [N, spatial..., C] -> [N, spatial..., C]. Averages count only cells that exist.
struct Pool final : Op {
  PoolKind kind = PoolKind::kMax;
  Window window;  // dilations are 1
  std::string_view name() const override { return "pool"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// x [N, spatial..., C] -> [N, size..., C]: output cell i of a dimension covers the cells from
// floor(i n / size) to ceil((i + 1) n / size) of the n there are.
struct AdaptivePool final : Op {
  AdaptivePool(PoolKind k, std::vector<int64_t> s) : kind(k), size(std::move(s)) {}
  PoolKind kind;
  std::vector<int64_t> size;
  // The cells [begin, end) of output cell `output` of spatial dimension `axis`, of `input` cells.
  struct Cells {
    int64_t begin, end;
  };
  Cells cells(size_t axis, int64_t output, int64_t input) const;
  std::string_view name() const override { return "adaptive_pool"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

}  // namespace hornet::graph
