// Sums of products over labelled dimensions, as EinsumDense states them.
#pragma once

#include <string>

#include "layers/family.h"

namespace hornet::layers {

// "abc,cd->abd": one character a dimension. Ellipses are expanded to labels of their own.
struct Equation {
  std::string input, kernel, output;
  size_t elided = 0;             // dimensions that the ellipsis stands for
  bool elided_at_front = false;  // or at the end

  // Labels of the input that the output lacks, in their order in the kernel.
  std::string contracted() const;
};

// The equation of `layer` for an input of `rank` dimensions.
Equation parse_equation(const LayerContext& layer, const std::string& text, size_t rank);

// The product of x and a constant kernel, plus a bias whose dimensions are those of
// output[bias_begin...] (kNoValue for none): as a Contraction where it is one.
ValueId contract(const Builder& b, const Equation& equation, ValueId x, ValueId kernel,
                 ValueId bias);

}  // namespace hornet::layers
