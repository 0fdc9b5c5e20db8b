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

}  // namespace hornet::graph
