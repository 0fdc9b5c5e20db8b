// Vector functions for one instruction set: included once for each by a source that includes
// hwy/foreach_target.h. All give an element the same bits in any lane.
#if defined(HORNET_VECTOR_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HORNET_VECTOR_MATH_INL_H
#undef HORNET_VECTOR_MATH_INL_H
#else
#define HORNET_VECTOR_MATH_INL_H
#endif

#include <cmath>
#include <cstring>
#include <limits>

#include "graph/ops/elementwise.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using graph::UnaryKind;

using D = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
constexpr size_t kLanes = HWY_LANES(float);

// Keeps g++ from deriving one address from others.
HWY_INLINE void keep_in_register(const float*& address) { asm volatile("" : "+r"(address)); }

// Keeps g++ from loading a vector again for each product it is in: products with memory take the
// place of loads.
HWY_INLINE void keep_in_register(V& v) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  asm("" : "+v"(v.raw));
#else
  (void)v;
#endif
}

HWY_INLINE V constant(float value) { return hn::Set(D(), value); }

// The first n < kLanes elements, 0 in the others. Reads nothing behind them.
HWY_INLINE V load_part(const float* p, size_t n) {
#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
  HWY_ALIGN float buffer[kLanes] = {};
  std::memcpy(buffer, p, n * sizeof(float));
  return hn::Load(D(), buffer);
#else
  return hn::MaskedLoad(hn::FirstN(D(), n), D(), p);
#endif
}
// Writes nothing behind the first n < kLanes elements.
HWY_INLINE void store_part(V v, float* p, size_t n) {
#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
  HWY_ALIGN float buffer[kLanes];
  hn::Store(v, D(), buffer);
  std::memcpy(p, buffer, n * sizeof(float));
#else
  hn::BlendedStore(v, hn::FirstN(D(), n), D(), p);
#endif
}

struct WholeVector {
  HWY_INLINE V load(const float* p) const { return hn::LoadU(D(), p); }
  HWY_INLINE void store(V v, float* p) const { hn::StoreU(v, D(), p); }
  HWY_INLINE V value_or(V v, float) const { return v; }
};
struct PartOfVector {
  size_t count;
  HWY_INLINE V load(const float* p) const { return load_part(p, count); }
  // `other` behind the end.
  HWY_INLINE V value_or(V v, float other) const {
    return hn::IfThenElse(hn::FirstN(D(), count), v, constant(other));
  }
  HWY_INLINE void store(V v, float* p) const { store_part(v, p, count); }
};
// f(part, i) for i = 0, kLanes, ... below n: loads and stores go through `part`, which is a
// PartOfVector at the end. f is a lambda marked HWY_ATTR.
template <class F>
HWY_INLINE void for_each_vector(int64_t n, F&& f) {
  const int64_t lanes = static_cast<int64_t>(kLanes);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) f(WholeVector{}, i);
  if (i < n) f(PartOfVector{static_cast<size_t>(n - i)}, i);
}

// The larger and the smaller of two numbers; NaN where one is.
HWY_INLINE V maximum(V x, V y) { return hn::IfThenElse(hn::Or(hn::Gt(x, y), hn::IsNaN(x)), x, y); }
HWY_INLINE V minimum(V x, V y) { return hn::IfThenElse(hn::Or(hn::Lt(x, y), hn::IsNaN(x)), x, y); }

// The larger of two numbers; where one is NaN, `y`.
HWY_INLINE V quick_maximum(V x, V y) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Gt(x, y), x, y);
#else
  return hn::Max(x, y);
#endif
}
HWY_INLINE float quick_maximum_of_lanes(V v) { return hn::GetLane(hn::MaxOfLanes(D(), v)); }

HWY_INLINE float sum_of_lanes(V v) { return hn::GetLane(hn::SumOfLanes(D(), v)); }
HWY_INLINE float maximum_of_lanes(V v) {
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, D(), lanes);
  float result = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) {
    if (lanes[i] > result || lanes[i] != lanes[i]) result = lanes[i];
  }
  return result;
}

