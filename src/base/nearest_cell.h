// Which cell of an image is the nearest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace hornet {

// The cell of `from` that cell i of `size` shows when an image is resized: the one under its
// centre, in float32 as TensorFlow computes it (ResizeNearestNeighbor with half_pixel_centers), by
// which cells are chosen where a centre lies between two.
inline int64_t nearest_cell(int64_t i, int64_t from, int64_t size) {
  const float scale = static_cast<float>(from) / static_cast<float>(size);
  const float at = (static_cast<float>(i) + 0.5f) * scale;
  return std::min<int64_t>(static_cast<int64_t>(std::floor(at)), from - 1);
}

}  // namespace hornet
