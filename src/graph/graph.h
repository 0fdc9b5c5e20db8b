// A model after lowering: typed values and the operators between them, in an order that can be run.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graph/constant.h"
#include "graph/op.h"

namespace hornet::graph {

using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;

struct Value {
  TensorType type;
  // Constants: the data, its dtype the storage dtype. A weight has no data until it is bound.
  bool is_constant = false;
  std::optional<Constant> data;
  std::string name;  // of inputs and weights, for printing
};

struct Node {
  OpPtr op;
  std::vector<ValueId> inputs;   // kNoValue for an optional input that is absent
  std::vector<ValueId> outputs;  // kNoValue for one that nobody wants
  std::string layer;             // label of the Keras layer it stems from, for messages
};

// Nodes are in topological order: passes keep it. Values are never removed, their ids stay valid.
class Graph {
 public:
  ValueId add_input(TensorType type, std::string name);
  // A constant with data; floating data of other kinds is converted to float32.
  ValueId add_constant(Tensor data, std::string name = "");
  // A constant whose data comes later, by bind().
  ValueId add_weight(TensorType type, std::string name);
  void bind(ValueId weight, Tensor data);
  // A constant that is float32 `data` times a line of factors (see Constant).
  ValueId add_scaled_constant(Tensor data, std::vector<float> line);
  // Puts the numbers that a constant is made of, as they are, at another place.
  void move_constant(ValueId id, Tensor data);
  // Appends a node and infers the types of its outputs. Errors name `layer`.
  std::vector<ValueId> add_node(OpPtr op, std::vector<ValueId> inputs, const std::string& layer);
  void set_outputs(std::vector<ValueId> outputs) { outputs_ = std::move(outputs); }

  const Value& value(ValueId id) const { return values_.at(static_cast<size_t>(id)); }
  const TensorType& type(ValueId id) const { return value(id).type; }
  const std::deque<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }

  // For passes. A replacement stands at the place of the node it replaces, so its inputs must be
  // defined before that place.
  std::vector<Node>& mutable_nodes() { return nodes_; }
  void replace_uses(ValueId from, ValueId to);  // in node inputs and graph outputs
  // Puts `data` in the place of a value computed so far (constant folding).
  void make_constant(ValueId id, Tensor data);
  // Number of uses of each value: node inputs and graph outputs.
  std::vector<int> use_counts() const;
  // Index of the node that computes each value, -1 for inputs and constants.
  std::vector<int> producers() const;
  // Drops nodes none of whose outputs is used, outputs that nothing uses, and the data of constants
  // that nothing uses.
  void remove_dead();
  // By node: whether an output depends on it.
  std::vector<bool> live_nodes() const;

  // Infers all types again for the given input types (no unknown dimension left). Result: one type
  // a value; those of values that no node makes are as they were.
  std::vector<TensorType> infer_types(std::span<const TensorType> input_types) const;
  // The same for inputs of these shapes and the types they have.
  std::vector<TensorType> infer_types_for(const std::vector<Shape>& input_shapes) const;

  // Throws Error(kInternal) where an invariant is broken: order, ids, types. Run after each pass.
  void check() const;
  std::string to_string() const;

 private:
  std::deque<Value> values_;  // no vector: type() and value() stay valid while nodes are added
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_, outputs_;
};

}  // namespace hornet::graph
