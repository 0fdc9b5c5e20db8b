// Where the rows of a table of text begin.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace hornet {

// A row ends at a newline outside quotes; blank lines are no rows. Of a text of any size only a few
// numbers a block are kept, so that a row is found by looking through one block. Const and
// thread-safe.
class CsvIndex {
 public:
  CsvIndex() = default;
  // Told, from any thread, that this thread looks at `bytes` bytes of the text from `begin` on, and
  // no longer at those it named before.
  using Use = std::function<void(size_t begin, size_t bytes)>;

  // `text` must outlive the index. Looks through it on all usable cores.
  explicit CsvIndex(
      std::string_view text, const Use& use = [](size_t, size_t) {});

  int64_t num_rows() const { return num_rows_; }
  // Whether a quoted field has no end: what follows it is no table then.
  bool ends_in_quotes() const { return ends_in_quotes_; }
  // Where row `row` begins, or blank lines before it; the end of the text for num_rows().
  size_t row_begin(int64_t row) const;
  // What row_begin(begin) looks at, and the rows [begin, end): bytes [first, last) of the text, or
  // a block more.
  struct Range {
    size_t first, last;
  };
  Range range_of(int64_t begin, int64_t end) const;
  // How many newlines there are before `offset`.
  int64_t lines_before(size_t offset) const;

 private:
  struct Block {
    int64_t rows_before = 0;         // that end before the block
    uint64_t lines_before : 63 = 0;  // newlines, in quotes too
    uint64_t in_quotes : 1 = 0;      // where it begins
  };
  size_t block_end(size_t block) const;
  // The last block before which fewer than `row` rows have ended; row > 0.
  size_t block_of_begin(int64_t row) const;

  std::string_view text_;
  size_t block_bytes_ = 1;
  std::vector<Block> blocks_;
  int64_t num_rows_ = 0;
  bool ends_in_quotes_ = false;
};

}  // namespace hornet
