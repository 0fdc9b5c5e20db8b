// One layer's object to LayerConfig: class, name, package, types.
#include <algorithm>
#include <initializer_list>

#include "base/check.h"
#include "keras/legacy_names.h"
#include "keras/model_config.h"
#include "keras/model_parser.h"
#include "keras/weights.h"

namespace hornet::keras {
namespace {

// Every layer writes whether it is trainable, no operation does. Only `.h5` files, whose entries
// name no module, need to be told by this.
bool looks_like_operation(const Dict& object, const LayerConfig& layer) {
  const Value* nodes = object.find("inbound_nodes");
  const List* calls = nodes ? nodes->get_if<List>() : nullptr;
  const bool keras3_calls = calls && !calls->empty() && calls->front().get_if<Dict>();
  return keras3_calls && object.find("module") == nullptr &&
         layer.config.find("trainable") == nullptr && layer.class_name != "InputLayer";
}

// Splits "Package>Name" and "keras.layers.Name".
std::pair<std::string, std::string> package_and_name(const std::string& written) {
  size_t at = written.rfind('>');
  if (at == written.npos) at = written.rfind('.');
  if (at == written.npos) return {"", written};
  return {written.substr(0, at), written.substr(at + 1)};
}

void set_class(const Dict& object, const std::string& written, LayerConfig& layer) {
  layer.class_name = package_and_name(written).second;
  layer.registered_name = custom_name(object);
  const std::string* module = member<std::string>(object, "module");
  layer.is_operation = module != nullptr && is_operation_module(*module);
}

[[noreturn]] void refuse_code(const LayerConfig& layer, const std::string& what) {
  fail(ErrorCode::kUnsupported,
       "{}: {} is Python code; Hornet runs no code from model files: replace it by layers or "
       "keras.ops calls and save the model again",
       layer.label(), what);
}

// `what` names the setting that holds `value`.
void require_no_code(const Value& value, const std::string& what, const LayerConfig& layer) {
  if (const List* list = value.get_if<List>()) {
    for (const Value& item : *list) require_no_code(item, what, layer);
  }
  if (const Dict* dict = value.get_if<Dict>()) {
    const std::string* class_name = member<std::string>(*dict, "class_name");
    if (class_name != nullptr && *class_name == "__lambda__") refuse_code(layer, what);
    for (const auto& [key, item] : *dict) {
      require_no_code(item, what.empty() ? fmt::format("\"{}\"", key) : what, layer);
    }
  }
}

// --- dtype policies

void set_quantized(const Dict& policy, const std::string& class_name, LayerConfig& layer) {
  Dict kept = policy;
  kept.set("class_name", Value(class_name));
  const std::string* source = member<std::string>(policy, "source_name");
  layer.config.set("dtype", Value(source ? *source : std::string("float32")));
  layer.config.set("dtype_policy", Value(std::move(kept)));
}

// "int8_from_mixed_bfloat16", as Keras names a quantised policy in one word.
void set_named_policy(const std::string& name, LayerConfig& layer) {
  constexpr std::string_view kFrom = "_from_";
  const size_t at = name.find(kFrom);
  if (at == name.npos) {
    layer.config.set("dtype", Value(name));
    return;
  }
  Dict policy;
  policy.set("mode", Value(name.substr(0, at)));
  policy.set("source_name", Value(name.substr(at + kFrom.size())));
  set_quantized(policy, "QuantizedDTypePolicy", layer);
}

void set_policy(const Value& policy, LayerConfig& layer);

// Policies for parts of the layer: the default one counts, the map is kept for who knows the parts.
void set_policy_map(const Dict& config, LayerConfig& layer) {
  const Value* fallback = config.find("default_policy");
  set_policy(fallback && !fallback->is_null() ? *fallback : Value(std::string("float32")), layer);
  const Dict* map = member<Dict>(config, "policy_map");
  if (map == nullptr || map->empty()) return;
  Dict kept = config;
  kept.set("class_name", Value(std::string("DTypePolicyMap")));
  layer.config.set("dtype_policy", Value(std::move(kept)));
}

void set_policy(const Value& policy, LayerConfig& layer) {
  if (policy.is_null()) return layer.config.erase("dtype");
  if (const std::string* name = policy.get_if<std::string>()) return set_named_policy(*name, layer);
  const Dict* object = policy.get_if<Dict>();
  const Dict* config = object ? member<Dict>(*object, "config") : nullptr;
  const std::string* class_name = object ? member<std::string>(*object, "class_name") : nullptr;
  require(config != nullptr && class_name != nullptr, ErrorCode::kInvalidModel,
          "{}: dtype is {}; expected a name or a policy", layer.label(), policy.to_string());
  if (*class_name == "DTypePolicyMap") return set_policy_map(*config, layer);
  if (config->find("mode") != nullptr) return set_quantized(*config, *class_name, layer);
  const std::string* name = member<std::string>(*config, "name");
  require(name != nullptr, ErrorCode::kInvalidModel, "{}: the dtype policy {} has no name",
          layer.label(), *class_name);
  set_named_policy(*name, layer);
}

std::string name_of(const Dict& object, const Dict& config, const std::string& class_name) {
  for (const Dict* holder : {&object, &config}) {
    const Value* name = holder->find("name");
    if (name == nullptr || name->is_null()) continue;
    const std::string* text = name->get_if<std::string>();
    require(text != nullptr && !text->empty(), ErrorCode::kInvalidModel,
            "the name of a {} layer is {}; expected a text", class_name, name->to_string());
    return *text;
  }
  return snake_case(class_name);
}

void normalise_config(LayerConfig& layer) {
  try {
    modernise_config(layer.class_name, layer.config);
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", layer.label(), error.message());
  }
  if (const Value* dtype = layer.config.find("dtype")) set_policy(Value(*dtype), layer);
}

}  // namespace

bool is_keras_module(std::string_view module) {
  for (const std::string_view package : {"keras", "tf_keras", "tensorflow.keras",
                                         "tensorflow.python.keras", "tensorflow.compat.v1.keras"}) {
    if (module == package) return true;
    if (module.starts_with(package) && module[package.size()] == '.') return true;
  }
  return false;
}

bool is_operation_module(std::string_view module) {
  return module == "keras.ops" || module.starts_with("keras.ops.") || module == "keras.src.ops" ||
         module.starts_with("keras.src.ops.");
}

std::string custom_name(const Dict& object) {
  const std::string* written = member<std::string>(object, "class_name");
  if (written == nullptr) return "";
  const std::string package = package_and_name(*written).first;
  const std::string* module = member<std::string>(object, "module");
  const std::string* registered = member<std::string>(object, "registered_name");
  const bool custom_package =
      !package.empty() && !is_keras_module(package) && package != "Keras" && package != "builtins";
  const bool custom_module = module != nullptr && !is_keras_module(*module);
  if (!custom_package && !custom_module) return "";
  return registered != nullptr ? *registered : *written;
}

std::string LayerConfig::label() const {
  return fmt::format("layer \"{}\" ({})", name, class_name);
}

LayerConfig parse_layer(const Dict& object) {
  const std::string* class_name = member<std::string>(object, "class_name");
  require(class_name != nullptr && !class_name->empty(), ErrorCode::kInvalidModel,
          "a layer has no class_name: {}", Value(object).to_string());
  LayerConfig layer;
  set_class(object, *class_name, layer);
  const Value* config = object.find("config");
  const bool is_model = is_model_object(object);
  if (const Dict* dict = config ? config->get_if<Dict>() : nullptr) layer.config = *dict;
  layer.name = name_of(object, layer.config, layer.class_name);
  require(config != nullptr && (config->get_if<Dict>() != nullptr || is_model),
          ErrorCode::kInvalidModel, "{} has no config", layer.label());
  if (const Dict* build = member<Dict>(object, "build_config")) layer.build_config = *build;
  if (const Value* id = object.find("shared_object_id")) {
    layer.shared_object_id = id->integer().value_or(-1);
  }
  if (looks_like_operation(object, layer) && !is_model) layer.is_operation = true;
  if (!layer.is_operation && layer.class_name == "Lambda") refuse_code(layer, "a Lambda layer");
  if (is_model) {
    layer.model = std::make_shared<const ModelConfig>(parse_model(object));
    layer.class_name = layer.model->class_name;
    layer.config.erase("layers");
  }
  require_no_code(Value(layer.config), "", layer);
  if (layer.is_operation) return layer;
  normalise_config(layer);
  return layer;
}

}  // namespace hornet::keras
