// Shorthands for adding operators to a Graph on behalf of one layer.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/normalization.h"
#include "graph/ops/pooling.h"
#include "graph/ops/recurrent.h"
#include "graph/ops/reduction.h"
#include "graph/ops/shape.h"

namespace hornet::layers {

using graph::BinaryKind;
using graph::kNoValue;
using graph::TensorType;
using graph::UnaryFunction;
using graph::UnaryKind;
using graph::ValueId;

// Cheap to copy. The graph must outlive it. Errors name `label`.
class Builder {
 public:
  Builder(graph::Graph& graph, std::string label) : graph_(&graph), label_(std::move(label)) {}

  graph::Graph& graph() const { return *graph_; }
  const std::string& label() const { return label_; }
  const TensorType& type(ValueId id) const { return graph_->type(id); }
  const Shape& shape(ValueId id) const { return graph_->type(id).shape; }
  int64_t rank(ValueId id) const { return static_cast<int64_t>(shape(id).size()); }
  // Axis -1 based to 0..rank-1; throws naming the layer.
  int64_t axis(int64_t given, int64_t rank) const;
  // The size of a dimension that must be known when the model is loaded.
  int64_t known_dim(ValueId id, int64_t axis) const;

  std::vector<ValueId> add(graph::OpPtr op, std::vector<ValueId> inputs) const {
    return graph_->add_node(std::move(op), std::move(inputs), label_);
  }
  ValueId add1(graph::OpPtr op, std::vector<ValueId> inputs) const {
    return add(std::move(op), std::move(inputs))[0];
  }
  template <class OpType, class... Args>
  ValueId op(std::vector<ValueId> inputs, Args&&... args) const {
    return add1(std::make_shared<OpType>(std::forward<Args>(args)...), std::move(inputs));
  }

  ValueId constant(Tensor data) const { return graph_->add_constant(std::move(data)); }
  ValueId scalar(double value, DType dtype = DType::kFloat32) const;
  ValueId floats(const std::vector<double>& values, Shape shape) const;
  ValueId integers(const std::vector<int64_t>& values, DType dtype = DType::kInt32) const;

  ValueId unary(UnaryKind kind, ValueId x, double a = 0, double b = 0, double c = 0) const;
  ValueId apply(const UnaryFunction& function, ValueId x) const;
  // Operands of different types are promoted as promote() says.
  ValueId binary(BinaryKind kind, ValueId x, ValueId y) const;
  ValueId select(ValueId condition, ValueId x, ValueId y) const;
  ValueId cast(ValueId x, DType dtype) const;  // x itself where it has the type
  ValueId as_float(ValueId x) const;           // float32 where it is not floating
  ValueId reduce(graph::ReduceKind kind, ValueId x, std::vector<int64_t> axes,
                 bool keepdims) const;  // axes may be negative
  ValueId reshape(ValueId x, std::vector<graph::TargetDim> target, ValueId like = kNoValue) const;
  // Keeps the leading `keep` dimensions and gives the others the sizes `rest` (-1: inferred).
  ValueId reshape_keeping(ValueId x, size_t keep, const Shape& rest) const;
  ValueId transpose(ValueId x, std::vector<int64_t> permutation) const;
  // x with dimension `from` moved to place `to`.
  ValueId move_axis(ValueId x, int64_t from, int64_t to) const;
  // Inserts a dimension of size 1 before `axis` / drops one (0..rank).
  ValueId expand_dims(ValueId x, int64_t axis) const;
  ValueId squeeze(ValueId x, int64_t axis) const;
  ValueId concat(std::vector<ValueId> xs, int64_t axis) const;
  ValueId slice(ValueId x, int64_t axis, int64_t start, int64_t stop) const;
  ValueId matmul(ValueId a, ValueId b, bool transpose_a = false, bool transpose_b = false) const;

 private:
  graph::Graph* graph_;
  std::string label_;
};

// The type of the result of arithmetic between two types, as keras.backend.result_type says:
// bool < integers < floating; unsigned with signed gives the next wider signed type.
DType promote(DType a, DType b);

// channels_first [N, C, spatial...] to channels_last and back, for any rank above 2.
ValueId to_channels_last(const Builder& b, ValueId x);
ValueId to_channels_first(const Builder& b, ValueId x);

}  // namespace hornet::layers
