// From a ModelConfig to a Graph: what a layer's lowering function is given, and the driver.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "keras/model_config.h"
#include "keras/weights.h"
#include "layers/attributes.h"
#include "layers/builder.h"

namespace hornet::layers {

class Registry;
class Lowering;
class LayerContext;

// A tensor between layers: its value, and the mask it carries (kNoValue for none).
struct Symbol {
  ValueId value = kNoValue;
  ValueId mask = kNoValue;  // bool [batch, time] as a rule
};
using Symbols = std::vector<Symbol>;

// An argument of a call: a tensor, a constant, or a list or dict of these.
struct Argument {
  using List = std::vector<Argument>;
  using Dict = std::vector<std::pair<std::string, Argument>>;
  std::variant<keras::Value, Symbol, List, Dict> value;

  const Symbol* symbol() const { return std::get_if<Symbol>(&value); }
  const keras::Value* constant() const { return std::get_if<keras::Value>(&value); }
  const List* list() const { return std::get_if<List>(&value); }
};

// The arguments of one call of a layer or operation.
class CallArguments {
 public:
  std::vector<Argument> args;
  std::vector<std::pair<std::string, Argument>> kwargs;
  // Whether a carried mask is looked for whatever the arguments, as Keras 1 and 2 did.
  bool always_carried = false;

  // Argument number `index`, or else the one called `name`; nullptr where absent or null.
  const Argument* find(size_t index, std::string_view name) const;
  const Argument* find(std::string_view name) const;
  // All tensors, depth first.
  Symbols tensors() const;
  void change_tensors(const std::function<void(Symbol&)>& change);
  // The mask a layer works with: the explicit `mask` argument, or else the one its input carries.
  // Keras looks for a carried one only where a single argument holds tensors (not for a sequence
  // with initial states).
  ValueId mask() const;
  // The mask a layer passes on: the same, but whatever the other arguments.
  ValueId passed_mask() const;
};

// What a layer's lowering function works with: its config, its weights, the graph to add to.
// One LayerContext serves all calls of one layer: weights asked for again are the same values.
class LayerContext {
 public:
  const keras::LayerConfig& config() const { return config_; }
  const Attributes& attributes() const { return attributes_; }
  const Builder& build() const { return builder_; }
  Lowering& lowering() const { return lowering_; }
  const std::string& label() const { return builder_.label(); }
  // Error(kUnsupported) / Error(kInvalidModel) that start with the layer's label.
  [[noreturn]] void fail_unsupported(const std::string& message) const;
  [[noreturn]] void fail_invalid(const std::string& message) const;
  // Where it is called for training and would give something else.
  void refuse_training(const CallArguments& arguments) const;

  // A weight of this layer. Weights are asked for in the order Keras creates them: the k-th new
  // name is `vars/k` in Keras 3's files.
  ValueId weight(const std::string& name, Shape shape, bool trainable = true,
                 DType dtype = DType::kFloat32);
  // A part of this layer with weights of its own, below `path` ("cell", "forward_layer/cell"), and
  // this layer's config.
  LayerContext& part(const std::string& path);
  // A layer inside this one (a wrapped layer, a cell), its weights below `path`.
  LayerContext& sublayer(const std::string& path, const keras::Dict& object);
  // Applies the lowering function of this layer, with Keras's rules for masks around it.
  Symbols call(const CallArguments& arguments);
  Symbol call(Symbol input);  // one tensor in, one out

  // The weights asked for so far, for binding them to a file.
  keras::WeightOwner weights(const std::string& path_in_wrapper) const;
  // One line a layer of this model, those of models inside it behind it.
  void report(int depth, std::vector<struct LayerReport>& reports) const;

 private:
  friend class Lowering;
  struct Weight {
    keras::WeightSlot slot;
    ValueId value;
  };
  struct Parameters {
    int64_t all = 0, trainable = 0;
  };
  LayerContext(Lowering& lowering, keras::LayerConfig config);
  LayerContext& add_part(const std::string& path, keras::LayerConfig config);
  Symbols call_model(const CallArguments& arguments);
  Symbols run_sequential(const Symbols& inputs);
  Symbols run_functional(const Symbols& inputs);
  Symbol as_input(Symbol input, const keras::LayerConfig& layer) const;
  void collect(keras::WeightOwner& owner, const std::string& prefix, bool frozen,
               const std::vector<keras::SharedPlace>& shared) const;
  bool is_trainable() const;
  keras::WeightOwner weights(const std::string& path_in_wrapper, bool frozen) const;
  Parameters parameters() const;

