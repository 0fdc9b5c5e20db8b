// How the elements of a value lie in memory.
#pragma once

#include <cstdint>
#include <string>

#include "hornet/tensor.h"

namespace hornet::kernels {

// Plain is row-major, channels last. Blocked keeps `block` channels together: [N, C/block,
// spatial..., block] for a value of shape [N, spatial..., C]; C is a multiple of the block, so
// both layouts have the same number of bytes.
struct Layout {
  int64_t channel_block = 1;
  static Layout plain() { return {1}; }
  static Layout blocked(int64_t block) { return {block}; }
  bool is_plain() const { return channel_block == 1; }
  bool operator==(const Layout&) const = default;
  std::string to_string() const {
    return is_plain() ? "plain" : "blocked" + std::to_string(channel_block);
  }
};

// Copies a float32 value of `shape` from one layout to the other.
void reorder(const Shape& shape, Layout from, const float* src, Layout to, float* dst);

}  // namespace hornet::kernels
