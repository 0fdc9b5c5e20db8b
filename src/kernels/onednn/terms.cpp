#include "kernels/onednn/terms.h"

#include "base/check.h"

namespace hornet::kernels {
namespace {

// [n, spatial..., c] as mb, c, spatial..., at least two spatial dimensions.
OneDnnDims data_dims(const Shape& shape) {
  OneDnnDims dims = {shape.front(), shape.back()};
  if (shape.size() == 3) dims.push_back(1);
  dims.insert(dims.end(), shape.begin() + 1, shape.end() - 1);
  return dims;
}

// Strides of data_dims: channels lie innermost, mb outermost.
OneDnnDims data_strides(const OneDnnDims& dims) {
  OneDnnDims strides(dims.size());
  strides[1] = 1;
  int64_t stride = dims[1];
  for (size_t i = dims.size() - 1; i > 1; --i) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[0] = stride;
  return strides;
}

// One number a spatial dimension, `missing` in front of a single one.
OneDnnDims spatial(std::vector<int64_t> values, int64_t missing) {
  if (values.size() == 1) values.insert(values.begin(), missing);
  return values;
}

struct Paddings {
  OneDnnDims left, right;
};

Paddings paddings(const graph::Window& window, const Shape& x) {
  Paddings result;
  for (size_t i = 0; i < window.size.size(); ++i) {
    const graph::Window::Axis axis = window.resolve(i, x[i + 1]);
    result.left.push_back(axis.pad_begin);
    result.right.push_back(axis.pad_end);
  }
  return {spatial(result.left, 0), spatial(result.right, 0)};
}

// Strides of the leading dimensions of an operand over those of the result, 0 where it repeats.
std::vector<int64_t> leading_strides(const Shape& operand, const Shape& result) {
  std::vector<int64_t> strides(result.size() - 2, 0);
  int64_t stride = operand[operand.size() - 1] * operand[operand.size() - 2];
  for (size_t i = 0; i + 2 < operand.size(); ++i) {
    const size_t from_end = i + 3;
    const int64_t size = operand[operand.size() - from_end];
    if (size != 1) strides[result.size() - from_end] = stride;
    stride *= size;
  }
  return strides;
}

std::vector<int64_t> slice_offsets(const Shape& operand, const Shape& result) {
  const std::vector<int64_t> strides = leading_strides(operand, result);
  std::vector<int64_t> offsets = {0};
  for (size_t i = 0; i < strides.size(); ++i) {
    std::vector<int64_t> next;
    for (const int64_t offset : offsets) {
      for (int64_t k = 0; k < result[i]; ++k) next.push_back(offset + k * strides[i]);
    }
    offsets = std::move(next);
  }
  return offsets;
}

}  // namespace

ConvolutionTerms convolution_terms(const graph::Conv& op, const Shape& x, const Shape& w,
                                   const Shape& y) {
  ConvolutionTerms terms;
  terms.src = data_dims(x);
  terms.dst = data_dims(y);
  terms.src_strides = data_strides(terms.src);
  terms.dst_strides = data_strides(terms.dst);
  const size_t count = op.window.size.size();
  const int64_t ic = w[count], oc = w[count + 1];  // ic of one group
  if (op.groups > 1) {
    terms.weights = {op.groups, oc / op.groups, ic};
    terms.weights_strides = {oc / op.groups, 1, oc};
  } else {
    terms.weights = {oc, ic};
    terms.weights_strides = {1, oc};
  }
  const OneDnnDims kernel = spatial(op.window.size, 1);
  OneDnnDims kernel_strides(kernel.size());
  int64_t stride = ic * oc;
  for (size_t i = kernel.size(); i-- > 0;) {
    kernel_strides[i] = stride;
    stride *= kernel[i];
  }
  terms.weights.insert(terms.weights.end(), kernel.begin(), kernel.end());
  terms.weights_strides.insert(terms.weights_strides.end(), kernel_strides.begin(),
                               kernel_strides.end());
  terms.strides = spatial(op.window.strides, 1);
  terms.dilates = spatial(op.window.dilations, 1);
  for (int64_t& dilate : terms.dilates) dilate -= 1;
  const Paddings pads = paddings(op.window, x);
  terms.padding_l = pads.left;
  terms.padding_r = pads.right;
  return terms;
}

bool has_window_of_padding_alone(const ConvolutionTerms& terms) {
  const size_t count = terms.strides.size();
  for (size_t i = 0; i < count; ++i) {
    const int64_t input = terms.src[i + 2];
    const int64_t size = terms.weights[terms.weights.size() - count + i];
    const auto covers = [&](int64_t window) {
      for (int64_t k = 0; k < size; ++k) {
        const int64_t cell =
            window * terms.strides[i] - terms.padding_l[i] + k * (terms.dilates[i] + 1);
        if (cell >= 0 && cell < input) return true;
      }
      return false;
    };
    for (int64_t window = 0; window < terms.dst[i + 2]; ++window) {
      if (!covers(window)) return true;
    }
  }
  return false;
}

PoolingTerms pooling_terms(const graph::Pool& op, const Shape& x, const Shape& y) {
  PoolingTerms terms;
  terms.src = data_dims(x);
  terms.dst = data_dims(y);
  terms.src_strides = data_strides(terms.src);
  terms.dst_strides = data_strides(terms.dst);
  terms.kernel = spatial(op.window.size, 1);
  terms.strides = spatial(op.window.strides, 1);
  const Paddings pads = paddings(op.window, x);
  terms.padding_l = pads.left;
  terms.padding_r = pads.right;
  return terms;
}

MatMulTerms matmul_terms(const graph::MatMul& op, const Shape& a, const Shape& b, const Shape& c) {
  MatMulTerms terms;
  terms.m = c[c.size() - 2];
  terms.n = c[c.size() - 1];
  terms.k = a[a.size() - (op.transpose_a ? 2 : 1)];
  terms.a_strides = op.transpose_a ? OneDnnDims{1, terms.m} : OneDnnDims{terms.k, 1};
  terms.b_strides = op.transpose_b ? OneDnnDims{1, terms.k} : OneDnnDims{terms.n, 1};
  terms.a_offsets = slice_offsets(a, c);
  terms.b_offsets = slice_offsets(b, c);
  const auto num_slices = [](const Shape& shape) {
    return num_elements(Shape(shape.begin(), shape.end() - 2));
  };
  terms.repeats = num_slices(a) != num_slices(c) || num_slices(b) != num_slices(c);
  return terms;
}

}  // namespace hornet::kernels
