// Small models, from the text that Keras writes to the numbers that come out.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "keras/json.h"
#include "keras/model_parser.h"
#include "kernels/evaluate.h"
#include "layers/lowering.h"

namespace hornet::layers {

struct Given {
  Tensor data;
  std::string shape;  // as the model has it: "[null, 3]"
};

// An input of the model; the batch is unknown until it is computed.
template <class T = float>
Given given(Shape shape, const std::vector<T>& values, DType dtype = DType::kFloat32) {
  std::string text = "null";
  for (size_t i = 1; i < shape.size(); ++i) text += fmt::format(", {}", shape[i]);
  Tensor data(dtype, shape);
  EXPECT_EQ(data.num_elements(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) data.mutable_as<T>()[i] = values[i];
  return {std::move(data), "[" + text + "]"};
}

inline Given given_integers(Shape shape, const std::vector<int32_t>& values) {
  return given<int32_t>(std::move(shape), values, DType::kInt32);
}

// Output `output` of a layer's call, for the arguments of another.
inline std::string tensor(const std::string& layer, int call = 0, int output = 0) {
  return fmt::format(
      R"({{"class_name": "__keras_tensor__", "config": {{"shape": [], "dtype": "float32",
          "keras_history": ["{}", {}, {}]}}}})",
      layer, call, output);
}

// The keras tensor of input `i`.
inline std::string input(size_t i) { return tensor(fmt::format("x{}", i)); }

struct Result {
  std::vector<Tensor> outputs;
  std::vector<graph::TensorType> types;  // as the model has them before the batch is known
};

inline void collect_slots(const keras::WeightOwner& owner, std::vector<keras::WeightSlot>& slots) {
  slots.insert(slots.end(), owner.slots.begin(), owner.slots.end());
  for (const keras::WeightOwner& child : owner.children) collect_slots(child, slots);
}

// Computes the model `text` with reference kernels. `weights` are those of its layers in their
// order, each layer's in the order of its file. `version` is that of the Keras that wrote the text.
inline Result run_model(const std::string& text, const std::vector<Given>& inputs,
                        const std::vector<Tensor>& weights = {}, const std::string& version = "") {
  const keras::Value parsed = keras::parse_json(text, "test");
  const keras::ModelConfig model = keras::parse_saved_model(*parsed.get_if<keras::Dict>(), version);
  const LoweredModel lowered = lower(model, Registry::keras());
  const graph::Graph& graph = lowered.graph;
  graph.check();
  std::vector<const Tensor*> values(graph.values().size(), nullptr);
  for (size_t i = 0; i < graph.values().size(); ++i) {
    if (graph.values()[i].data) values[i] = &graph.values()[i].data->tensor();
  }
  std::vector<keras::WeightSlot> slots;
  collect_slots(lowered.weights, slots);
  if (slots.size() != weights.size()) {
    ADD_FAILURE() << slots.size() << " weights are wanted, " << weights.size() << " given";
    return {};
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ(slots[i].shape, weights[i].shape()) << slots[i].name;
    values[static_cast<size_t>(slots[i].id)] = &weights[i];
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    values[static_cast<size_t>(graph.inputs()[i])] = &inputs[i].data;
  }
  std::vector<std::unique_ptr<Tensor>> computed;
  for (const graph::Node& node : graph.nodes()) {
    std::vector<const Tensor*> arguments;
    for (const ValueId id : node.inputs) {
      arguments.push_back(id == kNoValue ? nullptr : values[static_cast<size_t>(id)]);
    }
    std::vector<Tensor> results = kernels::evaluate(*node.op, arguments, true);
    for (size_t i = 0; i < results.size(); ++i) {
      computed.push_back(std::make_unique<Tensor>(std::move(results[i])));
      values[static_cast<size_t>(node.outputs[i])] = computed.back().get();
    }
  }
  Result result;
  for (const ValueId id : graph.outputs()) {
    result.outputs.push_back(*values[static_cast<size_t>(id)]);
    result.types.push_back(graph.type(id));
  }
  return result;
}

// The InputLayers x0, x1... of a Functional model, each followed by a comma.
inline std::string input_layers(const std::vector<Given>& inputs) {
  std::string layers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    layers += fmt::format(
        R"({{"module": "keras.layers", "class_name": "InputLayer", "name": "x{0}",
            "config": {{"name": "x{0}", "batch_shape": {1}, "dtype": "{2}"}},
            "inbound_nodes": []}}, )",
        i, inputs[i].shape, to_string(inputs[i].data.dtype()));
  }
  return layers;
}

// A layer of a Functional model with one call: config members, arguments and keyword arguments as
// JSON.
inline std::string layer(const std::string& class_name, const std::string& name,
                         const std::string& config, const std::string& args,
                         const std::string& kwargs = "") {
  return fmt::format(
      R"({{"module": "keras.layers", "class_name": "{0}", "name": "{1}",
          "config": {{"name": "{1}"{2}{3}}},
          "inbound_nodes": [{{"args": [{4}], "kwargs": {{{5}}}}}]}})",
      class_name, name, config.empty() ? "" : ", ", config, args, kwargs);
}

// The outputs of one call of a layer, as a model lists them.
inline std::string outputs_of(const std::string& layer, size_t num_outputs = 1) {
  std::string text;
  for (size_t i = 0; i < num_outputs; ++i) {
    text += fmt::format("{}[\"{}\", 0, {}]", i == 0 ? "" : ", ", layer, i);
  }
  return text;
}

// A Functional model of `layers`, its inputs x0, x1...
inline std::string functional(const std::string& layers, const std::vector<Given>& inputs,
                              const std::string& outputs) {
  std::string from;
  for (size_t i = 0; i < inputs.size(); ++i) {
    from += fmt::format("{}[\"x{}\", 0, 0]", i == 0 ? "" : ", ", i);
  }
  return fmt::format(
      R"({{"class_name": "Functional", "config": {{"name": "m", "layers": [{}{}],
          "input_layers": [{}], "output_layers": [{}]}}}})",
      input_layers(inputs), layers, from, outputs);
}

// One layer, called with `args` (its first input by default).
inline Result run_layer(const std::string& class_name, const std::string& config,
                        const std::vector<Given>& inputs, const std::vector<Tensor>& weights = {},
                        const std::string& args = input(0), const std::string& kwargs = "",
                        size_t num_outputs = 1) {
  return run_model(functional(layer(class_name, "layer", config, args, kwargs), inputs,
                              outputs_of("layer", num_outputs)),
                   inputs, weights);
}

inline Tensor weight(Shape shape, const std::vector<float>& values) {
  return given(std::move(shape), values).data;
}

template <class T = float>
std::vector<T> values(const Tensor& tensor) {
  return std::vector<T>(tensor.as<T>(), tensor.as<T>() + tensor.num_elements());
}

}  // namespace hornet::layers
