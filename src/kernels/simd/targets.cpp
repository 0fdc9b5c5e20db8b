#include "kernels/simd/targets.h"

#include <algorithm>

namespace hornet::kernels {
namespace {

// The processor's and the system's word: registers must be saved too.
InstructionSet best_of_machine() {
  __builtin_cpu_init();
  // What Highway's code for these sets needs, as far as compilers know how to ask for it (F16C
  // comes with AVX2).
  const bool sse4 = __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2") &&
                    __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("aes") &&
                    __builtin_cpu_supports("pclmul");
  if (!sse4) return InstructionSet::kPlain;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  if (!avx2) return InstructionSet::kSse4;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd");
  return avx512 ? InstructionSet::kAvx512 : InstructionSet::kAvx2;
}

// Of the process: kernels are chosen in many places, and all must choose alike.
InstructionSet& limit() {
  static InstructionSet limit = InstructionSet::kAvx512;
  return limit;
}

bool is_amd() {
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") != 0;
}

bool& reads_as_it_multiplies_here() {
  static bool here = is_amd();
  return here;
}

}  // namespace

std::span<const InstructionSet> instruction_sets() {
  static constexpr InstructionSet kSets[] = {
    InstructionSet::kPlain,
#if HWY_TARGETS & HWY_SSE4
    InstructionSet::kSse4,
#endif
#if HWY_TARGETS & HWY_AVX2
    InstructionSet::kAvx2,
#endif
#if HWY_TARGETS & HWY_AVX3
    InstructionSet::kAvx512,
#endif
  };
  return kSets;
}

bool has_instruction_set(InstructionSet set) {
  static const InstructionSet best = best_of_machine();
  return set <= best;
}

InstructionSet chosen_instruction_set() {
  InstructionSet chosen = limit();
  while (!has_instruction_set(chosen)) {
    chosen = static_cast<InstructionSet>(static_cast<int>(chosen) - 1);
  }
  return chosen;
}

bool reads_as_it_multiplies() { return reads_as_it_multiplies_here(); }

void assume_reads_as_it_multiplies(std::optional<bool> assumed) {
  reads_as_it_multiplies_here() = assumed.value_or(is_amd());
}

void limit_instruction_set(InstructionSet most) { limit() = most; }

}  // namespace hornet::kernels
