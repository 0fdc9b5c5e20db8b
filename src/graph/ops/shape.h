// Operators that move elements without computing.
#pragma once

#include <optional>

#include "graph/op.h"

namespace hornet::graph {

// One dimension of the target of a Reshape.
struct TargetDim {
  enum class Kind { kFixed, kInferred, kCopied };
  Kind kind = Kind::kFixed;
  int64_t value = 0;  // kFixed: the size; kCopied: the dimension it is copied from
  int64_t input = 0;  // kCopied: of which input, 0 or 1
  static TargetDim fixed(int64_t size) { return {Kind::kFixed, size, 0}; }
  static TargetDim inferred() { return {Kind::kInferred, 0, 0}; }  // at most one
  static TargetDim copied(int64_t axis, int64_t from_input = 0) {
    return {Kind::kCopied, axis, from_input};
  }
};

// The same elements in another shape. Input 1, optional: an array whose shape alone is read.
struct Reshape final : Op {
  explicit Reshape(std::vector<TargetDim> dims) : target(std::move(dims)) {}
  std::vector<TargetDim> target;
  std::string_view name() const override { return "reshape"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Dimension i of the result is dimension permutation[i] of the input.
struct Transpose final : Op {
  explicit Transpose(std::vector<int64_t> order) : permutation(std::move(order)) {}
  std::vector<int64_t> permutation;
  std::string_view name() const override { return "transpose"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Any number of inputs, along one axis (0..rank-1).
struct Concat final : Op {
  explicit Concat(int64_t along) : axis(along) {}
  int64_t axis;
  std::string_view name() const override { return "concat"; }
  bool mixes(size_t, size_t along, std::span<const TensorType>) const override {
    return static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// x[start:stop:step] in each dimension, with Python's rules for negative and absent bounds.
struct Slice final : Op {
  struct Range {
    std::optional<int64_t> start, stop;
    int64_t step = 1;
  };
  explicit Slice(std::vector<Range> r) : ranges(std::move(r)) {}
  std::vector<Range> ranges;  // one a dimension
  // First element and number of elements of ranges[axis] over `size` elements.
  struct Resolved {
    int64_t start, count;
  };
  Resolved resolve(size_t axis, int64_t size) const;
  std::string_view name() const override { return "slice"; }
  bool mixes(size_t, size_t axis, std::span<const TensorType> inputs) const override;
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

enum class PadMode { kConstant, kReflect, kSymmetric, kEdge };

// Cells added before and after each dimension. Negative counts crop (kConstant only).
struct Pad final : Op {
  std::vector<int64_t> before, after;
  PadMode mode = PadMode::kConstant;
  double value = 0;
  std::string_view name() const override { return "pad"; }
  bool mixes(size_t, size_t axis, std::span<const TensorType>) const override {
    return before[axis] != 0 || after[axis] != 0;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Rows of input 0 by the integers of input 1 along `axis`: x.take(indices, axis). Indices count
// from the end when negative; one that is still outside is an error.
struct Gather final : Op {
  explicit Gather(int64_t along) : axis(along) {}
  int64_t axis;
  std::string_view name() const override { return "gather"; }
  bool mixes(size_t input, size_t along, std::span<const TensorType>) const override {
    return input == 0 && static_cast<int64_t>(along) == axis;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// 0, 1, ... n - 1 as int32, n being dimension `axis` of the input, whose elements are not read.
struct Positions final : Op {
  explicit Positions(int64_t of_axis) : axis(of_axis) {}
  int64_t axis;
  std::string_view name() const override { return "positions"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Input 0 repeated to the shape that it and `target` broadcast to; kUnknownDim keeps a dimension.
// Input 1, optional: its shape is used for the unknown dimensions of `target`.
struct BroadcastTo final : Op {
  explicit BroadcastTo(Shape shape) : target(std::move(shape)) {}
  Shape target;
  std::string_view name() const override { return "broadcast_to"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override { return hornet::to_string(target); }
};

}  // namespace hornet::graph
