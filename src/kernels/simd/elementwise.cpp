#include "kernels/simd/elementwise.h"

#include <type_traits>

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

// Functions that are chains of so many dependent instructions that a processor, which looks ahead
// some hundred of them, finds too little to do at once in one vector after the other.
constexpr bool is_long_chain(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::elu:
    case UnaryKind::selu:
    case UnaryKind::celu:
    case UnaryKind::sigmoid:
    case UnaryKind::silu:
    case UnaryKind::mish:
    case UnaryKind::tanh:
    case UnaryKind::softplus:
    case UnaryKind::log_sigmoid:
    case UnaryKind::gelu:
    case UnaryKind::gelu_tanh:
    case UnaryKind::exponential:
    case UnaryKind::log:
    case UnaryKind::log1p:
    case UnaryKind::erf:
      return true;
    default:
      return false;
  }
}
// With 16 registers two vectors at once would be kept in memory.
constexpr int kAtOnce = HWY_TARGET == HWY_AVX3 ? 4 : 1;

// kAtOnce vectors, whose instructions the compiler mixes (sources.cmake).
template <UnaryKind kKind>
HWY_INLINE void run_at_once(const Activation& self, const float* const* x, float* const* y) {
  V v[kAtOnce];
#pragma GCC unroll 8
  for (int i = 0; i < kAtOnce; ++i) v[i] = hn::LoadU(D(), x[i]);
#pragma GCC unroll 8
  for (int i = 0; i < kAtOnce; ++i) v[i] = apply<kKind>(v[i], self.function);
#pragma GCC unroll 8
  for (int i = 0; i < kAtOnce; ++i) hn::StoreU(v[i], D(), y[i]);
}

template <UnaryKind kKind>
void run(const Activation& self, const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
         int64_t columns) {
  // Whole vectors that wait until there are kAtOnce of them; short rows share them.
  const float* from[kAtOnce];
  float* to[kAtOnce];
  int waiting = 0;
  const auto run_one = [&](auto part, const float* one, float* result) HWY_ATTR {
    part.store(apply<kKind>(part.load(one), self.function), result);
  };
  for (int64_t row = 0; row < rows; ++row, x += ldx, y += ldy) {
    for_each_vector(columns, [&](auto part, int64_t i) HWY_ATTR {
      if constexpr (kAtOnce > 1 && is_long_chain(kKind) &&
                    std::is_same_v<decltype(part), WholeVector>) {
        from[waiting] = x + i;
        to[waiting] = y + i;
        if (++waiting == kAtOnce) {
          run_at_once<kKind>(self, from, to);
          waiting = 0;
        }
      } else {
        run_one(part, x + i, y + i);
      }
    });
  }
  for (int i = 0; i < waiting; ++i) run_one(WholeVector{}, from[i], to[i]);
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

std::optional<Activation> find_activation(const graph::UnaryFunction& function) {
  if (function.is_identity()) return Activation{};
  Activation activation{HORNET_DISPATCH(activation_code)(function.kind), function};
  if (activation.run == nullptr) return std::nullopt;
  return activation;
}

BinaryFunctions find_binary(graph::BinaryKind kind) { return HORNET_DISPATCH(binary_code)(kind); }

}  // namespace hornet::kernels
#endif