// Bounds that let a NaN of x pass.
HWY_INLINE V at_least(V x, float bound) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Lt(x, constant(bound)), constant(bound), x);
#else
  return hn::Max(constant(bound), x);  // x86 gives the second operand where one is NaN
#endif
}
HWY_INLINE V at_most(V x, float bound) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Gt(x, constant(bound)), constant(bound), x);
#else
  return hn::Min(constant(bound), x);
#endif
}
HWY_INLINE V clip(V x, float low, float high) { return at_most(at_least(x, low), high); }
HWY_INLINE V relu(V x) { return at_least(x, 0.0f); }
HWY_INLINE V relu6(V x) { return clip(x, 0.0f, 6.0f); }

// x = n ln 2 + r with |r| <= 0.347; `n` as a float in the low bits of `shifted`, e^r - 1 in `rest`.
struct ExpParts {
  VI n;
  V rest;
};
HWY_INLINE ExpParts exp_parts(V x) {
  const V magic = constant(12582912.0f);  // 1.5 * 2^23: what is added to it is rounded to integers
  const V shifted = hn::MulAdd(x, constant(1.44269504f), magic);
  const V n = hn::Sub(shifted, magic);
  // ln 2 in two parts, the first with few bits.
  V r = hn::NegMulAdd(n, constant(0.693359375f), x);
  r = hn::NegMulAdd(n, constant(-2.12194440e-4f), r);
  V q = constant(0.00139465882f);
  q = hn::MulAdd(q, r, constant(0.00836665928f));
  q = hn::MulAdd(q, r, constant(0.0416662805f));
  q = hn::MulAdd(q, r, constant(0.16666542f));
  q = hn::MulAdd(q, r, constant(0.5f));
  return {hn::BitCast(DI(), shifted), hn::MulAdd(hn::Mul(r, r), q, r)};
}
// 2^n for the low bits of n, -126 <= n <= 127.
HWY_INLINE V power_of_two(VI n) {
  return hn::BitCast(D(), hn::Add(hn::ShiftLeft<23>(n), hn::Set(DI(), 127 << 23)));
}

constexpr float kLowestExp = -87.336540f;  // e^x is a normal number from here on

// 1 / x to the last place or two, for 2^-125 < |x| < 2^126. A division of AVX-512 takes 16 cycles
// on Intel's cores, an estimate of 14 bits and Newton's step 4.
HWY_INLINE V reciprocal(V x) {
#if HWY_TARGET == HWY_AVX3
  const V estimate = hn::ApproximateReciprocal(x);
  return hn::MulAdd(estimate, hn::NegMulAdd(x, estimate, constant(1.0f)), estimate);
#else
  return hn::Div(constant(1.0f), x);
#endif
}

// 2^(factor x) = power * fraction, for -126 <= factor x < 127. What `factor` lost when it was
// rounded is not made good: 1.4 10^-8 |x| of the result, for e^x, beside 2 units in the last place.
// In short chains, as a processor looks ahead at a few vectors only.
struct Exp2Parts {
  V power, fraction;
};
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
// 2^(i / 32) without what i adds to its bits above the 18th.
HWY_ALIGN constexpr int32_t kRootsOfTwo[32] = {
    0x3F800000, 0x3F7ECD87, 0x3F7DAAC3, 0x3F7C980F, 0x3F7B95C2, 0x3F7AA43A, 0x3F79C3D3, 0x3F78F4F0,
    0x3F7837F0, 0x3F778D3A, 0x3F76F532, 0x3F767043, 0x3F75FED7, 0x3F75A15B, 0x3F75583F, 0x3F7523F6,
    0x3F7504F3, 0x3F74FBAF, 0x3F7508A4, 0x3F752C4D, 0x3F75672A, 0x3F75B9BE, 0x3F76248C, 0x3F76A81E,
    0x3F7744FD, 0x3F77FBB8, 0x3F78CCDF, 0x3F79B907, 0x3F7AC0C7, 0x3F7BE4BA, 0x3F7D257D, 0x3F7E83B3};
