#include "layers/lowering.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <unordered_map>

#include "base/check.h"
#include "layers/call_order.h"
#include "layers/call_signatures.h"
#include "layers/older_masks.h"

namespace hornet::layers {
namespace {

// Depth first, dicts by their sorted keys, as Keras flattens structures.
void collect_tensors(const Argument& argument, Symbols& tensors) {
  if (const Symbol* symbol = argument.symbol()) {
    tensors.push_back(*symbol);
  } else if (const auto* list = argument.list()) {
    for (const Argument& item : *list) collect_tensors(item, tensors);
  } else if (const auto* dict = std::get_if<Argument::Dict>(&argument.value)) {
    std::map<std::string_view, const Argument*> sorted;
    for (const auto& [key, item] : *dict) sorted[key] = &item;
    for (const auto& [key, item] : sorted) collect_tensors(*item, tensors);
  }
}

bool is_null(const Argument& argument) {
  const keras::Value* constant = argument.constant();
  return constant != nullptr && constant->is_null();
}

// Calls `change` on every tensor of the argument.
template <class Change>
void change_each_tensor(Argument& argument, const Change& change) {
  if (auto* symbol = std::get_if<Symbol>(&argument.value)) {
    change(*symbol);
  } else if (auto* list = std::get_if<Argument::List>(&argument.value)) {
    for (Argument& item : *list) change_each_tensor(item, change);
  } else if (auto* dict = std::get_if<Argument::Dict>(&argument.value)) {
    for (auto& [key, item] : *dict) change_each_tensor(item, change);
  }
}

// The type a layer computes in, from its dtype policy: nothing for integer policies.
std::optional<DType> compute_dtype(const keras::LayerConfig& layer) {
  const keras::Value* value = layer.config.find("dtype");
  const std::string* name = value == nullptr ? nullptr : value->get_if<std::string>();
  if (name == nullptr) return std::nullopt;
  constexpr std::string_view kMixed = "mixed_";
  const std::string_view text = *name;
  const DType dtype =
      dtype_from_string(text.starts_with(kMixed) ? text.substr(kMixed.size()) : text);
  return is_floating(dtype) ? std::optional(dtype) : std::nullopt;
}

Shape shape_from(const keras::Value& value, const std::string& label) {
  const auto* list = value.get_if<keras::List>();
  require(list != nullptr && !list->empty(), ErrorCode::kInvalidModel,
          "{}: the input shape is {}; expected a list that starts with the batch", label,
          value.to_string());
  Shape shape;
  for (const keras::Value& item : *list) {
    const auto dim = item.integer();
    require(item.is_null() || (dim && *dim >= 0), ErrorCode::kInvalidModel,
            "{}: the input shape is {}; expected sizes of 0 or more, or null", label,
            value.to_string());
    shape.push_back(dim.value_or(kUnknownDim));
  }
  shape[0] = kUnknownDim;
  return shape;
}

bool is_input_layer(const keras::LayerConfig& layer) {
  return !layer.is_operation && layer.class_name == "InputLayer";
}

DType input_dtype(const keras::LayerConfig& layer) {
  const keras::Value* dtype = layer.config.find("dtype");
  const std::string* name = dtype == nullptr ? nullptr : dtype->get_if<std::string>();
  if (name == nullptr) return DType::kFloat32;
  if (const auto policy = compute_dtype(layer)) return *policy;
  require(*name != "string", ErrorCode::kUnsupported, "{}: inputs of strings are not supported",
          layer.label());
  return dtype_from_string(*name);
}

Shape input_shape(const keras::LayerConfig& layer) {
  const keras::Value* shape = layer.config.find("batch_shape");
  require(shape != nullptr, ErrorCode::kInvalidModel, "{}: batch_shape is missing", layer.label());
  for (const std::string_view key : {"sparse", "ragged"}) {
    const keras::Value* flag = layer.config.find(key);
    const bool* set = flag == nullptr ? nullptr : flag->get_if<bool>();
    require(set == nullptr || !*set, ErrorCode::kUnsupported, "{}: {} inputs are not supported",
            layer.label(), key);
  }
  return shape_from(*shape, layer.label());
}

std::string describe_outputs(const graph::Graph& graph, const Symbols& symbols) {
  std::string text;
  for (const Symbol& symbol : symbols) {
    if (!text.empty()) text += ", ";
    text += to_string(graph.type(symbol.value).shape);
  }
  return text;
}

// The calls of one Functional model: which are computed, and what they gave.
class FunctionalCalls {
 public:
  explicit FunctionalCalls(const keras::ModelConfig& model) {
    for (size_t i = 0; i < model.layers.size(); ++i) {
      index_[model.layers[i].name] = i;
      const size_t num_calls = std::max<size_t>(model.layers[i].calls.size(), 1);
      results_.emplace_back(num_calls);
    }
  }

