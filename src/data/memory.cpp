// Sources and sinks over arrays of the caller.
#include <cstring>
#include <utility>

#include "base/check.h"
#include "data/rows.h"
#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {
namespace {

// What is the same for both: an array seen as rows.
struct RowArray {
  RowArray(const TensorView& array, std::string array_name) : name(std::move(array_name)) {
    require(!array.shape.empty(), ErrorCode::kShapeMismatch,
            "{}: has no dimensions; expected rows, shape [rows, ...]", name);
    num_rows = array.shape[0];
    row_shape.assign(array.shape.begin() + 1, array.shape.end());
    dtype = array.dtype;
    const size_t bytes = num_bytes(dtype, array.shape);  // also: the shape is known
    row_bytes = num_bytes(dtype, row_shape);
    require(array.data != nullptr || bytes == 0, ErrorCode::kInvalidArgument,
            "{}: {} {} without data", name, to_string(dtype), to_string(array.shape));
  }

  std::string name;
  DType dtype;
  int64_t num_rows;
  Shape row_shape;
  size_t row_bytes;
};

class MemorySource : public Source {
 public:
  MemorySource(const TensorView& rows, std::string name)
      : array_(rows, std::move(name)), data_(static_cast<const std::byte*>(rows.data)) {}

  int64_t num_rows() const override { return array_.num_rows; }
  const Shape& row_shape() const override { return array_.row_shape; }
  DType dtype() const override { return array_.dtype; }
  std::string name() const override { return array_.name; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>&) const override {
    check_range(array_.name, begin, end, array_.num_rows);
    const std::byte* first = data_ + static_cast<size_t>(begin) * array_.row_bytes;
    return {first, array_.dtype, batched(end - begin, array_.row_shape)};
  }

 private:
  const RowArray array_;
  const std::byte* const data_;
};

class MemorySink : public Sink {
 public:
  MemorySink(const MutableTensorView& rows, std::string name)
      : array_(rows, std::move(name)), data_(static_cast<std::byte*>(rows.data)) {}

  std::string name() const override { return array_.name; }

  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end =
        check_write(array_.name, begin, rows, array_.dtype, array_.row_shape, array_.num_rows);
    std::byte* first = at(begin);
    const size_t bytes = static_cast<size_t>(end - begin) * array_.row_bytes;
    // Rows made in place, through direct(), are there already.
    if (bytes > 0 && rows.data != first) std::memcpy(first, rows.data, bytes);
  }

  void* direct(int64_t begin, int64_t end) override {
    check_range(array_.name, begin, end, array_.num_rows);
    return at(begin);
  }

  void finish() override {}

 private:
  std::byte* at(int64_t row) const { return data_ + static_cast<size_t>(row) * array_.row_bytes; }

  const RowArray array_;
  std::byte* const data_;
};

}  // namespace

std::unique_ptr<Source> memory_source(TensorView rows, std::string name) {
  return std::make_unique<MemorySource>(rows, std::move(name));
}

std::unique_ptr<Sink> memory_sink(MutableTensorView rows, std::string name) {
  return std::make_unique<MemorySink>(rows, std::move(name));
}

}  // namespace hornet
