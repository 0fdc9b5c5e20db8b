// Test data, and parts of it.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "hornet/source.h"
#include "hornet/tensor.h"
#include "paths.h"

namespace hornet {

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
