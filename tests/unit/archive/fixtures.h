// What the tests of archive/ share, with those of keras/.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "archive/bytes.h"
#include "base/mapped_file.h"
#include "hornet/error.h"
#include "hornet/tensor.h"
#include "paths.h"

namespace hornet {

inline std::string data_path(const std::string& name) {
  return std::string(HORNET_TEST_DATA) + "/keras/" + name;
}

inline Bytes map_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  return {file, file->data(), file->size()};
}

// Runs `action` and gives back the Error it throws, as text; "" where it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline std::vector<float> floats(const Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.num_elements()));
  convert_elements(tensor.dtype(), tensor.data(), DType::kFloat32, values.data(),
                   tensor.num_elements());
  return values;
}

}  // namespace hornet
