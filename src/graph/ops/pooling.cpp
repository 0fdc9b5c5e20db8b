#include "graph/ops/pooling.h"

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {

std::vector<TensorType> Pool::infer(std::span<const TensorType> inputs) const {
  const size_t spatial = window.size.size();
  Shape out = input_of_rank(inputs, 0, spatial + 2, "input").shape;
  for (size_t i = 0; i < spatial; ++i) out[i + 1] = window.resolve(i, out[i + 1]).output;
  return {{inputs[0].dtype, out}};
}

std::string Pool::attributes() const {
  return (kind == PoolKind::kMax ? "max " : "average ") + window.to_string();
}

double Pool::flops(std::span<const TensorType>, std::span<const TensorType> outputs) const {
  return static_cast<double>(num_elements(outputs[0].shape)) *
         static_cast<double>(product(window.size, 0, window.size.size()));
}

AdaptivePool::Cells AdaptivePool::cells(size_t axis, int64_t output, int64_t input) const {
  return {output * input / size[axis], ((output + 1) * input + size[axis] - 1) / size[axis]};
}

std::vector<TensorType> AdaptivePool::infer(std::span<const TensorType> inputs) const {
  Shape out = input_of_rank(inputs, 0, size.size() + 2, "input").shape;
  for (size_t i = 0; i < size.size(); ++i) {
    constexpr int64_t kMostCells = int64_t{1} << 31;  // cells() multiplies two such numbers
    require(size[i] > 0 && size[i] < kMostCells && out[i + 1] != 0 && out[i + 1] < kMostCells,
            ErrorCode::kShapeMismatch, "{} cells are pooled to {} (spatial dimension {})",
            out[i + 1], size[i], i);
    out[i + 1] = size[i];
  }
  return {{inputs[0].dtype, out}};
}

std::string AdaptivePool::attributes() const {
  return fmt::format("{} {}", kind == PoolKind::kMax ? "max" : "average", fmt::join(size, ","));
}

double AdaptivePool::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return static_cast<double>(num_elements(inputs[0].shape));
}

}  // namespace hornet::graph
