// Kernels for two operators at once.
#pragma once

#include <memory>

#include "kernels/kernel.h"

namespace hornet::kernels {

// A kernel for two operators of which the second reads what the first gives, as its input 0, and
// others do only where `keeps_first`; null where there is none. Its inputs are those of the first
// without a residual (3), then those of the second but for input 0. Its outputs are that of the
// second and, where `keeps_first`, that of the first.
std::unique_ptr<Kernel> choose_pair_kernel(const KernelRequest& first, const KernelRequest& second,
                                           bool keeps_first, const KernelChoice& choice);
constexpr size_t kFirstInputsOfPair = 3;
// Whether there may be such a kernel: parted, the two may give other bits.
bool may_be_pair(const graph::Op& first, const graph::Op& second);

// A 1x1 convolution and the depthwise convolution behind it.
KernelOffer simd_expand_depthwise(const KernelRequest& expand, const KernelRequest& depthwise,
                                  bool keeps_first);
// A depthwise convolution and the means of its images, which it keeps.
KernelOffer simd_depthwise_mean(const KernelRequest& depthwise, const KernelRequest& mean,
                                bool keeps_first);
// Two Binary operators with a number, or a number a channel, each.
KernelOffer simd_binary_pair(const KernelRequest& first, const KernelRequest& second,
                             bool keeps_first);
// The product of images with a factor for each channel of a row, and the 1x1 convolution behind it.
KernelOffer simd_gated_conv_1x1(const KernelRequest& product, const KernelRequest& conv,
                                bool keeps_first);

}  // namespace hornet::kernels
