// What gates of recurrent layers do to one another, in vectors.
#pragma once

#include <cstdint>

#include "kernels/simd/elementwise.h"

namespace hornet::kernels {

// n elements each. `out` may be one of the others.
struct GateFunctions {
  // a b + c d
  void (*two_products)(const float* a, const float* b, const float* c, const float* d, float* out,
                       int64_t n);
  // a + b c
  void (*product_and_sum)(const float* a, const float* b, const float* c, float* out, int64_t n);
  // z a + (1 - z) b
  void (*blend)(const float* z, const float* a, const float* b, float* out, int64_t n);
  void (*product)(const float* a, const float* b, float* out, int64_t n);
};

// The best code for this machine. Not for the hot path.
const GateFunctions& gate_functions();

// y = f(x) for a [rows, columns] piece; x and y may be the same, but not overlap otherwise.
void apply_to(const Activation& f, const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
              int64_t columns);

// The gates of an LSTM, which lie side by side: i, f, candidate, o, `units` each.
struct LstmGates {
  const GateFunctions& functions;
  Activation activation, recurrent_activation;
  int64_t units;

  // The functions of `rows` rows' gates.
  void activate(float* gates, int64_t ld, int64_t rows) const {
    apply_to(recurrent_activation, gates, ld, gates, ld, rows, 2 * units);
    apply_to(activation, gates + 2 * units, ld, gates + 2 * units, ld, rows, units);
    apply_to(recurrent_activation, gates + 3 * units, ld, gates + 3 * units, ld, rows, units);
  }
  // A row's new states from its gates, which are overwritten.
  void update(float* gates, float* c, float* h) const {
    functions.two_products(gates + units, c, gates, gates + 2 * units, c, units);
    apply_to(activation, c, 0, gates, 0, 1, units);
    functions.product(gates + 3 * units, gates, h, units);
  }
};

}  // namespace hornet::kernels
