// Reading sources in tests.
#pragma once

#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "hornet/source.h"
#include "paths.h"

namespace hornet {

inline std::string test_file(const std::string& name) {
  return std::string(HORNET_TEST_DATA) + "/data/" + name;
}

template <class T>
std::vector<T> values_of(const TensorView& view) {
  std::vector<T> result(static_cast<size_t>(num_elements(view.shape)));
  if (!result.empty()) std::memcpy(result.data(), view.data, result.size() * sizeof(T));
  return result;
}

template <class T>
std::vector<T> read_rows(const Source& source, int64_t begin, int64_t end) {
  std::vector<std::byte> scratch;
  return values_of<T>(source.rows(begin, end, scratch));
}

template <class T>
std::vector<T> read_rows(const Source& source) {
  return read_rows<T>(source, 0, source.num_rows());
}

// first, first + 1, ...
template <class T>
std::vector<T> counting(size_t count, T first = 0) {
  std::vector<T> result(count);
  std::iota(result.begin(), result.end(), first);
  return result;
}

}  // namespace hornet
