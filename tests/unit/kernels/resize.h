// An operator that resizes images.
#pragma once

#include "graph/ops/image.h"

namespace hornet::kernels {

inline graph::ResizeImage resize(int64_t height, int64_t width,
                                 graph::Interpolation interpolation) {
  graph::ResizeImage op;
  op.height = height;
  op.width = width;
  op.interpolation = interpolation;
  return op;
}

}  // namespace hornet::kernels
