#include "keras/tensorflow_ops.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "base/check.h"
#include "keras/model_parser.h"

namespace hornet::keras {
namespace {

// An argument's name in TensorFlow and in keras.ops; "#1" is the second operand.
struct ArgumentName {
  std::string_view tensorflow;
  std::string_view keras;
};
using ArgumentNames = std::array<ArgumentName, 2>;

struct Function {
  std::string_view name;
  std::string_view class_name;
  ArgumentNames arguments = {};
};

constexpr ArgumentNames kBinary = {{{"y", "#1"}}};
constexpr ArgumentNames kReduction = {{{"axis", "axis"}, {"keepdims", "keepdims"}}};
constexpr ArgumentNames kAxis = {{{"axis", "axis"}}};
constexpr ArgumentNames kPermutation = {{{"perm", "axes"}}};
constexpr ArgumentNames kDtype = {{{"dtype", "dtype"}}};

constexpr Function kFunctions[] = {
    {"__operators__.add", "Add", kBinary},
    {"abs", "Absolute"},
    {"cast", "Cast", kDtype},
    {"clip_by_value", "Clip", {{{"clip_value_min", "x_min"}, {"clip_value_max", "x_max"}}}},
    {"compat.v1.squeeze", "Squeeze", kAxis},
    {"compat.v1.transpose", "Transpose", kPermutation},
    {"concat", "Concatenate", kAxis},
    {"exp", "Exp"},
    {"expand_dims", "ExpandDims", kAxis},
    {"identity", "Copy"},
    {"linalg.matmul", "Matmul", {{{"b", "#1"}}}},
    {"math.abs", "Absolute"},
    {"math.add", "Add", kBinary},
    {"math.cos", "Cos"},
    {"math.divide", "TrueDivide", kBinary},
    {"math.equal", "Equal", kBinary},
    {"math.exp", "Exp"},
    {"math.floor", "Floor"},
    {"math.floordiv", "FloorDivide", kBinary},
    {"math.greater", "Greater", kBinary},
    {"math.greater_equal", "GreaterEqual", kBinary},
    {"math.less", "Less", kBinary},
    {"math.less_equal", "LessEqual", kBinary},
    {"math.log", "Log"},
    {"math.logical_and", "LogicalAnd", kBinary},
    {"math.logical_not", "LogicalNot"},
    {"math.logical_or", "LogicalOr", kBinary},
    {"math.maximum", "Maximum", kBinary},
    {"math.minimum", "Minimum", kBinary},
    {"math.multiply", "Multiply", kBinary},
    {"math.negative", "Negative"},
    {"math.not_equal", "NotEqual", kBinary},
    {"math.pow", "Power", kBinary},
    {"math.reduce_all", "All", kReduction},
    {"math.reduce_any", "Any", kReduction},
    {"math.reduce_max", "Max", kReduction},
    {"math.reduce_mean", "Mean", kReduction},
    {"math.reduce_min", "Min", kReduction},
    {"math.reduce_prod", "Prod", kReduction},
    {"math.reduce_std", "Std", kReduction},
    {"math.reduce_sum", "Sum", kReduction},
    {"math.reduce_variance", "Var", kReduction},
    {"math.round", "Round"},
    {"math.rsqrt", "Rsqrt"},
    {"math.sigmoid", "Sigmoid"},
    {"math.sin", "Sin"},
    {"math.softplus", "Softplus"},
    {"math.sqrt", "Sqrt"},
    {"math.square", "Square"},
    {"math.subtract", "Subtract", kBinary},
    {"math.tanh", "Tanh"},
    {"math.truediv", "TrueDivide", kBinary},
    {"nn.elu", "Elu"},
    {"nn.gelu", "Gelu", {{{"approximate", "approximate"}}}},
    {"nn.leaky_relu", "LeakyRelu", {{{"alpha", "negative_slope"}}}},
    {"nn.relu", "Relu"},
    {"nn.relu6", "Relu6"},
    {"nn.selu", "Selu"},
    {"nn.sigmoid", "Sigmoid"},
    {"nn.silu", "Silu"},
    {"nn.softmax", "Softmax", kAxis},
    {"nn.softplus", "Softplus"},
    {"nn.swish", "Silu"},
    {"nn.tanh", "Tanh"},
    {"ones_like", "OnesLike"},
    {"pow", "Power", kBinary},
    {"reshape", "Reshape", {{{"shape", "newshape"}}}},
    {"squeeze", "Squeeze", kAxis},
    {"stack", "Stack", kAxis},
    {"stop_gradient", "StopGradient"},
    {"tile", "Tile", {{{"multiples", "repeats"}}}},
    {"transpose", "Transpose", kPermutation},
    {"zeros_like", "ZerosLike"},
};

const Function& function_of(const LayerConfig& layer) {
  const std::string* name = member<std::string>(layer.config, "function");
  const auto* found =
      std::find_if(std::begin(kFunctions), std::end(kFunctions),
                   [&](const Function& function) { return name && function.name == *name; });
  require(found != std::end(kFunctions), ErrorCode::kUnsupported,
          "{} calls the TensorFlow function \"{}\", which has no equal in Hornet", layer.label(),
          name ? *name : std::string());
  return *found;
}

// A setting at its default says nothing.
bool says_nothing(const std::string& key, const Value& value) {
  const bool* flag = value.get_if<bool>();
  return key == "name" || (flag != nullptr && !*flag);
}

void convert_call(const Function& function, const LayerConfig& layer, CallConfig& call) {
  Dict kwargs;
  for (const auto& [key, value] : call.kwargs) {
    const auto* known =
        std::find_if(function.arguments.begin(), function.arguments.end(),
                     [&](const ArgumentName& argument) { return argument.tensorflow == key; });
    if (known == function.arguments.end()) {
      require(says_nothing(key, value), ErrorCode::kUnsupported,
              "{} calls the TensorFlow function \"{}\" with {}={}, which Hornet does not support",
              layer.label(), function.name, key, value.to_string());
    } else if (known->keras == "#1") {
      call.args.push_back(value);
    } else {
      kwargs.set(std::string(known->keras), value);
    }
  }
  call.kwargs = std::move(kwargs);
}

// --- slices: {"start": 1, "stop": null, "step": null}, an index, or a list of these

Value slice_key(const Value& spec) {
  if (const List* list = spec.get_if<List>()) {
    List keys;
    for (const Value& item : *list) keys.push_back(slice_key(item));
    return Value(std::move(keys));
  }
  const Dict* dict = spec.get_if<Dict>();
  if (dict == nullptr || dict->find("start") == nullptr) return spec;
  const auto part = [&](const char* key) {
    const Value* value = dict->find(key);
    return value ? value->integer() : std::nullopt;
  };
  return Value(SliceLiteral{part("start"), part("stop"), part("step")});
}

void convert_slicing(LayerConfig& layer) {
  for (CallConfig& call : layer.calls) {
    const Value* spec = call.kwargs.find("slice_spec");
    require(spec != nullptr, ErrorCode::kInvalidModel, "{} has no slice_spec", layer.label());
    call.args.push_back(slice_key(*spec));
    call.kwargs = Dict();
  }
  layer.class_name = "GetItem";
}

}  // namespace

bool is_tensorflow_op(const std::string& class_name) {
  return class_name == "TFOpLambda" || class_name == "SlicingOpLambda";
}

void convert_tensorflow_op(LayerConfig& layer) {
  Dict config;
  config.set("name", Value(layer.name));
  if (layer.class_name == "SlicingOpLambda") {
    convert_slicing(layer);
  } else {
    const Function& function = function_of(layer);
    for (CallConfig& call : layer.calls) convert_call(function, layer, call);
    // TensorFlow's defaults where keras.ops has others.
    if (function.class_name == "Gelu") config.set("approximate", Value(false));
    layer.class_name = function.class_name;
  }
  layer.is_operation = true;
  layer.config = std::move(config);
}

}  // namespace hornet::keras
