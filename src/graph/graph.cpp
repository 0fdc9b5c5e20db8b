#include "graph/graph.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

Tensor to_storage(Tensor data) {
  const DType storage = storage_dtype(data.dtype());
  if (storage == data.dtype()) return data;
  Tensor converted(storage, data.shape());
  convert_elements(data.dtype(), data.data(), storage, converted.mutable_data(),
                   data.num_elements());
  return converted;
}

// A file of a few kilobytes can ask for any number of operators: a model that calls a model that
// calls a model twice each, a difference of the millionth order.
constexpr size_t kMostNodes = 300'000;

// More than any machine can hold, or a program index.
constexpr int64_t kMostElements = int64_t{1} << 38;

void check_shapes(const std::vector<TensorType>& types) {
  for (const TensorType& type : types) {
    require(type.shape.size() <= kMostDimensions, ErrorCode::kShapeMismatch,
            "the result would have {} dimensions; expected at most {}", type.shape.size(),
            kMostDimensions);
    Size elements = 1;
    for (const int64_t dim : type.shape) {
      require(dim >= 0 || dim == kUnknownDim, ErrorCode::kShapeMismatch,
              "the result would have shape {}", hornet::to_string(type.shape));
      if (dim > 0) elements = elements * dim;
    }
    require(elements.value() <= kMostElements, ErrorCode::kShapeMismatch,
            "the result would have shape {}, which is beyond all memory",
            hornet::to_string(type.shape));
  }
}

std::vector<TensorType> infer_types_of(const Node& node, std::span<const TensorType> inputs) {
  try {
    std::vector<TensorType> types = node.op->infer(inputs);
    check_shapes(types);
    return types;
  } catch (const Error& error) {
    // That an argument is invalid means, to whoever gave the model, that its shapes are.
    const bool invalid = error.code() == ErrorCode::kInvalidArgument;
    fail(invalid ? ErrorCode::kShapeMismatch : error.code(), "{}: {}", node.layer, error.message());
  }
}

std::vector<TensorType> infer_node(const Node& node, const std::vector<TensorType>& types) {
  std::vector<TensorType> inputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? TensorType{} : types[static_cast<size_t>(id)]);
  }
  return infer_types_of(node, inputs);
}

}  // namespace

ValueId Graph::add_input(TensorType type, std::string name) {
  values_.push_back({std::move(type), false, std::nullopt, std::move(name)});
  inputs_.push_back(static_cast<ValueId>(values_.size() - 1));
  return inputs_.back();
}

ValueId Graph::add_constant(Tensor data, std::string name) {
  TensorType type{data.dtype(), data.shape()};
  values_.push_back({std::move(type), true, to_storage(std::move(data)), std::move(name)});
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId Graph::add_scaled_constant(Tensor data, std::vector<float> line) {
  TensorType type{data.dtype(), data.shape()};
  values_.push_back({std::move(type), true, Constant(std::move(data), std::move(line)), ""});
  return static_cast<ValueId>(values_.size() - 1);
}

void Graph::move_constant(ValueId id, Tensor data) {
  Value& target = values_.at(static_cast<size_t>(id));
  HORNET_CHECK(target.data && data.dtype() == target.data->dtype() &&
               data.shape() == target.data->shape());
  target.data = target.data->moved_to(std::move(data));
}

ValueId Graph::add_weight(TensorType type, std::string name) {
  values_.push_back({std::move(type), true, std::nullopt, std::move(name)});
  return static_cast<ValueId>(values_.size() - 1);
}

void Graph::bind(ValueId weight, Tensor data) {
  Value& target = values_.at(static_cast<size_t>(weight));
  HORNET_CHECK(target.is_constant && data.shape() == target.type.shape);
  const DType storage = storage_dtype(target.type.dtype);
  if (data.dtype() != storage) {
    Tensor converted(storage, data.shape());
    convert_elements(data.dtype(), data.data(), storage, converted.mutable_data(),
                     data.num_elements());
    data = std::move(converted);
  }
  target.data = std::move(data);
}

std::vector<ValueId> Graph::add_node(OpPtr op, std::vector<ValueId> inputs,
                                     const std::string& layer) {
  Node node{std::move(op), std::move(inputs), {}, layer};
  std::vector<TensorType> input_types;
  for (const ValueId id : node.inputs) {
    input_types.push_back(id == kNoValue ? TensorType{} : type(id));
  }
  require(nodes_.size() < kMostNodes, ErrorCode::kUnsupported,
          "{}: the model becomes more than {} operators", layer, kMostNodes);
  std::vector<TensorType> types = infer_types_of(node, input_types);
  for (TensorType& type : types) {
    values_.push_back({std::move(type), false, std::nullopt, ""});
    node.outputs.push_back(static_cast<ValueId>(values_.size() - 1));
  }
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& node : nodes_) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  std::replace(outputs_.begin(), outputs_.end(), from, to);
}

void Graph::make_constant(ValueId id, Tensor data) {
  for (Node& node : nodes_) {
    std::replace(node.outputs.begin(), node.outputs.end(), id, kNoValue);
  }
  Value& target = values_.at(static_cast<size_t>(id));
  target.is_constant = true;
  target.type.shape = data.shape();
  target.data = to_storage(std::move(data));
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> counts(values_.size());
  const auto count = [&](ValueId id) {
    if (id != kNoValue) ++counts[static_cast<size_t>(id)];
  };
  for (const Node& node : nodes_) {
    for (const ValueId id : node.inputs) count(id);
  }
  for (const ValueId id : outputs_) count(id);
  return counts;
}

