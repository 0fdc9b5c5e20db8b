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
  // `text` must outlive the index. Looks through it on all usable cores, and calls `forget_pages`
  // every now and then, from any of them, so that a mapped text does not stay in memory: of no more
  // than `memory_bytes`, or what is usual for 0.
  explicit CsvIndex(
      std::string_view text, const std::function<void()>& forget_pages = [] {},
      size_t memory_bytes = 0);

  int64_t num_rows() const { return num_rows_; }
  // Whether a quoted field has no end: what follows it is no table then.
  bool ends_in_quotes() const { return ends_in_quotes_; }
  // Where row `row` begins, or blank lines before it; the end of the text for num_rows().
  size_t row_begin(int64_t row) const;
  // row_begin() looks at no more bytes before what it finds.
  size_t block_bytes() const { return block_bytes_; }
  // How many newlines there are before `offset`.
  int64_t lines_before(size_t offset) const;

 private:
  struct Block {
    int64_t rows_before = 0;   // that end before the block
    int64_t lines_before = 0;  // newlines, in quotes too
    bool in_quotes = false;    // where it begins
  };
  size_t block_end(size_t block) const;

  std::string_view text_;
  size_t block_bytes_ = 1;
  std::vector<Block> blocks_;
  int64_t num_rows_ = 0;
  bool ends_in_quotes_ = false;
};

}  // namespace hornet
