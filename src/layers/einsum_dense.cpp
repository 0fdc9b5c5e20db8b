// EinsumDense: a product with a kernel over labelled dimensions.
#include <algorithm>

#include "base/check.h"
#include "layers/einsum.h"
#include "layers/quantization.h"

namespace hornet::layers {
namespace {

using Mode = Quantization::Mode;

// The sizes of labels, from the input's shape and the config's output_shape.
class LabelSizes {
 public:
  LabelSizes(const LayerContext& layer, const Equation& equation, const Shape& input)
      : layer_(layer), equation_(equation), input_(input) {
    // output_shape lacks the batch and the elided dimensions; null stands for "as the input".
    const keras::Value* given = layer.attributes().find("output_shape");
    const auto* list = given == nullptr ? nullptr : given->get_if<keras::List>();
    std::vector<int64_t> sizes;
    if (list == nullptr) {
      sizes.push_back(layer.attributes().integer("output_shape"));
    } else {
      for (const keras::Value& item : *list) {
        const auto size = item.integer();
        if (!item.is_null() && !size) layer.attributes().fail_key("output_shape", "sizes");
        sizes.push_back(size.value_or(kUnknownDim));
      }
    }
    sizes.insert(sizes.begin(), kUnknownDim);
    if (equation.elided_at_front && equation.elided > 0) {
      sizes.insert(sizes.begin() + 1, equation.elided - 1, kUnknownDim);
    } else {
      sizes.insert(sizes.end(), equation.elided, kUnknownDim);
    }
    if (sizes.size() != equation.output.size()) {
      layer.attributes().fail_key("output_shape", "a size for each dimension of the equation");
    }
    output_ = sizes;
  }

  int64_t of(char label) const {
    if (const size_t at = equation_.input.find(label); at != std::string::npos) return input_[at];
    const size_t at = equation_.output.find(label);
    HORNET_CHECK(at != std::string::npos);
    return output_[at];
  }

  Shape kernel() const {
    Shape shape;
    for (const char label : equation_.kernel) {
      shape.push_back(of(label));
      if (shape.back() == kUnknownDim) {
        layer_.fail_unsupported(
            fmt::format("dimension \"{}\" of its kernel is unknown; expected a fixed size", label));
      }
    }
    return shape;
  }

