#include "data/raw.h"

#include "base/check.h"
#include "data/dense_sink.h"
#include "data/dense_source.h"
#include "data/input.h"
#include "data/rows.h"

namespace hornet {

std::unique_ptr<Source> open_raw_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs) {
  const std::optional<Shape>& shape =
      options.row_shape ? options.row_shape : options.wanted_row_shape;
  require(options.dtype && shape, ErrorCode::kInvalidArgument,
          "{}: raw rows need their element type and shape (--dtype, --shape)", path);
  const DType dtype = *options.dtype;
  const Shape& row_shape = *shape;
  const size_t row_bytes = num_bytes(dtype, row_shape);
  require(row_bytes > 0, ErrorCode::kInvalidArgument,
          "{}: rows of shape {} have no bytes, so there is no telling how many there are", path,
          to_string(row_shape));
  DenseRows rows;
  rows.file = open_input(path, Gzip::kByName, fs);
  const size_t size = rows.file->size();
  require(size % row_bytes == 0, ErrorCode::kInvalidInput,
          "{} has {} bytes; rows of {} {} have {} each, and {} are left over", path, size,
          to_string(dtype), to_string(row_shape), row_bytes, size % row_bytes);
  rows.data = rows.file->data();
  rows.name = path;
  rows.dtype = dtype;
  rows.shape = batched(static_cast<int64_t>(size / row_bytes), row_shape);
  rows.normalize_bools = dtype == DType::kBool;
  return dense_source(std::move(rows));
}

std::unique_ptr<Sink> open_raw_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    const SinkOptions& options, FileSystem& fs) {
  DenseOutput output;
  output.path = path;
  output.dtype = dtype;
  output.row_shape = row_shape;
  output.num_rows = num_rows;
  output.memory_bytes = options.memory_bytes;
  return dense_sink(std::move(output), overwrite, fs);
}

}  // namespace hornet
