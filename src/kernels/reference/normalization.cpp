#include "graph/ops/normalization.h"

#include <cmath>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

void compute_softmax(const Call<graph::Softmax>& call) {
  const SplitDims dims = split(call.input_shape(0), call.op.axes);
  for_each_index<1>(dims.kept_sizes, {dims.kept_strides}, [&](const auto& first) {
    const float* x = call.input(0) + first[0];
    float* y = call.output(0) + first[0];
    const auto for_each = [&](auto&& f) {
      for_each_index<1>(dims.axis_sizes, {dims.axis_strides}, [&](const auto& at) { f(at[0]); });
    };
    double largest = -std::numeric_limits<double>::infinity();
    for_each([&](int64_t i) { largest = std::fmax(largest, static_cast<double>(x[i])); });
    double sum = 0;
    for_each([&](int64_t i) { sum += std::exp(static_cast<double>(x[i]) - largest); });
    for_each([&](int64_t i) {
      const double shifted = static_cast<double>(x[i]) - largest;
      y[i] = static_cast<float>(call.op.log ? shifted - std::log(sum) : std::exp(shifted) / sum);
    });
  });
}

void compute_layer_norm(const Call<graph::LayerNorm>& call) {
  const Shape& shape = call.input_shape(0);
  const SplitDims dims = split(shape, call.op.axes);
  const double count = static_cast<double>(num_elements(dims.axis_sizes));
  const float* x = call.input(0);
  const float* gamma = call.input(1);
  const float* beta = call.input(2);
  float* y = call.output(0);

  // gamma and beta as the kept dimensions and the axes see them.
  struct Split {
    Dims kept, axis;
  };
  const auto split_strides = [&](size_t input) {
    Split result;
    Dims all;
    all.rank = shape.size();
    if (call.input(input) != nullptr) all = broadcast_strides(call.input_shape(input), shape);
    size_t next_axis = 0;
    for (size_t i = 0; i < shape.size(); ++i) {
      const bool inside =
          next_axis < call.op.axes.size() && call.op.axes[next_axis] == static_cast<int64_t>(i);
      if (inside) ++next_axis;
      (inside ? result.axis : result.kept).push_back(all[i]);
    }
    return result;
  };
  const Split gamma_strides = split_strides(1), beta_strides = split_strides(2);

  for_each_index<3>(
      dims.kept_sizes, {dims.kept_strides, gamma_strides.kept, beta_strides.kept},
      [&](const auto& first) {
        const auto for_each = [&](auto&& f) {
          for_each_index<3>(
              dims.axis_sizes, {dims.axis_strides, gamma_strides.axis, beta_strides.axis},
              [&](const auto& at) { f(first[0] + at[0], first[1] + at[1], first[2] + at[2]); });
        };
        double mean = 0;
        if (!call.op.rms) {
          for_each([&](int64_t i, int64_t, int64_t) { mean += static_cast<double>(x[i]); });
          mean /= count;
        }
        double variance = 0;
        for_each([&](int64_t i, int64_t, int64_t) {
          const double deviation = static_cast<double>(x[i]) - mean;
          variance += deviation * deviation;
        });
        variance /= count;
        const double scale = 1 / std::sqrt(variance + static_cast<double>(call.op.epsilon));
        for_each([&](int64_t i, int64_t g, int64_t b) {
          double value = (static_cast<double>(x[i]) - mean) * scale;
          if (gamma != nullptr) value *= static_cast<double>(gamma[g]);
          if (beta != nullptr) value += static_cast<double>(beta[b]);
          y[i] = static_cast<float>(value);
        });
      });
}

}  // namespace

KernelOffer softmax(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 1)) {
    return refuse("softmax of " + graph::to_string(*type));
  }
  return offer<graph::Softmax>(request, compute_softmax, {0});
}

KernelOffer layer_norm(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 3)) {
    return refuse("normalization of " + graph::to_string(*type));
  }
  return offer<graph::LayerNorm>(request, compute_layer_norm, {0});
}

}  // namespace hornet::kernels::reference