  Lowering& lowering_;
  const keras::LayerConfig config_;
  Attributes attributes_;
  Builder builder_;
  std::vector<Weight> weights_;
  std::vector<std::pair<std::string, std::unique_ptr<LayerContext>>> parts_;
  // Of a layer that is a model: its layers, in the order of the file.
  std::vector<std::unique_ptr<LayerContext>> model_layers_;
  std::string output_;  // shapes that the first call gave
};

// What of an input's mask an output carries. Behind layers whose call takes a `mask` (recurrent
// ones, TimeDistributed, Bidirectional, BatchNormalization, Softmax, Attention) Keras 3 loses it.
// Models of Keras 1 and 2 have rules of their own: older_masks.h.
enum class MaskRule {
  kPass,    // the mask of the first input (Keras: supports_masking)
  kDrop,    // none
  kCustom,  // what the lowering function puts into its result
};

using LowerFunction = std::function<Symbols(LayerContext& layer, const CallArguments& call)>;

// One supported layer class or operation: a line of the registry.
struct LayerDefinition {
  std::string class_name;  // of a custom class also "package>Name", as registered with Keras
  LowerFunction lower;
  MaskRule mask;
  std::string_view lowers_to;      // for docs/layers.md
  std::string_view not_supported;  // options that are refused; "" for none
};

// Layers and operations by class name. Immutable once handed to lower().
class Registry {
 public:
  // All of Keras's own: registry.cpp.
  static const Registry& keras();
  Registry(std::vector<LayerDefinition> layers, std::vector<LayerDefinition> operations);
  // This one, and the user's layers, which are looked for first.
  Registry with(std::vector<LayerDefinition> custom) const;
  // A class registered with Keras in a package is no layer of Keras's own, whatever its name.
  const LayerDefinition* find(const keras::LayerConfig& layer) const;
  // Whether the definition, found here, is Keras's and not the user's.
  bool is_keras(const LayerDefinition* definition) const;
  const std::vector<LayerDefinition>& layers() const { return layers_; }
  const std::vector<LayerDefinition>& operations() const { return operations_; }

 private:
  std::vector<LayerDefinition> layers_, operations_, custom_;
  std::map<std::string, size_t, std::less<>> layer_index_, operation_index_;
};

struct ModelTensor {
  std::string name;
  std::string path;
  DType dtype;  // Keras's
  Shape shape;
};

struct LayerReport {
  std::string name, class_name;
  int depth = 0;
  std::string output;  // "[None, 10]"
  int64_t num_parameters = 0, num_trainable = 0;
};

struct LoweredModel {
  graph::Graph graph;
  std::vector<ModelTensor> inputs, outputs;
  keras::WeightOwner weights;  // slot ids are ValueIds of the graph
  std::vector<LayerReport> layers;
};

// Throws Error(kUnsupported, kInvalidModel, kShapeMismatch) naming the layer. Weights of the graph
// have no data yet.
LoweredModel lower(const keras::ModelConfig& model, const Registry& registry);

// Layers that `registry` does not have, at any depth: name, class, reason.
struct UnsupportedLayer {
  std::string name, class_name, reason;
};
std::vector<UnsupportedLayer> find_unsupported(const keras::ModelConfig& model,
                                               const Registry& registry);
// Why a layer that no registry knows cannot be used.
std::string unsupported_reason(const keras::LayerConfig& layer);

// What all layers of one model share while it is lowered.
class Lowering {
 public:
  Lowering(graph::Graph& graph, const Registry& registry, const keras::KerasVersion& version)
      : graph_(graph), registry_(registry), version_(version) {}
  graph::Graph& graph() const { return graph_; }
  const Registry& registry() const { return registry_; }
  // Of the Keras that wrote the model.
  const keras::KerasVersion& version() const { return version_; }

  std::unique_ptr<LayerContext> make_layer(keras::LayerConfig config);

  // From here on no layer sees the mask that this value carries, until it is given one again.
  void forget_mask(ValueId value) { forgotten_masks_.insert(value); }
  void remember_mask(ValueId value) { forgotten_masks_.erase(value); }
  bool is_mask_forgotten(ValueId value) const { return forgotten_masks_.count(value) > 0; }

 private:
  graph::Graph& graph_;
  const Registry& registry_;
  const keras::KerasVersion version_;
  std::set<ValueId> forgotten_masks_;
};

}  // namespace hornet::layers
