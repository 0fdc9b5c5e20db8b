#include "kernels/simd/gates.h"

#include <algorithm>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/gates.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

void two_products(const float* a, const float* b, const float* c, const float* d, float* out,
                  int64_t n) {
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    const V second = hn::Mul(part.load(c + i), part.load(d + i));
    part.store(hn::MulAdd(part.load(a + i), part.load(b + i), second), out + i);
  });
}

void product_and_sum(const float* a, const float* b, const float* c, float* out, int64_t n) {
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    part.store(hn::MulAdd(part.load(b + i), part.load(c + i), part.load(a + i)), out + i);
  });
}

void blend(const float* z, const float* a, const float* b, float* out, int64_t n) {
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    const V weight = part.load(z + i);
    const V second = hn::Mul(hn::Sub(constant(1.0f), weight), part.load(b + i));
    part.store(hn::MulAdd(weight, part.load(a + i), second), out + i);
  });
}

void product(const float* a, const float* b, float* out, int64_t n) {
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    part.store(hn::Mul(part.load(a + i), part.load(b + i)), out + i);
  });
}

}  // namespace

const GateFunctions* gate_functions_here() {
  static constexpr GateFunctions kFunctions = {two_products, product_and_sum, blend, product};
  return &kFunctions;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {

const GateFunctions& gate_functions() { return *HORNET_DISPATCH(gate_functions_here)(); }

void apply_to(const Activation& f, const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
              int64_t columns) {
  if (!f.is_identity()) {
    f(x, ldx, y, ldy, rows, columns);
  } else if (x != y) {
    for (int64_t i = 0; i < rows; ++i) std::copy_n(x + i * ldx, columns, y + i * ldy);
  }
}

}  // namespace hornet::kernels
#endif
