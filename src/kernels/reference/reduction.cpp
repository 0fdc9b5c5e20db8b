#include "graph/ops/reduction.h"

#include <cmath>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

namespace hornet::kernels::reference {
namespace {

using graph::ReduceKind;

// Elements x[at] of one group, at given by `dims`.
template <class T, class F>
void for_each_of(const T* x, const SplitDims& dims, F&& f) {
  for_each_index<1>(dims.axis_sizes, {dims.axis_strides}, [&](const auto& at) { f(x[at[0]]); });
}

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_same_v<T, float>) return std::isnan(x);
  return false;
}

template <class T>
T extreme(const T* x, const SplitDims& dims, bool largest) {
  T result = x[0];
  for_each_of(x, dims, [&](T value) {
    if (is_nan(result)) return;
    if (is_nan(value) || (largest ? value > result : value < result)) result = value;
  });
  return result;
}

float log_sum_exp(const float* x, const SplitDims& dims) {
  double largest = -std::numeric_limits<double>::infinity();
  for_each_of(x, dims,
              [&](float value) { largest = std::fmax(largest, static_cast<double>(value)); });
  const double shift = std::isfinite(largest) ? largest : 0;
  double sum = 0;
  for_each_of(x, dims, [&](float value) { sum += std::exp(static_cast<double>(value) - shift); });
  return static_cast<float>(std::log(sum) + shift);
}

template <class T>
T reduce_group(ReduceKind kind, const T* x, const SplitDims& dims) {
  switch (kind) {
    case ReduceKind::max:
      return extreme(x, dims, true);
    case ReduceKind::min:
      return extreme(x, dims, false);
    case ReduceKind::all: {
      bool all = true;
      for_each_of(x, dims, [&](T value) { all = all && value != 0; });
      return static_cast<T>(all);
    }
    case ReduceKind::any: {
      bool any = false;
      for_each_of(x, dims, [&](T value) { any = any || value != 0; });
      return static_cast<T>(any);
    }
    case ReduceKind::prod: {
      Accumulator<T> product = 1;
      for_each_of(x, dims, [&](T value) { product *= static_cast<Accumulator<T>>(value); });
      return static_cast<T>(product);
    }
    case ReduceKind::sum:
    case ReduceKind::mean: {
      Accumulator<T> sum = 0;
      for_each_of(x, dims, [&](T value) { sum += static_cast<Accumulator<T>>(value); });
      if (kind == ReduceKind::mean)
        sum /= static_cast<Accumulator<T>>(num_elements(dims.axis_sizes));
      return static_cast<T>(sum);
    }
    case ReduceKind::logsumexp:
      if constexpr (std::is_same_v<T, float>) return log_sum_exp(x, dims);
      break;
  }
  fail(ErrorCode::kInternal, "{} of integers", graph::to_string(kind));
}

void compute_reduce(const Call<graph::Reduce>& call) {
  const SplitDims dims = split(call.input_shape(0), call.op.axes);
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    T* y = call.template output<T>(0);
    for_each_index<1>(dims.kept_sizes, {dims.kept_strides},
                      [&](const auto& at) { *y++ = reduce_group(call.op.kind, x + at[0], dims); });
  });
}

bool takes(ReduceKind kind, DType dtype) {
  switch (kind) {
    case ReduceKind::all:
    case ReduceKind::any:
      return dtype == DType::kBool;
    case ReduceKind::max:
    case ReduceKind::min:
      return true;
    case ReduceKind::sum:
    case ReduceKind::prod:
      return dtype != DType::kBool;
    case ReduceKind::mean:
    case ReduceKind::logsumexp:
      return dtype == DType::kFloat32;
  }
  return false;
}

}  // namespace

KernelOffer reduce(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Reduce&>(request.op);
  const graph::TensorType& type = request.inputs[0];
  if (!takes(op.kind, type.dtype)) {
    return refuse(fmt::format("{} is not defined for {}", graph::to_string(op.kind),
                              hornet::to_string(type.dtype)));
  }
  const bool needs_one = op.kind == ReduceKind::max || op.kind == ReduceKind::min;
  if (needs_one && hornet::num_elements(type.shape) == 0 &&
      hornet::num_elements(request.outputs[0].shape) > 0) {
    return refuse(fmt::format("{} of no elements: input is {}", graph::to_string(op.kind),
                              hornet::to_string(type.shape)));
  }
  return offer<graph::Reduce>(request, compute_reduce);
}

}  // namespace hornet::kernels::reference
