// From our words to oneDNN's: one conversion a primitive. Dimensions are in oneDNN's logical order
// (mb, channels, spatial...), dilations count from 0, paddings have two sides. One spatial
// dimension becomes two, the first of them of size 1: oneDNN computes 1D depthwise convolutions
// slowly.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/pooling.h"

namespace hornet::kernels {

using OneDnnDims = std::vector<int64_t>;

struct ConvolutionTerms {
  OneDnnDims src, dst;  // mb, c, [d], h, w
  OneDnnDims src_strides, dst_strides;
  OneDnnDims weights;          // [g], oc / g, ic / g, [kd], kh, kw
  OneDnnDims weights_strides;  // of the array [k..., ic / g, oc]
  OneDnnDims strides, dilates, padding_l, padding_r;
};
ConvolutionTerms convolution_terms(const graph::Conv& op, const Shape& x, const Shape& w,
                                   const Shape& y);
// Whether some window covers no cell of the image, along a dimension.
bool has_window_of_padding_alone(const ConvolutionTerms& terms);

struct PoolingTerms {
  OneDnnDims src, dst, src_strides, dst_strides, kernel, strides, padding_l, padding_r;
};
PoolingTerms pooling_terms(const graph::Pool& op, const Shape& x, const Shape& y);

// A matrix product over slices: c[i] = a[a_offsets[i]] b[b_offsets[i]], slices in row-major order.
// Where no operand repeats, one product over all slices at once is the same.
struct MatMulTerms {
  int64_t m, n, k;
  OneDnnDims a_strides, b_strides;  // of one slice, rows and columns
  std::vector<int64_t> a_offsets, b_offsets;
  bool repeats;
};
MatMulTerms matmul_terms(const graph::MatMul& op, const Shape& a, const Shape& b, const Shape& c);

}  // namespace hornet::kernels
