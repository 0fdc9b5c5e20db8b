#include "api/compiled_model.h"
#include "api/custom_layers.h"
#include "api/naming.h"
#include "hornet/error.h"
#include "hornet/model.h"
#include "keras/load.h"
#include "layers/lowering.h"

namespace hornet {
namespace {

void list_layers(const keras::ModelConfig& model, int depth, std::vector<LayerSummary>& layers) {
  for (const keras::LayerConfig& layer : model.layers) {
    layers.push_back({layer.name, layer.class_name, depth, "?", 0, ""});
    if (layer.model != nullptr) list_layers(*layer.model, depth + 1, layers);
  }
}

void mark(std::vector<LayerSummary>& layers, const layers::UnsupportedLayer& unsupported) {
  for (LayerSummary& layer : layers) {
    if (layer.name == unsupported.name && layer.class_name == unsupported.class_name) {
      layer.unsupported = unsupported.reason;
    }
  }
}

// Operations of one row: unknown dimensions other than the batch count as 1.
double flops_per_row(const graph::Graph& graph) {
  std::vector<graph::TensorType> inputs;
  for (const graph::ValueId id : graph.inputs()) {
    inputs.push_back(graph.type(id));
    for (int64_t& dim : inputs.back().shape) {
      if (dim == kUnknownDim) dim = 1;
    }
  }
  const std::vector<graph::TensorType> types = graph.infer_types(inputs);
  double flops = 0;
  for (const graph::Node& node : graph.nodes()) {
    std::vector<graph::TensorType> in, out;
    for (const auto id : node.inputs) {
      in.push_back(id < 0 ? graph::TensorType{} : types[static_cast<size_t>(id)]);
    }
    for (const auto id : node.outputs) {
      out.push_back(id < 0 ? graph::TensorType{} : types[static_cast<size_t>(id)]);
    }
    flops += node.op->flops(in, out);
  }
  return flops;
}

}  // namespace

std::vector<SupportedLayer> supported_layers() {
  std::vector<SupportedLayer> supported;
  const auto add = [&](const std::vector<layers::LayerDefinition>& definitions, bool operations) {
    for (const layers::LayerDefinition& definition : definitions) {
      supported.push_back(
          {definition.class_name, operations, definition.mask != layers::MaskRule::kDrop,
           std::string(definition.lowers_to), std::string(definition.not_supported)});
    }
  };
  add(layers::Registry::keras().layers(), false);
  add(layers::Registry::keras().operations(), true);
  return supported;
}

ModelSummary summarize(const std::string& path, const LoadOptions& options) {
  const keras::LoadedModel loaded = keras::load(path, options.weights_path);
  ModelSummary summary;
  summary.name = loaded.config.name;
  summary.class_name = loaded.config.class_name;
  summary.keras_version = loaded.keras_version;
  if (loaded.weights != nullptr) loaded.weights->wait();  // a damaged file is no model
  const layers::Registry registry = internal::registry_with(options.custom_layers);
  const auto unsupported = layers::find_unsupported(loaded.config, registry);
  if (!unsupported.empty()) {
    list_layers(loaded.config, 0, summary.layers);
    for (const layers::UnsupportedLayer& layer : unsupported) mark(summary.layers, layer);
    return summary;
  }
  const layers::LoweredModel lowered =
      internal::naming(path, [&] { return layers::lower(loaded.config, registry); });
  for (const layers::LayerReport& layer : lowered.layers) {
    summary.layers.push_back(
        {layer.name, layer.class_name, layer.depth, layer.output, layer.num_parameters, ""});
    if (layer.depth > 0) continue;
    summary.num_parameters += layer.num_parameters;
    summary.num_trainable_parameters += layer.num_trainable;
  }
  for (const auto& t : lowered.inputs) {
    summary.inputs.push_back({t.name, t.path, internal::handed_out(t.dtype), t.shape});
  }
  for (const auto& t : lowered.outputs) {
    summary.outputs.push_back({t.name, t.path, internal::handed_out(t.dtype), t.shape});
  }
  try {
    summary.flops_per_row = flops_per_row(lowered.graph);
  } catch (const Error&) {
    // Sizes that are only known with the rows (a window larger than 1 cell, say): not told.
    summary.flops_per_row = 0;
  }
  return summary;
}

}  // namespace hornet
