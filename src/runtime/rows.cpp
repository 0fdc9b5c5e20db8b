#include "runtime/rows.h"

#include "base/check.h"

namespace hornet::runtime {

TensorView read_rows(const Source& source, int64_t begin, int64_t end,
                     std::vector<std::byte>& scratch) {
  TensorView rows = source.rows(begin, end, scratch);
  Shape expected = source.row_shape();
  expected.insert(expected.begin(), end - begin);
  if (rows.dtype != source.dtype() || rows.shape != expected) {
    fail(ErrorCode::kInvalidInput, "{}: rows {} to {} were given as {} {}; expected {} {}",
         source.name(), begin, end - 1, to_string(rows.dtype), to_string(rows.shape),
         to_string(source.dtype()), to_string(expected));
  }
  if (rows.data == nullptr && num_bytes(rows.dtype, rows.shape) > 0) {
    fail(ErrorCode::kInvalidInput, "{}: rows {} to {} were given without data", source.name(),
         begin, end - 1);
  }
  return rows;
}

}  // namespace hornet::runtime