 private:
  const LayerContext& layer_;
  const Equation& equation_;
  const Shape& input_;
  Shape output_;
};

ValueId bias_of(LayerContext& layer, const Equation& equation, const LabelSizes& sizes) {
  const std::string axes = layer.attributes().text("bias_axes", "");
  if (axes.empty()) return kNoValue;
  size_t first = equation.output.size();
  for (const char label : axes) {
    const size_t at = equation.output.find(label);
    if (at == std::string::npos) {
      layer.attributes().fail_key("bias_axes", "labels of the equation's result");
    }
    first = std::min(first, at);
  }
  Shape shape;
  for (const char label : equation.output.substr(first)) {
    shape.push_back(axes.find(label) == std::string::npos ? 1 : sizes.of(label));
  }
  return layer.weight("bias", shape);
}

// The scale of a quantised input, whose summed dimensions have size 1, as the result sees it.
ValueId scale_for_output(const Builder& b, const Equation& equation, ValueId scale) {
  std::string labels = equation.input;
  for (const char label : equation.contracted()) {
    const size_t at = labels.find(label);
    scale = b.squeeze(scale, static_cast<int64_t>(at));
    labels.erase(at, 1);
  }
  std::string order;
  for (const char label : equation.output) {
    if (labels.find(label) != std::string::npos) order += label;
  }
  std::vector<int64_t> permutation;
  for (const char label : order) permutation.push_back(static_cast<int64_t>(labels.find(label)));
  if (order != labels) scale = b.transpose(scale, permutation);
  for (size_t i = 0; i < equation.output.size(); ++i) {
    if (order.find(equation.output[i]) == std::string::npos) {
      scale = b.expand_dims(scale, static_cast<int64_t>(i));
    }
  }
  return scale;
}

std::vector<int64_t> summed_axes(const Equation& equation) {
  std::vector<int64_t> axes;
  for (const char label : equation.contracted()) {
    axes.push_back(static_cast<int64_t>(equation.input.find(label)));
  }
  return axes;
}

// Rows and columns of the matrix that a quantised kernel is stored as. gptq and awq do not look at
// the equation but at the largest dimension of the kernel: in front it is the input's.
std::pair<int64_t, int64_t> matrix_size(const LayerContext& layer, const Equation& equation,
                                        const Shape& kernel, Mode mode) {
  if (mode == Mode::kInt4) {
    int64_t rows = 1, columns = 1;
    const std::string summed = equation.contracted();
    for (size_t i = 0; i < kernel.size(); ++i) {
      (summed.find(equation.kernel[i]) != std::string::npos ? rows : columns) *= kernel[i];
    }
    return {rows, columns};
  }
  if (kernel.size() == 2) return {kernel[0], kernel[1]};
  if (kernel.size() != 3) {
    layer.fail_unsupported("a kernel with other than 2 or 3 dimensions, quantised by gptq or awq");
  }
  const bool input_first = std::max_element(kernel.begin(), kernel.end()) == kernel.begin();
  if (input_first) return {kernel[0], kernel[1] * kernel[2]};
  return {kernel[0] * kernel[1], kernel[2]};
}

ValueId quantized_product(LayerContext& layer, const Equation& equation, const LabelSizes& sizes,
                          ValueId x, const Quantization& how) {
  const Builder& b = layer.build();
  const Shape shape = sizes.kernel();
  ValueId bias = kNoValue;
  const auto ask_bias = [&] { bias = bias_of(layer, equation, sizes); };
  ValueId y = kNoValue;
  if (how.mode == Mode::kInt8) {
    const ValueId kernel = layer.weight("kernel", shape, false, DType::kInt8);
    ask_bias();
    Shape scale_shape;
    for (const char label : equation.output) {
      scale_shape.push_back(equation.kernel.find(label) == std::string::npos ? 1 : sizes.of(label));
    }
    ValueId scale = layer.weight("kernel_scale", scale_shape, false);
    if (how.quantizes_input) {
      const QuantizedInput input = quantize_input(b, x, summed_axes(equation), how);
      x = input.values;
      scale = b.binary(BinaryKind::multiply, scale, scale_for_output(b, equation, input.scale));
    }
    y = contract(b, equation, x, b.cast(kernel, DType::kFloat32), kNoValue);
    y = b.binary(BinaryKind::divide, y, scale);
  } else if (how.mode == Mode::kFloat8) {
    const ValueId kernel = layer.weight("kernel", shape);
    ask_bias();
    const ValueId input_scale = layer.weight("inputs_scale", {});
    layer.weight("inputs_amax_history", {how.history_length});
    const ValueId kernel_scale = layer.weight("kernel_scale", {});
    layer.weight("kernel_amax_history", {how.history_length});
    layer.weight("outputs_grad_scale", {});
    layer.weight("outputs_grad_amax_history", {how.history_length});
    y = contract(b, equation, through_float8(b, x, input_scale),
                 through_float8(b, kernel, kernel_scale), kNoValue);
    if (bias != kNoValue) bias = round_mantissa(b, bias, 7, -126);
  } else {
    const auto [rows, columns] = matrix_size(layer, equation, shape, how.mode);
    const ValueId kernel =
        b.reshape_keeping(quantized_matrix(layer, how, rows, columns, ask_bias), 0, shape);
    if (how.quantizes_input && !how.is_grouped()) {
      const QuantizedInput input = quantize_input(b, x, summed_axes(equation), how);
      y = contract(b, equation, input.values, kernel, kNoValue);
      y = b.binary(BinaryKind::divide, y, scale_for_output(b, equation, input.scale));
    } else {
      y = contract(b, equation, x, kernel, kNoValue);
    }
  }
  return bias == kNoValue ? y : b.binary(BinaryKind::add, y, bias);
}

}  // namespace

Symbols einsum_dense(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const Equation equation =
      parse_equation(layer, layer.attributes().text("equation"), b.shape(x).size());
  const Shape input = b.shape(x);
  const LabelSizes sizes(layer, equation, input);
  const Quantization how = quantization_of(layer);
  ValueId y = kNoValue;
  if (how.mode == Mode::kNone) {
    const ValueId kernel = layer.weight("kernel", sizes.kernel());
    y = contract(b, equation, x, kernel, bias_of(layer, equation, sizes));
  } else {
    y = quantized_product(layer, equation, sizes, x, how);
  }
  return one(activate(layer, "activation", y));
}

}  // namespace hornet::layers
