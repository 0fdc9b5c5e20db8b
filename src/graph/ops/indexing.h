// Operators that order elements, or read and write them at computed places.
#pragma once

#include "graph/op.h"

namespace hornet::graph {

// Position of the largest or smallest element along `axis` (0..rank-1), the first of equal ones, as
// int32. NaN is both the largest and the smallest number.
struct ArgReduce final : Op {
  ArgReduce(bool of_largest, int64_t along, bool keep)
      : largest(of_largest), axis(along), keepdims(keep) {}
  bool largest;
  int64_t axis;
  bool keepdims;
  std::string_view name() const override { return "arg_reduce"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Elements in order along `axis`; equal ones keep theirs. NaN counts as larger than all numbers.
// Outputs: the elements; where they stood, as int32.
struct Sort final : Op {
  explicit Sort(int64_t along, bool downwards = false) : axis(along), descending(downwards) {}
  int64_t axis;
  bool descending;
  std::string_view name() const override { return "sort"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// y[i, j, k] = x[i, indices[i, j, k], k] for axis 1: inputs x and integer indices of the same rank,
// whose other dimensions are broadcast. Negative indices count from the end; one that is still
// outside is an error.
struct TakeAlong final : Op {
  explicit TakeAlong(int64_t along) : axis(along) {}
  int64_t axis;
  std::string_view name() const override { return "take_along"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

#define HORNET_SCATTER_KINDS(X) X(set) X(add) X(multiply) X(max) X(min)

enum class ScatterKind {
#define X(name) name,
  HORNET_SCATTER_KINDS(X)
#undef X
};

// A copy of input 0 in which base[indices[i...]] becomes, or is combined with, updates[i...], in
// the order of the updates. Inputs: base; indices, integers [i..., k]; updates [i..., the last
// dimensions of base behind the first k]. Negative indices count from the end; updates that are
// still outside are left out.
struct Scatter final : Op {
  explicit Scatter(ScatterKind k) : kind(k) {}
  ScatterKind kind;
  std::string_view name() const override { return "scatter"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// x[start : start + sizes] with computed starts: inputs x and integers [rank]. A start is moved so
// that the slice lies within x. A size may be kUnknownDim: the whole dimension.
struct SliceAt final : Op {
  explicit SliceAt(Shape s) : sizes(std::move(s)) {}
  Shape sizes;
  std::string_view name() const override { return "slice_at"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// A copy of x with `updates` put in at `start`: inputs x, integers [rank], updates of the same rank
// and no larger than x. A start is moved so that the updates lie within x.
struct UpdateAt final : Op {
  std::string_view name() const override { return "update_at"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
};

// Elements move by `shift` along `axis`; those that leave at one end enter at the other.
struct Roll final : Op {
  Roll(int64_t by, int64_t along) : shift(by), axis(along) {}
  int64_t shift, axis;
  std::string_view name() const override { return "roll"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// x[..., i, ..., i + offset, ...] over the two axes, which leave the shape; i becomes the last
// dimension.
struct Diagonal final : Op {
  Diagonal(int64_t by, int64_t first, int64_t second) : offset(by), axis1(first), axis2(second) {}
  int64_t offset, axis1, axis2;
  // Number of elements for sizes of the two axes, and the first one's index on axis1.
  static int64_t length(int64_t offset, int64_t size1, int64_t size2);
  std::string_view name() const override { return "diagonal"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis1 || static_cast<int64_t>(along) == axis2;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Sums or products of the elements up to and including each one, along `axis`.
struct Cumulative final : Op {
  Cumulative(bool of_products, int64_t along) : product(of_products), axis(along) {}
  bool product;
  int64_t axis;
  std::string_view name() const override { return "cumulative"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// How a quantile between two elements is chosen; kNearest prefers the even place.
enum class QuantileMethod { kLinear, kLower, kHigher, kMidpoint, kNearest };

// Quantiles `q` (0..1) of the elements along the last axis, which becomes one element a quantile.
// A NaN makes all of them NaN, unless `skip_nan`.
struct Quantile final : Op {
  std::vector<double> q;
  QuantileMethod method = QuantileMethod::kLinear;
  bool skip_nan = false;
  std::string_view name() const override { return "quantile"; }
  bool mixes(size_t input, size_t along, std::span<const TensorType> inputs) const override {
    return along + 1 == inputs[input].shape.size();
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

}  // namespace hornet::graph
