// Convolutions over 1 to 3 spatial dimensions, channels last.
#pragma once

#include "graph/ops/contraction.h"

namespace hornet::graph {

enum class Padding { kValid, kSame, kCausal, kExplicit };
std::string_view to_string(Padding padding);

// How a window moves over the spatial dimensions; shared by convolution and pooling. Vectors have
// one entry a spatial dimension.
struct Window {
  std::vector<int64_t> size, strides, dilations;
  Padding padding = Padding::kValid;
  std::vector<int64_t> pads_begin, pads_end;  // kExplicit only

  struct Axis {
    int64_t output, pad_begin, pad_end;
  };
  // Output size and padding of spatial dimension `axis` for an input of `size` cells, which may be
  // unknown (then output is kUnknownDim and pads count only for kExplicit and kValid).
  // Same: ceil(n / s) outputs, the smaller half of the padding first, as Keras.
  Axis resolve(size_t axis, int64_t input) const;
  std::string to_string() const;
};

// x [N, spatial..., C], w [size..., C / groups, filters], bias [filters], residual like y
// -> y [N, spatial..., filters] = activation(conv + bias + residual).
// A depthwise convolution is one with groups = C.
struct Conv final : Op {
  Window window;
  int64_t groups = 1;
  Epilogue epilogue;
  std::string_view name() const override { return "conv"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

// Transposed convolution. x [N, spatial..., C], w [size..., filters, C], bias [filters], residual
// like y -> y [N, spatial..., filters].
// The full result has (n - 1) s + k_eff cells; resolve() says what of it is kept, as Keras.
struct ConvTranspose final : Op {
  Window window;                        // padding kValid or kSame
  std::vector<int64_t> output_padding;  // empty: by rule
  Epilogue epilogue;

  struct Axis {
    int64_t output;  // cells of y
    int64_t crop;    // cells of the full result dropped in front; y ends where it ends
  };
  Axis resolve(size_t axis, int64_t input) const;

  std::string_view name() const override { return "conv_transpose"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

}  // namespace hornet::graph
