#include "kernels/onednn/activation.h"

#include <cmath>

namespace hornet::kernels::onednn {

bool append_activation(const graph::UnaryFunction& function, dnnl::post_ops& post_ops) {
  using dnnl::algorithm;
  using graph::UnaryKind;
  const float a = function.a, b = function.b, c = function.c;
  const auto append = [&](algorithm kind, float alpha = 0, float beta = 0) {
    post_ops.append_eltwise(1, kind, alpha, beta);
    return true;
  };
  switch (function.kind) {
    case UnaryKind::identity:
      return true;
    case UnaryKind::relu:
      return append(algorithm::eltwise_relu);
    case UnaryKind::relu_general:
      if (c == 0 && std::isinf(b) && b > 0) return append(algorithm::eltwise_relu, a);
      if (c == 0 && a == 0 && b >= 0) return append(algorithm::eltwise_clip, 0, b);
      return false;
    case UnaryKind::relu6:
      return append(algorithm::eltwise_clip, 0, 6);
    case UnaryKind::leaky_relu:
      return append(algorithm::eltwise_relu, a);
    case UnaryKind::elu:
      return append(algorithm::eltwise_elu, a);
    case UnaryKind::sigmoid:
      return append(algorithm::eltwise_logistic);
    case UnaryKind::hard_sigmoid:
      return append(algorithm::eltwise_linear, a, b) && append(algorithm::eltwise_clip, 0, 1);
    case UnaryKind::hard_silu:
      return append(algorithm::eltwise_hardswish);
    case UnaryKind::silu:
      return append(algorithm::eltwise_swish, 1);
    case UnaryKind::tanh:
      return append(algorithm::eltwise_tanh);
    case UnaryKind::hard_tanh:
      return append(algorithm::eltwise_clip, -1, 1);
    case UnaryKind::gelu:
      return append(algorithm::eltwise_gelu_erf);
    case UnaryKind::gelu_tanh:
      return append(algorithm::eltwise_gelu_tanh);
    case UnaryKind::abs:
      return append(algorithm::eltwise_abs);
    case UnaryKind::square:
      return append(algorithm::eltwise_square);
    case UnaryKind::negative:
      return append(algorithm::eltwise_linear, -1);
    case UnaryKind::scale:
      return append(algorithm::eltwise_linear, a, b);
    case UnaryKind::clip:
      return a <= b && append(algorithm::eltwise_clip, a, b);
    default:
      return false;
  }
}

}  // namespace hornet::kernels::onednn