  void set(size_t layer, size_t call, Symbols symbols) {
    results_[layer].at(call) = std::move(symbols);
  }

  // nullptr while the call is not computed. Throws where there is no such layer, call or output.
  const Symbol* find(const keras::TensorRef& ref) const {
    const auto layer = index_.find(ref.layer);
    require(layer != index_.end(), ErrorCode::kInvalidModel,
            "a call refers to layer \"{}\", which the model does not have", ref.layer);
    const auto& calls = results_[layer->second];
    require(ref.call >= 0 && static_cast<size_t>(ref.call) < calls.size(), ErrorCode::kInvalidModel,
            "a call refers to call {} of layer \"{}\", which has {}", ref.call, ref.layer,
            calls.size());
    const auto& outputs = calls[static_cast<size_t>(ref.call)];
    if (!outputs) return nullptr;
    require(ref.output >= 0 && static_cast<size_t>(ref.output) < outputs->size(),
            ErrorCode::kInvalidModel, "a call refers to output {} of layer \"{}\", which has {}",
            ref.output, ref.layer, outputs->size());
    return &(*outputs)[static_cast<size_t>(ref.output)];
  }

  // Puts tensors in the place of references; nullopt while one of them is not computed.
  std::optional<Argument> resolve(const keras::Value& value) const {
    if (const auto* ref = value.get_if<keras::TensorRef>()) {
      const Symbol* symbol = find(*ref);
      if (symbol == nullptr) return std::nullopt;
      return Argument{*symbol};
    }
    if (const auto* list = value.get_if<keras::List>()) {
      Argument::List items;
      for (const keras::Value& item : *list) {
        auto resolved = resolve(item);
        if (!resolved) return std::nullopt;
        items.push_back(std::move(*resolved));
      }
      return Argument{std::move(items)};
    }
    if (const auto* dict = value.get_if<keras::Dict>()) {
      Argument::Dict items;
      for (const auto& [key, item] : *dict) {
        auto resolved = resolve(item);
        if (!resolved) return std::nullopt;
        items.emplace_back(key, std::move(*resolved));
      }
      return Argument{std::move(items)};
    }
    return Argument{value};
  }

  std::optional<CallArguments> resolve(const keras::CallConfig& call) const {
    CallArguments arguments;
    for (const keras::Value& value : call.args) {
      auto resolved = resolve(value);
      if (!resolved) return std::nullopt;
      arguments.args.push_back(std::move(*resolved));
    }
    for (const auto& [key, value] : call.kwargs) {
      auto resolved = resolve(value);
      if (!resolved) return std::nullopt;
      arguments.kwargs.emplace_back(key, std::move(*resolved));
    }
    return arguments;
  }

