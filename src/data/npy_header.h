// The header of numpy's .npy format, as numpy.lib.format describes it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "hornet/tensor.h"

namespace hornet {

struct NpyHeader {
  DType dtype = DType::kFloat32;
  bool big_endian = false;
  Shape shape;             // at least one dimension, all known; its bytes fit in the file
  size_t data_offset = 0;  // from there on, dense and row-major, to the end of the file
};

// Reads the header of a whole file. `name` is for messages.
// Throws Error(kInvalidInput) for a file that is broken or no .npy file, and Error(kUnsupported)
// for one whose elements are not numbers or whose rows are not in row-major order.
NpyHeader parse_npy_header(std::span<const std::byte> file, const std::string& name);

// The bytes before the data, just as numpy writes them: a multiple of 64, padded with spaces.
// Throws Error(kUnsupported) for bfloat16, which numpy does not have.
std::string npy_header(DType dtype, const Shape& shape);

}  // namespace hornet
