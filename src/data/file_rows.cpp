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
        dtype_(dtype),
        row_shape_(row_shape),
        num_rows_(num_rows),
        writer_(*file_, place.offset, num_bytes(dtype, row_shape), num_rows) {}

  std::string name() const override { return name_; }
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end = check_write(name_, begin, rows, dtype_, row_shape_, num_rows_);
    writer_.write(begin, end, rows.data);
  }
  void finish() override {}

 private:
  const std::string name_;
  const std::unique_ptr<File> file_;
  const DType dtype_;
  const Shape row_shape_;
  const int64_t num_rows_;
  FileRowsWriter writer_;
};

}  // namespace

FileRowsWriter::FileRowsWriter(File& file, size_t offset, size_t row_bytes, int64_t num_rows)
    : file_(file), offset_(offset), row_bytes_(row_bytes), num_rows_(num_rows) {}

void FileRowsWriter::write(int64_t begin, int64_t end, const void* rows) {
  constexpr size_t kManyBytes = size_t{8} << 20;
  const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
  if (bytes == 0) return;
  const size_t before = written_.fetch_add(bytes, std::memory_order_relaxed);
  const bool wrote_many = before / kManyBytes != (before + bytes) / kManyBytes;
  // Written first, the last rows would make a file that was truncated as long as it was. (Not each
  // time: on network file systems the answer waits for all that was written.)
  if (wrote_many || end == num_rows_) require_whole(fmt::format("rows {} to {}", begin, end));
  file_.write_at(offset_of(begin), {static_cast<const std::byte*>(rows), bytes});
  if (wrote_many) file_.begin_sync();
}

void FileRowsWriter::require_whole(const std::string& what) const {
  const auto size = static_cast<size_t>(file_.status().st_size);
  require(size >= offset_of(num_rows_), ErrorCode::kIo,
          "cannot write {}: {} was truncated to {} bytes; expected {} at least", what, file_.path(),
          size, offset_of(num_rows_));
}

std::unique_ptr<Sink> open_file_rows(const FileRows& place, std::string name, DType dtype,
                                     const Shape& row_shape, int64_t num_rows, FileSystem& fs) {
  return std::make_unique<FileRowsSink>(place, std::move(name), dtype, row_shape, num_rows, fs);
}

}  // namespace hornet
