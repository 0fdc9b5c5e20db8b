#include "graph/op.h"

namespace hornet::graph {

DType storage_dtype(DType dtype) { return is_floating(dtype) ? DType::kFloat32 : dtype; }

double Op::flops(std::span<const TensorType>, std::span<const TensorType>) const { return 0; }

}  // namespace hornet::graph
