#include "keras/model_config.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "keras/calls.h"
#include "keras/legacy_names.h"
#include "keras/model_parser.h"
#include "keras/tensorflow_nodes.h"
#include "keras/tensorflow_ops.h"
#include "keras/weights.h"

namespace hornet::keras {
namespace {

std::string label(const ModelConfig& model) {
  return fmt::format("model \"{}\" ({})", model.name, model.class_name);
}

// The last part of "keras.src.models>Functional" and the like.
std::string plain_class(const Dict& object) {
  const std::string* name = member<std::string>(object, "class_name");
  if (name == nullptr) return "";
  const size_t at = name->find_last_of(">.");
  return at == name->npos ? *name : name->substr(at + 1);
}

// --- layers

void require_unique_names(const ModelConfig& model) {
  std::unordered_set<std::string_view> names;
  for (const LayerConfig& layer : model.layers) {
    require(names.insert(layer.name).second, ErrorCode::kInvalidModel,
            "{} has two layers named \"{}\"", label(model), layer.name);
  }
}

const Dict& layer_object(const Value& item, const ModelConfig& model) {
  const Dict* object = item.get_if<Dict>();
  require(object != nullptr, ErrorCode::kInvalidModel, "a layer of {} is {}; expected an object",
          label(model), item.to_string());
  return *object;
}

void parse_layers(const List& objects, ModelConfig& model) {
  for (const Value& item : objects) model.layers.push_back(parse_layer(layer_object(item, model)));
  require(!model.layers.empty(), ErrorCode::kInvalidModel, "{} has no layers", label(model));
  require_unique_names(model);
}

// --- Sequential

// The InputLayer for a layer whose config, as written, carries the shape of the input.
LayerConfig input_layer_for(const LayerConfig& first, const Value& shape, const Dict* written) {
  const std::string* dtype = written ? member<std::string>(*written, "input_dtype") : nullptr;
  if (dtype == nullptr && written) dtype = member<std::string>(*written, "dtype");
  LayerConfig input;
  input.class_name = "InputLayer";
  input.name = first.name + "_input";
  input.config.set("name", Value(input.name));
  input.config.set("batch_shape", shape);
  const bool plain = dtype != nullptr && !dtype->starts_with("mixed_");
  input.config.set("dtype", Value(plain ? *dtype : std::string("float32")));
  return input;
}

// Before Keras 3 the first layer of a Sequential carried the shape of the input.
void insert_input_layer(const List& objects, ModelConfig& model) {
  const LayerConfig& first = model.layers.front();
  const Value* shape = first.config.find("batch_input_shape");
  if (first.class_name == "InputLayer" || shape == nullptr || shape->is_null()) return;
  const Dict* written = member<Dict>(layer_object(objects.front(), model), "config");
  LayerConfig input = input_layer_for(first, *shape, written);
  model.layers.insert(model.layers.begin(), std::move(input));
  require_unique_names(model);
}

// --- Keras 1's Sequential that begins with a Merge of others: a Functional model of their layers

// The branches, where a list of layers begins with such a Merge; else nullptr.
const List* merged_branches(const List& objects) {
  const Dict* first = objects.empty() ? nullptr : objects.front().get_if<Dict>();
  if (first == nullptr || plain_class(*first) != "Merge") return nullptr;
  const Dict* config = member<Dict>(*first, "config");
  return config == nullptr ? nullptr : member<List>(*config, "layers");
}

const List& layers_of_branch(const Value& branch, const ModelConfig& model) {
  const Dict& object = layer_object(branch, model);
  require(plain_class(object) == "Sequential", ErrorCode::kUnsupported,
          "{} merges a {}; supported: Sequential models", label(model), plain_class(object));
  const Value* config = object.find("config");
  const Dict* dict = config ? config->get_if<Dict>() : nullptr;
  const Value* layers = dict ? dict->find("layers") : config;
  const List* list = layers ? layers->get_if<List>() : nullptr;
  require(list != nullptr && !list->empty(), ErrorCode::kInvalidModel,
          "{} merges a model without layers", label(model));
  return *list;
}

// Appends the layers, each called on the one before it, and the InputLayers; gives the last tensor.
TensorRef append_chain(const List& objects, int depth, ModelConfig& model, List& inputs) {
  constexpr int kMostDepth = 64;
  require(depth < kMostDepth, ErrorCode::kInvalidModel, "{} merges models more than {} deep",
          label(model), kMostDepth);
  const auto append = [&](const Dict& object, Value argument) {
    model.layers.push_back(parse_layer(object));
    CallConfig call;
    call.args.push_back(std::move(argument));
    model.layers.back().calls = {std::move(call)};
    return TensorRef{model.layers.back().name};
  };
  const Dict& first = layer_object(objects.front(), model);
  TensorRef last;
  if (const List* branches = merged_branches(objects)) {
    List tensors;
    for (const Value& branch : *branches) {
      tensors.emplace_back(append_chain(layers_of_branch(branch, model), depth + 1, model, inputs));
    }
    Dict config = *member<Dict>(first, "config");
    config.erase("layers");
    Dict merge = first;
    merge.set("config", Value(std::move(config)));
    last = append(merge, Value(std::move(tensors)));
  } else {
    const LayerConfig layer = parse_layer(first);
    const Value* shape = layer.config.find("batch_input_shape");
    require(shape != nullptr && !shape->is_null(), ErrorCode::kInvalidModel,
            "{}: batch_input_shape is missing", layer.label());
    model.layers.push_back(input_layer_for(layer, *shape, member<Dict>(first, "config")));
    inputs.emplace_back(TensorRef{model.layers.back().name});
    last = append(first, inputs.back());
  }
  for (size_t i = 1; i < objects.size(); ++i) {
    last = append(layer_object(objects[i], model), Value(last));
  }
  return last;
}

void parse_merged_sequential(const List& objects, ModelConfig& model) {
  model.kind = ModelKind::kFunctional;
  model.class_name = "Functional";
  List inputs;
  model.outputs = Value(append_chain(objects, 0, model, inputs));
  model.inputs = Value(std::move(inputs));
  require_unique_names(model);
}

void set_build_shape(const Dict& object, const Dict* config, ModelConfig& model) {
  const Dict* build = member<Dict>(object, "build_config");
  const Value* shape = config ? config->find("build_input_shape") : nullptr;
  if ((shape == nullptr || shape->is_null()) && build != nullptr)
    shape = build->find("input_shape");
  if (shape != nullptr) model.build_input_shape = *shape;
}

// --- Functional

using Calls = std::unordered_map<std::string, const LayerConfig*>;

// A nested model has a call of its own before its calls in the outer model. Keras 2 counts it
// wherever it names a call, Keras 3 in `input_layers` and `output_layers` only, and there not for a
// Sequential. Whether it was counted shows: call 0 is named or not.
class CallNumbers {
 public:
  void see(const TensorRef& ref) {
    if (ref.call == 0) zero_based_.insert(ref.layer);
  }
  void count_from_zero(TensorRef& ref) const {
    if (zero_based_.count(ref.layer) == 0) --ref.call;
  }