 private:
  std::unordered_map<std::string, size_t> index_;
  std::vector<std::vector<std::optional<Symbols>>> results_;
};

void find_unsupported_in(const keras::ModelConfig& model, const Registry& registry,
                         std::vector<UnsupportedLayer>& result) {
  for (const keras::LayerConfig& layer : model.layers) {
    if (layer.model != nullptr) {
      find_unsupported_in(*layer.model, registry, result);
    } else if (!is_input_layer(layer) && registry.find(layer) == nullptr) {
      result.push_back({layer.name, layer.class_name, unsupported_reason(layer)});
    }
  }
}

}  // namespace

std::string unsupported_reason(const keras::LayerConfig& layer) {
  if (!layer.registered_name.empty()) {
    return fmt::format("custom class \"{}\" is not known to Hornet; register it from C++",
                       layer.registered_name);
  }
  for (const std::string_view name : {"StringLookup", "TextVectorization", "HashedCrossing"}) {
    if (!layer.is_operation && layer.class_name == name) {
      return fmt::format(
          "{} layers work on strings, which Hornet does not support; look the integers up before "
          "predicting and cut the model behind this layer",
          name);
    }
  }
  return fmt::format("Hornet does not support {} {}",
                     layer.is_operation ? "the operation" : "layers of class", layer.class_name);
}

const Argument* CallArguments::find(size_t index, std::string_view name) const {
  if (index < args.size()) return is_null(args[index]) ? nullptr : &args[index];
  return find(name);
}

const Argument* CallArguments::find(std::string_view name) const {
  for (const auto& [key, argument] : kwargs) {
    if (key == name) return is_null(argument) ? nullptr : &argument;
  }
  return nullptr;
}

Symbols CallArguments::tensors() const {
  Symbols tensors;
  for (const Argument& argument : args) collect_tensors(argument, tensors);
  for (const auto& [key, argument] : kwargs) collect_tensors(argument, tensors);
  return tensors;
}

void CallArguments::change_tensors(const std::function<void(Symbol&)>& change) {
  for (Argument& argument : args) change_each_tensor(argument, change);
  for (auto& [key, argument] : kwargs) change_each_tensor(argument, change);
}

ValueId CallArguments::mask() const {
  const auto holds_tensors = [](const Argument& argument) {
    Symbols tensors;
    collect_tensors(argument, tensors);
    return !tensors.empty();
  };
  int64_t holders = std::count_if(args.begin(), args.end(), holds_tensors);
  for (const auto& [key, argument] : kwargs) holders += holds_tensors(argument) ? 1 : 0;
  const bool looked_for = always_carried || holders == 1;
  return find("mask") != nullptr || looked_for ? passed_mask() : kNoValue;
}

ValueId CallArguments::passed_mask() const {
  if (const Argument* given = find("mask"); given != nullptr) {
    Symbols masks;
    collect_tensors(*given, masks);
    return masks.empty() ? kNoValue : masks[0].value;
  }
  const Symbols all = tensors();
  return all.empty() ? kNoValue : all[0].mask;
}

LayerContext::LayerContext(Lowering& lowering, keras::LayerConfig config)
    : lowering_(lowering),
      config_(std::move(config)),
      attributes_(config_.config, config_.label()),
      builder_(lowering.graph(), config_.label()) {
  if (config_.model == nullptr) return;
  for (const keras::LayerConfig& layer : config_.model->layers) {
    model_layers_.push_back(lowering.make_layer(layer));
  }
}

void LayerContext::fail_unsupported(const std::string& message) const {
  fail(ErrorCode::kUnsupported, "{}: {}", label(), message);
}

void LayerContext::fail_invalid(const std::string& message) const {
  fail(ErrorCode::kInvalidModel, "{}: {}", label(), message);
}

ValueId LayerContext::weight(const std::string& name, Shape shape, bool trainable, DType dtype) {
  for (const Weight& weight : weights_) {
    if (weight.slot.name != name) continue;
    require(weight.slot.shape == shape, ErrorCode::kShapeMismatch,
            "{}: {} is {} for one call and {} for another", label(), name,
            to_string(weight.slot.shape), to_string(shape));
    return weight.value;
  }
  require(is_known(shape), ErrorCode::kShapeMismatch,
          "{}: {} would be {}; expected an input whose dimensions are known there", label(), name,
          to_string(shape));
  num_elements(shape);  // throws where the product is beyond reason
  const ValueId value =
      lowering_.graph().add_weight({dtype, shape}, fmt::format("{}/{}", config_.name, name));
  keras::WeightSlot slot;
  slot.name = name;
  slot.path = fmt::format("vars/{}", weights_.size());
  slot.shape = std::move(shape);
  slot.trainable = trainable;
  slot.class_name = config_.class_name;
  const keras::Value* format = config_.config.find("data_format");
  const auto* text = format == nullptr ? nullptr : format->get_if<std::string>();
  slot.channels_first = text != nullptr && *text == "channels_first";
  slot.id = value;
  weights_.push_back({std::move(slot), value});
  return value;
}

LayerContext& LayerContext::part(const std::string& path) {
  keras::LayerConfig config = config_;
  config.shared_object_id = -1;  // that of this layer, not of its part
  return add_part(path, std::move(config));
}

LayerContext& LayerContext::sublayer(const std::string& path, const keras::Dict& object) {
  for (const auto& [existing, part] : parts_) {
    if (existing == path) return *part;
  }
  return add_part(path, keras::parse_layer(object));
}

LayerContext& LayerContext::add_part(const std::string& path, keras::LayerConfig config) {
  for (const auto& [existing, part] : parts_) {
    if (existing == path) return *part;
  }
  parts_.emplace_back(path, lowering_.make_layer(std::move(config)));
  return *parts_.back().second;
}

namespace {

// Whether a layer gives something else when it is trained: at random, or from the whole batch.
bool differs_in_training(const keras::LayerConfig& layer) {
  if (layer.model != nullptr) {
    return std::ranges::any_of(layer.model->layers, differs_in_training);
  }
  const auto is_above_zero = [&](std::string_view key) {
    const keras::Value* found = layer.config.find(key);
    const double* share = found == nullptr ? nullptr : found->get_if<double>();
    return share != nullptr && *share > 0;
  };
  const keras::Value* trainable = layer.config.find("trainable");
  const bool* is_trainable = trainable == nullptr ? nullptr : trainable->get_if<bool>();
  const bool is_frozen = is_trainable != nullptr && !*is_trainable;
  return (layer.class_name == "BatchNormalization" && !is_frozen) ||
         layer.class_name.starts_with("Random") || is_above_zero("rate") ||
         is_above_zero("stddev") || is_above_zero("dropout") || is_above_zero("recurrent_dropout");
}

}  // namespace

// Keras 1 and 2 take the argument `training` of a call for predictions too; Keras 3 does not.
void LayerContext::refuse_training(const CallArguments& arguments) const {
  const Argument* training = arguments.find("training");
  const keras::Value* value = training == nullptr ? nullptr : training->constant();
  if (lowering_.version().major >= 3 || value == nullptr) return;
  const bool* flag = value->get_if<bool>();
  const int64_t* number = value->get_if<int64_t>();
  if (!(flag != nullptr && *flag) && !(number != nullptr && *number != 0)) return;
  if (differs_in_training(config_)) {
    fail_unsupported(
        "it is called with training=True, so that Keras computes it as in training, at random or "
        "from the whole batch");
  }
}

Symbols LayerContext::call(const CallArguments& given) {
  CallArguments arguments = given;
  refuse_training(arguments);
  arguments.change_tensors([&](Symbol& symbol) {
    if (lowering_.is_mask_forgotten(symbol.value)) symbol.mask = kNoValue;
  });
  if (config_.model != nullptr) return call_model(arguments);
  const LayerDefinition* definition = lowering_.registry().find(config_);
  if (definition == nullptr) fail_unsupported(unsupported_reason(config_));
  const std::optional<DType> dtype = config_.is_operation ? std::nullopt : compute_dtype(config_);
  if (dtype) {
    arguments.change_tensors([&](Symbol& symbol) {
      if (is_floating(builder_.type(symbol.value).dtype)) {
        symbol.value = builder_.cast(symbol.value, *dtype);
      }
    });
  }
  const bool is_keras = lowering_.registry().is_keras(definition);
  if (is_keras && !config_.is_operation) name_arguments(config_.class_name, arguments);
  const OlderMaskRule older =
      is_keras ? older_mask_rule(config_, lowering_.version()) : OlderMaskRule::kToday;
  arguments.always_carried = lowering_.version().major < 3;
  CallArguments seen = arguments;
  if (older != OlderMaskRule::kToday) hide_masks_from_values(*this, seen);
  Symbols outputs;
  try {
    outputs = definition->lower(*this, seen);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "{}: needs more memory than there is", label());
  } catch (const std::length_error&) {
    fail(ErrorCode::kOutOfMemory, "{}: needs more memory than any machine has", label());
  }
  for (Symbol& output : outputs) {
    if (dtype && is_floating(builder_.type(output.value).dtype)) {
      output.value = builder_.cast(output.value, *dtype);
    }
    if (older != OlderMaskRule::kToday) continue;
    if (definition->mask == MaskRule::kPass) output.mask = arguments.passed_mask();
    if (definition->mask == MaskRule::kDrop) output.mask = kNoValue;
  }
  if (older != OlderMaskRule::kToday) set_older_masks(*this, older, arguments, outputs);
  if (output_.empty()) output_ = describe_outputs(lowering_.graph(), outputs);
  return outputs;
}

