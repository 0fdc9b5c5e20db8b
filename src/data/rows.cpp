#include "data/rows.h"

#include <algorithm>

#include "base/check.h"

namespace hornet {

Shape batched(int64_t num_rows, const Shape& row_shape) {
  Shape shape = {num_rows};
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  return shape;
}

void check_range(const std::string& name, int64_t begin, int64_t end, int64_t num_rows) {
  require(begin >= 0 && begin <= end && end <= num_rows, ErrorCode::kInvalidArgument,
          "{}: rows {} to {} asked for; it has {}", name, begin, end, num_rows);
}

int64_t check_write(const std::string& name, int64_t begin, const TensorView& rows, DType dtype,
                    const Shape& row_shape, int64_t num_rows) {
  const bool fits = rows.dtype == dtype && rows.shape.size() == row_shape.size() + 1 &&
                    rows.shape[0] >= 0 &&
                    std::equal(row_shape.begin(), row_shape.end(), rows.shape.begin() + 1);
  require(fits, ErrorCode::kShapeMismatch, "{}: got {} {}; expected {} {}", name,
          to_string(rows.dtype), to_string(rows.shape), to_string(dtype),
          to_string(batched(kUnknownDim, row_shape)));
  require(begin >= 0 && begin <= num_rows && rows.shape[0] <= num_rows - begin,
          ErrorCode::kInvalidArgument, "{}: {} rows written at row {}; it has {}", name,
          rows.shape[0], begin, num_rows);
  return begin + rows.shape[0];
}

}  // namespace hornet
