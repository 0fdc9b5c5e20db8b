#include "layers/activations.h"

#include <span>

#include "base/check.h"
#include "graph/ops/indexing.h"
#include "keras/model_parser.h"

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
    {keras::kOlderHardSigmoid, {UnaryKind::hard_sigmoid, 0.2f, 0.5f}},
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

// What keras.ops calls functions that keras.activations lacks or means otherwise.
const NamedActivation kOperations[] = {
    {"gelu", {UnaryKind::gelu_tanh}},
    {"exp", {UnaryKind::exponential}},
    {"absolute", {UnaryKind::abs}},
    {"negative", {UnaryKind::negative}},
    {"abs", {UnaryKind::abs}},
    {"sign", {UnaryKind::sign}},
    {"square", {UnaryKind::square}},
    {"sqrt", {UnaryKind::sqrt}},
    {"rsqrt", {UnaryKind::rsqrt}},
    {"cbrt", {UnaryKind::cbrt}},
    {"reciprocal", {UnaryKind::reciprocal}},
    {"exp2", {UnaryKind::exp2}},
    {"expm1", {UnaryKind::expm1}},
    {"log", {UnaryKind::log}},
    {"log1p", {UnaryKind::log1p}},
    {"log2", {UnaryKind::log2}},
    {"log10", {UnaryKind::log10}},
    {"sin", {UnaryKind::sin}},
    {"cos", {UnaryKind::cos}},
    {"tan", {UnaryKind::tan}},
    {"arcsin", {UnaryKind::arcsin}},
    {"arccos", {UnaryKind::arccos}},
    {"arctan", {UnaryKind::arctan}},
    {"sinh", {UnaryKind::sinh}},
    {"cosh", {UnaryKind::cosh}},
    {"arcsinh", {UnaryKind::arcsinh}},
    {"arccosh", {UnaryKind::arccosh}},
    {"arctanh", {UnaryKind::arctanh}},
    {"ceil", {UnaryKind::ceil}},
    {"floor", {UnaryKind::floor}},
    {"trunc", {UnaryKind::trunc}},
    {"round", {UnaryKind::round}},
    {"erf", {UnaryKind::erf}},
    {"erfc", {UnaryKind::erfc}},
    {"erfinv", {UnaryKind::erfinv}},
    {"sinc", {UnaryKind::sinc}},
    {"i0", {UnaryKind::i0}},
};

const std::string* text_in(const keras::Dict& object, std::string_view key) {
  const keras::Value* value = object.find(key);
  return value == nullptr ? nullptr : value->get_if<std::string>();
}

// An activation as a config states it.
struct Stated {
  std::string name;                    // of a function
  bool is_operation = false;           // a function of keras.ops
  const keras::Dict* layer = nullptr;  // a layer inside this one, instead of a function
};

Stated stated_activation(const LayerContext& layer, std::string_view key,
                         const keras::Value& value) {
  if (const auto* name = value.get_if<std::string>()) return {*name};
  const auto* object = value.get_if<keras::Dict>();
  const std::string* class_name = object == nullptr ? nullptr : text_in(*object, "class_name");
  if (class_name == nullptr) {
    layer.attributes().fail_key(key, "the name of an activation, or a layer");
  }
  if (*class_name != "function") return {"", false, object};
  const std::string* name = text_in(*object, "config");
  if (name == nullptr) layer.attributes().fail_key(key, "a function with a name");
  const std::string* module = text_in(*object, "module");
  if (module == nullptr) return {*name};
  const std::string* registered = text_in(*object, "registered_name");
  const bool is_custom = registered != nullptr && registered->find('>') != registered->npos;
  if (is_custom || (*module != "builtins" && !keras::is_keras_module(*module))) {
    layer.attributes().fail_unsupported(key, "activations of Keras's own");
  }
  return {*name, keras::is_operation_module(*module)};
}

std::optional<UnaryFunction> find_in(std::span<const NamedActivation> table,
                                     std::string_view name) {
  for (const NamedActivation& activation : table) {
    if (activation.name == name) return activation.function;
  }
  return std::nullopt;
}

std::optional<UnaryFunction> elementwise(const Stated& stated) {
  if (stated.is_operation) {
    if (const auto function = find_in(kOperations, stated.name)) return function;
  }
  if (const auto function = find_in(kActivations, stated.name)) return function;
  return find_in(kOperations, stated.name);
}

}  // namespace