Symbol LayerContext::call(Symbol input) {
  CallArguments arguments;
  arguments.args.push_back(Argument{input});
  const Symbols outputs = call(arguments);
  if (outputs.size() != 1) {
    fail_unsupported(fmt::format("it gives {} outputs where one is expected", outputs.size()));
  }
  return outputs[0];
}

Symbols LayerContext::call_model(const CallArguments& arguments) {
  const keras::ModelConfig& model = *config_.model;
  Symbols inputs;
  for (const Argument& argument : arguments.args) collect_tensors(argument, inputs);
  if (const Argument* given = arguments.find("inputs"); given != nullptr && inputs.empty()) {
    collect_tensors(*given, inputs);
  }
  if (const Argument* mask = arguments.find("mask"); mask != nullptr) {
    Symbols masks;
    collect_tensors(*mask, masks);
    for (size_t i = 0; i < std::min(masks.size(), inputs.size()); ++i) {
      inputs[i].mask = masks[i].value;
      lowering_.remember_mask(inputs[i].value);
    }
  }
  Symbols outputs =
      model.kind == keras::ModelKind::kSequential ? run_sequential(inputs) : run_functional(inputs);
  if (output_.empty()) output_ = describe_outputs(lowering_.graph(), outputs);
  return outputs;
}

