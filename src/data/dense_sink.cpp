#include "data/dense_sink.h"

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/fault_guard.h"
#include "data/ordered_output.h"
#include "data/partial_file.h"
#include "data/resident_window.h"
#include "data/rows.h"

namespace hornet {
namespace {

std::span<const std::byte> bytes_of(const TensorView& rows, size_t bytes) {
  return {static_cast<const std::byte*>(rows.data), bytes};
}

size_t file_bytes(const DenseOutput& output) {
  size_t bytes = 0;
  require(
      !__builtin_add_overflow(num_bytes(output.dtype, batched(output.num_rows, output.row_shape)),
                              output.header.size(), &bytes),
      ErrorCode::kInvalidArgument, "shape {} has more bytes than a file can hold",
      to_string(batched(output.num_rows, output.row_shape)));
  return bytes;
}

class DenseFileSink : public Sink {
 public:
  DenseFileSink(DenseOutput output, Overwrite overwrite, FileSystem& fs)
      : out_(std::move(output)),
        row_bytes_(num_bytes(out_.dtype, out_.row_shape)),
        partial_(out_.path, file_bytes(out_), overwrite, fs),
        window_(out_.memory_bytes) {
    const std::string& header = out_.header;
    if (file_bytes(out_) > 0) {
      mapping_ = std::make_unique<const Mapping>(partial_.file(), file_bytes(out_),
                                                 Mapping::Access::kShared);
      region_ = std::make_unique<const GuardedRegion>(mapping_->data(), file_bytes(out_));
    }
    if (overwrite != Overwrite::kResume) {
      partial_.file().write_at(0, std::as_bytes(std::span(header)));
      return;
    }
    require(header.empty() || std::memcmp(mapping_->data(), header.data(), header.size()) == 0,
            ErrorCode::kIo, "cannot go on: {} does not begin with the header of {} {}",
            partial_.file().path(), to_string(out_.dtype),
            to_string(batched(out_.num_rows, out_.row_shape)));
  }

  std::string name() const override { return out_.path; }

  // Not by way of the mapping: an error of the disk is then an Error and not a signal.
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end =
        check_write(out_.path, begin, rows, out_.dtype, out_.row_shape, out_.num_rows);
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    if (bytes == 0) return;
    // Rows made in place, through direct(), are there already.
    if (rows.data == mapping_->data() + offset(begin)) return require_written(begin, end, bytes);
    partial_.file().write_at(offset(begin), bytes_of(rows, bytes));
  }

  MutableTensorView direct(int64_t begin, int64_t end) override {
    check_range(out_.path, begin, end, out_.num_rows);
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    window_.use(offset(begin), bytes,
                [this](size_t at, size_t size) { mapping_->forget_pages(at, size); });
    return {mapping_ ? mapping_->data() + offset(begin) : nullptr, out_.dtype,
            batched(end - begin, out_.row_shape)};
  }

  void finish() override { partial_.publish(); }
  void sync() override { partial_.sync(); }
  bool keep(bool kept) override {
    partial_.keep(kept);
    return true;
  }
  bool is_finished() const override { return partial_.is_published(); }
  std::optional<FileRows> file_rows() const override {
    return FileRows{out_.path + ".partial", out_.header.size()};
  }

 private:
  // That rows made in the mapping went to the file.
  void require_written(int64_t begin, int64_t end, size_t bytes) {
    const auto size = static_cast<size_t>(partial_.file().status().st_size);
    require(offset(begin) + bytes <= size, ErrorCode::kIo,
            "cannot write rows {} to {}: {} was truncated to {} bytes", begin, end,
            partial_.file().path(), size);
    require(!region_->is_damaged(mapping_->data() + offset(begin), bytes), ErrorCode::kIo,
            "cannot write rows {} to {} of {}: its disk fails", begin, end, partial_.file().path());
  }

  size_t offset(int64_t row) const {
    return out_.header.size() + static_cast<size_t>(row) * row_bytes_;
  }

  const DenseOutput out_;
  const size_t row_bytes_;
  PartialFile partial_;
  std::unique_ptr<const Mapping> mapping_;  // nullptr for a file without bytes
  std::unique_ptr<const GuardedRegion> region_;
  ResidentWindow window_;
};

class DenseStreamSink : public Sink {
 public:
  DenseStreamSink(DenseOutput output, Overwrite overwrite, FileSystem& fs)
      : out_(std::move(output)),
        row_bytes_(num_bytes(out_.dtype, out_.row_shape)),
        ordered_(open_byte_output(out_.path, overwrite, fs), out_.path, out_.num_rows, fs,
                 OrderedOutput::window_bytes(out_.memory_bytes)) {
    ordered_.begin_with(out_.header);
  }

  std::string name() const override { return out_.path; }
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end =
        check_write(out_.path, begin, rows, out_.dtype, out_.row_shape, out_.num_rows);
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    ordered_.add(begin, end, std::string(static_cast<const char*>(rows.data), bytes));
  }
  MutableTensorView direct(int64_t begin, int64_t end) override {
    return {nullptr, out_.dtype, batched(end - begin, out_.row_shape)};
  }
  void finish() override { ordered_.finish(); }
  bool is_rewritable() const override { return false; }

 private:
  const DenseOutput out_;
  const size_t row_bytes_;
  OrderedOutput ordered_;
};

}  // namespace

std::unique_ptr<Sink> dense_sink(DenseOutput output, Overwrite overwrite, FileSystem& fs) {
  if (is_stream(output.path, fs)) {
    return std::make_unique<DenseStreamSink>(std::move(output), overwrite, fs);
  }
  return std::make_unique<DenseFileSink>(std::move(output), overwrite, fs);
}

}  // namespace hornet
