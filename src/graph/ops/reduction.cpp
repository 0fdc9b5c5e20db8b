#include "graph/ops/reduction.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

constexpr std::string_view kReduceNames[] = {
#define X(name) #name,
    HORNET_REDUCE_KINDS(X)
#undef X
};

}  // namespace

std::string_view to_string(ReduceKind kind) { return kReduceNames[static_cast<size_t>(kind)]; }

std::vector<TensorType> Reduce::infer(std::span<const TensorType> inputs) const {
  Shape out;
  const Shape& x = inputs[0].shape;
  for (const int64_t axis : axes) normalize_axis(axis, x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (!reduced) {
      out.push_back(x[i]);
    } else if (keepdims) {
      out.push_back(1);
    }
  }
  return {{inputs[0].dtype, out}};
}

std::string Reduce::attributes() const {
  return fmt::format("{} axes={}{}", graph::to_string(kind), fmt::join(axes, ","),
                     keepdims ? " keepdims" : "");
}

double Reduce::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  return static_cast<double>(num_elements(inputs[0].shape));
}

}  // namespace hornet::graph
