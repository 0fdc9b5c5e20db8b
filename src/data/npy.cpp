#include "data/npy.h"

#include <span>
#include <utility>

#include "base/check.h"
#include "data/dense_sink.h"
#include "data/dense_source.h"
#include "data/input.h"
#include "data/npy_header.h"
#include "data/rows.h"

namespace hornet {
namespace {

DenseRows npy_rows(const std::shared_ptr<const MappedFile>& file, std::span<const std::byte> bytes,
                   const std::string& name) {
  const NpyHeader header = parse_npy_header(bytes, name);
  DenseRows rows;
  rows.file = file;
  rows.data = bytes.data() + header.data_offset;
  rows.name = name;
  rows.dtype = header.dtype;
  rows.big_endian = header.big_endian;
  rows.shape = header.shape;
  return rows;
}

}  // namespace

std::unique_ptr<Source> open_npy_source(const std::string& path, FileSystem& fs) {
  const auto file = open_input(path, Gzip::kByName, fs);
  return dense_source(npy_rows(file, {file->data(), file->size()}, path));
}

std::unique_ptr<Source> npy_source_of(std::shared_ptr<const MappedFile> file,
                                      std::span<const std::byte> bytes, const std::string& name) {
  return dense_source(npy_rows(file, bytes, name));
}

std::unique_ptr<Sink> open_npy_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite, FileSystem& fs,
                                    size_t memory_bytes) {
  require(dtype != DType::kBFloat16, ErrorCode::kUnsupported,
          "{}: a .npy file cannot hold bfloat16, which numpy does not have", path);
  DenseOutput output;
  output.path = path;
  output.header = npy_header(dtype, batched(num_rows, row_shape));
  output.dtype = dtype;
  output.row_shape = row_shape;
  output.num_rows = num_rows;
  output.memory_bytes = memory_bytes;
  return dense_sink(std::move(output), overwrite, fs);
}

Tensor read_npy(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const NpyHeader header = parse_npy_header({file->data(), file->size()}, path);
  Tensor tensor(header.dtype, header.shape);
  if (tensor.num_bytes() == 0) return tensor;
  copy_swapped(file->data() + header.data_offset, static_cast<std::byte*>(tensor.mutable_data()),
               tensor.num_bytes(), header.big_endian ? size_of(header.dtype) : 1);
  return tensor;
}

}  // namespace hornet
