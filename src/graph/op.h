// An operator of a Graph: what is computed, not how. Subclasses are in graph/ops/, one header a
// family; the arithmetic is in kernels/.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hornet/tensor.h"

namespace hornet::graph {

using hornet::to_string;

// Type of a value: Keras's dtype and a shape, in which kUnknownDim may occur until planning.
using hornet::TensorType;

// The type the bytes of a value have in memory: all floating dtypes are computed in float32.
DType storage_dtype(DType dtype);
// Bytes of a value of that type in memory.
size_t storage_bytes(const TensorType& type);

// Immutable. Arrays are row-major, channels last; the first input of most is the data.
class Op {
 public:
  virtual ~Op() = default;
  // The key of the kernel table: "conv", "contraction", ...
  virtual std::string_view name() const = 0;
  // Types of the outputs. Works with unknown dimensions, and is asked again with all known when a
  // Plan is made. Throws Error(kShapeMismatch) that says what was found and expected.
  virtual std::vector<TensorType> infer(std::span<const TensorType> inputs) const = 0;
  // Whether elements at one place along `axis` of input `input` have an influence on outputs that
  // belong to other places along it: sums over it, orders it, shifts it, picks from it.
  virtual bool mixes(size_t input, size_t axis, std::span<const TensorType> inputs) const {
    (void)input, (void)axis, (void)inputs;
    return false;
  }
  // Attributes for printing: "strides=2,2 padding=same relu"; "" for none.
  virtual std::string attributes() const { return ""; }
  // Floating point operations, a multiply-add counted as 2; types have known shapes.
  virtual double flops(std::span<const TensorType> inputs,
                       std::span<const TensorType> outputs) const;
};

using OpPtr = std::shared_ptr<const Op>;

}  // namespace hornet::graph
