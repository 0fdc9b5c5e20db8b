// Fourier transforms.
#pragma once

#include "graph/op.h"

namespace hornet::graph {

// The discrete Fourier transform of each row of length n along the last axis. Inputs: real part,
// imaginary part (optional). Outputs: real part, imaginary part.
// Inputs are cut, or filled with zeros at the end, to what `length` n needs; n = 0: as they are.
struct Fft final : Op {
  enum class Kind {
    kForward,      // n to n
    kInverse,      // n to n, divided by n
    kReal,         // n real numbers to the first n / 2 + 1 of the result
    kRealInverse,  // the inverse of kReal: n / 2 + 1 to n real numbers; output 1 is 0. With length
                   // 0 n is even: 2 (inputs - 1)
  };
  explicit Fft(Kind k, int64_t n = 0) : kind(k), length(n) {}
  Kind kind;
  int64_t length;
  // n for rows of `size` numbers.
  int64_t transform_length(int64_t size) const;
  std::string_view name() const override { return "fft"; }
  bool mixes(size_t input, size_t along, std::span<const TensorType> inputs) const override {
    return along + 1 == inputs[input].shape.size();
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

}  // namespace hornet::graph
