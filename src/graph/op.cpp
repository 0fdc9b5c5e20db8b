#include "graph/op.h"

namespace hornet::graph {

std::string to_string(const TensorType& type) {
  return std::string(to_string(type.dtype)) + to_string(type.shape);
}

DType storage_dtype(DType dtype) { return is_floating(dtype) ? DType::kFloat32 : dtype; }

double Op::flops(std::span<const TensorType>, std::span<const TensorType>) const { return 0; }

}  // namespace hornet::graph
