#include "kernels/simd/speed.h"

#include "kernels/simd/gemm.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/speed.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

// Chains: enough to hide the latency of two units, as few as fit in the registers.
constexpr int kChains = 12;

}  // namespace

int64_t multiply_adds(int64_t count) {
  const D d;
  V sum[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  const V factor = hn::Set(d, 0.5f), summand = hn::Set(d, 1.0f);
  constexpr int64_t kOnce = 8 * kChains * static_cast<int64_t>(kLanes);
  const int64_t times = count / kOnce + 1;
  for (int64_t t = 0; t < times; ++t) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
#pragma GCC unroll 16
      for (int i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(sum[i], factor, summand);
    }
  }
  V all = sum[0];
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) all = hn::Add(all, sum[i]);
  // Never true: all chains converge to 2. Keeps them from being left out.
  return hn::GetLane(all) < 0 ? 0 : times * kOnce;
}

float read_all(const float* data, int64_t count) {
  const D d;
  constexpr int64_t kStep = static_cast<int64_t>(kLanes);
  V sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (int64_t i = 0; i + 4 * kStep <= count; i += 4 * kStep) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) sum[j] = hn::Add(sum[j], hn::LoadU(d, data + i + j * kStep));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]))));
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {

std::string instruction_set() { return gemm_functions().name; }

bool limit_instruction_set(const std::string& name) {
  if (name == "avx512") return true;
  if (name != "avx2") return false;
  limit_instruction_set(InstructionSet::kAvx2);
  return true;
}

int64_t run_multiply_adds(int64_t count) { return HORNET_DISPATCH(multiply_adds)(count); }

float read_floats(const float* data, int64_t count) {
  return HORNET_DISPATCH(read_all)(data, count);
}

}  // namespace hornet::kernels
#endif