Symbols LayerContext::run_sequential(const Symbols& inputs) {
  if (inputs.size() != 1) {
    fail_invalid(
        fmt::format("a Sequential model is called with {} inputs; expected 1", inputs.size()));
  }
  Symbols current = inputs;
  for (const auto& layer : model_layers_) {
    if (is_input_layer(layer->config())) {
      for (Symbol& symbol : current) symbol = as_input(symbol, layer->config());
      continue;
    }
    CallArguments arguments;
    if (current.size() == 1) {
      arguments.args.push_back(Argument{current[0]});
    } else {
      Argument::List list;
      for (const Symbol& symbol : current) list.push_back(Argument{symbol});
      arguments.args.push_back(Argument{std::move(list)});
    }
    current = layer->call(arguments);
  }
  return current;
}

Symbols LayerContext::run_functional(const Symbols& inputs) {
  const keras::ModelConfig& model = *config_.model;
  FunctionalCalls calls(model);
  const std::vector<keras::NestedLeaf> leaves = keras::flatten(model.inputs);
  if (leaves.size() != inputs.size()) {
    fail_invalid(
        fmt::format("it is called with {} inputs; expected {}", inputs.size(), leaves.size()));
  }
  for (size_t i = 0; i < leaves.size(); ++i) {
    const auto layer = std::find_if(model.layers.begin(), model.layers.end(),
                                    [&](const auto& l) { return l.name == leaves[i].ref.layer; });
    if (layer == model.layers.end() || !is_input_layer(*layer)) {
      fail_invalid(fmt::format("its input \"{}\" is not an InputLayer", leaves[i].ref.layer));
    }
    calls.set(static_cast<size_t>(layer - model.layers.begin()), 0, {as_input(inputs[i], *layer)});
  }
  // A layer whose calls are of different depths may be due before its arguments: it waits.
  std::vector<CallRef> waiting = execution_order(model);
  for (bool progress = true; progress && !waiting.empty();) {
    std::vector<CallRef> left;
    for (const CallRef& ref : waiting) {
      const keras::LayerConfig& layer = model.layers[ref.layer];
      if (is_input_layer(layer)) continue;
      const auto arguments = calls.resolve(layer.calls[ref.call]);
      if (!arguments) {
        left.push_back(ref);
        continue;
      }
      calls.set(ref.layer, ref.call, model_layers_[ref.layer]->call(*arguments));
    }
    progress = left.size() < waiting.size();
    waiting = std::move(left);
  }
  Symbols outputs;
  for (const keras::NestedLeaf& leaf : keras::flatten(model.outputs)) {
    const Symbol* symbol = calls.find(leaf.ref);
    if (symbol == nullptr) {
      fail_invalid(fmt::format("output \"{}\" depends on itself", leaf.ref.layer));
    }
    outputs.push_back(*symbol);
  }
  return outputs;
}

