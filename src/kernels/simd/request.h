// What the factories of this folder ask of a request.
#pragma once

#include <string>
#include <utility>

#include "kernels/kernel.h"
#include "kernels/simd/elementwise.h"

namespace hornet::kernels::simd {

inline KernelOffer refuse(std::string reason) { return {nullptr, "simd: " + std::move(reason)}; }

inline bool present(const KernelRequest& request, size_t input) {
  return input < request.present.size() && request.present[input];
}

// Of float32, where it is there.
inline bool is_float(const KernelRequest& request, size_t input) {
  return !present(request, input) || request.inputs[input].dtype == DType::kFloat32;
}

inline bool is_constant(const KernelRequest& request, size_t input) {
  return present(request, input) && request.constants[input].has_value();
}

inline std::string key_of(const KernelRequest& request, size_t input) {
  return "value " + std::to_string(request.input_ids[input]);
}

// What operators with weights ask of these kernels; inputs are x, weights, bias and residual.
struct Epilogue {
  std::string refusal;  // "" where all is well
  Activation activation;
};
inline Epilogue find_epilogue(const KernelRequest& request, const graph::UnaryFunction& function) {
  for (size_t i = 0; i < 4; ++i) {
    if (!is_float(request, i)) return {"operands of other types than float32", {}};
  }
  const std::optional<Activation> activation = find_activation(function);
  if (!activation) return {"activation " + function.to_string(), {}};
  return {"", *activation};
}

// Null where absent.
inline const float* input(const KernelArgs& args, size_t i) {
  return i < args.inputs.size() ? static_cast<const float*>(args.inputs[i]) : nullptr;
}
inline float* output(const KernelArgs& args, size_t i) {
  return static_cast<float*>(args.outputs[i]);
}

}  // namespace hornet::kernels::simd
