// Computes one operator at once: for constant folding and tests.
#pragma once

#include <vector>

#include "kernels/kernel.h"

namespace hornet::kernels {

// A request for an operator over the types of `inputs`, which are plain; null for one that is
// absent. The data of those with is_constant set is known to the kernel (all, where it is empty).
// The request refers to `op`, `inputs` and `packed`.
KernelRequest make_request(const graph::Op& op, const std::vector<const Tensor*>& inputs,
                           PackedWeights& packed, const std::vector<bool>& is_constant = {});

// Runs a kernel of `request` on `inputs`, its outputs plain.
std::vector<Tensor> run_kernel(const Kernel& kernel, const KernelRequest& request,
                               const std::vector<const Tensor*>& inputs);

// Infers the types, chooses a kernel and runs it. Inputs have storage dtypes. Throws what inferring
// and choosing throw, and Error(kInvalidInput) for values that the operator does not take.
std::vector<Tensor> evaluate(const graph::Op& op, const std::vector<const Tensor*>& inputs,
                             bool reference_only);

}  // namespace hornet::kernels