// A model turns what it is given into the type of its InputLayer, and lets a tensor of shape [n]
// stand for [n, 1] and the other way round.
Symbol LayerContext::as_input(Symbol input, const keras::LayerConfig& layer) const {
  const Shape wanted = input_shape(layer);
  const Shape shape = builder_.shape(input.value);
  const int64_t rank = builder_.rank(input.value);
  if (shape.size() == wanted.size() + 1 && shape.back() == 1) {
    input.value = builder_.squeeze(input.value, rank - 1);
  } else if (shape.size() + 1 == wanted.size() && wanted.back() == 1) {
    input.value = builder_.expand_dims(input.value, rank);
  } else if (shape.size() != wanted.size()) {
    fail_invalid(fmt::format("its input \"{}\" is {}; expected {}", layer.name, to_string(shape),
                             to_string(wanted)));
  }
  input.value = builder_.cast(input.value, input_dtype(layer));
  return input;
}

bool LayerContext::is_trainable() const {
  const keras::Value* trainable = config_.config.find("trainable");
  const bool* flag = trainable == nullptr ? nullptr : trainable->get_if<bool>();
  return flag == nullptr || *flag;
}

// `frozen`: an object around this one is not trainable.
void LayerContext::collect(keras::WeightOwner& owner, const std::string& prefix, bool frozen,
                           const std::vector<keras::SharedPlace>& shared) const {
  frozen = frozen || !is_trainable();
  for (const Weight& weight : weights_) {
    owner.slots.push_back(weight.slot);
    owner.slots.back().path = prefix + weight.slot.path;
    owner.slots.back().frozen = frozen;
    owner.slots.back().shared = shared;
  }
  for (const auto& layer : model_layers_) {
    if (layer->config().is_operation || is_input_layer(layer->config())) continue;
    owner.children.push_back(layer->weights("", frozen));
  }
  for (const auto& [path, part] : parts_) {
    if (part->config().model != nullptr) {
      owner.children.push_back(part->weights(prefix + path, frozen));
      continue;
    }
    std::vector<keras::SharedPlace> places = shared;
    const int64_t id = part->config().shared_object_id;
    if (id >= 0) places.push_back({id, prefix.size() + path.size()});
    part->collect(owner, prefix + path + "/", frozen, places);
  }
}

keras::WeightOwner LayerContext::weights(const std::string& path_in_wrapper) const {
  return weights(path_in_wrapper, false);
}

keras::WeightOwner LayerContext::weights(const std::string& path_in_wrapper, bool frozen) const {
  keras::WeightOwner owner;
  owner.name = config_.name;
  owner.class_name = config_.class_name;
  owner.path_in_wrapper = path_in_wrapper;
  owner.is_model = config_.model != nullptr;
  owner.shared_object_id = config_.shared_object_id;
  collect(owner, "", frozen, {});
  return owner;
}