// An instruction looks up as many roots: so f is smaller, and fewer terms do.
#if HWY_TARGET == HWY_AVX3
constexpr int kRootBits = 5;
HWY_INLINE VI look_up_root(VI n) {
  return VI{_mm512_permutex2var_epi32(hn::Load(DI(), kRootsOfTwo).raw, n.raw,
                                      hn::Load(DI(), kRootsOfTwo + 16).raw)};
}
HWY_INLINE V root_fraction(V f) {
  const V slope = hn::MulAdd(constant(0.000234596184f), f, constant(0.0216611661f));
  return hn::MulAdd(slope, f, constant(1.0f));
}
#else
constexpr int kRootBits = 3;
HWY_ALIGN constexpr int32_t kEighthRootsOfTwo[8] = {
    kRootsOfTwo[0],  kRootsOfTwo[4],  kRootsOfTwo[8],  kRootsOfTwo[12],
    kRootsOfTwo[16], kRootsOfTwo[20], kRootsOfTwo[24], kRootsOfTwo[28]};
HWY_INLINE VI look_up_root(VI n) {
  return VI{_mm256_permutevar8x32_epi32(hn::Load(DI(), kEighthRootsOfTwo).raw, n.raw)};
}
HWY_INLINE V root_fraction(V f) {
  V slope = hn::MulAdd(constant(0.000108391061f), f, constant(0.00375402556f));
  slope = hn::MulAdd(slope, f, constant(0.0866434053f));
  return hn::MulAdd(slope, f, constant(1.0f));
}
#endif
HWY_INLINE Exp2Parts exp2_parts_of_product(V x, float factor) {
  const V magic = constant(12582912.0f);  // as in exp_parts
  const V per_root = constant(factor * (1 << kRootBits));
  const V shifted = hn::MulAdd(x, per_root, magic);
  const V f = hn::MulSub(x, per_root, hn::Sub(shifted, magic));
  const VI n = hn::BitCast(DI(), shifted);  // in the low bits
  const VI power = hn::Add(look_up_root(n), hn::ShiftLeft<23 - kRootBits>(n));
  return {hn::BitCast(D(), power), root_fraction(f)};
}
#else
HWY_INLINE Exp2Parts exp2_parts_of_product(V x, float factor) {
  const V magic = constant(12582912.0f);
  const V shifted = hn::MulAdd(x, constant(factor), magic);
  const V n = hn::Sub(shifted, magic);
  // n / factor in two parts, the first with few bits.
  const float inverse = 1.0f / factor, high = inverse < 0 ? -0.693359375f : 0.693359375f;
  const V r = hn::Sub(x, hn::Mul(n, constant(high)));
  const V f = hn::Mul(hn::Sub(r, hn::Mul(n, constant(inverse - high))), constant(factor));
  const V f2 = hn::Mul(f, f);
  const V low = hn::MulAdd(constant(0.693147182f), f, constant(1.0f));
  const V middle = hn::MulAdd(constant(0.0555035956f), f, constant(0.240226477f));
  V high_part = hn::MulAdd(constant(0.00133909693f), f, constant(0.00961849932f));
  high_part = hn::MulAdd(constant(0.00015329264f), f2, high_part);
  const V fraction = hn::MulAdd(hn::MulAdd(high_part, f2, middle), f2, low);
  return {power_of_two(hn::BitCast(DI(), shifted)), fraction};
}
#endif
constexpr float kLog2OfE = 1.44269504f;

// For x <= 88; 0 below kLowestExp, where the parts mean nothing.
HWY_INLINE V exp_flushed(V x) {
  const Exp2Parts e = exp2_parts_of_product(x, kLog2OfE);
  return hn::IfThenZeroElse(hn::Lt(x, constant(kLowestExp)), hn::Mul(e.fraction, e.power));
}

// x / y with the range of reciprocal().
HWY_INLINE V quotient(V x, V y) {
#if HWY_TARGET == HWY_AVX3
  return hn::Mul(x, reciprocal(y));
#else
  return hn::Div(x, y);
#endif
}

