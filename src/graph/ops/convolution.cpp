#include "graph/ops/convolution.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

// The cells between the first and the last of a window, both included.
int64_t effective_size(const Window& window, size_t axis) {
  const int64_t size = window.size[axis], stride = window.strides[axis],
                dilation = window.dilations[axis];
  require(
      size > 0 && stride > 0 && dilation > 0, ErrorCode::kShapeMismatch,
      "a window of {} cells, stride {} and dilation {} (spatial dimension {}); expected numbers "
      "above 0",
      size, stride, dilation, axis);
  return ((Size(size) - 1) * dilation + 1).value();
}

std::string list(const std::vector<int64_t>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}

bool all_ones(const std::vector<int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 1; });
}

}  // namespace

std::string_view to_string(Padding padding) {
  switch (padding) {
    case Padding::kValid:
      return "valid";
    case Padding::kSame:
      return "same";
    case Padding::kCausal:
      return "causal";
    case Padding::kExplicit:
      return "explicit";
  }
  return "?";
}

Window::Axis Window::resolve(size_t axis, int64_t input) const {
  const int64_t stride = strides[axis], extent = effective_size(*this, axis);
  if (padding == Padding::kSame) {
    if (input == kUnknownDim) return {kUnknownDim, 0, 0};
    const int64_t output = ceil_div(input, stride);
    const int64_t total =
        std::max<int64_t>(((Size(output) - 1) * stride + extent - input).value(), 0);
    return {output, total / 2, total - total / 2};
  }
  int64_t begin = 0, end = 0;
  if (padding == Padding::kCausal) begin = extent - 1;
  if (padding == Padding::kExplicit) {
    begin = pads_begin[axis];
    end = pads_end[axis];
  }
  if (input == kUnknownDim) return {kUnknownDim, begin, end};
  const int64_t padded = (Size(input) + begin + end).value();
  require(padded >= extent, ErrorCode::kShapeMismatch,
          "a window of {} cells does not fit in {} cells (spatial dimension {})", extent, padded,
          axis);
  return {(padded - extent) / stride + 1, begin, end};
}

std::string Window::to_string() const {
  std::string text = "size=" + list(size);
  if (!all_ones(strides)) text += " strides=" + list(strides);
  if (!all_ones(dilations)) text += " dilations=" + list(dilations);
  if (padding == Padding::kExplicit) {
    text += " pads=" + list(pads_begin) + "/" + list(pads_end);
  } else {
    text += fmt::format(" {}", graph::to_string(padding));
  }
  return text;
}

std::vector<TensorType> Conv::infer(std::span<const TensorType> inputs) const {
  const size_t spatial = window.size.size();
  const Shape& x = input_of_rank(inputs, 0, spatial + 2, "input").shape;
  const Shape& w = input_of_rank(inputs, 1, spatial + 2, "kernel").shape;
  require(may_equal(x.back(), w[spatial] * groups) && groups > 0 && w.back() % groups == 0,
          ErrorCode::kShapeMismatch, "kernel is {} with {} groups; it does not fit input {}",
          hornet::to_string(w), groups, hornet::to_string(x));
  Shape out = {x[0]};
  for (size_t i = 0; i < spatial; ++i) out.push_back(window.resolve(i, x[i + 1]).output);
  out.push_back(w.back());
  return {{inputs[0].dtype, out}};
}

std::string Conv::attributes() const {
  std::string text = window.to_string();
  if (groups != 1) text += fmt::format(" groups={}", groups);
  if (!epilogue.activation.is_identity()) text += " " + epilogue.activation.to_string();
  return text;
}

double Conv::flops(std::span<const TensorType> inputs, std::span<const TensorType> outputs) const {
  const Shape& w = inputs[1].shape;
  return 2.0 * static_cast<double>(num_elements(outputs[0].shape)) *
         static_cast<double>(product(w, 0, w.size() - 1));
}

ConvTranspose::Axis ConvTranspose::resolve(size_t axis, int64_t input) const {
  const int64_t stride = window.strides[axis], extent = effective_size(window, axis);
  const bool same = window.padding == Padding::kSame;
  int64_t left = 0, output = kUnknownDim;
  if (output_padding.empty()) {
    const int64_t total = (Size(stride) + extent - 2).value();
    left = same ? std::min(ceil_div(total, 2), extent - 1) : extent - 1;
    if (input != kUnknownDim) {
      output = same ? (Size(input) * stride).value()
                    : ((Size(input) - 1) * stride + std::max(extent, stride)).value();
    }
  } else {
    const int64_t extra = output_padding[axis];
    const int64_t total = (Size(extent) + extent % 2 - 2 + extra).value();
    left = same ? std::min(ceil_div(total, 2), extent - 1) : extent - 1;
    if (input != kUnknownDim) {
      output = ((Size(input) - 1) * stride + (same ? extent % 2 : extent) + extra).value();
    }
  }
  return {output, extent - 1 - left};
}

std::vector<TensorType> ConvTranspose::infer(std::span<const TensorType> inputs) const {
  const size_t spatial = window.size.size();
  const Shape& x = input_of_rank(inputs, 0, spatial + 2, "input").shape;
  const Shape& w = input_of_rank(inputs, 1, spatial + 2, "kernel").shape;
  require(may_equal(x.back(), w.back()), ErrorCode::kShapeMismatch,
          "kernel is {}; expected [..., {}] for input {}", hornet::to_string(w), x.back(),
          hornet::to_string(x));
  Shape out = {x[0]};
  for (size_t i = 0; i < spatial; ++i) {
    out.push_back(resolve(i, x[i + 1]).output);
    require(out.back() == kUnknownDim || out.back() > 0, ErrorCode::kShapeMismatch,
            "the result would have {} cells in spatial dimension {}", out.back(), i);
  }
  out.push_back(w[spatial]);
  return {{inputs[0].dtype, out}};
}

std::string ConvTranspose::attributes() const {
  std::string text = window.to_string();
  if (!output_padding.empty()) text += " output_padding=" + list(output_padding);
  if (!epilogue.activation.is_identity()) text += " " + epilogue.activation.to_string();
  return text;
}

double ConvTranspose::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  const Shape& w = inputs[1].shape;
  return 2.0 * static_cast<double>(num_elements(inputs[0].shape)) *
         static_cast<double>(product(w, 0, w.size() - 1));
}

}  // namespace hornet::graph
