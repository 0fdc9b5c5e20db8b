// Activations as post-operations of oneDNN's primitives.
#pragma once

#include <dnnl.hpp>

#include "graph/ops/elementwise.h"

namespace hornet::kernels::onednn {

// Appends the function. False, and nothing appended, for one that oneDNN does not have or does not
// compute to 1e-6 of |f(x)| or 1e-6, whichever is larger (softplus and mish of 2.6.3, for two).
// relu and clip of NaN give a bound, as in TensorFlow where it uses oneDNN.
bool append_activation(const graph::UnaryFunction& function, dnnl::post_ops& post_ops);

}  // namespace hornet::kernels::onednn
