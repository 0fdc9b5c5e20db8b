#include "kernels/simd/elementwise.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/elementwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

using graph::BinaryKind;

template <UnaryKind kKind>
void run(const Activation& self, const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
         int64_t columns) {
  for (int64_t row = 0; row < rows; ++row, x += ldx, y += ldy) {
    for_each_vector(columns, [&](auto part, int64_t i) HWY_ATTR {
      part.store(apply<kKind>(part.load(x + i), self.function), y + i);
    });
  }
}

template <BinaryKind kKind>
HWY_INLINE V combine(V x, V y) {
  if constexpr (kKind == BinaryKind::add) return hn::Add(x, y);
  if constexpr (kKind == BinaryKind::subtract) return hn::Sub(x, y);
  if constexpr (kKind == BinaryKind::multiply) return hn::Mul(x, y);
  if constexpr (kKind == BinaryKind::divide) return hn::Div(x, y);
  if constexpr (kKind == BinaryKind::maximum) return maximum(x, y);
  if constexpr (kKind == BinaryKind::minimum) return minimum(x, y);
  if constexpr (kKind == BinaryKind::squared_difference) {
    const V difference = hn::Sub(x, y);
    return hn::Mul(difference, difference);
  }
}

template <BinaryKind kKind, bool kOneX, bool kOneY>
void run_binary(const float* x, const float* y, float* z, int64_t n) {
  const D d;
  // Read first: z may be this very number.
  const V one_x = kOneX ? hn::Set(d, *x) : hn::Zero(d), one_y = kOneY ? hn::Set(d, *y) : one_x;
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    const V a = kOneX ? one_x : part.load(x + i), b = kOneY ? one_y : part.load(y + i);
    part.store(combine<kKind>(a, b), z + i);
  });
}

template <BinaryKind kKind>
BinaryFunctions binary_functions() {
  return {run_binary<kKind, false, false>, run_binary<kKind, true, false>,
          run_binary<kKind, false, true>};
}

}  // namespace

BinaryFunctions binary_code(BinaryKind kind) {
  switch (kind) {
#define X(name)          \
  case BinaryKind::name: \
    return binary_functions<BinaryKind::name>();
    X(add)
    X(subtract)
    X(multiply)
    X(divide)
    X(maximum)
    X(minimum)
    X(squared_difference)
#undef X
    default:
      return {};
  }
}

Activation::Run activation_code(UnaryKind kind) {
  switch (kind) {
#define X(name)         \
  case UnaryKind::name: \
    return run<UnaryKind::name>;
    HORNET_VECTOR_KINDS(X)
#undef X
    default:
      return nullptr;
  }
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {

HWY_EXPORT(activation_code);
HWY_EXPORT(binary_code);

std::optional<Activation> find_activation(const graph::UnaryFunction& function) {
  if (function.is_identity()) return Activation{};
  Activation activation{HWY_DYNAMIC_DISPATCH(activation_code)(function.kind), function};
  if (activation.run == nullptr) return std::nullopt;
  return activation;
}

BinaryFunctions find_binary(graph::BinaryKind kind) {
  return HWY_DYNAMIC_DISPATCH(binary_code)(kind);
}

}  // namespace hornet::kernels
#endif
