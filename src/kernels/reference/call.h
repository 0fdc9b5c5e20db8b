// What all reference kernels have in common: a copy of the operator, types, and a plain function.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/reference/index.h"

namespace hornet::kernels::reference {

// One run of a reference kernel. Pointers of absent inputs and unwanted outputs are null.
template <class OpType>
struct Call {
  const OpType& op;
  const std::vector<graph::TensorType>& input_types;
  const std::vector<graph::TensorType>& output_types;
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  void* scratch;

  const Shape& input_shape(size_t i) const { return input_types[i].shape; }
  const Shape& output_shape(size_t i) const { return output_types[i].shape; }
  template <class T = float>
  const T* input(size_t i) const {
    return i < inputs.size() ? static_cast<const T*>(inputs[i]) : nullptr;
  }
  template <class T = float>
  T* output(size_t i) const {
    return static_cast<T*>(outputs[i]);
  }
};

template <class OpType>
using Compute = void (*)(const Call<OpType>&);

template <class OpType>
class ReferenceKernel final : public Kernel {
 public:
  ReferenceKernel(const KernelRequest& request, Compute<OpType> compute,
                  std::vector<size_t> in_place, size_t scratch_bytes)
      : op_(static_cast<const OpType&>(request.op)),
        input_types_(request.inputs),
        output_types_(request.outputs),
        compute_(compute),
        in_place_(std::move(in_place)),
        scratch_bytes_(scratch_bytes) {}

  std::string describe() const override { return "reference"; }
  size_t scratch_bytes() const override { return scratch_bytes_; }
  int in_place_output(size_t input) const override {
    return std::find(in_place_.begin(), in_place_.end(), input) != in_place_.end() ? 0 : -1;
  }
  void run(const KernelArgs& args, KernelState*) const override {
    compute_({op_, input_types_, output_types_, args.inputs, args.outputs, args.scratch});
  }

 private:
  const OpType op_;
  const std::vector<graph::TensorType> input_types_, output_types_;
  const Compute<OpType> compute_;
  const std::vector<size_t> in_place_;
  const size_t scratch_bytes_;
};

inline KernelOffer refuse(std::string reason) {
  return {nullptr, "reference: " + std::move(reason)};
}

// `in_place`: inputs whose memory output 0 may share.
template <class OpType>
KernelOffer offer(const KernelRequest& request, Compute<OpType> compute,
                  std::vector<size_t> in_place = {}, size_t scratch_bytes = 0) {
  for (const auto* types : {&request.inputs, &request.outputs}) {
    for (const graph::TensorType& type : *types) {
      if (type.shape.size() > kMaxRank) {
        return refuse("an array with more than " + std::to_string(kMaxRank) + " dimensions");
      }
    }
  }
  return {std::make_unique<ReferenceKernel<OpType>>(request, compute, std::move(in_place),
                                                    scratch_bytes),
          ""};
}

// For operators that are defined for floats alone: the first present input of another type.
inline const graph::TensorType* other_than_float(const KernelRequest& request, size_t num_inputs) {
  for (size_t i = 0; i < num_inputs && i < request.inputs.size(); ++i) {
    if (request.present[i] && request.inputs[i].dtype != DType::kFloat32) return &request.inputs[i];
  }
  return nullptr;
}

}  // namespace hornet::kernels::reference
