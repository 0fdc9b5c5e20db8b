#include "layers.h"

#include <algorithm>

namespace {

using hornet::CustomLayer;
using hornet::LayerTensor;

std::vector<LayerTensor> gated_residual(CustomLayer& layer) {
  const LayerTensor x = layer.inputs()[0];
  const int64_t units = layer.integer("units");
  const LayerTensor gate = layer.weight("gate", {units});
  const LayerTensor projected = layer.layer(
      "project", "Dense", R"({"activation": "tanh", "units": )" + std::to_string(units) + "}", {x});
  const LayerTensor raised = layer.op("Power", {projected, layer.number("power", 1.0)});
  const LayerTensor gated = layer.op("Multiply", {layer.activation("sigmoid", gate), raised});
  return {layer.op("Add", {x, gated})};
}

// Along time, y[t] = max(x[t], decay * y[t - 1]), for x and y [batch, time, channels].
class PeakHold final : public hornet::CustomKernel {
 public:
  explicit PeakHold(float decay) : decay_(decay) {}

  std::vector<hornet::TensorType> infer(std::span<const hornet::TensorType> inputs) const override {
    return {inputs[0]};
  }
  void run(std::span<const hornet::TensorView> inputs,
           std::span<const hornet::MutableTensorView> outputs) const override {
    const hornet::Shape& shape = inputs[0].shape;
    const int64_t steps = shape[1], channels = shape[2];
    const auto* x = static_cast<const float*>(inputs[0].data);
    auto* y = static_cast<float*>(outputs[0].data);
    for (int64_t i = 0; i < shape[0] * steps * channels; ++i) {
      const bool first = i / channels % steps == 0;
      y[i] = first ? x[i] : std::max(x[i], decay_ * y[i - channels]);
    }
  }

 private:
  const float decay_;
};

std::vector<LayerTensor> peak_hold(CustomLayer& layer) {
  const LayerTensor x = layer.inputs()[0];
  if (layer.shape(x).size() != 3) layer.fail("expected an input [batch, time, channels]");
  const auto decay = static_cast<float>(layer.number("decay"));
  return layer.kernel(std::make_shared<PeakHold>(decay), {x});
}

}  // namespace

std::vector<hornet::CustomLayerDefinition> my_layers() {
  return {{"my_package>GatedResidual", gated_residual}, {"my_package>PeakHold", peak_hold}};
}