 private:
  std::unordered_set<std::string> zero_based_;
};

bool is_nested(const Calls& layers, const TensorRef& ref, bool sequential_too) {
  const auto found = layers.find(ref.layer);
  if (found == layers.end() || found->second->model == nullptr) return false;
  return sequential_too || found->second->model->kind == ModelKind::kFunctional;
}

void normalise_call_numbers(CallDialect dialect, ModelConfig& model) {
  Calls layers;
  for (const LayerConfig& layer : model.layers) layers.emplace(layer.name, &layer);
  const bool keras2 = dialect == CallDialect::kKeras2;
  CallNumbers numbers;
  const auto see = [&](TensorRef& ref) { numbers.see(ref); };
  const auto shift = [&](TensorRef& ref) {
    if (is_nested(layers, ref, keras2)) numbers.count_from_zero(ref);
  };
  for (Value* tensors : {&model.inputs, &model.outputs}) for_each_ref(*tensors, see);
  if (keras2) {
    for (LayerConfig& layer : model.layers) for_each_ref(layer, see);
    for (LayerConfig& layer : model.layers) for_each_ref(layer, shift);
  }
  for (Value* tensors : {&model.inputs, &model.outputs}) for_each_ref(*tensors, shift);
}

void require_refs_exist(ModelConfig& model) {
  Calls layers;
  for (const LayerConfig& layer : model.layers) layers.emplace(layer.name, &layer);
  const auto require_ref = [&](const TensorRef& ref, const std::string& who) {
    const auto found = layers.find(ref.layer);
    require(found != layers.end(), ErrorCode::kInvalidModel,
            "{} takes a tensor of layer \"{}\", which does not exist", who, ref.layer);
    const LayerConfig& layer = *found->second;
    const auto num_calls =
        static_cast<int64_t>(layer.class_name == "InputLayer" ? 1 : layer.calls.size());
    require(ref.call >= 0 && ref.call < num_calls, ErrorCode::kInvalidModel,
            "{} takes a tensor of call {} of {}, which has {} call(s)", who, ref.call,
            layer.label(), num_calls);
    require(ref.output >= 0, ErrorCode::kInvalidModel, "{} takes output {} of {}", who, ref.output,
            layer.label());
  };
  for (LayerConfig& layer : model.layers) {
    const std::string who = layer.label();
    for_each_ref(layer, [&](TensorRef& ref) { require_ref(ref, who); });
  }
  for_each_ref(model.inputs, [&](TensorRef& ref) { require_ref(ref, "input_layers"); });
  for_each_ref(model.outputs, [&](TensorRef& ref) { require_ref(ref, "output_layers"); });
}

CallDialect parse_all_calls(const List& objects, ModelConfig& model) {
  std::unordered_set<std::string> names;
  for (const LayerConfig& layer : model.layers) names.insert(layer.name);
  CallDialect dialect = CallDialect::kNone;
  for (size_t i = 0; i < objects.size(); ++i) {
    const Value* nodes = objects[i].get_if<Dict>()->find("inbound_nodes");
    if (nodes == nullptr || nodes->is_null()) continue;
    const CallDialect found = parse_calls(*nodes, names, model.layers[i]);
    if (found != CallDialect::kNone) dialect = found;
    if (is_tensorflow_op(model.layers[i].class_name)) convert_tensorflow_op(model.layers[i]);
    if (model.layers[i].class_name == "TensorFlowOpLayer") convert_tensorflow_node(model.layers[i]);
  }
  return dialect;
}

Value model_tensors(const Dict& config, std::string_view key, const ModelConfig& model) {
  const Value* nested = config.find(key);
  require(nested != nullptr, ErrorCode::kInvalidModel, "{} has no {}", label(model), key);
  Value tensors = parse_model_tensors(*nested);
  require(!flatten(tensors).empty(), ErrorCode::kInvalidModel, "the {} of {} are empty", key,
          label(model));
  return tensors;
}

// Keras 1 and 2 wrote a list also where there is one tensor only.
void unwrap_single(Value& tensors) {
  const List* list = tensors.get_if<List>();
  if (list == nullptr || list->size() != 1) return;
  Value single = list->front();
  tensors = std::move(single);
}

void parse_functional(const Dict& config, const List& objects, ModelConfig& model) {
  const CallDialect dialect = parse_all_calls(objects, model);
  model.inputs = model_tensors(config, "input_layers", model);
  model.outputs = model_tensors(config, "output_layers", model);
  if (dialect == CallDialect::kKeras2) {
    unwrap_single(model.inputs);
    unwrap_single(model.outputs);
  }
  normalise_call_numbers(dialect, model);
  require_refs_exist(model);
}

void append_leaves(const Value& nested, const std::string& path, std::vector<NestedLeaf>& leaves) {
  const std::string prefix = path.empty() ? "" : path + ".";
  if (const auto* ref = nested.get_if<TensorRef>()) leaves.push_back({path, *ref});
  if (const List* list = nested.get_if<List>()) {
    for (size_t i = 0; i < list->size(); ++i) {
      append_leaves((*list)[i], prefix + std::to_string(i), leaves);
    }
  }
  if (const Dict* dict = nested.get_if<Dict>()) {
    std::vector<const Dict::Item*> items;
    for (const Dict::Item& item : *dict) items.push_back(&item);
    std::sort(items.begin(), items.end(),
              [](const Dict::Item* a, const Dict::Item* b) { return a->first < b->first; });
    for (const Dict::Item* item : items) append_leaves(item->second, prefix + item->first, leaves);
  }
}

}  // namespace

std::vector<NestedLeaf> flatten(const Value& nested) {
  std::vector<NestedLeaf> leaves;
  append_leaves(nested, "", leaves);
  return leaves;
}

bool is_model_object(const Dict& object) {
  const std::string name = plain_class(object);
  if (name != "Sequential" && name != "Functional" && name != "Model") return false;
  if (!custom_name(object).empty()) return false;
  const Value* config = object.find("config");
  const Dict* dict = config ? config->get_if<Dict>() : nullptr;
  // Keras 1 wrote a Sequential as the list of its layers.
  return dict ? dict->find("layers") != nullptr : config && config->get_if<List>();
}

ModelConfig parse_saved_model(const Dict& object, const std::string& stated_version) {
  const KerasVersion version = version_of(stated_version, object);
  ModelConfig model = parse_model(translated(object, version));
  model.version = version;
  return model;
}

ModelConfig parse_model(const Dict& object) {
  const std::string class_name = plain_class(object);
  require(!class_name.empty(), ErrorCode::kInvalidModel, "the model config has no class_name");
  require(class_name == "Sequential" || class_name == "Functional" || class_name == "Model",
          ErrorCode::kUnsupported,
          "the model is a {}; Hornet reads Sequential and Functional models", class_name);
  const std::string custom = custom_name(object);
  require(custom.empty(), ErrorCode::kUnsupported,
          "the model is of the custom class \"{}\"; Hornet reads Sequential and Functional models",
          custom);
  const Value* config = object.find("config");
  const Dict* dict = config ? config->get_if<Dict>() : nullptr;
  const Value* objects = dict ? dict->find("layers") : config;
  ModelConfig model;
  model.kind = class_name == "Sequential" ? ModelKind::kSequential : ModelKind::kFunctional;
  model.class_name = model.kind == ModelKind::kSequential ? "Sequential" : "Functional";
  const std::string* name = dict ? member<std::string>(*dict, "name") : nullptr;
  if (name == nullptr) name = member<std::string>(object, "name");
  model.name = name ? *name : snake_case(model.class_name);
  require(objects != nullptr && objects->get_if<List>() != nullptr, ErrorCode::kInvalidModel,
          "the layers of {} are {}; expected a list", label(model),
          objects ? objects->to_string() : "missing");
  const List& list = *objects->get_if<List>();
  if (model.kind == ModelKind::kSequential && merged_branches(list) != nullptr) {
    parse_merged_sequential(list, model);
    for (LayerConfig& layer : model.layers) layer.config.erase("batch_input_shape");
    return model;
  }
  parse_layers(list, model);
  if (model.kind == ModelKind::kSequential) {
    insert_input_layer(list, model);
    set_build_shape(object, dict, model);
  } else {
    require(dict != nullptr, ErrorCode::kInvalidModel, "{} has no config", label(model));
    parse_functional(*dict, list, model);
  }
  for (LayerConfig& layer : model.layers) layer.config.erase("batch_input_shape");
  return model;
}

}  // namespace hornet::keras
