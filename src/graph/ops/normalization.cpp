#include "graph/ops/normalization.h"

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

void require_axes(const std::vector<int64_t>& axes, const Shape& shape) {
  for (const int64_t axis : axes) normalize_axis(axis, shape.size());
}

}  // namespace

std::vector<TensorType> Softmax::infer(std::span<const TensorType> inputs) const {
  require_axes(axes, inputs[0].shape);
  return {inputs[0]};
}

std::string Softmax::attributes() const {
  return fmt::format("{}axes={}", log ? "log " : "", fmt::join(axes, ","));
}

double Softmax::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return 4.0 * static_cast<double>(num_elements(inputs[0].shape));
}

std::vector<TensorType> LayerNorm::infer(std::span<const TensorType> inputs) const {
  require_axes(axes, inputs[0].shape);
  return {inputs[0]};
}

std::string LayerNorm::attributes() const {
  return fmt::format("axes={} epsilon={:g}{}", fmt::join(axes, ","), epsilon, rms ? " rms" : "");
}

double LayerNorm::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return 8.0 * static_cast<double>(num_elements(inputs[0].shape));
}

}  // namespace hornet::graph
