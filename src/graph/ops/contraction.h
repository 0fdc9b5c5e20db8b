// Sums of products: with constant weights (Contraction) and between computed arrays (MatMul).
#pragma once

#include "graph/ops/elementwise.h"

namespace hornet::graph {

// What follows a sum of products in the same step: y = activation(sum + bias + residual).
// The ops that have one take bias as input 2 and residual as input 3, kNoValue where absent;
// bias is [channels], residual has the shape of the output.
struct Epilogue {
  UnaryFunction activation;
};

// y[..., N] = activation(x[..., K] w[K, N] + bias[N] + residual[..., N]).
// The bits of a row of y do not depend on the number of rows.
struct Contraction final : Op {
  explicit Contraction(Epilogue e = {}) : epilogue(e) {}
  Epilogue epilogue;
  std::string_view name() const override { return "contraction"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override { return epilogue.activation.to_string(); }
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// c[..., M, N] = a[..., M, K] b[..., K, N], leading dimensions broadcast. A transposed operand has
// its last two dimensions exchanged. Both operands have at least 2 dimensions.
struct MatMul final : Op {
  MatMul(bool transpose_first, bool transpose_second)
      : transpose_a(transpose_first), transpose_b(transpose_second) {}
  bool transpose_a, transpose_b;
  std::string_view name() const override { return "matmul"; }
  // Along K.
  bool mixes(size_t input, size_t axis, std::span<const TensorType> inputs) const override {
    const size_t rank = inputs[input].shape.size();
    const bool last = input == 0 ? !transpose_a : transpose_b;
    return axis == rank - (last ? 1 : 2);
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// Dot-product attention per row and head:
//   scores = softmax(scale * q k^T, hidden positions replaced), y = scores v.
// q [B, T, H, D], k [B, S, G, D], v [B, S, G, E] -> y [B, T, H, E], scores [B, H, T, S]; H is a
// multiple of G, head h reads group h / (H / G).
// Input 3, optional: mask, bool, broadcast to [B, H, T, S]; false hides. Hidden scores are
// replaced by `hidden_score` before the softmax (-1e9 or so: a row with all hidden gives the plain
// average); `zero_hidden` sets them to 0 after it.
struct Attention final : Op {
  float scale = 1;
  bool causal = false;  // position t sees s <= t only
  int64_t window = 0;   // > 0: |t - s| < window only
  float hidden_score = -3e38f;
  bool zero_hidden = false;
  std::string_view name() const override { return "attention"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

}  // namespace hornet::graph
