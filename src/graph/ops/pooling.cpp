#include "graph/ops/pooling.h"

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

}  // namespace hornet::graph
