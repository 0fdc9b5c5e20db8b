#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace hornet {

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
