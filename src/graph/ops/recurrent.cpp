#include "graph/ops/recurrent.h"

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

bool has_projection(std::span<const TensorType> inputs) {
  return inputs.size() > kProjectionInput && !inputs[kProjectionInput].shape.empty();
}

std::vector<TensorType> infer_recurrent(std::span<const TensorType> inputs, int64_t gates,
                                        size_t num_states) {
  const Shape& x = input_of_rank(inputs, 0, 3, "projected input").shape;
  const Shape& kernel = input_of_rank(inputs, 1, 2, "recurrent kernel").shape;
  const int64_t units = kernel[0];
  Shape projected = x;
  if (has_projection(inputs)) {
    const Shape& projection = input_of_rank(inputs, kProjectionInput, 2, "projection").shape;
    require(may_equal(x[2], projection[0]), ErrorCode::kShapeMismatch,
            "projection is {}; it does not fit input {}", hornet::to_string(projection),
            hornet::to_string(x));
    projected[2] = projection[1];
  }
  require(kernel[1] == gates * units && may_equal(projected[2], gates * units),
          ErrorCode::kShapeMismatch, "recurrent kernel is {}; it does not fit projected input {}",
          hornet::to_string(kernel), hornet::to_string(projected));
  const DType dtype = inputs[0].dtype;
  std::vector<TensorType> outputs = {{dtype, {x[0], x[1], units}}};
  outputs.resize(2 + num_states, {dtype, {x[0], units}});
  return outputs;
}

std::string describe(const RecurrentOptions& options) {
  std::string text = options.activation.to_string();
  if (options.go_backwards) text += " backwards";
  if (options.zero_output_for_mask) text += " zero_output_for_mask";
  return text;
}

double recurrent_flops(std::span<const TensorType> inputs) {
  const Shape& x = inputs[0].shape;
  const Shape& kernel = inputs[1].shape;
  const int64_t inner = kernel[0] + (has_projection(inputs) ? x[2] : 0);
  return 2.0 * static_cast<double>(x[0] * x[1]) * static_cast<double>(inner * kernel[1]);
}

}  // namespace

bool is_recurrent(const Op& op) {
  return dynamic_cast<const Lstm*>(&op) != nullptr || dynamic_cast<const Gru*>(&op) != nullptr ||
         dynamic_cast<const SimpleRnn*>(&op) != nullptr;
}

std::vector<TensorType> Lstm::infer(std::span<const TensorType> inputs) const {
  return infer_recurrent(inputs, 4, 2);
}
std::string Lstm::attributes() const {
  return describe(options) + " " + options.recurrent_activation.to_string();
}
double Lstm::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return recurrent_flops(inputs);
}

std::vector<TensorType> Gru::infer(std::span<const TensorType> inputs) const {
  return infer_recurrent(inputs, 3, 1);
}
std::string Gru::attributes() const {
  return describe(options) + " " + options.recurrent_activation.to_string() +
         (reset_after ? " reset_after" : "");
}
double Gru::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return recurrent_flops(inputs);
}

std::vector<TensorType> SimpleRnn::infer(std::span<const TensorType> inputs) const {
  return infer_recurrent(inputs, 1, 1);
}
Window ConvLstm::window(const Shape& kernel) const {
  Window window;
  window.size.assign(kernel.begin(), kernel.end() - 2);
  window.strides.assign(window.size.size(), 1);
  window.dilations = window.strides;
  window.padding = Padding::kSame;
  return window;
}

std::vector<TensorType> ConvLstm::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  const Shape& kernel = inputs[1].shape;
  require(kernel.size() >= 3 && x.size() == kernel.size() + 1 &&
              kernel.back() == 4 * kernel[kernel.size() - 2] && may_equal(x.back(), kernel.back()),
          ErrorCode::kShapeMismatch, "recurrent kernel is {}; it does not fit projected input {}",
          hornet::to_string(kernel), hornet::to_string(x));
  Shape sequence = x;
  sequence.back() = kernel[kernel.size() - 2];
  Shape state = sequence;
  state.erase(state.begin() + 1);
  const DType dtype = inputs[0].dtype;
  return {{dtype, sequence}, {dtype, state}, {dtype, state}, {dtype, state}};
}

std::string ConvLstm::attributes() const {
  return describe(options) + " " + options.recurrent_activation.to_string();
}

double ConvLstm::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  const Shape& kernel = inputs[1].shape;
  return 2.0 * static_cast<double>(num_elements(inputs[0].shape)) *
         static_cast<double>(product(kernel, 0, kernel.size() - 1));
}

std::string SimpleRnn::attributes() const { return describe(options); }
double SimpleRnn::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return recurrent_flops(inputs);
}

}  // namespace hornet::graph
