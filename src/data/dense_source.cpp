#include "data/dense_source.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "data/rows.h"

namespace hornet {
namespace {

// Files and memory have the same byte order, but for files that say otherwise.
static_assert(std::endian::native == std::endian::little);

template <class Word>
void copy_swapped_words(const std::byte* src, std::byte* dst, size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(Word)) {
    Word word;
    std::memcpy(&word, src + i, sizeof(Word));
    if constexpr (sizeof(Word) == 2) word = __builtin_bswap16(word);
    if constexpr (sizeof(Word) == 4) word = __builtin_bswap32(word);
    if constexpr (sizeof(Word) == 8) word = __builtin_bswap64(word);
    std::memcpy(dst + i, &word, sizeof(Word));
  }
}

class DenseSource : public Source {
 public:
  explicit DenseSource(DenseRows rows)
      : rows_(std::move(rows)),
        row_shape_(rows_.shape.begin() + 1, rows_.shape.end()),
        row_bytes_(num_bytes(rows_.dtype, row_shape_)),
        offset_(static_cast<size_t>(rows_.data - rows_.file->data())) {}

  int64_t num_rows() const override { return rows_.shape[0]; }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return rows_.dtype; }
  std::string name() const override { return rows_.name; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(rows_.name, begin, end, num_rows());
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    const std::span<std::byte> values = aligned_room(scratch, bytes);
    rows_.file->read(offset_ + static_cast<size_t>(begin) * row_bytes_, values);
    if (rows_.big_endian) {
      copy_swapped(values.data(), values.data(), bytes, size_of(rows_.dtype));
    }
    if (rows_.normalize_bools) {
      for (std::byte& value : values) value = std::byte{value != std::byte{0}};
    }
    return {values.data(), rows_.dtype, batched(end - begin, row_shape_)};
  }

 private:
  const DenseRows rows_;
  const Shape row_shape_;
  const size_t row_bytes_;
  const size_t offset_;  // of the first row in the file
};

}  // namespace

void copy_swapped(const std::byte* src, std::byte* dst, size_t bytes, size_t element_bytes) {
  switch (element_bytes) {
    case 2:
      return copy_swapped_words<uint16_t>(src, dst, bytes);
    case 4:
      return copy_swapped_words<uint32_t>(src, dst, bytes);
    case 8:
      return copy_swapped_words<uint64_t>(src, dst, bytes);
    default:
      if (dst != src) std::memcpy(dst, src, bytes);
  }
}

std::unique_ptr<Source> dense_source(DenseRows rows) {
  require(!rows.shape.empty(), ErrorCode::kShapeMismatch,
          "{}: is a single value of shape (); expected rows, shape (rows, ...)", rows.name);
  return std::make_unique<DenseSource>(std::move(rows));
}

}  // namespace hornet
