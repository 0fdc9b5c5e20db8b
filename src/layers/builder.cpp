#include "layers/builder.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::layers {

using graph::TargetDim;

int64_t Builder::axis(int64_t given, int64_t rank) const {
  require(given >= -rank && given < rank, ErrorCode::kInvalidModel,
          "{}: axis is {}; expected one of an input with {} dimensions", label_, given, rank);
  return given < 0 ? given + rank : given;
}

int64_t Builder::known_dim(ValueId id, int64_t axis) const {
  const Shape& dims = shape(id);
  require(axis < static_cast<int64_t>(dims.size()), ErrorCode::kShapeMismatch,
          "{}: input is {}; expected at least {} dimensions", label_, to_string(dims), axis + 1);
  const int64_t dim = dims[static_cast<size_t>(axis)];
  require(dim != kUnknownDim, ErrorCode::kUnsupported,
          "{}: dimension {} of its input {} is unknown; expected a fixed size", label_, axis,
          to_string(dims));
  return dim;
}

ValueId Builder::scalar(double value, DType dtype) const {
  Tensor data(graph::storage_dtype(dtype), {});
  convert_elements(DType::kFloat64, &value, data.dtype(), data.mutable_data(), 1);
  return constant(std::move(data));
}

ValueId Builder::floats(const std::vector<double>& values, Shape shape) const {
  Tensor data(DType::kFloat32, std::move(shape));
  HORNET_CHECK(data.num_elements() == static_cast<int64_t>(values.size()));
  convert_elements(DType::kFloat64, values.data(), DType::kFloat32, data.mutable_data(),
                   data.num_elements());
  return constant(std::move(data));
}

ValueId Builder::integers(const std::vector<int64_t>& values, DType dtype) const {
  Tensor data(dtype, {static_cast<int64_t>(values.size())});
  convert_elements(DType::kInt64, values.data(), dtype, data.mutable_data(), data.num_elements());
  return constant(std::move(data));
}

ValueId Builder::unary(UnaryKind kind, ValueId x, double a, double b, double c) const {
  return apply({kind, static_cast<float>(a), static_cast<float>(b), static_cast<float>(c)}, x);
}

ValueId Builder::apply(const UnaryFunction& function, ValueId x) const {
  return function.is_identity() ? x : op<graph::Unary>({x}, function);
}

ValueId Builder::binary(BinaryKind kind, ValueId x, ValueId y) const {
  const DType common = promote(type(x).dtype, type(y).dtype);
  return op<graph::Binary>({cast(x, common), cast(y, common)}, kind);
}

ValueId Builder::select(ValueId condition, ValueId x, ValueId y) const {
  const DType common = promote(type(x).dtype, type(y).dtype);
  return op<graph::Select>({cast(condition, DType::kBool), cast(x, common), cast(y, common)});
}

ValueId Builder::cast(ValueId x, DType dtype) const {
  return type(x).dtype == dtype ? x : op<graph::Cast>({x}, dtype);
}

ValueId Builder::as_float(ValueId x) const {
  return is_floating(type(x).dtype) ? x : cast(x, DType::kFloat32);
}

ValueId Builder::reduce(graph::ReduceKind kind, ValueId x, std::vector<int64_t> axes,
                        bool keepdims) const {
  for (int64_t& a : axes) a = axis(a, rank(x));
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return op<graph::Reduce>({x}, kind, std::move(axes), keepdims);
}

ValueId Builder::reshape(ValueId x, std::vector<TargetDim> target, ValueId like) const {
  std::vector<ValueId> inputs = {x};
  if (like != kNoValue) inputs.push_back(like);
  return op<graph::Reshape>(std::move(inputs), std::move(target));
}

