// The sizes of a convolution of one or two dimensions; a sequence is an image of one line.
#pragma once

#include <cstdint>

#include "graph/ops/convolution.h"

namespace hornet::kernels {

struct PlaneWindow {
  int64_t channels, filters;
  int64_t input_height, input_width, output_height, output_width;
  int64_t size_y = 1, size_x = 1, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  int64_t pad_y = 0, pad_left = 0, pad_right = 0;

  // x and y: rows, one or two spatial dimensions, channels.
  PlaneWindow(const graph::Window& window, const Shape& x, const Shape& y)
      : channels(x.back()), filters(y.back()), input_height(1), output_height(1) {
    const size_t last = window.size.size() - 1;
    input_width = x[last + 1];
    output_width = y[last + 1];
    const graph::Window::Axis along = window.resolve(last, input_width);
    size_x = window.size[last];
    stride_x = window.strides[last];
    dilation_x = window.dilations[last];
    pad_left = along.pad_begin;
    pad_right = along.pad_end;
    if (last == 0) return;
    input_height = x[1];
    output_height = y[1];
    size_y = window.size[0];
    stride_y = window.strides[0];
    dilation_y = window.dilations[0];
    pad_y = window.resolve(0, input_height).pad_begin;
  }

  // Lines of x from the first to the last that a window covers.
  int64_t window_lines() const { return (size_y - 1) * dilation_y + 1; }
};

}  // namespace hornet::kernels
