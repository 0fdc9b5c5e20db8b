// How images are resized: what cells of an image make up a cell of the result.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/ops/image.h"

namespace hornet::kernels {

// Cells of one dimension of the image that make up one cell of the result; some may lie outside.
struct ResizeTaps {
  int64_t first = 0;
  std::vector<double> weights;
};

// `window`: the cells that are resized to `out` cells.
std::vector<ResizeTaps> make_resize_taps(const graph::ResizeImage& op,
                                         const graph::ResizeImage::Window& window, int64_t out);

}  // namespace hornet::kernels
