#include "graph/op.h"

namespace hornet::graph {

DType storage_dtype(DType dtype) { return is_floating(dtype) ? DType::kFloat32 : dtype; }

size_t storage_bytes(const TensorType& type) {
  return num_bytes(storage_dtype(type.dtype), type.shape);
}

double Op::flops(std::span<const TensorType>, std::span<const TensorType>) const { return 0; }

}  // namespace hornet::graph
