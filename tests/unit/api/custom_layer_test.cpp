// Layers of the user's own: those of examples/custom_layer, and ones that fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>

#include "../../../examples/custom_layer/layers.h"
#include "hornet/model.h"
#include "hornet/source.h"
#include "paths.h"
#include "unit/base/expect_error.h"

namespace hornet {
namespace {

std::string example(const std::string& name) {
  return std::string(HORNET_SOURCE_DIR) + "/examples/custom_layer/" + name;
}

Model load_with(std::vector<CustomLayerDefinition> layers) {
  return Model::load(example("model.keras"),
                     {.weights_path = "", .custom_layers = std::move(layers)});
}

// The layers of the example, with another function for PeakHold.
std::vector<CustomLayerDefinition> with_peak_hold(CustomLayerFunction function) {
  std::vector<CustomLayerDefinition> layers = my_layers();
  layers[1].function = std::move(function);
  return layers;
}

class LambdaKernel final : public CustomKernel {
 public:
  using Infer = std::function<std::vector<TensorType>(std::span<const TensorType>)>;
  using Run = std::function<void(std::span<const MutableTensorView>)>;
  LambdaKernel(Infer infer, Run run) : infer_(std::move(infer)), run_(std::move(run)) {}
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    return infer_(inputs);
  }
  void run(std::span<const TensorView>, std::span<const MutableTensorView> outputs) const override {
    run_(outputs);
  }

 private:
  Infer infer_;
  Run run_;
};

std::vector<TensorType> same(std::span<const TensorType> inputs) { return {inputs[0]}; }

TEST(CustomLayer, OfOperationsAndOfAKernel_PredictsWhatThePythonClassDoes) {
  const Model model = load_with(my_layers());
  const Tensor rows = read_npy(example("rows.npy")), expected = read_npy(example("expected.npy"));
  const Tensor got = model.predict({rows.view()})[0];
  ASSERT_EQ(got.shape(), expected.shape());
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    EXPECT_NEAR(got.as<float>()[i], expected.as<float>()[i], 1e-6) << i;
  }
}

TEST(CustomLayer, RowsAlone_HaveTheBytesTheyHaveTogether) {
  const Model model = load_with(my_layers());
  const Tensor rows = read_npy(example("rows.npy"));
  const Tensor together = model.predict({rows.view()})[0];
  const auto row_elements = rows.num_elements() / rows.shape()[0];
  for (int64_t row = 0; row < rows.shape()[0]; ++row) {
    const TensorView one{rows.as<float>() + row * row_elements, rows.dtype(), {1, 6, 4}};
    const Tensor alone = model.predict({one})[0];
    EXPECT_EQ(std::memcmp(alone.data(), together.as<float>() + row * 3, alone.num_bytes()), 0);
  }
}

TEST(CustomLayer, NotDefined_IsRefusedByItsName) {
  EXPECT_ERROR(load_with({}), ErrorCode::kUnsupported,
               "layer \"mix\" (GatedResidual): custom class \"my_package>GatedResidual\"");
  EXPECT_ERROR(load_with({my_layers()[0]}), ErrorCode::kUnsupported, "\"my_package>PeakHold\"");
}

TEST(CustomLayer, DefinedByItsClassAlone_IsFound) {
  std::vector<CustomLayerDefinition> layers = my_layers();
  for (CustomLayerDefinition& layer : layers) {
    layer.class_name = layer.class_name.substr(layer.class_name.find('>') + 1);
  }
  const ModelSummary summary =
      summarize(example("model.keras"), {.weights_path = "", .custom_layers = layers});
  ASSERT_EQ(summary.layers.size(), 5);
  EXPECT_EQ(summary.layers[1].unsupported, "");
  EXPECT_EQ(summary.layers[1].num_parameters, 4 + 4 * 4 + 4);
}

