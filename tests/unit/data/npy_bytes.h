// .npy files spelled out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hornet {

// A file with this header text, of version `major`.0, and these bytes after it. Nothing is padded.
inline std::string npy_bytes(const std::string& dict, const std::string& data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  const size_t length_bytes = major == 1 ? 2 : 4;
  for (size_t i = 0; i < length_bytes; ++i) {
    bytes += static_cast<char>(dict.size() >> (8 * i) & 0xff);
  }
  return bytes + dict + data;
}

// The same for a type and a shape, both as Python writes them, the data 64-byte aligned.
inline std::string npy_bytes_of(const std::string& descr, const std::string& shape,
                                const std::string& data, int major = 1) {
  std::string dict = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  const size_t prefix = major == 1 ? 10 : 12;
  while ((prefix + dict.size() + 1) % 64 != 0) dict += ' ';
  return npy_bytes(dict + "\n", data, major);
}

template <class T>
std::string raw(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace hornet
