#include "data/dense_source.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "data/resident_window.h"
#include "data/rows.h"
#include "data/watched_file.h"

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
        watched_(rows_.file),
        in_place_(!rows_.big_endian && !rows_.normalize_bools &&
                  reinterpret_cast<uintptr_t>(rows_.data) % size_of(rows_.dtype) == 0),
        window_(rows_.memory_bytes) {}

  int64_t num_rows() const override { return rows_.shape[0]; }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return rows_.dtype; }
  std::string name() const override { return rows_.name; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(rows_.name, begin, end, num_rows());
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    const std::byte* first = rows_.data + static_cast<size_t>(begin) * row_bytes_;
    window_.use(static_cast<size_t>(first - rows_.file->data()), bytes,
                [this](size_t at, size_t size) { rows_.file->forget_pages(at, size); });
    TensorView view = {first, rows_.dtype, batched(end - begin, row_shape_)};
    if (in_place_ || bytes == 0) return view;
    scratch.resize(bytes);
    copy_swapped(first, scratch.data(), bytes, rows_.big_endian ? size_of(rows_.dtype) : 1);
    if (rows_.normalize_bools) {
      for (std::byte& value : scratch) value = std::byte{value != std::byte{0}};
    }
    view.data = scratch.data();
    return view;
  }

  void forget() const override { rows_.file->forget_pages(); }

  void check(int64_t begin, int64_t end) const override {
    const std::byte* first = rows_.data + static_cast<size_t>(begin) * row_bytes_;
    const size_t bytes = static_cast<size_t>(end - begin) * row_bytes_;
    watched_.check(first, bytes);
  }

 private:
  const DenseRows rows_;
  const Shape row_shape_;
  const size_t row_bytes_;
  const WatchedFile watched_;
  const bool in_place_;
  mutable ResidentWindow window_;
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
      std::memcpy(dst, src, bytes);
  }
}

std::unique_ptr<Source> dense_source(DenseRows rows) {
  require(!rows.shape.empty(), ErrorCode::kShapeMismatch,
          "{}: is a single value of shape (); expected rows, shape (rows, ...)", rows.name);
  return std::make_unique<DenseSource>(std::move(rows));
}

}  // namespace hornet