TEST(CustomLayer, DefinedInPlaceOfKerasOwn_IsTaken) {
  std::vector<CustomLayerDefinition> layers = my_layers();
  layers.push_back({"Flatten", [](CustomLayer& layer) -> std::vector<LayerTensor> {
                      layer.fail("flattens nothing");
                    }});
  EXPECT_ERROR(load_with(std::move(layers)), ErrorCode::kUnsupported,
               "layer \"flatten\" (Flatten): flattens nothing");
}

TEST(CustomLayer, ConfigOrWeightsThatDoNotFit_NameTheLayer) {
  EXPECT_ERROR(load_with(with_peak_hold([](CustomLayer& layer) {
                 layer.integer("size");
                 return layer.inputs();
               })),
               ErrorCode::kInvalidModel, "layer \"peaks\" (PeakHold): size is missing");
  EXPECT_ERROR(load_with(with_peak_hold([](CustomLayer& layer) {
                 layer.weight("scale", {4});
                 return layer.inputs();
               })),
               ErrorCode::kInvalidModel, "layer \"peaks\" (PeakHold)");
  EXPECT_ERROR(load_with(with_peak_hold([](CustomLayer& layer) {
                 return std::vector{layer.op("NoSuchOperation", {layer.inputs()[0]})};
               })),
               ErrorCode::kUnsupported, "NoSuchOperation");
}

TEST(CustomLayer, FunctionsThatBreakTheRules_AreErrors) {
  EXPECT_ERROR(load_with(with_peak_hold([](CustomLayer&) { return std::vector<LayerTensor>(); })),
               ErrorCode::kInvalidArgument, "gives no outputs");
  EXPECT_ERROR(load_with(with_peak_hold([](CustomLayer&) { return std::vector<LayerTensor>(1); })),
               ErrorCode::kInvalidArgument, "a tensor is used that is none of this model");
  EXPECT_ERROR(load_with({{"my_package>GatedResidual", nullptr}}), ErrorCode::kInvalidArgument,
               "my_package>GatedResidual");
  const auto kernel = std::make_shared<LambdaKernel>(
      [](std::span<const TensorType>) {
        return std::vector<TensorType>{{DType::kFloat32, {kUnknownDim, 6, 4}}};
      },
      [](std::span<const MutableTensorView>) {});
  const Model model = load_with(
      with_peak_hold([&](CustomLayer& layer) { return layer.kernel(kernel, layer.inputs()); }));
  const Tensor rows = read_npy(example("rows.npy"));
  EXPECT_ERROR(model.predict({rows.view()}), ErrorCode::kShapeMismatch,
               "float32[None, 6, 4] for inputs of known shapes");
}

TEST(CustomLayer, KernelThatThrows_FailsThePredictionAndNamesTheLayer) {
  const auto kernel = std::make_shared<LambdaKernel>(same, [](std::span<const MutableTensorView>) {
    throw std::runtime_error("the sensor is upside down");
  });
  const Model model = load_with(
      with_peak_hold([&](CustomLayer& layer) { return layer.kernel(kernel, layer.inputs()); }));
  const Tensor rows = read_npy(example("rows.npy"));
  EXPECT_ERROR(model.predict({rows.view()}), ErrorCode::kInvalidInput,
               "layer \"peaks\" (PeakHold): the sensor is upside down");
}

TEST(CustomLayer, OutputNobodyUses_IsStillThereToWriteTo) {
  const auto twice = [](std::span<const TensorType> inputs) {
    return std::vector<TensorType>{inputs[0], inputs[0]};
  };
  const auto kernel =
      std::make_shared<LambdaKernel>(twice, [](std::span<const MutableTensorView> outputs) {
        for (const MutableTensorView& output : outputs) {
          std::memset(output.data, 0, num_bytes(output.dtype, output.shape));
        }
      });
  const Model model = load_with(with_peak_hold(
      [&](CustomLayer& layer) { return std::vector{layer.kernel(kernel, layer.inputs())[0]}; }));
  const Tensor rows = read_npy(example("rows.npy"));
  const Tensor got = model.predict({rows.view()})[0];
  EXPECT_EQ(std::memcmp(got.as<float>(), got.as<float>() + 3, 3 * sizeof(float)), 0);
}

}  // namespace
}  // namespace hornet
