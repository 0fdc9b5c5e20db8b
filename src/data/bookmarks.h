#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace hornet {

// Of rows that lie one behind the other in `bytes` bytes, where one begins is kept about every so
// many: few enough to look through, and of few rows unless there are very many bytes.
inline size_t distance_of_known_rows(size_t bytes) {
  constexpr size_t kLeast = size_t{64} << 10, kMost = size_t{1} << 20, kMostKnown = size_t{1} << 15;
  return std::clamp(bytes / kMostKnown + 1, kLeast, kMost);
}

// Where rows begin that are likely to be asked for next, those behind rows that were read: a few of
// the last ones. Thread-safe.
class Bookmarks {
 public:
  std::optional<size_t> find(int64_t row) const {
    const std::lock_guard lock(mutex_);
    const Bookmark& bookmark = bookmarks_[place(row)];
    if (bookmark.row != row) return std::nullopt;
    return bookmark.offset;
  }
  void remember(int64_t row, size_t offset) {
    const std::lock_guard lock(mutex_);
    bookmarks_[place(row)] = {row, offset};
  }

 private:
  struct Bookmark {
    int64_t row = -1;
    size_t offset = 0;
  };
  size_t place(int64_t row) const { return static_cast<size_t>(row) % bookmarks_.size(); }

  mutable std::mutex mutex_;
  std::array<Bookmark, 251> bookmarks_;
};

}  // namespace hornet
