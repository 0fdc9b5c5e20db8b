#include "graph/ops/elementwise.h"

#include "kernels/reference/call.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

namespace hornet::kernels::reference {
namespace {

bool takes(DType dtype, auto kind) {
  if (dtype == DType::kBool) return takes_bool(kind);
  return dtype == DType::kFloat32 ? takes_floats(kind) : takes_integers(kind);
}

template <class T>
T apply_typed(const graph::UnaryFunction& function, T x) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(apply(function, static_cast<double>(x)));
  } else if constexpr (std::is_same_v<T, bool>) {
    return function.kind == graph::UnaryKind::bitwise_not
               ? !x
               : apply_integer<uint8_t>(function, x ? 1 : 0) != 0;
  } else {
    return apply_integer(function, x);
  }
}

template <class T>
bool test_typed(const graph::UnaryFunction& function, T x) {
  if constexpr (std::is_same_v<T, float>) {
    return apply(function, static_cast<double>(x)) != 0;
  } else if constexpr (std::is_same_v<T, bool>) {
    return apply_integer<uint8_t>(function, x ? 1 : 0) != 0;
  } else {
    return apply_integer(function, x) != 0;
  }
}

void compute_unary(const Call<graph::Unary>& call) {
  const int64_t count = hornet::num_elements(call.input_shape(0));
  const graph::UnaryFunction& function = call.op.function;
  with_type(call.input_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    if (is_predicate(function.kind)) {
      bool* y = call.template output<bool>(0);
      for (int64_t i = 0; i < count; ++i) y[i] = test_typed(function, x[i]);
    } else {
      T* y = call.template output<T>(0);
      for (int64_t i = 0; i < count; ++i) y[i] = apply_typed(function, x[i]);
    }
  });
}

template <class T>
double apply_typed(graph::BinaryKind kind, T x, T y) requires std::is_same_v<T, float> {
  return apply(kind, static_cast<double>(x), static_cast<double>(y));
}

template <class T>
T apply_typed(graph::BinaryKind kind, T x, T y) requires kIsInteger<T> {
  return apply_integer(kind, x, y);
}

bool apply_typed(graph::BinaryKind kind, bool x, bool y) {
  return apply_integer<uint8_t>(kind, x ? 1 : 0, y ? 1 : 0) != 0;
}

void compute_binary(const Call<graph::Binary>& call) {
  const Shape& shape = call.output_shape(0);
  const Dims sizes(shape);
  const std::array<Dims, 3> strides = {broadcast_strides(call.input_shape(0), shape),
                                       broadcast_strides(call.input_shape(1), shape),
                                       row_major_strides(sizes)};
  const graph::BinaryKind kind = call.op.kind;
  const graph::UnaryFunction& activation = call.op.activation;
  with_type(call.input_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    const T* y = call.template input<T>(1);
    if (is_predicate(kind)) {
      bool* z = call.template output<bool>(0);
      for_each_index<3>(sizes, strides, [&](const auto& at) {
        z[at[2]] = apply_typed(kind, x[at[0]], y[at[1]]) != 0;
      });
    } else {
      T* z = call.template output<T>(0);
      for_each_index<3>(sizes, strides, [&](const auto& at) {
        const auto value = apply_typed(kind, x[at[0]], y[at[1]]);
        if constexpr (std::is_same_v<T, float>) {
          z[at[2]] = static_cast<float>(apply(activation, value));
        } else {
          z[at[2]] = apply_typed<T>(activation, value);
        }
      });
    }
  });
}

void compute_select(const Call<graph::Select>& call) {
  const Shape& shape = call.output_shape(0);
  const Dims sizes(shape);
  const std::array<Dims, 4> strides = {
      broadcast_strides(call.input_shape(0), shape), broadcast_strides(call.input_shape(1), shape),
      broadcast_strides(call.input_shape(2), shape), row_major_strides(sizes)};
  const bool* condition = call.input<bool>(0);
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(1);
    const T* y = call.template input<T>(2);
    T* z = call.template output<T>(0);
    for_each_index<4>(sizes, strides,
                      [&](const auto& at) { z[at[3]] = condition[at[0]] ? x[at[1]] : y[at[2]]; });
  });
}

void compute_cast(const Call<graph::Cast>& call) {
  convert_elements(call.input_types[0].dtype, call.inputs[0], call.output_types[0].dtype,
                   call.outputs[0], hornet::num_elements(call.input_shape(0)));
}

}  // namespace

KernelOffer unary(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Unary&>(request.op);
  const DType dtype = request.inputs[0].dtype;
  if (!takes(dtype, op.function.kind)) {
    return refuse(fmt::format("{} is not defined for {}", graph::to_string(op.function.kind),
                              hornet::to_string(dtype)));
  }
  const bool same_type = dtype == request.outputs[0].dtype;
  return offer<graph::Unary>(request, compute_unary,
                             same_type ? std::vector<size_t>{0} : std::vector<size_t>{});
}

KernelOffer binary(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Binary&>(request.op);
  const DType dtype = request.inputs[0].dtype;
  if (!takes(dtype, op.kind)) {
    return refuse(fmt::format("{} is not defined for {}", graph::to_string(op.kind),
                              hornet::to_string(dtype)));
  }
  const graph::UnaryKind activation = op.activation.kind;
  if (!op.activation.is_identity() &&
      (is_predicate(op.kind) || is_predicate(activation) || !takes(dtype, activation))) {
    return refuse(fmt::format("{} after {} of {}", graph::to_string(activation),
                              graph::to_string(op.kind), hornet::to_string(dtype)));
  }
  std::vector<size_t> in_place;
  for (size_t i = 0; i < 2; ++i) {
    if (request.inputs[i] == request.outputs[0]) in_place.push_back(i);
  }
  return offer<graph::Binary>(request, compute_binary, in_place);
}

KernelOffer select(const KernelRequest& request) {
  std::vector<size_t> in_place;
  for (size_t i = 1; i < 3; ++i) {
    if (request.inputs[i] == request.outputs[0]) in_place.push_back(i);
  }
  return offer<graph::Select>(request, compute_select, in_place);
}

KernelOffer cast(const KernelRequest& request) { return offer<graph::Cast>(request, compute_cast); }

}  // namespace hornet::kernels::reference