// For all x, with denormal results.
HWY_INLINE V exp(V x) {
  const ExpParts parts = exp_parts(clip(x, -105.0f, 89.0f));
  const VI n = hn::Sub(parts.n, hn::Set(DI(), 0x4B400000));  // the bits of `magic`
  const VI half = hn::ShiftRight<1>(n);
  const V scale = power_of_two(half);
  const V y = hn::MulAdd(scale, parts.rest, scale);
  return hn::Mul(y, power_of_two(hn::Sub(n, half)));
}

// e^x - 1 for x <= 0 (and up to 88).
HWY_INLINE V expm1_nonpositive(V x) {
  const ExpParts parts = exp_parts(at_least(x, kLowestExp));
  const V scale = power_of_two(parts.n);
  return hn::MulAdd(scale, parts.rest, hn::Sub(scale, constant(1.0f)));
}

// log(1 + f) + e ln 2 for sqrt(1/2) <= 1 + f < sqrt(2).
HWY_INLINE V log_parts(V f, V e) {
  V p = constant(0.0691536441f);
  p = hn::MulAdd(p, f, constant(-0.117897287f));
  p = hn::MulAdd(p, f, constant(0.118729331f));
  p = hn::MulAdd(p, f, constant(-0.123843595f));
  p = hn::MulAdd(p, f, constant(0.142186657f));
  p = hn::MulAdd(p, f, constant(-0.16669251f));
  p = hn::MulAdd(p, f, constant(0.200022265f));
  p = hn::MulAdd(p, f, constant(-0.249999866f));
  p = hn::MulAdd(p, f, constant(0.333333105f));
  const V f2 = hn::Mul(f, f);
  V y = hn::Mul(hn::Mul(f, f2), p);
  y = hn::MulAdd(e, constant(-2.12194440e-4f), y);
  y = hn::NegMulAdd(constant(0.5f), f2, y);
  return hn::MulAdd(e, constant(0.693359375f), hn::Add(f, y));
}

HWY_INLINE V log(V x) {
  const V inf = constant(std::numeric_limits<float>::infinity());
  const auto denormal = hn::Lt(x, constant(std::numeric_limits<float>::min()));
  const V scaled = hn::IfThenElse(denormal, hn::Mul(x, constant(8388608.0f)), x);
  // x = 2^e (1 + f)
  const VI offset = hn::Set(DI(), 0x3F3504F3);
  const VI bits = hn::Sub(hn::BitCast(DI(), scaled), offset);
  V e = hn::ConvertTo(D(), hn::ShiftRight<23>(bits));
  e = hn::Sub(e, hn::IfThenElseZero(denormal, constant(23.0f)));
  const VI mantissa = hn::Add(hn::And(bits, hn::Set(DI(), 0x7FFFFF)), offset);
  V y = log_parts(hn::Sub(hn::BitCast(D(), mantissa), constant(1.0f)), e);
  // Zero, negative numbers, infinity and NaN.
  y = hn::IfThenElse(hn::Lt(x, inf), y, hn::Add(x, x));
  const V nan = constant(std::numeric_limits<float>::quiet_NaN());
  y = hn::IfThenElse(hn::Lt(x, hn::Zero(D())), nan, y);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(D())), hn::Neg(inf), y);
}

HWY_INLINE V log1p(V x) {
  const V w = hn::Add(x, constant(1.0f));
  const V lost = hn::Sub(x, hn::Sub(w, constant(1.0f)));
  const auto ordinary = hn::And(hn::Gt(w, hn::Zero(D())),
                                hn::Lt(w, constant(std::numeric_limits<float>::infinity())));
  const V y = hn::Add(log(w), hn::IfThenElseZero(ordinary, hn::Div(lost, w)));
  return hn::IfThenElse(hn::Eq(w, constant(1.0f)), x, y);
}

