#include "kernels/evaluate.h"

namespace hornet::kernels {
namespace {

// `tensor` or a copy of it in another layout.
Tensor in_layout(const Tensor& tensor, Layout from, Layout to) {
  if (from == to) return tensor;
  Tensor result(tensor.dtype(), tensor.shape());
  reorder(tensor.shape(), from, tensor.as<float>(), to, result.mutable_as<float>());
  return result;
}

}  // namespace

KernelRequest make_request(const graph::Op& op, const std::vector<const Tensor*>& inputs,
                           PackedWeights& packed, const std::vector<bool>& is_constant) {
  KernelRequest request{op, {}, {}, {}, {}, {}, {}, packed};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor* input = inputs[i];
    const bool constant = is_constant.empty() || is_constant[i];
    request.inputs.push_back(input == nullptr ? graph::TensorType{}
                                              : graph::TensorType{input->dtype(), input->shape()});
    request.present.push_back(input != nullptr);
    request.constants.push_back(
        constant && input != nullptr ? std::optional<graph::Constant>(*input) : std::nullopt);
    request.input_ids.push_back(input == nullptr ? graph::kNoValue
                                                 : static_cast<graph::ValueId>(i));
    request.input_layouts.push_back(Layout::plain());
  }
  request.outputs = op.infer(request.inputs);
  for (graph::TensorType& type : request.outputs) type.dtype = graph::storage_dtype(type.dtype);
  return request;
}

std::vector<Tensor> run_kernel(const Kernel& kernel, const KernelRequest& request,
                               const std::vector<const Tensor*>& inputs) {
  request.packed.wait();
  std::vector<Tensor> given, results;
  std::vector<const void*> sources;
  std::vector<void*> destinations;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool needed = inputs[i] != nullptr && kernel.needs_input(i);
    given.push_back(needed ? in_layout(*inputs[i], Layout::plain(), kernel.input_layout(i))
                           : Tensor());
    sources.push_back(needed ? given.back().data() : nullptr);
  }
  for (const graph::TensorType& type : request.outputs) {
    results.emplace_back(type.dtype, type.shape);
    destinations.push_back(results.back().mutable_data());
  }
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(kernel.scratch_bytes())});
  const std::unique_ptr<KernelState> state = kernel.make_state();
  kernel.run({sources, destinations, scratch.mutable_data()}, state.get());
  for (size_t i = 0; i < results.size(); ++i) {
    results[i] = in_layout(results[i], kernel.output_layout(i), Layout::plain());
  }
  return results;
}

std::vector<Tensor> evaluate(const graph::Op& op, const std::vector<const Tensor*>& inputs,
                             bool reference_only) {
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs, packed);
  const std::unique_ptr<Kernel> kernel = choose_kernel(request, {reference_only});
  return run_kernel(*kernel, request, inputs);
}

}  // namespace hornet::kernels
