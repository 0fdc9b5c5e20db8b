// Layers of your own: C++ in the place of a Python class that a model file names.
//
//   LoadOptions options;
//   options.custom_layers = {{"my_package>Scale", [](CustomLayer& layer) {
//     const LayerTensor x = layer.inputs()[0];
//     const LayerTensor gain = layer.weight("gain", {layer.shape(x).back()});
//     return std::vector{layer.op("Multiply", {x, gain})};
//   }}};
//   const Model model = Model::load("model.keras", options);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hornet/tensor.h"

namespace hornet {

// A tensor between layers. Cheap to copy; means something only while its model is loaded.
struct LayerTensor {
  int32_t id = -1;
  explicit operator bool() const { return id >= 0; }
};

// An operand of a keras.ops operation: a tensor, or a number as in Python (2 keeps integers what
// they are, 2.0 makes them floats).
using LayerOperand = std::variant<LayerTensor, int64_t, double>;

// Arithmetic that no operation of Keras expresses. Immutable: run() is called by several workers at
// once. Tensors are dense and row-major; floating ones are float32 whatever Keras calls them.
class CustomKernel {
 public:
  virtual ~CustomKernel() = default;
  // The types of the outputs. kUnknownDim stands for sizes that are not known yet, always for the
  // batch (the first dimension) when a model is loaded; asked again with all of them known.
  virtual std::vector<TensorType> infer(std::span<const TensorType> inputs) const = 0;
  // Computes one batch into `outputs`, which have the types that infer() gave. That a row has the
  // same bytes in every batch is up to this function: no row may look at another one.
  // What it throws fails the rows of the batch; other exceptions than Error as kInvalidInput.
  virtual void run(std::span<const TensorView> inputs,
                   std::span<const MutableTensorView> outputs) const = 0;
};

// One layer of the model that is being loaded: what its function is given.
// Everything throws Error naming the layer: kInvalidModel for a config or weights that do not fit,
// kShapeMismatch, kUnsupported.
class CustomLayer {
 public:
  class Impl;
  explicit CustomLayer(Impl& impl) : impl_(impl) {}
  CustomLayer(const CustomLayer&) = delete;
  CustomLayer& operator=(const CustomLayer&) = delete;

  // `layer "a" (MyLayer)`, as messages call it.
  const std::string& label() const;

  // What get_config() of the class saved. Null counts as absent.
  bool has(const std::string& key) const;
  int64_t integer(const std::string& key, std::optional<int64_t> absent = {}) const;
  double number(const std::string& key, std::optional<double> absent = {}) const;
  bool boolean(const std::string& key, bool absent) const;
  std::string text(const std::string& key, std::optional<std::string> absent = {}) const;
  std::vector<int64_t> integers(const std::string& key) const;  // a lone number is a list of one
  std::vector<double> numbers(const std::string& key) const;

  // The tensors of this call, positional arguments first, lists flattened.
  const std::vector<LayerTensor>& inputs() const;
  // The tensor given as keyword argument; none where there is none.
  LayerTensor argument(const std::string& keyword) const;
  // The mask that arrives with the first input (bool [batch, time]); none where there is none.
  LayerTensor mask() const;

  DType dtype(LayerTensor tensor) const;
  const Shape& shape(LayerTensor tensor) const;  // batch first; kUnknownDim where not known

  // A weight that add_weight() made. To be asked for in the order in which the class makes them.
  // float32 in memory, whatever the file holds.
  LayerTensor weight(const std::string& name, const Shape& shape);
  // Copies the data.
  LayerTensor constant(const TensorView& data);

  // An operation of keras.ops by its class: op("Multiply", {x, 2}), op("Sum", {x},
  // R"({"axis": -1, "keepdims": true})"). `config` are the arguments of the class's constructor, as
  // JSON. docs/layers.md lists the operations.
  LayerTensor op(const std::string& class_name, const std::vector<LayerOperand>& operands,
                 const std::string& config = "{}");
  // An activation function of Keras by its name.
  LayerTensor activation(const std::string& name, LayerTensor x);
  // A layer of Keras that the class holds as the attribute `attribute`, with its weights:
  // layer("dense", "Dense", R"({"units": 4, "activation": "relu"})", {x}).
  LayerTensor layer(const std::string& attribute, const std::string& class_name,
                    const std::string& config, const std::vector<LayerTensor>& inputs);
  std::vector<LayerTensor> kernel(std::shared_ptr<const CustomKernel> kernel,
                                  const std::vector<LayerTensor>& inputs);

  // Refuses the model: Error(kUnsupported) that begins with the label.
  [[noreturn]] void fail(const std::string& message) const;

 private:
  Impl& impl_;
};

// Adds the layer's operations for one call, and returns its outputs.
using CustomLayerFunction = std::function<std::vector<LayerTensor>(CustomLayer& layer)>;

struct CustomLayerDefinition {
  // As registered with Keras, "my_package>MyLayer"; or the name of the class alone, whatever its
  // package, which then also stands before a layer of Keras's own.
  std::string class_name;
  CustomLayerFunction function;
  bool supports_masking = false;  // the mask of the first input goes on with the outputs
};

}  // namespace hornet