std::optional<UnaryFunction> elementwise_activation(std::string_view name) {
  return find_in(kActivations, name);
}

ValueId gated_linear_unit(const LayerContext& layer, ValueId x, int64_t axis) {
  const Builder& b = layer.build();
  const int64_t size = b.known_dim(x, axis);
  if (size % 2 != 0) layer.fail_invalid(fmt::format("axis {} has an odd size, {}", axis, size));
  const ValueId value = b.slice(x, axis, 0, size / 2), gate = b.slice(x, axis, size / 2, size);
  return b.binary(BinaryKind::multiply, value, b.unary(UnaryKind::sigmoid, gate));
}

// The support is the first k elements in falling order for which 1 + k x_k exceeds their sum. Keras
// takes (S - 1) / k from all elements, S being the sum of the k partial sums: where k > 1 that is
// more than the threshold at which the result would sum to 1.
ValueId sparsemax(const Builder& b, ValueId x, int64_t axis) {
  axis = b.axis(axis, b.rank(x));
  const ValueId sorted = b.add(std::make_shared<graph::Sort>(axis, true), {x})[0];
  const ValueId sums = b.op<graph::Cumulative>({sorted}, false, axis);
  ValueId count = b.cast(b.op<graph::Positions>({x}, axis), DType::kFloat32);
  count = b.binary(BinaryKind::add, count, b.scalar(1));
  for (int64_t i = axis + 1; i < b.rank(x); ++i) count = b.expand_dims(count, b.rank(count));
  const ValueId reach =
      b.binary(BinaryKind::add, b.scalar(1), b.binary(BinaryKind::multiply, count, sorted));
  const ValueId inside = b.cast(b.binary(BinaryKind::greater, reach, sums), DType::kFloat32);
  const ValueId size = b.reduce(graph::ReduceKind::sum, inside, {axis}, true);
  const ValueId total =
      b.reduce(graph::ReduceKind::sum, b.binary(BinaryKind::multiply, inside, sums), {axis}, true);
  const ValueId threshold =
      b.binary(BinaryKind::divide, b.binary(BinaryKind::subtract, total, b.scalar(1)), size);
  return b.unary(UnaryKind::relu, b.binary(BinaryKind::subtract, x, threshold));
}

ValueId activate_by_name(LayerContext& layer, std::string_view name, ValueId x) {
  const Builder& b = layer.build();
  x = b.as_float(x);
  if (const auto function = elementwise({std::string(name)})) return b.apply(*function, x);
  const int64_t last = b.rank(x) - 1;
  if (name == "softmax" || name == "log_softmax") {
    return b.op<graph::Softmax>({x}, std::vector<int64_t>{last}, name == "log_softmax");
  }
  if (name == "sparsemax") return sparsemax(b, x, last);
  if (name == "glu") return gated_linear_unit(layer, x, last);
  layer.fail_unsupported(fmt::format("activation \"{}\" is not one of Keras's", name));
}

ValueId activate(LayerContext& layer, std::string_view key, ValueId x) {
  const keras::Value* value = layer.attributes().find(key);
  if (value == nullptr) return x;
  const Stated stated = stated_activation(layer, key, *value);
  if (stated.layer != nullptr) {
    return layer.sublayer(std::string(key), *stated.layer).call(Symbol{x, kNoValue}).value;
  }
  const Builder& b = layer.build();
  if (const auto function = elementwise(stated)) return b.apply(*function, b.as_float(x));
  return activate_by_name(layer, stated.name, x);
}

std::optional<UnaryFunction> find_activation_function(const LayerContext& layer,
                                                      std::string_view key,
                                                      std::string_view absent) {
  const keras::Value* value = layer.config().config.find(key);
  if (value == nullptr) return elementwise_activation(absent);
  if (value->is_null()) return UnaryFunction{};
  const Stated stated = stated_activation(layer, key, *value);
  return stated.layer == nullptr ? elementwise(stated) : elementwise_layer(*stated.layer);
}

UnaryFunction activation_function(const LayerContext& layer, std::string_view key,
                                  std::string_view absent) {
  const auto function = find_activation_function(layer, key, absent);
  if (!function) layer.attributes().fail_unsupported(key, "elementwise activations");
  return *function;
}

}  // namespace hornet::layers
