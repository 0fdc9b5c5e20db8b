// Operators that only move elements, as copies of contiguous runs.
#pragma once

#include "kernels/kernel.h"

namespace hornet::kernels {

KernelOffer copy_concat(const KernelRequest& request);
KernelOffer copy_slice(const KernelRequest& request);
KernelOffer copy_pad(const KernelRequest& request);  // constant cells only
KernelOffer copy_transpose(const KernelRequest& request);
KernelOffer copy_broadcast_to(const KernelRequest& request);
KernelOffer copy_gather(const KernelRequest& request);  // rows of a table: axis 0

}  // namespace hornet::kernels
