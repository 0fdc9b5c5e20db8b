// Recurrent layers: the loop over time, with or without the projection of their input.
#pragma once

#include "graph/ops/convolution.h"

namespace hornet::graph {

// The input of the three below that is a projection kernel.
inline constexpr size_t kProjectionInput = 5;

// What the three have in common. x [B, T, G * units] is the projected input, bias included; gates
// lie side by side in Keras's order. Optional inputs are kNoValue where absent. With a projection
// kernel [F, G * units] as input kProjectionInput x is [B, T, F], and the projected input is
// x kernel + bias, the bias [G * units] being the input behind the kernel, optional too.
// Outputs: sequence [B, T, units]; last output [B, units]; final states [B, units] each.
// mask [B, T], bool: at a false step the states and the output of the step before are kept (the
// output is 0 before the first true step).
struct RecurrentOptions {
  bool go_backwards = false;          // time runs from T - 1 to 0; the sequence stays reversed
  bool zero_output_for_mask = false;  // the output of a masked step is 0
  UnaryFunction activation{UnaryKind::tanh};
  UnaryFunction recurrent_activation{UnaryKind::sigmoid};  // not of SimpleRnn
};

// Inputs: x [B, T, 4 u] gates i, f, c, o; recurrent kernel [u, 4 u]; initial h, c [B, u]; mask.
// Outputs: sequence, last output, h, c.
struct Lstm final : Op {
  static constexpr size_t kMaskInput = 4;
  RecurrentOptions options;
  std::string_view name() const override { return "lstm"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// Inputs: x [B, T, 3 u] gates z, r, h; recurrent kernel [u, 3 u]; initial h [B, u]; mask;
// recurrent bias [3 u] (reset_after only). Outputs: sequence, last output, h.
struct Gru final : Op {
  static constexpr size_t kMaskInput = 3;
  RecurrentOptions options;
  // The reset gate applies after the recurrent product (true) or before it.
  bool reset_after = true;
  std::string_view name() const override { return "gru"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// Inputs: x [B, T, u]; recurrent kernel [u, u]; initial h [B, u]; mask. Outputs: sequence, last
// output, h.
struct SimpleRnn final : Op {
  static constexpr size_t kMaskInput = 3;
  RecurrentOptions options;
  std::string_view name() const override { return "simple_rnn"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// Whether it is one of these three.
bool is_recurrent(const Op& op);

// An Lstm whose recurrent product is a convolution that keeps the size of the image.
// Inputs: x [B, T, spatial..., 4 f] gates i, f, c, o; recurrent kernel [size..., f, 4 f]; initial
// h, c [B, spatial..., f]; mask. Outputs: sequence [B, T, spatial..., f]; last output, h, c
// [B, spatial..., f] each.
struct ConvLstm final : Op {
  RecurrentOptions options;
  // The recurrent convolution over so many spatial dimensions: same padding, strides 1.
  Window window(const Shape& kernel) const;
  std::string_view name() const override { return "conv_lstm"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

}  // namespace hornet::graph