// 1 + e^-x for x from -88 on; from -kLowestExp on it is 1, as there.
HWY_INLINE V one_plus_exp_of_negative(V x) {
  const Exp2Parts e = exp2_parts_of_product(at_most(x, -kLowestExp), -kLog2OfE);
  return hn::MulAdd(e.fraction, e.power, constant(1.0f));
}
// Below kLowestExp the result stays where it is there, next to 0.
HWY_INLINE V sigmoid(V x) { return reciprocal(one_plus_exp_of_negative(at_least(x, kLowestExp))); }
// x sigmoid(y). A sigmoid next to 0 counts as 0, so that a finite x gives 0.
HWY_INLINE V times_sigmoid(V x, V y) {
  const V share = reciprocal(one_plus_exp_of_negative(y));
  return hn::Mul(x, hn::IfThenZeroElse(hn::Lt(y, constant(kLowestExp)), share));
}
HWY_INLINE V silu(V x) { return times_sigmoid(x, x); }

// x P(x^2) / Q(x^2) up to 9.4, where it has been 1 to the last place for a while; to 6 units in the
// last place.
HWY_INLINE V tanh(V x) {
  const V z = clip(x, -9.4f, 9.4f);
  const V u = hn::Mul(z, z);
  V p = constant(1.33546791e-08f), q = constant(7.77656567e-07f);
  p = hn::MulAdd(p, u, constant(2.06090954e-05f));
  q = hn::MulAdd(q, u, constant(0.000328563619f));
  p = hn::MulAdd(p, u, constant(0.00349558913f));
  q = hn::MulAdd(q, u, constant(0.0258769859f));
  p = hn::MulAdd(p, u, constant(0.133810267f));
  q = hn::MulAdd(q, u, constant(0.467143416f));
  p = hn::MulAdd(p, u, constant(1.0f));
  q = hn::MulAdd(q, u, constant(1.0f));
  return clip(quotient(hn::Mul(z, p), q), -1.0f, 1.0f);
}

// max(x, 0) + log(1 + u), u = e^-|x|; 1 + u = 2 (1 + (u - 1) / 2) where it is above sqrt(2).
HWY_INLINE V softplus(V x) {
  const V u = exp_flushed(hn::Neg(hn::Abs(x)));
  const V one = constant(1.0f);
  const auto large = hn::Gt(u, constant(0.41421356f));
  const V f = hn::IfThenElse(large, hn::Mul(constant(0.5f), hn::Sub(u, one)), u);
  return hn::Add(relu(x), log_parts(f, hn::IfThenElseZero(large, one)));
}

// x tanh(softplus(x)) = x m / (m + 2) with m = e (e + 2), e = e^x.
HWY_INLINE V mish(V x) {
  const V e = exp(at_most(x, 20.0f));
  const V m = hn::Mul(e, hn::Add(e, constant(2.0f)));
  return hn::Mul(x, hn::Mul(m, reciprocal(hn::Add(m, constant(2.0f)))));
}

// x P(x^2) / Q(x^2) up to 4, where it is 1 to the last place or two, as it is beyond.
HWY_INLINE V erf_in_range(V x) {
  const V z = clip(x, -4.0f, 4.0f);
  const V u = hn::Mul(z, z);
  V p = constant(1.97485906e-06f);
  p = hn::MulAdd(p, u, constant(0.000288039388f));
  p = hn::MulAdd(p, u, constant(0.00400352385f));
  p = hn::MulAdd(p, u, constant(0.0534670874f));
  p = hn::MulAdd(p, u, constant(0.196246028f));
  p = hn::MulAdd(p, u, constant(1.12837899f));
  V q = constant(3.74810625e-05f);
  q = hn::MulAdd(q, u, constant(0.00121633196f));
  q = hn::MulAdd(q, u, constant(0.0154441716f));
  q = hn::MulAdd(q, u, constant(0.11647521f));
  q = hn::MulAdd(q, u, constant(0.507249653f));
  q = hn::MulAdd(q, u, constant(1.0f));
  return quotient(hn::Mul(z, p), q);
}
HWY_INLINE V erf(V x) {
  const V one = hn::CopySignToAbs(constant(1.0f), x);
  return hn::IfThenElse(hn::Ge(hn::Abs(x), constant(4.0f)), one, erf_in_range(x));
}

