// Include before Highway: which instruction sets the kernels are compiled for. AVX-512, AVX2 and
// SSE4 are chosen from at run time; what the compiler may use anyhow, plain x86-64 code as a rule,
// is the last resort.
//
// The choice is made here and not by Highway's library, which measures its clock whenever it is
// loaded: 5 ms of each start.
#pragma once

#if defined(HORNET_FEW_INSTRUCTION_SETS)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#else
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#include "hwy/detect_targets.h"

#include <initializer_list>
#include <optional>
#include <span>

namespace hornet::kernels {

enum class InstructionSet { kPlain, kSse4, kAvx2, kAvx512 };

// What kernels are compiled for here, whatever this machine has.
std::span<const InstructionSet> instruction_sets();
bool has_instruction_set(InstructionSet set);
// The best that this machine has, and the limit allows.
InstructionSet chosen_instruction_set();
// Before the first kernel is made. Not thread-safe.
void limit_instruction_set(InstructionSet most);

// Whether the processor reads no more vectors a cycle than it multiplies and adds, but decodes many
// instructions: AMD's.
bool reads_as_it_multiplies();
// For tests, as if it were so; std::nullopt: as it is. Not thread-safe.
void assume_reads_as_it_multiplies(std::optional<bool> assumed);

template <class F>
struct CodeFor {
  InstructionSet set;
  F* function;
};
template <class F>
CodeFor(InstructionSet, F*) -> CodeFor<F>;
// The best of those the machine has; the last one is for every machine.
template <class F>
F* choose_code(std::initializer_list<CodeFor<F>> codes) {
  for (const CodeFor<F>& code : codes) {
    if (code.set <= chosen_instruction_set()) return code.function;
  }
  return (codes.end() - 1)->function;
}

}  // namespace hornet::kernels

#if HWY_TARGETS & HWY_AVX3
#define HORNET_CODE_FOR_AVX512(function) CodeFor{InstructionSet::kAvx512, &N_AVX3::function},
#else
#define HORNET_CODE_FOR_AVX512(function)
#endif
#if HWY_TARGETS & HWY_AVX2
#define HORNET_CODE_FOR_AVX2(function) CodeFor{InstructionSet::kAvx2, &N_AVX2::function},
#else
#define HORNET_CODE_FOR_AVX2(function)
#endif
#if HWY_TARGETS & HWY_SSE4
#define HORNET_CODE_FOR_SSE4(function) CodeFor{InstructionSet::kSse4, &N_SSE4::function},
#else
#define HORNET_CODE_FOR_SSE4(function)
#endif
// Of a function that HWY_NAMESPACE has, the code for this machine; in hornet::kernels, where
// HWY_ONCE is.
#define HORNET_DISPATCH(function)                                              \
  choose_code({HORNET_CODE_FOR_AVX512(function) HORNET_CODE_FOR_AVX2(function) \
                   HORNET_CODE_FOR_SSE4(function)                              \
                       CodeFor{InstructionSet::kPlain, &HWY_STATIC_DISPATCH(function)}})
