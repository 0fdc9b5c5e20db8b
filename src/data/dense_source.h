// Rows that lie one after the other in a file.
#pragma once

#include <memory>
#include <string>

#include "base/mapped_file.h"
#include "hornet/source.h"

namespace hornet {

struct DenseRows {
  std::shared_ptr<const MappedFile> file;
  const std::byte* data = nullptr;  // the first row, within the file
  std::string name;                 // for messages
  DType dtype = DType::kFloat32;
  bool big_endian = false;
  Shape shape;                   // [rows, row...], all within the file
  bool normalize_bools = false;  // bytes that are neither 0 nor 1 may be there, and count as 1
};

// Rows are read when they are asked for, not by way of the mapping: to make pages of this process
// out of pages that are used once takes longer than to copy them, on some virtual machines many
// times as long. Throws Error(kShapeMismatch) where the shape has no dimension.
std::unique_ptr<Source> dense_source(DenseRows rows);

// Copies elements of `element_bytes` each, their bytes in reverse; 1 copies them as they are. `dst`
// may be `src`.
void copy_swapped(const std::byte* src, std::byte* dst, size_t bytes, size_t element_bytes);

}  // namespace hornet