// x (1 + erf(x / sqrt(2))) / 2, to 1e-6 absolute: 1 + erf cancels for x < 0. A share next to 0
// counts as 0, so that a finite x gives 0.
HWY_INLINE V gelu(V x) {
  const V half = constant(0.5f);
  const V share = hn::MulAdd(half, erf_in_range(hn::Mul(x, constant(0.707106781f))), half);
  return hn::Mul(x, hn::IfThenZeroElse(hn::Lt(x, constant(-5.656854f)), share));
}

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
HWY_INLINE V gelu_tanh(V x) {
  const V factor = hn::MulAdd(hn::Mul(x, x), constant(2.0f * 0.79788456f * 0.044715f),
                              constant(2.0f * 0.79788456f));
  return times_sigmoid(x, hn::Mul(x, factor));
}

HWY_INLINE V exponential_unit(V x, float a) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(D())), x, hn::Mul(constant(a), expm1_nonpositive(x)));
}

// The functions with a vector form.
// The formatter goes back and forth on long lists.
// clang-format off
#define HORNET_VECTOR_KINDS(X)                                                              \
  X(relu) X(relu_general) X(relu6) X(leaky_relu) X(elu) X(selu) X(celu) X(sigmoid)          \
  X(hard_sigmoid) X(hard_silu) X(silu) X(mish) X(tanh) X(hard_tanh) X(softplus) X(softsign) \
  X(log_sigmoid) X(gelu) X(gelu_tanh) X(exponential) X(hard_shrink) X(soft_shrink)          \
  X(sparse_plus) X(sparse_sigmoid) X(squareplus) X(threshold) X(negative) X(abs) X(square)  \
  X(sqrt) X(rsqrt) X(reciprocal) X(log) X(log1p) X(ceil) X(floor) X(trunc) X(round) X(erf)  \
  X(scale) X(clip)
// clang-format on

