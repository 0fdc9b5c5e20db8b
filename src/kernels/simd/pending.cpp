// Kernels that are not there yet: refuse.
#include "kernels/simd/kernels.h"

namespace hornet::kernels {
#define PENDING(name) \
  KernelOffer name(const KernelRequest&) { return {nullptr, #name ": not there yet"}; }
PENDING(simd_depthwise_conv)
}  // namespace hornet::kernels
