#include "data/npy.h"

#include <span>
#include <utility>

#include "base/check.h"
#include "data/dense_source.h"
#include "data/input.h"
#include "data/npy_header.h"
#include "data/partial_file.h"
#include "data/resident_window.h"
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

// What the whole file needs, and where its rows begin.
struct NpyLayout {
  NpyLayout(DType dtype, const Shape& shape) : header(npy_header(dtype, shape)) {
    require(!__builtin_add_overflow(num_bytes(dtype, shape), header.size(), &file_bytes),
            ErrorCode::kInvalidArgument, "shape {} has more bytes than a file can hold",
            to_string(shape));
  }
  std::string header;
  size_t file_bytes = 0;
};

class NpySink : public Sink {
 public:
  NpySink(const std::string& path, DType dtype, const Shape& row_shape, int64_t num_rows,
          Overwrite overwrite, FileSystem& fs)
      : path_(path),
        dtype_(dtype),
        row_shape_(row_shape),
        num_rows_(num_rows),
        row_bytes_(num_bytes(dtype, row_shape)),
        layout_(dtype, batched(num_rows, row_shape)),
        partial_(path, layout_.file_bytes, overwrite, fs),
        mapping_(partial_.file(), layout_.file_bytes, Mapping::Access::kShared) {
    if (overwrite != Overwrite::kResume) {
      partial_.file().write_at(0, std::as_bytes(std::span(layout_.header)));
      return;
    }
    require(std::memcmp(mapping_.data(), layout_.header.data(), layout_.header.size()) == 0,
            ErrorCode::kIo, "cannot go on: {} does not begin with the header of {} {}",
            partial_.file().path(), to_string(dtype), to_string(batched(num_rows, row_shape)));
  }

  std::string name() const override { return path_; }

  // Not by way of the mapping: an error of the disk is then an Error and not a signal.
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end = check_write(path_, begin, rows, dtype_, row_shape_, num_rows_);
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    // Rows made in place, through direct(), are there already.
    if (bytes == 0 || rows.data == mapping_.data() + offset(begin)) return;
    partial_.file().write_at(offset(begin), {static_cast<const std::byte*>(rows.data), bytes});
  }

  MutableTensorView direct(int64_t begin, int64_t end) override {
    check_range(path_, begin, end, num_rows_);
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    if (window_.is_full_after(bytes)) mapping_.forget_pages();
    return {mapping_.data() + offset(begin), dtype_, batched(end - begin, row_shape_)};
  }

  void finish() override { partial_.publish(); }
  void sync() override { partial_.file().sync(); }
  bool keep() override {
    partial_.keep();
    return true;
  }
  bool is_finished() const override { return partial_.is_published(); }
  std::optional<FileRows> file_rows() const override {
    return FileRows{path_ + ".partial", layout_.header.size()};
  }

 private:
  size_t offset(int64_t row) const {
    return layout_.header.size() + static_cast<size_t>(row) * row_bytes_;
  }

  const std::string path_;
  const DType dtype_;
  const Shape row_shape_;
  const int64_t num_rows_;
  const size_t row_bytes_;
  const NpyLayout layout_;
  PartialFile partial_;
  const Mapping mapping_;
  ResidentWindow window_;
};

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
                                    int64_t num_rows, Overwrite overwrite, FileSystem& fs) {
  require(dtype != DType::kBFloat16, ErrorCode::kUnsupported,
          "{}: a .npy file cannot hold bfloat16, which numpy does not have", path);
  return std::make_unique<NpySink>(path, dtype, row_shape, num_rows, overwrite, fs);
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
