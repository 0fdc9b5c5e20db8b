// Vector forms of the functions of one number, as activations of other kernels use them.
#pragma once

#include <cstdint>
#include <optional>

#include "graph/ops/elementwise.h"

namespace hornet::kernels {

// A function for one instruction set, ready to be called. A result does not depend on where its
// element lies. Relative error below 2e-6 against the exact function, except gelu and erf near
// their zeros (absolute 1e-6); NaN stays NaN, infinities as in IEEE.
struct Activation {
  using Run = void (*)(const Activation& self, const float* x, int64_t ldx, float* y, int64_t ldy,
                       int64_t rows, int64_t columns);
  Run run = nullptr;  // none: identity
  graph::UnaryFunction function;

  bool is_identity() const { return run == nullptr; }
  bool is_relu() const { return function.kind == graph::UnaryKind::relu; }
  // y = f(x) for a [rows, columns] piece; x and y may be the same, but not overlap otherwise.
  void operator()(const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
                  int64_t columns) const {
    run(*this, x, ldx, y, ldy, rows, columns);
  }
};

// Nothing for a function that has no vector form.
std::optional<Activation> find_activation(const graph::UnaryFunction& function);

}  // namespace hornet::kernels
