// Operators that scale elements by statistics of their neighbours.
#pragma once

#include <algorithm>

#include "graph/op.h"

namespace hornet::graph {

// exp(x - max) / sum over `axes` (0..rank-1, ascending); log of it where `log` is set.
struct Softmax final : Op {
  explicit Softmax(std::vector<int64_t> over, bool logarithm = false)
      : axes(std::move(over)), log(logarithm) {}
  std::vector<int64_t> axes;
  bool log;
  std::string_view name() const override { return "softmax"; }
  bool mixes(size_t input, size_t along, std::span<const TensorType>) const override {
    return input == 0 &&
           std::find(axes.begin(), axes.end(), static_cast<int64_t>(along)) != axes.end();
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over `axes` (ascending); the variance is
// the mean squared deviation. With `rms`: y = x / sqrt(mean(x^2) + epsilon) * gamma + beta.
// Inputs 1 and 2, optional: gamma and beta, of any shape that broadcasts to x.
struct LayerNorm final : Op {
  std::vector<int64_t> axes;
  float epsilon = 1e-3f;
  bool rms = false;
  std::string_view name() const override { return "layer_norm"; }
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
