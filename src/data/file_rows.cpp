#include "data/file_rows.h"

#include <fcntl.h>

#include <utility>

#include "base/check.h"
#include "data/rows.h"

namespace hornet {
namespace {

class FileRowsSink : public Sink {
 public:
  FileRowsSink(const FileRows& place, std::string name, DType dtype, const Shape& row_shape,
               int64_t num_rows, FileSystem& fs)
      : name_(std::move(name)),
        file_(File::open(place.path, O_RDWR | O_NOFOLLOW, fs)),
        offset_(place.offset),
        dtype_(dtype),
        row_shape_(row_shape),
        num_rows_(num_rows),
        row_bytes_(num_bytes(dtype, row_shape)) {}

  std::string name() const override { return name_; }
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end = check_write(name_, begin, rows, dtype_, row_shape_, num_rows_);
    write_file_rows(
        *file_, end_of(num_rows_), end_of(begin),
        {static_cast<const std::byte*>(rows.data), static_cast<size_t>(end - begin) * row_bytes_},
        begin, end);
  }
  void finish() override {}

 private:
  // Where the rows before this one end.
  size_t end_of(int64_t row) const { return offset_ + static_cast<size_t>(row) * row_bytes_; }

  const std::string name_;
  const std::unique_ptr<File> file_;
  const size_t offset_;
  const DType dtype_;
  const Shape row_shape_;
  const int64_t num_rows_;
  const size_t row_bytes_;
};

}  // namespace

void write_file_rows(File& file, size_t file_bytes, size_t offset, std::span<const std::byte> bytes,
                     int64_t begin, int64_t end) {
  if (bytes.empty()) return;
  const auto size = static_cast<size_t>(file.status().st_size);
  require(size >= file_bytes, ErrorCode::kIo,
          "cannot write rows {} to {}: {} was truncated to {} bytes", begin, end, file.path(),
          size);
  file.write_at(offset, bytes);
}

std::unique_ptr<Sink> open_file_rows(const FileRows& place, std::string name, DType dtype,
                                     const Shape& row_shape, int64_t num_rows, FileSystem& fs) {
  return std::make_unique<FileRowsSink>(place, std::move(name), dtype, row_shape, num_rows, fs);
}

}  // namespace hornet
