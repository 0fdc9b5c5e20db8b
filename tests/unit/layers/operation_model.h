// Models of one operation, from the text that Keras writes to the numbers that come out.
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

// The keras tensor of input `i`, for the arguments of an operation.
inline std::string input(size_t i) {
  return fmt::format(
      R"({{"class_name": "__keras_tensor__", "config": {{"shape": [], "dtype": "float32",
          "keras_history": ["x{}", 0, 0]}}}})",
      i);
}

struct Result {
  std::vector<Tensor> outputs;
  std::vector<graph::TensorType> types;  // as the model has them before the batch is known
};

// Runs the operation `class_name` with its config ("axis": 1) and its call: arguments and keyword
// arguments as JSON. All but constant shapes are inferred again for the data.
inline Result run_operation(const std::string& class_name, const std::string& config,
                            const std::string& args, const std::vector<Given>& inputs,
                            size_t num_outputs = 1, const std::string& kwargs = "") {
  std::string layers, input_layers, output_layers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    layers += fmt::format(
        R"({{"module": "keras.layers", "class_name": "InputLayer", "name": "x{0}",
            "config": {{"name": "x{0}", "batch_shape": {1}, "dtype": "{2}"}},
            "inbound_nodes": []}}, )",
        i, inputs[i].shape, to_string(inputs[i].data.dtype()));
    input_layers += fmt::format("{}[\"x{}\", 0, 0]", i == 0 ? "" : ", ", i);
  }
  for (size_t i = 0; i < num_outputs; ++i) {
    output_layers += fmt::format("{}[\"op\", 0, {}]", i == 0 ? "" : ", ", i);
  }
  const std::string text = fmt::format(
      R"({{"class_name": "Functional", "config": {{"name": "m", "layers": [{}
          {{"module": "keras.src.ops.numpy", "class_name": "{}", "name": "op",
            "config": {{"name": "op"{}{}}},
            "inbound_nodes": [{{"args": [{}], "kwargs": {{{}}}}}]}}],
          "input_layers": [{}], "output_layers": [{}]}}}})",
      layers, class_name, config.empty() ? "" : ", ", config, args, kwargs, input_layers,
      output_layers);
  const keras::Value parsed = keras::parse_json(text, "test");
  const keras::ModelConfig model = keras::parse_model(*parsed.get_if<keras::Dict>());
  const LoweredModel lowered = lower(model, Registry::keras());
  const graph::Graph& graph = lowered.graph;
  graph.check();
  std::vector<const Tensor*> values(graph.values().size(), nullptr);
  for (size_t i = 0; i < graph.values().size(); ++i) {
    if (graph.values()[i].data) values[i] = &*graph.values()[i].data;
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

template <class T = float>
std::vector<T> values(const Tensor& tensor) {
  return std::vector<T>(tensor.as<T>(), tensor.as<T>() + tensor.num_elements());
}

}  // namespace hornet::layers
