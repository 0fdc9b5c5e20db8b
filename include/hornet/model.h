// A loaded Keras model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hornet/custom_layer.h"
#include "hornet/error.h"
#include "hornet/tensor.h"

namespace hornet {

// One input or output of a model.
struct TensorSpec {
  std::string name;  // input: name of the InputLayer; output: name of the layer that yields it
  std::string path;  // place in a nested structure: "", "0", "pair.0", "beta"
  DType dtype = DType::kFloat32;
  Shape shape;  // batch first; kUnknownDim where not known
};

// One line of a summary like Keras's.
struct LayerSummary {
  std::string name;
  std::string class_name;
  int depth = 0;       // 0 for the model's own layers, 1 for those of a nested model, ...
  std::string output;  // "[None, 10]"; several outputs separated by ", "; "?" where not known
  int64_t num_parameters = 0;
  std::string unsupported;  // why Hornet cannot predict with this layer; "" when it can
};

struct ModelSummary {
  std::string name;
  std::string class_name;
  std::string keras_version;
  std::vector<LayerSummary> layers;
  std::vector<TensorSpec> inputs, outputs;  // outputs are empty when a layer is unsupported
  int64_t num_parameters = 0;
  int64_t num_trainable_parameters = 0;
  double flops_per_row = 0;  // 2 for a multiply-add; 0 when unknown
};

struct LoadOptions {
  std::string weights_path;  // a weights file for a JSON config; "" for none
  std::vector<CustomLayerDefinition> custom_layers;
};

namespace internal {
class CompiledModel;
}

// Immutable and thread-safe; copies share everything. Workers share one copy of the weights.
class Model {
 public:
  // Throws Error (kIo, kInvalidModel, kUnsupported) that names the file and the layer. Takes memory
  // for packed weights too, which the first prediction fills.
  static Model load(const std::string& path, const LoadOptions& options = {});

  const std::vector<TensorSpec>& inputs() const;
  const std::vector<TensorSpec>& outputs() const;

  // Computes all rows at once, on the calling thread. Inputs are in the order of inputs(), their
  // first dimension is the number of rows; any numeric dtype, converted as Keras does.
  // Returns one Tensor an output. For more rows than fit in memory use predict() of predict.h.
  std::vector<Tensor> predict(const std::vector<TensorView>& inputs) const;

  // The steps that predicting `batch_size` rows takes: step, primitive, layout, bytes, MFLOP.
  // 0 stands for the batch size that predict() chooses for many rows. Unknown dimensions other than
  // the batch are taken from `input_shapes` (in the order of inputs()), where given.
  std::string plan_text(int64_t batch_size = 0, const std::vector<Shape>& input_shapes = {}) const;

  const internal::CompiledModel& compiled() const { return *compiled_; }

 private:
  explicit Model(std::shared_ptr<const internal::CompiledModel> compiled);
  std::shared_ptr<const internal::CompiledModel> compiled_;
};

// A layer class or keras.ops operation that Hornet predicts with.
struct SupportedLayer {
  std::string class_name;  // as Keras 3 spells it; files of Keras 1 and 2 may use older names
  bool is_operation = false;
  bool passes_mask = false;   // the mask of the input goes on with the output
  std::string lowers_to;      // the operators it becomes: "conv, contraction"
  std::string not_supported;  // options that are refused; "" for none
};

// All of them, layers first, by name: what docs/layers.md lists.
std::vector<SupportedLayer> supported_layers();

// Describes a model file, also one with layers that Hornet does not support.
ModelSummary summarize(const std::string& path, const LoadOptions& options = {});

}  // namespace hornet
