// Kernels for two operators at once.
#pragma once

#include <memory>

#include "kernels/kernel.h"

namespace hornet::kernels {

// A kernel for two operators of which the second alone reads what the first gives, as its input 0;
// null where there is none. Its inputs are those of the first without a residual (3), then those of
// the second but for input 0.
std::unique_ptr<Kernel> choose_pair_kernel(const KernelRequest& first, const KernelRequest& second,
                                           const KernelChoice& choice);

// A 1x1 convolution and the depthwise convolution behind it.
KernelOffer simd_expand_depthwise(const KernelRequest& expand, const KernelRequest& depthwise);

}  // namespace hornet::kernels
