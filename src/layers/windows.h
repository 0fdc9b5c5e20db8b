// Windows over spatial dimensions, as the configs of convolutions and poolings state them.
#pragma once

#include "layers/family.h"

namespace hornet::layers {

// "Conv2D" -> 2: the digit in the class name says over how many dimensions a layer works.
size_t num_spatial(const LayerContext& layer);

// kernel_size, strides, dilation_rate and padding.
graph::Window window_of(const LayerContext& layer, size_t spatial);

// [size..., in, out]
Shape kernel_shape(const graph::Window& window, int64_t in, int64_t out);

}  // namespace hornet::layers
