#include "data/csv_index.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/parallel.h"
#include "data/bookmarks.h"

namespace hornet {
namespace {

constexpr size_t kStep = 64;

uint64_t mask_of(const char* text, char wanted) {
  const __m128i all = _mm_set1_epi8(wanted);
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16 * i));
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(part, all));
    mask |= static_cast<uint64_t>(static_cast<uint32_t>(bits)) << (16 * i);
  }
  return mask;
}

// Bit i is the parity of bits 0 to i.
uint64_t prefix_parity(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

// Walks over a stretch of the text, 64 bytes at a time.
class Scanner {
 public:
  Scanner(std::string_view text, size_t begin, size_t end, bool in_quotes)
      : text_(text), at_(begin), end_(end), inside_(in_quotes ? ~uint64_t{0} : 0) {
    // What comes before the text counts as the end of a line.
    last_ = begin < 1 ? '\n' : text[begin - 1];
    last_but_one_ = begin < 2 ? '\n' : text[begin - 2];
  }

  bool done() const { return at_ >= end_; }
  size_t at() const { return at_; }

  struct Step {
    uint64_t newlines = 0;
    uint64_t row_ends = 0;         // newlines outside quotes that do not end blank lines
    uint64_t row_ends_if_not = 0;  // the same had the stretch begun the other way about quotes
  };

  Step next() {
    alignas(16) char padded[kStep];
    const char* bytes = text_.data() + at_;
    const size_t count = std::min(kStep, end_ - at_);
    if (count < kStep) {
      std::memset(padded, 0, kStep);
      std::memcpy(padded, bytes, count);
      bytes = padded;
    }
    const uint64_t newlines = mask_of(bytes, '\n');
    const uint64_t quotes = mask_of(bytes, '"');
    const uint64_t inside = quotes == 0 ? inside_ : prefix_parity(quotes) ^ inside_;
    Step step = {newlines, 0, 0};
    if (newlines != 0) {
      const uint64_t returns = mask_of(bytes, '\r');
      const uint64_t after_newline = newlines << 1 | (last_ == '\n');
      const uint64_t after_return = returns << 1 | (last_ == '\r');
      const uint64_t newline_two_before =
          newlines << 2 | uint64_t{last_ == '\n'} << 1 | (last_but_one_ == '\n');
      const uint64_t full = newlines & ~(after_newline | (after_return & newline_two_before));
      step.row_ends = full & ~inside;
      step.row_ends_if_not = full & inside;
    }
    inside_ = (inside >> 63) != 0 ? ~uint64_t{0} : 0;
    last_ = bytes[count - 1];
    last_but_one_ = count > 1 ? bytes[count - 2] : last_but_one_;
    at_ += count;
    return step;
  }
  // At the end of a whole number of steps; zeros that pad the last one change nothing.
  bool in_quotes() const { return inside_ != 0; }

 private:
  const std::string_view text_;
  size_t at_;
  const size_t end_;
  uint64_t inside_;
  char last_, last_but_one_;
};

struct Counts {
  uint32_t rows[2] = {0, 0};  // by whether the block begins in quotes
  uint32_t lines = 0;
  bool flips = false;  // whether it ends the other way than it begins
};

Counts count(std::string_view text, size_t begin, size_t end) {
  Counts counts;
  Scanner scanner(text, begin, end, false);
  while (!scanner.done()) {
    const Scanner::Step step = scanner.next();
    counts.rows[0] += static_cast<uint32_t>(std::popcount(step.row_ends));
    counts.rows[1] += static_cast<uint32_t>(std::popcount(step.row_ends_if_not));
    counts.lines += static_cast<uint32_t>(std::popcount(step.newlines));
  }
  counts.flips = scanner.in_quotes();
  return counts;
}

// Whether what follows the last newline is a row.
bool has_unended_row(std::string_view text) {
  const size_t newline = text.rfind('\n');
  const std::string_view rest = newline == std::string_view::npos ? text : text.substr(newline + 1);
  return !rest.empty() && rest != "\r";
}

}  // namespace

CsvIndex::CsvIndex(std::string_view text, const Use& use) : text_(text) {
  block_bytes_ = (distance_of_known_rows(text.size()) + kStep - 1) / kStep * kStep;
  const size_t num_blocks = (text.size() + block_bytes_ - 1) / block_bytes_;
  std::vector<Counts> counts(num_blocks);
  constexpr size_t kBytesATime = size_t{1} << 20;
  const size_t blocks_a_time = std::max<size_t>(kBytesATime / block_bytes_, 1);
  parallel_for((num_blocks + blocks_a_time - 1) / blocks_a_time, [&](size_t group) {
    const size_t end = std::min(num_blocks, (group + 1) * blocks_a_time);
    const size_t begin = group * blocks_a_time * block_bytes_;
    use(begin, std::min(blocks_a_time * block_bytes_, text_.size() - begin));
    for (size_t b = group * blocks_a_time; b < end; ++b) {
      counts[b] = count(text_, b * block_bytes_, block_end(b));
    }
  });
  Block block;
  blocks_.reserve(num_blocks);
  for (const Counts& found : counts) {
    blocks_.push_back(block);
    block.rows_before += found.rows[block.in_quotes];
    block.lines_before += found.lines;
    block.in_quotes ^= found.flips ? 1 : 0;
  }
  num_rows_ = block.rows_before;
  ends_in_quotes_ = block.in_quotes != 0;
  if (!ends_in_quotes_ && has_unended_row(text_)) ++num_rows_;
}

size_t CsvIndex::block_end(size_t block) const {
  return std::min(text_.size(), (block + 1) * block_bytes_);
}

size_t CsvIndex::block_of_begin(int64_t row) const {
  const auto after = std::upper_bound(
      blocks_.begin(), blocks_.end(), row - 1,
      [](int64_t wanted, const Block& block) { return wanted < block.rows_before; });
  return static_cast<size_t>(after - blocks_.begin()) - 1;
}

CsvIndex::Range CsvIndex::range_of(int64_t begin, int64_t end) const {
  return {begin == 0 ? 0 : block_of_begin(begin) * block_bytes_,
          end == 0 ? 0 : block_end(block_of_begin(end))};
}

size_t CsvIndex::row_begin(int64_t row) const {
  if (row == 0) return 0;
  const size_t block = block_of_begin(row);         // where the row before ends
  int64_t left = row - blocks_[block].rows_before;  // the left-th end from here
  Scanner scanner(text_, block * block_bytes_, block_end(block), blocks_[block].in_quotes != 0);
  while (!scanner.done()) {
    const size_t at = scanner.at();
    uint64_t ends = scanner.next().row_ends;
    if (const int found = std::popcount(ends); found < left) {
      left -= found;
      continue;
    }
    for (; left > 1; --left) ends &= ends - 1;
    return at + static_cast<size_t>(std::countr_zero(ends)) + 1;
  }
  return text_.size();
}

int64_t CsvIndex::lines_before(size_t offset) const {
  if (blocks_.empty()) return 0;
  const size_t block = std::min(offset / block_bytes_, blocks_.size() - 1);
  const char* const begin = text_.data() + block * block_bytes_;
  return static_cast<int64_t>(blocks_[block].lines_before) +
         std::count(begin, text_.data() + offset, '\n');
}

}  // namespace hornet
