// What every Source and Sink asks of the ranges and rows it is given.
#pragma once

#include <cstdint>
#include <string>

#include "hornet/tensor.h"

namespace hornet {

// [num_rows, row_shape...]
Shape batched(int64_t num_rows, const Shape& row_shape);

// Throws Error(kInvalidArgument) unless 0 <= begin <= end <= num_rows.
void check_range(const std::string& name, int64_t begin, int64_t end, int64_t num_rows);

// For Sink::write: throws unless `rows` are such rows and fit at `begin`. Returns their end.
int64_t check_write(const std::string& name, int64_t begin, const TensorView& rows, DType dtype,
                    const Shape& row_shape, int64_t num_rows);

}  // namespace hornet
