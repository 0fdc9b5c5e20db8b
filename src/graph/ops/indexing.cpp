#include "graph/ops/indexing.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

constexpr std::string_view kScatterNames[] = {
#define X(name) #name,
    HORNET_SCATTER_KINDS(X)
#undef X
};

constexpr std::string_view kMethodNames[] = {"linear", "lower", "higher", "midpoint", "nearest"};

void require_integers(const TensorType& type, std::string_view what) {
  require(is_integer(type.dtype), ErrorCode::kShapeMismatch, "the {} are {}; expected integers",
          what, to_string(type));
}

// One start a dimension of x.
void require_starts(const TensorType& starts, const Shape& x) {
  require_integers(starts, "starts");
  require(starts.shape.size() == 1 && may_equal(starts.shape[0], static_cast<int64_t>(x.size())),
          ErrorCode::kShapeMismatch, "the starts are {}; expected one for each dimension of {}",
          to_string(starts), hornet::to_string(x));
}

}  // namespace

std::vector<TensorType> ArgReduce::infer(std::span<const TensorType> inputs) const {
  Shape out = inputs[0].shape;
  const auto along = static_cast<size_t>(normalize_axis(axis, out.size()));
  if (keepdims) {
    out[along] = 1;
  } else {
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(along));
  }
  return {{DType::kInt32, out}};
}

std::string ArgReduce::attributes() const {
  return fmt::format("{} axis={}{}", largest ? "max" : "min", axis, keepdims ? " keepdims" : "");
}

std::vector<TensorType> Sort::infer(std::span<const TensorType> inputs) const {
  normalize_axis(axis, inputs[0].shape.size());
  return {inputs[0], {DType::kInt32, inputs[0].shape}};
}

std::string Sort::attributes() const {
  return fmt::format("axis={}{}", axis, descending ? " descending" : "");
}

std::vector<TensorType> TakeAlong::infer(std::span<const TensorType> inputs) const {
  require_integers(inputs[1], "indices");
  Shape x = inputs[0].shape, indices = inputs[1].shape;
  require(x.size() == indices.size(), ErrorCode::kShapeMismatch,
          "indices {} into {}; expected as many dimensions", hornet::to_string(indices),
          hornet::to_string(x));
  const auto along = static_cast<size_t>(normalize_axis(axis, x.size()));
  const int64_t count = indices[along];
  x[along] = indices[along] = 1;
  Shape out = broadcast(x, indices);
  out[along] = count;
  return {{inputs[0].dtype, out}};
}

std::string TakeAlong::attributes() const { return fmt::format("axis={}", axis); }

std::vector<TensorType> Scatter::infer(std::span<const TensorType> inputs) const {
  const Shape& base = inputs[0].shape;
  const Shape& indices = inputs[1].shape;
  require_integers(inputs[1], "indices");
  require(storage_dtype(inputs[0].dtype) == storage_dtype(inputs[2].dtype),
          ErrorCode::kShapeMismatch, "updates are {} for {}; expected one type",
          to_string(inputs[2]), to_string(inputs[0]));
  require(!indices.empty() && indices.back() >= 0 &&
              indices.back() <= static_cast<int64_t>(base.size()),
          ErrorCode::kShapeMismatch, "indices are {}; expected up to {} numbers an index",
          hornet::to_string(indices), base.size());
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), base.begin() + static_cast<std::ptrdiff_t>(indices.back()),
                  base.end());
  const Shape& updates = inputs[2].shape;
  bool fits = updates.size() == expected.size();
  for (size_t i = 0; fits && i < updates.size(); ++i) fits = may_equal(updates[i], expected[i]);
  require(fits, ErrorCode::kShapeMismatch, "updates are {}; expected {}",
          hornet::to_string(updates), hornet::to_string(expected));
  return {inputs[0]};
}

std::string Scatter::attributes() const {
  return std::string(kScatterNames[static_cast<size_t>(kind)]);
}

std::vector<TensorType> SliceAt::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  require_starts(inputs[1], x);
  require(sizes.size() == x.size(), ErrorCode::kShapeMismatch, "a slice of shape {} of {}",
          attributes(), hornet::to_string(x));
  Shape out = sizes;
  for (size_t i = 0; i < x.size(); ++i) {
    if (out[i] == kUnknownDim) out[i] = x[i];
    require(x[i] == kUnknownDim || out[i] <= x[i], ErrorCode::kShapeMismatch,
            "a slice of shape {} of {}", attributes(), hornet::to_string(x));
  }
  return {{inputs[0].dtype, out}};
}

std::string SliceAt::attributes() const { return hornet::to_string(sizes); }

std::vector<TensorType> UpdateAt::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  const Shape& updates = inputs[2].shape;
  require_starts(inputs[1], x);
  bool fits = updates.size() == x.size() &&
              storage_dtype(inputs[0].dtype) == storage_dtype(inputs[2].dtype);
  for (size_t i = 0; fits && i < x.size(); ++i) fits = x[i] == kUnknownDim || updates[i] <= x[i];
  require(fits, ErrorCode::kShapeMismatch, "updates {} do not fit into {}", to_string(inputs[2]),
          to_string(inputs[0]));
  return {inputs[0]};
}

std::vector<TensorType> Roll::infer(std::span<const TensorType> inputs) const {
  normalize_axis(axis, inputs[0].shape.size());
  return {inputs[0]};
}

std::string Roll::attributes() const { return fmt::format("shift={} axis={}", shift, axis); }

int64_t Diagonal::length(int64_t offset, int64_t size1, int64_t size2) {
  const int64_t rows = offset < 0 ? size1 + offset : size1;
  const int64_t columns = offset > 0 ? size2 - offset : size2;
  return std::max<int64_t>(std::min(rows, columns), 0);
}

std::vector<TensorType> Diagonal::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  const auto first = static_cast<size_t>(normalize_axis(axis1, x.size()));
  const auto second = static_cast<size_t>(normalize_axis(axis2, x.size()));
  require(first != second, ErrorCode::kShapeMismatch, "a diagonal over axis {} twice", axis1);
  Shape out;
  for (size_t i = 0; i < x.size(); ++i) {
    if (i != first && i != second) out.push_back(x[i]);
  }
  const bool known = x[first] != kUnknownDim && x[second] != kUnknownDim;
  out.push_back(known ? length(offset, x[first], x[second]) : kUnknownDim);
  return {{inputs[0].dtype, out}};
}

std::string Diagonal::attributes() const {
  return fmt::format("offset={} axes={},{}", offset, axis1, axis2);
}

std::vector<TensorType> Cumulative::infer(std::span<const TensorType> inputs) const {
  normalize_axis(axis, inputs[0].shape.size());
  return {inputs[0]};
}

std::string Cumulative::attributes() const {
  return fmt::format("{} axis={}", product ? "product" : "sum", axis);
}

std::vector<TensorType> Quantile::infer(std::span<const TensorType> inputs) const {
  Shape out = inputs[0].shape;
  require(!out.empty(), ErrorCode::kShapeMismatch, "quantiles of a single number");
  out.back() = static_cast<int64_t>(q.size());
  return {{inputs[0].dtype, out}};
}

std::string Quantile::attributes() const {
  return fmt::format("q={} {}{}", fmt::join(q, ","), kMethodNames[static_cast<size_t>(method)],
                     skip_nan ? " skip_nan" : "");
}

}  // namespace hornet::graph