LayerContext::Parameters LayerContext::parameters() const {
  Parameters sum;
  const bool trainable = is_trainable();
  for (const Weight& weight : weights_) {
    const int64_t count = num_elements(weight.slot.shape);
    sum.all += count;
    if (weight.slot.trainable && trainable) sum.trainable += count;
  }
  const auto add = [&](const LayerContext& inner) {
    const Parameters parameters = inner.parameters();
    sum.all += parameters.all;
    sum.trainable += parameters.trainable;
  };
  for (const auto& layer : model_layers_) add(*layer);
  for (const auto& [path, part] : parts_) add(*part);
  return sum;
}

void LayerContext::report(int depth, std::vector<LayerReport>& reports) const {
  for (const auto& layer : model_layers_) {
    const Parameters parameters = layer->parameters();
    std::string output = layer->output_;
    if (is_input_layer(layer->config())) output = to_string(input_shape(layer->config()));
    reports.push_back({layer->config().name, layer->config().class_name, depth, std::move(output),
                       parameters.all, parameters.trainable});
    layer->report(depth + 1, reports);
  }
}

std::unique_ptr<LayerContext> Lowering::make_layer(keras::LayerConfig config) {
  return std::unique_ptr<LayerContext>(new LayerContext(*this, std::move(config)));
}

LoweredModel lower(const keras::ModelConfig& model, const Registry& registry) {
  LoweredModel result;
  Lowering lowering(result.graph, registry, model.version);
  keras::LayerConfig root_config;
  root_config.class_name = model.class_name;
  root_config.name = model.name;
  // Not owned: `model` outlives this call.
  root_config.model = std::shared_ptr<const keras::ModelConfig>(std::shared_ptr<void>(), &model);
  const std::unique_ptr<LayerContext> root = lowering.make_layer(std::move(root_config));

  Symbols inputs;
  const auto add_input = [&](const std::string& name, const std::string& path, DType dtype,
                             const Shape& shape) {
    inputs.push_back({result.graph.add_input({dtype, shape}, name), kNoValue});
    result.inputs.push_back({name, path, dtype, shape});
  };
  if (model.kind == keras::ModelKind::kFunctional) {
    for (const keras::NestedLeaf& leaf : keras::flatten(model.inputs)) {
      const auto layer = std::find_if(model.layers.begin(), model.layers.end(),
                                      [&](const auto& l) { return l.name == leaf.ref.layer; });
      require(layer != model.layers.end() && is_input_layer(*layer), ErrorCode::kInvalidModel,
              "model \"{}\": its input \"{}\" is not an InputLayer", model.name, leaf.ref.layer);
      add_input(layer->name, leaf.path, input_dtype(*layer), input_shape(*layer));
    }
  } else {
    require(!model.layers.empty(), ErrorCode::kInvalidModel, "model \"{}\" has no layers",
            model.name);
    if (const keras::LayerConfig& first = model.layers.front(); is_input_layer(first)) {
      add_input(first.name, "", input_dtype(first), input_shape(first));
    } else {
      require(!model.build_input_shape.is_null(), ErrorCode::kUnsupported,
              "model \"{}\" was saved before it was built: it does not say the shape of its input",
              model.name);
      add_input(model.name + "_input", "", DType::kFloat32,
                shape_from(model.build_input_shape, fmt::format("model \"{}\"", model.name)));
    }
  }
  CallArguments arguments;
  for (const Symbol& input : inputs) arguments.args.push_back(Argument{input});
  const Symbols outputs = root->call(arguments);

  std::vector<ValueId> ids;
  const std::vector<keras::NestedLeaf> leaves = keras::flatten(model.outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorType& type = result.graph.type(outputs[i].value);
    const bool named = i < leaves.size();
    const std::string name = named ? leaves[i].ref.layer : model.layers.back().name;
    result.outputs.push_back({name, named ? leaves[i].path : "", type.dtype, type.shape});
    ids.push_back(outputs[i].value);
  }
  result.graph.set_outputs(std::move(ids));
  result.weights = root->weights("");
  root->report(0, result.layers);
  return result;
}

std::vector<UnsupportedLayer> find_unsupported(const keras::ModelConfig& model,
                                               const Registry& registry) {
  std::vector<UnsupportedLayer> result;
  find_unsupported_in(model, registry, result);
  return result;
}

}  // namespace hornet::layers
