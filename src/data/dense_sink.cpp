#include "data/dense_sink.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "data/file_rows.h"
#include "data/ordered_output.h"
#include "data/partial_file.h"
#include "data/rows.h"

namespace hornet {
namespace {

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
        partial_(out_.path, file_bytes(out_), overwrite, fs),
        writer_(partial_.file(), out_.header.size(), num_bytes(out_.dtype, out_.row_shape),
                out_.num_rows) {
    const std::span<const std::byte> header = std::as_bytes(std::span(out_.header));
    if (overwrite != Overwrite::kResume) {
      partial_.file().write_at(0, header);
      return;
    }
    std::vector<std::byte> found(header.size());
    partial_.file().read_at(0, found);
    require(std::equal(found.begin(), found.end(), header.begin()), ErrorCode::kIo,
            "cannot go on: {} does not begin with the header of {} {}", partial_.file().path(),
            to_string(out_.dtype), to_string(batched(out_.num_rows, out_.row_shape)));
  }

  std::string name() const override { return out_.path; }

  // Not by way of a mapping: an error of the disk is then an Error and not a signal, and no page of
  // this process is made for bytes that it never reads.
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end =
        check_write(out_.path, begin, rows, out_.dtype, out_.row_shape, out_.num_rows);
    writer_.write(begin, end, rows.data);
  }

  void finish() override {
    if (!partial_.is_published()) writer_.require_whole("all rows");
    partial_.publish();
  }
  void sync() override {
    writer_.require_whole("rows");
    partial_.sync();
  }
  bool keep(bool kept) override {
    partial_.keep(kept);
    return true;
  }
  void set_owner(const RowsOwner& owner) override { partial_.set_owner(owner); }
  std::optional<RowsOwner> owner() const override { return partial_.owner(); }
  bool is_finished() const override { return partial_.is_published(); }
  std::optional<FileRows> file_rows() const override {
    return FileRows{out_.path + ".partial", out_.header.size()};
  }

 private:
  const DenseOutput out_;
  PartialFile partial_;
  FileRowsWriter writer_;
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
