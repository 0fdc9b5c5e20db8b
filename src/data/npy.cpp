#include "data/npy.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/mapped_file.h"
#include "data/npy_header.h"
#include "data/partial_file.h"
#include "data/rows.h"

namespace hornet {
namespace {

// Files and memory have the same byte order, but for files that say otherwise.
static_assert(std::endian::native == std::endian::little);

// Keeps what a mapping holds in resident memory bounded, however long the file: says when another
// `kWindowBytes` have been handed out and the pages should go. Thread-safe.
class ResidentWindow {
 public:
  bool is_full_after(size_t bytes) {
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes < kWindowBytes) return false;
    bytes_.store(0, std::memory_order_relaxed);
    return true;
  }

 private:
  static constexpr size_t kWindowBytes = size_t{64} << 20;
  std::atomic<size_t> bytes_ = 0;
};

template <class Word>
void copy_swapped(const std::byte* src, std::byte* dst, size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, src + i, sizeof(Word));
    if constexpr (sizeof(Word) == 2) word = __builtin_bswap16(word);
    if constexpr (sizeof(Word) == 4) word = __builtin_bswap32(word);
    if constexpr (sizeof(Word) == 8) word = __builtin_bswap64(word);
    std::memcpy(dst + i, &word, sizeof(Word));
  }
}

// Copies elements of `element_bytes` each, their bytes in reverse.
void copy_swapped(const std::byte* src, std::byte* dst, size_t bytes, size_t element_bytes) {
  switch (element_bytes) {
    case 2:
      return copy_swapped<uint16_t>(src, dst, bytes);
    case 4:
      return copy_swapped<uint32_t>(src, dst, bytes);
    case 8:
      return copy_swapped<uint64_t>(src, dst, bytes);
    default:
      std::memcpy(dst, src, bytes);
  }
}

// The header of an array of rows.
NpyHeader header_of_rows(const MappedFile& file) {
  NpyHeader header = parse_npy_header({file.data(), file.size()}, file.path());
  require(!header.shape.empty(), ErrorCode::kShapeMismatch,
          "{}: is a single value of shape (); expected rows, shape (rows, ...)", file.path());
  return header;
}

class NpySource : public Source {
 public:
  explicit NpySource(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)),
        header_(header_of_rows(*file_)),
        row_shape_(header_.shape.begin() + 1, header_.shape.end()),
        row_bytes_(num_bytes(header_.dtype, row_shape_)),
        in_place_(!header_.big_endian && header_.data_offset % size_of(header_.dtype) == 0) {}

  int64_t num_rows() const override { return header_.shape[0]; }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return header_.dtype; }
  std::string name() const override { return file_->path(); }
  std::string location() const override { return file_->path(); }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(file_->path(), begin, end, num_rows());
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    if (window_.is_full_after(bytes)) file_->forget_pages();
    const std::byte* first =
        file_->data() + header_.data_offset + static_cast<size_t>(begin) * row_bytes_;
    TensorView view = {first, header_.dtype, batched(end - begin, row_shape_)};
    if (in_place_ || bytes == 0) return view;
    scratch.resize(bytes);
    copy_swapped(first, scratch.data(), bytes, header_.big_endian ? size_of(header_.dtype) : 1);
    view.data = scratch.data();
    return view;
  }

 private:
  const std::shared_ptr<const MappedFile> file_;
  const NpyHeader header_;
  const Shape row_shape_;
  const size_t row_bytes_;
  const bool in_place_;  // a mapping is page-aligned, so the offset tells
  mutable ResidentWindow window_;
};

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
  return std::make_unique<NpySource>(MappedFile::open(path, fs));
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
