#include "layers/activations.h"

#include <algorithm>

#include "base/check.h"

namespace hornet::layers {
namespace {

struct NamedActivation {
  std::string_view name;
  UnaryFunction function;
};

// Names and default arguments of keras.activations.
const NamedActivation kActivations[] = {
    {"linear", {UnaryKind::identity}},
    {"relu", {UnaryKind::relu}},
    {"relu6", {UnaryKind::relu6}},
    {"leaky_relu", {UnaryKind::leaky_relu, 0.2f}},
    {"elu", {UnaryKind::elu, 1.0f}},
    {"selu", {UnaryKind::selu}},
    {"celu", {UnaryKind::celu, 1.0f}},
    {"sigmoid", {UnaryKind::sigmoid}},
    {"hard_sigmoid", {UnaryKind::hard_sigmoid, 1.0f / 6.0f, 0.5f}},
    {"silu", {UnaryKind::silu}},
    {"swish", {UnaryKind::silu}},
    {"hard_silu", {UnaryKind::hard_silu}},
    {"hard_swish", {UnaryKind::hard_silu}},
    {"tanh", {UnaryKind::tanh}},
    {"hard_tanh", {UnaryKind::hard_tanh}},
    {"tanh_shrink", {UnaryKind::tanh_shrink}},
    {"softplus", {UnaryKind::softplus}},
    {"softsign", {UnaryKind::softsign}},
    {"log_sigmoid", {UnaryKind::log_sigmoid}},
    {"gelu", {UnaryKind::gelu}},
    {"exponential", {UnaryKind::exponential}},
    {"mish", {UnaryKind::mish}},
    {"hard_shrink", {UnaryKind::hard_shrink, 0.5f}},
    {"soft_shrink", {UnaryKind::soft_shrink, 0.5f}},
    {"sparse_plus", {UnaryKind::sparse_plus}},
    {"sparse_sigmoid", {UnaryKind::sparse_sigmoid}},
    {"squareplus", {UnaryKind::squareplus, 4.0f}},
    {"threshold", {UnaryKind::threshold}},
};

// The name of an activation given as a string or as a serialised function; nullopt for a layer.
std::optional<std::string> activation_name(const keras::Value& value) {
  if (const auto* name = value.get_if<std::string>()) return *name;
  const auto* object = value.get_if<keras::Dict>();
  if (object == nullptr) return std::nullopt;
  const keras::Value* class_name = object->find("class_name");
  const auto* class_text = class_name == nullptr ? nullptr : class_name->get_if<std::string>();
  if (class_text == nullptr || *class_text != "function") return std::nullopt;
  const keras::Value* config = object->find("config");
  const auto* name = config == nullptr ? nullptr : config->get_if<std::string>();
  return name == nullptr ? std::nullopt : std::optional(*name);
}

}  // namespace

std::optional<UnaryFunction> elementwise_activation(std::string_view name) {
  for (const NamedActivation& activation : kActivations) {
    if (activation.name == name) return activation.function;
  }
  return std::nullopt;
}

ValueId activate_by_name(LayerContext& layer, std::string_view name, ValueId x) {
  const Builder& b = layer.build();
  if (const auto function = elementwise_activation(name)) return b.apply(*function, b.as_float(x));
  if (name == "softmax" || name == "log_softmax") {
    return b.op<graph::Softmax>({b.as_float(x)}, std::vector<int64_t>{b.rank(x) - 1},
                                name == "log_softmax");
  }
  layer.fail_unsupported(fmt::format("activation \"{}\" is not supported", name));
}

ValueId activate(LayerContext& layer, std::string_view key, ValueId x) {
  const keras::Value* value = layer.attributes().find(key);
  if (value == nullptr) return x;
  if (const auto name = activation_name(*value)) return activate_by_name(layer, *name, x);
  const auto* object = value->get_if<keras::Dict>();
  if (object == nullptr) layer.attributes().fail_key(key, "the name of an activation, or a layer");
  return layer.sublayer(std::string(key), *object).call(Symbol{x, kNoValue}).value;
}

UnaryFunction activation_function(const LayerContext& layer, std::string_view key,
                                  std::string_view absent) {
  const keras::Value* value = layer.config().config.find(key);
  if (value == nullptr) return *elementwise_activation(absent);
  if (value->is_null()) return {};
  const auto name = activation_name(*value);
  const auto function = name ? elementwise_activation(*name) : std::nullopt;
  if (!function) layer.attributes().fail_unsupported(key, "the names of elementwise activations");
  return *function;
}

}  // namespace hornet::layers