std::vector<int> Graph::producers() const {
  std::vector<int> producer(values_.size(), -1);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const ValueId id : nodes_[i].outputs) {
      if (id != kNoValue) producer[static_cast<size_t>(id)] = static_cast<int>(i);
    }
  }
  return producer;
}

std::vector<bool> Graph::live_nodes() const {
  std::vector<bool> wanted(values_.size(), false), live(nodes_.size(), false);
  const auto want = [&](ValueId id) {
    if (id != kNoValue) wanted[static_cast<size_t>(id)] = true;
  };
  for (const ValueId id : outputs_) want(id);
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Node& node = nodes_[i];
    live[i] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && wanted[static_cast<size_t>(id)];
    });
    if (!live[i]) continue;
    for (const ValueId id : node.inputs) want(id);
  }
  return live;
}

void Graph::remove_dead() {
  std::vector<bool> live(values_.size(), false);
  const auto mark = [&](ValueId id) {
    if (id != kNoValue) live[static_cast<size_t>(id)] = true;
  };
  for (const ValueId id : outputs_) mark(id);
  std::vector<Node> kept;
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    const bool used = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && live[static_cast<size_t>(id)];
    });
    if (!used) continue;
    for (ValueId& id : node.outputs) {
      if (id != kNoValue && !live[static_cast<size_t>(id)]) id = kNoValue;
    }
    for (const ValueId id : node.inputs) mark(id);
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  nodes_ = std::move(kept);
  for (size_t i = 0; i < values_.size(); ++i) {
    if (!live[i]) values_[i].data.reset();
  }
}

std::vector<TensorType> Graph::infer_types(std::span<const TensorType> input_types) const {
  HORNET_CHECK(input_types.size() == inputs_.size());
  std::vector<TensorType> types;
  types.reserve(values_.size());
  for (const Value& value : values_) types.push_back(value.type);
  for (size_t i = 0; i < inputs_.size(); ++i)
    types[static_cast<size_t>(inputs_[i])] = input_types[i];
  for (const Node& node : nodes_) {
    const std::vector<TensorType> outputs = infer_node(node, types);
    HORNET_CHECK(outputs.size() == node.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) types[static_cast<size_t>(node.outputs[i])] = outputs[i];
    }
  }
  return types;
}

std::vector<TensorType> Graph::infer_types_for(const std::vector<Shape>& input_shapes) const {
  HORNET_CHECK(input_shapes.size() == inputs_.size());
  std::vector<TensorType> types;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    HORNET_CHECK(is_known(input_shapes[i]));
    types.push_back({type(inputs_[i]).dtype, input_shapes[i]});
  }
  return infer_types(types);
}

void Graph::check() const {
  std::vector<bool> defined(values_.size(), false);
  for (const ValueId id : inputs_) defined[static_cast<size_t>(id)] = true;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].is_constant) defined[i] = true;
  }
  const auto is_defined = [&](ValueId id) {
    return id == kNoValue || (id >= 0 && static_cast<size_t>(id) < defined.size() &&
                              defined[static_cast<size_t>(id)]);
  };
  for (const Node& node : nodes_) {
    for (const ValueId id : node.inputs) HORNET_CHECK(is_defined(id));
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      HORNET_CHECK(!defined[static_cast<size_t>(id)]);
      defined[static_cast<size_t>(id)] = true;
    }
    std::vector<TensorType> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? TensorType{} : type(id));
    }
    const std::vector<TensorType> types = node.op->infer(inputs);
    HORNET_CHECK(types.size() == node.outputs.size());
    for (size_t i = 0; i < types.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      HORNET_CHECK(types[i].shape.size() == type(node.outputs[i]).shape.size());
      HORNET_CHECK(storage_dtype(types[i].dtype) == storage_dtype(type(node.outputs[i]).dtype));
    }
  }
  for (const ValueId id : outputs_) HORNET_CHECK(id != kNoValue && is_defined(id));
}

std::string Graph::to_string() const {
  const auto name = [&](ValueId id) -> std::string {
    if (id == kNoValue) return "-";
    const Value& v = value(id);
    return v.name.empty() ? fmt::format("%{}", id) : fmt::format("%{}:{}", id, v.name);
  };
  std::string text;
  for (const ValueId id : inputs_) {
    text += fmt::format("input {} {}\n", name(id), graph::to_string(type(id)));
  }
  for (const Node& node : nodes_) {
    std::string outputs, inputs, types;
    for (const ValueId id : node.outputs) {
      outputs += (outputs.empty() ? "" : ", ") + name(id);
      if (id != kNoValue) types += (types.empty() ? "" : ", ") + graph::to_string(type(id));
    }
    for (const ValueId id : node.inputs) inputs += (inputs.empty() ? "" : ", ") + name(id);
    const std::string attributes = node.op->attributes();
    text += fmt::format("{} = {}({}){} : {}  # {}\n", outputs, node.op->name(), inputs,
                        attributes.empty() ? "" : " " + attributes, types, node.layer);
  }
  for (const ValueId id : outputs_) text += fmt::format("output {}\n", name(id));
  return text;
}

}  // namespace hornet::graph