ValueId Builder::reshape_keeping(ValueId x, size_t keep, const Shape& rest) const {
  std::vector<TargetDim> target;
  for (size_t i = 0; i < keep; ++i) target.push_back(TargetDim::copied(static_cast<int64_t>(i)));
  for (const int64_t dim : rest) {
    target.push_back(dim == kUnknownDim ? TargetDim::inferred() : TargetDim::fixed(dim));
  }
  return reshape(x, std::move(target));
}

ValueId Builder::transpose(ValueId x, std::vector<int64_t> permutation) const {
  return op<graph::Transpose>({x}, std::move(permutation));
}

ValueId Builder::move_axis(ValueId x, int64_t from, int64_t to) const {
  if (from == to) return x;
  std::vector<int64_t> order;
  for (int64_t i = 0; i < rank(x); ++i) {
    if (i != from) order.push_back(i);
  }
  order.insert(order.begin() + to, from);
  return transpose(x, std::move(order));
}

ValueId Builder::expand_dims(ValueId x, int64_t axis) const {
  std::vector<TargetDim> target;
  for (int64_t i = 0; i < rank(x); ++i) {
    if (i == axis) target.push_back(TargetDim::fixed(1));
    target.push_back(TargetDim::copied(i));
  }
  if (axis == rank(x)) target.push_back(TargetDim::fixed(1));
  return reshape(x, std::move(target));
}

ValueId Builder::squeeze(ValueId x, int64_t axis) const {
  std::vector<TargetDim> target;
  for (int64_t i = 0; i < rank(x); ++i) {
    if (i != axis) target.push_back(TargetDim::copied(i));
  }
  return reshape(x, std::move(target));
}

ValueId Builder::concat(std::vector<ValueId> xs, int64_t along) const {
  DType common = type(xs.at(0)).dtype;
  for (const ValueId x : xs) common = promote(common, type(x).dtype);
  for (ValueId& x : xs) x = cast(x, common);
  const int64_t normalized = axis(along, rank(xs[0]));
  return op<graph::Concat>(std::move(xs), normalized);
}

ValueId Builder::slice(ValueId x, int64_t axis, int64_t start, int64_t stop) const {
  std::vector<graph::Slice::Range> ranges(shape(x).size());
  ranges.at(static_cast<size_t>(axis)) = {start, stop, 1};
  return op<graph::Slice>({x}, std::move(ranges));
}

ValueId Builder::matmul(ValueId a, ValueId b, bool transpose_a, bool transpose_b) const {
  const DType common = promote(type(a).dtype, type(b).dtype);
  return op<graph::MatMul>({cast(a, common), cast(b, common)}, transpose_a, transpose_b);
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (is_floating(a) || is_floating(b)) {
    if (!is_floating(a)) return b;
    if (!is_floating(b)) return a;
    const bool halves = size_of(a) == 2 && size_of(b) == 2;
    return halves ? DType::kFloat32 : std::max(a, b);
  }
  if (a == DType::kBool) return b;
  if (b == DType::kBool) return a;
  const auto is_signed = [](DType d) {
    return d == DType::kInt8 || d == DType::kInt16 || d == DType::kInt32 || d == DType::kInt64;
  };
  if (is_signed(a) == is_signed(b)) return size_of(a) >= size_of(b) ? a : b;
  const DType with_sign = is_signed(a) ? a : b, without = is_signed(a) ? b : a;
  if (size_of(with_sign) > size_of(without)) return with_sign;
  switch (size_of(without)) {
    case 1:
      return DType::kInt16;
    case 2:
      return DType::kInt32;
    case 4:
      return DType::kInt64;
    default:
      return DType::kFloat32;
  }
}

ValueId to_channels_last(const Builder& b, ValueId x) {
  std::vector<int64_t> order(static_cast<size_t>(b.rank(x)));
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return b.transpose(x, order);
}

ValueId to_channels_first(const Builder& b, ValueId x) {
  std::vector<int64_t> order(static_cast<size_t>(b.rank(x)));
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return b.transpose(x, order);
}

}  // namespace hornet::layers
