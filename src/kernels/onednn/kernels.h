// Kernels that oneDNN computes, for the table of kernels/registry.cpp. All arrays are plain: on
// AVX-512 oneDNN is as fast with channels last as with layouts of its choice; on machines without
// it, blocked layouts would be 5-30 % faster.
#pragma once

#include "kernels/kernel.h"

namespace hornet::kernels {

KernelOffer onednn_conv(const KernelRequest& request);    // conv
KernelOffer onednn_pool(const KernelRequest& request);    // pool
KernelOffer onednn_matmul(const KernelRequest& request);  // matmul

}  // namespace hornet::kernels
