// Include before Highway: which instruction sets the kernels are compiled for. AVX-512, AVX2 and
// SSE4 are chosen from at run time; plain x86-64 code is the last resort.
#pragma once

#define HWY_DISABLED_TARGETS HWY_SSSE3