template <UnaryKind kKind>
HWY_INLINE V apply(V x, const graph::UnaryFunction& f) {
  const V zero = hn::Zero(D()), one = constant(1.0f);
  if constexpr (kKind == UnaryKind::relu) return relu(x);
  if constexpr (kKind == UnaryKind::relu_general) {
    const V threshold = constant(f.c);
    V y = hn::IfThenElse(hn::Le(x, threshold), zero, x);
    if (!std::isinf(f.b)) y = clip(y, 0.0f, f.b);
    if (f.a == 0) return y;
    const V below = hn::Mul(constant(f.a), hn::Sub(threshold, x));
    return hn::IfThenElse(hn::Lt(x, threshold), hn::Sub(y, below), y);
  }
  if constexpr (kKind == UnaryKind::relu6) return relu6(x);
  if constexpr (kKind == UnaryKind::leaky_relu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, constant(f.a)), x);
  }
  if constexpr (kKind == UnaryKind::elu) return exponential_unit(x, f.a);
  if constexpr (kKind == UnaryKind::selu) {
    return hn::Mul(constant(1.05070098735548f), exponential_unit(x, 1.67326324235437f));
  }
  if constexpr (kKind == UnaryKind::celu) {
    const V below = hn::Mul(constant(f.a), expm1_nonpositive(hn::Div(x, constant(f.a))));
    return hn::IfThenElse(hn::Gt(x, zero), x, below);
  }
  if constexpr (kKind == UnaryKind::sigmoid) return sigmoid(x);
  if constexpr (kKind == UnaryKind::hard_sigmoid) {
    return clip(hn::MulAdd(constant(f.a), x, constant(f.b)), 0.0f, 1.0f);
  }
  if constexpr (kKind == UnaryKind::hard_silu) {
    const V gate = hn::MulAdd(x, constant(1.0f / 6), constant(0.5f));
    return hn::Mul(x, clip(gate, 0.0f, 1.0f));
  }
  if constexpr (kKind == UnaryKind::silu) return silu(x);
  if constexpr (kKind == UnaryKind::mish) return mish(x);
  if constexpr (kKind == UnaryKind::tanh) return tanh(x);
  if constexpr (kKind == UnaryKind::hard_tanh) return clip(x, -1.0f, 1.0f);
  if constexpr (kKind == UnaryKind::softplus) return softplus(x);
  if constexpr (kKind == UnaryKind::softsign) return hn::Div(x, hn::Add(one, hn::Abs(x)));
  if constexpr (kKind == UnaryKind::log_sigmoid) return hn::Neg(softplus(hn::Neg(x)));
  if constexpr (kKind == UnaryKind::gelu) return gelu(x);
  if constexpr (kKind == UnaryKind::gelu_tanh) return gelu_tanh(x);
  if constexpr (kKind == UnaryKind::exponential) return exp(x);
  if constexpr (kKind == UnaryKind::hard_shrink) {
    return hn::IfThenElseZero(hn::Gt(hn::Abs(x), constant(f.a)), x);
  }
  if constexpr (kKind == UnaryKind::soft_shrink) {
    const V shrunk = hn::CopySignToAbs(hn::Sub(hn::Abs(x), constant(f.a)), x);
    return hn::IfThenElseZero(hn::Gt(hn::Abs(x), constant(f.a)), shrunk);
  }
  if constexpr (kKind == UnaryKind::sparse_plus) {
    const V w = at_least(hn::Add(x, one), 0.0f);
    return hn::IfThenElse(hn::Lt(x, one), hn::Mul(constant(0.25f), hn::Mul(w, w)), x);
  }
  if constexpr (kKind == UnaryKind::sparse_sigmoid) {
    return clip(hn::Mul(constant(0.5f), hn::Add(x, one)), 0.0f, 1.0f);
  }
  if constexpr (kKind == UnaryKind::squareplus) {
    const V magnitude = hn::Abs(x);
    const V square = hn::MulAdd(x, x, constant(f.a));  // may overflow where `a` does not count
    const V root = hn::IfThenElse(hn::Gt(magnitude, constant(1e15f)), magnitude, hn::Sqrt(square));
    // (x + root) / 2, without the cancellation for x < 0.
    const V below = hn::Div(hn::Mul(constant(0.5f), constant(f.a)), hn::Sub(root, x));
    return hn::IfThenElse(hn::Lt(x, zero), below,
                          hn::MulAdd(constant(0.5f), x, hn::Mul(constant(0.5f), root)));
  }
  if constexpr (kKind == UnaryKind::threshold) {
    return hn::IfThenElse(hn::Gt(x, constant(f.a)), x, constant(f.b));
  }
  if constexpr (kKind == UnaryKind::negative) return hn::Neg(x);
  if constexpr (kKind == UnaryKind::abs) return hn::Abs(x);
  if constexpr (kKind == UnaryKind::square) return hn::Mul(x, x);
  if constexpr (kKind == UnaryKind::sqrt) return hn::Sqrt(x);
  if constexpr (kKind == UnaryKind::rsqrt) return hn::Div(one, hn::Sqrt(x));
  if constexpr (kKind == UnaryKind::reciprocal) return hn::Div(one, x);
  if constexpr (kKind == UnaryKind::log) return log(x);
  if constexpr (kKind == UnaryKind::log1p) return log1p(x);
  if constexpr (kKind == UnaryKind::ceil) return hn::Ceil(x);
  if constexpr (kKind == UnaryKind::floor) return hn::Floor(x);
  if constexpr (kKind == UnaryKind::trunc) return hn::Trunc(x);
  if constexpr (kKind == UnaryKind::round) return hn::Round(x);
  if constexpr (kKind == UnaryKind::erf) return erf(x);
  if constexpr (kKind == UnaryKind::scale) return hn::MulAdd(x, constant(f.a), constant(f.b));
  if constexpr (kKind == UnaryKind::clip) return clip(x, f.a, f.b);
  if constexpr (kKind == UnaryKind::identity) return x;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // HORNET_VECTOR_MATH_INL_H
