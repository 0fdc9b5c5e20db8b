// Vector forms of the functions of one number, as activations of other kernels use them.
#pragma once

#include <cstdint>
#include <optional>

#include "graph/ops/elementwise.h"

namespace hornet::kernels {

// A function for one instruction set, ready to be called. A result does not depend on where its
// element lies. The relative error is a few units of the last place, below 2e-6, but for gelu (1e-6
// absolute); NaN and infinities are as in the reference.
struct Activation {
  using Run = void (*)(const Activation& self, const float* x, int64_t ldx, float* y, int64_t ldy,
                       int64_t rows, int64_t columns);
  Run run = nullptr;  // none: identity
  graph::UnaryFunction function;

  bool is_identity() const { return run == nullptr; }
  bool is_relu() const { return function.kind == graph::UnaryKind::relu; }
  bool is_relu6() const { return function.kind == graph::UnaryKind::relu6; }
  // One of those that kernels compute on results that are still in registers.
  bool is_in_registers() const { return is_identity() || is_relu() || is_relu6(); }
  // y = f(x) for a [rows, columns] piece; x and y may be the same, but not overlap otherwise.
  void operator()(const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
                  int64_t columns) const {
    run(*this, x, ldx, y, ldy, rows, columns);
  }
};

// Nothing for a function that has no vector form.
std::optional<Activation> find_activation(const graph::UnaryFunction& function);

// z[i] = g(x[i], y[i]) for i < n, where x or y may be one number (z may be x or y).
using BinaryRun = void (*)(const float* x, const float* y, float* z, int64_t n);
struct BinaryFunctions {
  BinaryRun both = nullptr;  // null: there is no vector form
  BinaryRun x_is_one = nullptr;
  BinaryRun y_is_one = nullptr;
};
BinaryFunctions find_binary(graph::BinaryKind kind);

}  // namespace hornet::kernels
