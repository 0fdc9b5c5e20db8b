#include "layers/layer_table.h"
#include "layers/lowering.h"
#include "layers/operation_table.h"

namespace hornet::layers {

#define X(class_name, function, mask, lowers_to, not_supported) \
  Symbols function(LayerContext& layer, const CallArguments& call);
HORNET_LAYERS(X)
HORNET_OPERATIONS(X)
#undef X

const Registry& Registry::keras() {
  static const Registry kRegistry(
      {
#define X(class_name, function, mask, lowers_to, not_supported) \
  {#class_name, function, MaskRule::mask, lowers_to, not_supported},
          HORNET_LAYERS(X)},
      {HORNET_OPERATIONS(X)
#undef X
      });
  return kRegistry;
}

Registry::Registry(std::vector<LayerDefinition> layers, std::vector<LayerDefinition> operations)
    : layers_(std::move(layers)), operations_(std::move(operations)) {
  for (size_t i = 0; i < layers_.size(); ++i) layer_index_[layers_[i].class_name] = i;
  for (size_t i = 0; i < operations_.size(); ++i) operation_index_[operations_[i].class_name] = i;
}

Registry Registry::with(std::vector<LayerDefinition> custom) const {
  Registry extended = *this;
  for (LayerDefinition& definition : custom) extended.custom_.push_back(std::move(definition));
  return extended;
}

bool Registry::is_keras(const LayerDefinition* definition) const {
  for (const std::vector<LayerDefinition>* all : {&layers_, &operations_}) {
    for (const LayerDefinition& own : *all) {
      if (&own == definition) return true;
    }
  }
  return false;
}

const LayerDefinition* Registry::find(const keras::LayerConfig& layer) const {
  if (!layer.is_operation) {
    for (const LayerDefinition& definition : custom_) {
      if (definition.class_name == layer.class_name ||
          definition.class_name == layer.registered_name) {
        return &definition;
      }
    }
    if (!layer.registered_name.empty()) return nullptr;
  }
  const auto& index = layer.is_operation ? operation_index_ : layer_index_;
  const auto found = index.find(layer.class_name);
  if (found == index.end()) return nullptr;
  return layer.is_operation ? &operations_[found->second] : &layers_[found->second];
}

}  // namespace hornet::layers
