// Predictions against what was expected.
#pragma once

#include <string>

#include "hornet/tensor.h"

namespace hornet::cli {

// Values may differ by absolute + relative * |expected|; integers and booleans not at all.
struct Tolerance {
  double relative = 1e-4;
  double absolute = 1e-5;
};

struct Difference {
  double value = 0;
  std::string at;  // "scores.npy [3, 1]"; "" where nothing differs
};

struct Comparison {
  Difference absolute;  // the largest difference
  Difference relative;  // the largest in proportion to the expected value, where that is not 0
  std::string failure;  // "" where all values are within the tolerance

  bool passed() const { return failure.empty(); }
  // Keeps the larger differences of both, and the first failure.
  void merge(const Comparison& other);
  // "largest difference 1.2e-07 at y.npy [3, 1], relative 2.3e-06 at y.npy [0, 2]".
  std::string text() const;
};

// `name` is what messages call the array. NaN equals NaN, an infinity itself.
Comparison compare(const std::string& name, const TensorView& got, const TensorView& expected,
                   const Tolerance& tolerance);

}  // namespace hornet::cli
