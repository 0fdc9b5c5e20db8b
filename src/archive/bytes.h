// A stretch of memory to be read, and what keeps it alive.
#pragma once

#include <cstddef>
#include <memory>

namespace hornet {

struct Bytes {
  std::shared_ptr<const void> owner;
  const std::byte* data = nullptr;
  size_t size = 0;

  // Whether [offset, offset + length) lies within.
  bool contains(size_t offset, size_t length) const {
    return offset <= size && length <= size - offset;
  }
};

}  // namespace hornet
