// Reads whole .npy files, for tests.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "hornet/source.h"
#include "hornet/tensor.h"

namespace hornet {

inline Tensor read_npy(const std::string& path) {
  const std::unique_ptr<Source> source = open_source(path);
  Shape shape = source->row_shape();
  shape.insert(shape.begin(), source->num_rows());
  Tensor tensor(source->dtype(), shape);
  std::vector<std::byte> scratch;
  const TensorView rows = source->rows(0, source->num_rows(), scratch);
  if (tensor.num_bytes() > 0) std::memcpy(tensor.mutable_data(), rows.data, tensor.num_bytes());
  return tensor;
}

// The first `count` rows.
inline Tensor first_rows(const Tensor& tensor, int64_t count) {
  Shape shape = tensor.shape();
  shape[0] = count;
  Tensor result(tensor.dtype(), shape);
  if (result.num_bytes() > 0) {
    std::memcpy(result.mutable_data(), tensor.data(), result.num_bytes());
  }
  return result;
}

inline std::string test_data(const std::string& name) {
  return std::string(HORNET_TEST_DATA) + "/" + name;
}

}  // namespace hornet
