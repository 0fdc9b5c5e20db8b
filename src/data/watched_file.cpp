#include "data/watched_file.h"

#include "base/check.h"

namespace hornet {

void WatchedFile::check(const std::byte* first, size_t bytes) const {
  if (bytes == 0) return;
  const auto offset = static_cast<size_t>(first - file_->data());
  file_->require_size(offset + bytes);
  if (region_.is_damaged(first, bytes)) {
    fail(ErrorCode::kIo, "{} cannot be read at bytes {} to {}", file_->path(), offset,
         offset + bytes);
  }
}

}  // namespace hornet
