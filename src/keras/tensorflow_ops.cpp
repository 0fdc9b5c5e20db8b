#include "keras/tensorflow_ops.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <string_view>

#include "base/check.h"
#include "keras/model_parser.h"

namespace hornet::keras {
namespace {

// An argument's name in TensorFlow and in keras.ops; "#1" is the second operand, "#2" the third.
struct ArgumentName {
  std::string_view tensorflow;
  std::string_view keras;
};
using ArgumentNames = std::array<ArgumentName, 3>;

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
constexpr ArgumentNames kNormalize = {{{"axis", "axis"}, {"epsilon", "epsilon"}}};
constexpr ArgumentNames kBlock = {{{"block_size", "block_size"}}};

constexpr Function kFunctions[] = {
    {"__operators__.add", "Add", kBinary},
    {"__operators__.eq", "Equal", kBinary},
    {"__operators__.ne", "NotEqual", kBinary},
    {"abs", "Absolute"},
    {"broadcast_to", "BroadcastTo", {{{"shape", "shape"}}}},
    {"cast", "Cast", kDtype},
    {"clip_by_value", "Clip", {{{"clip_value_min", "x_min"}, {"clip_value_max", "x_max"}}}},
    {"compat.v1.squeeze", "Squeeze", kAxis},
    {"compat.v1.transpose", "Transpose", kPermutation},
    {"concat", "Concatenate", kAxis},
    {"convert_to_tensor", "Copy"},
    {"exp", "Exp"},
    {"expand_dims", "ExpandDims", kAxis},
    {"gather", "Take", {{{"indices", "#1"}, {"axis", "axis"}}}},
    {"identity", "Copy"},
    {"image.resize",
     "Resize",
     {{{"size", "size"}, {"method", "interpolation"}, {"antialias", "antialias"}}}},
    {"linalg.matmul",
     "Matmul",
     {{{"b", "#1"}, {"transpose_a", "transpose_a"}, {"transpose_b", "transpose_b"}}}},
    {"math.abs", "Absolute"},
    {"math.acos", "Arccos"},
    {"math.acosh", "Arccosh"},
    {"math.add", "Add", kBinary},
    {"math.asin", "Arcsin"},
    {"math.asinh", "Arcsinh"},
    {"math.atan", "Arctan"},
    {"math.atan2", "Arctan2", {{{"x", "#1"}}}},
    {"math.atanh", "Arctanh"},
    {"math.ceil", "Ceil"},
    {"math.cos", "Cos"},
    {"math.cosh", "Cosh"},
    {"math.cumprod", "Cumprod", kAxis},
    {"math.cumsum", "Cumsum", kAxis},
    {"math.divide", "TrueDivide", kBinary},
    {"math.divide_no_nan", "DivideNoNan", kBinary},
    {"math.equal", "Equal", kBinary},
    {"math.erf", "Erf"},
    {"math.exp", "Exp"},
    {"math.expm1", "Expm1"},
    {"math.floor", "Floor"},
    {"math.floordiv", "FloorDivide", kBinary},
    {"math.floormod", "Mod", kBinary},
    {"math.greater", "Greater", kBinary},
    {"math.greater_equal", "GreaterEqual", kBinary},
    {"math.is_finite", "Isfinite"},
    {"math.is_inf", "Isinf"},
    {"math.is_nan", "Isnan"},
    {"math.l2_normalize", "Normalize", kNormalize},
    {"math.less", "Less", kBinary},
    {"math.less_equal", "LessEqual", kBinary},
    {"math.log", "Log"},
    {"math.log1p", "Log1p"},
    {"math.log_sigmoid", "LogSigmoid"},
    {"math.logical_and", "LogicalAnd", kBinary},
    {"math.logical_not", "LogicalNot"},
    {"math.logical_or", "LogicalOr", kBinary},
    {"math.logical_xor", "LogicalXor", kBinary},
    {"math.maximum", "Maximum", kBinary},
    {"math.minimum", "Minimum", kBinary},
    {"math.multiply", "Multiply", kBinary},
    {"math.negative", "Negative"},
    {"math.not_equal", "NotEqual", kBinary},
    {"math.pow", "Power", kBinary},
    {"math.reciprocal", "Reciprocal"},
    {"math.reduce_all", "All", kReduction},
    {"math.reduce_any", "Any", kReduction},
    {"math.reduce_euclidean_norm", "Norm", kReduction},
    {"math.reduce_logsumexp", "Logsumexp", kReduction},
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
    {"math.sign", "Sign"},
    {"math.sin", "Sin"},
    {"math.sinh", "Sinh"},
    {"math.softplus", "Softplus"},
    {"math.sqrt", "Sqrt"},
    {"math.square", "Square"},
    {"math.subtract", "Subtract", kBinary},
    {"math.tan", "Tan"},
    {"math.tanh", "Tanh"},
    {"math.truediv", "TrueDivide", kBinary},
    {"nn.depth_to_space", "DepthToSpace", kBlock},
    {"nn.elu", "Elu"},
    {"nn.gelu", "Gelu", {{{"approximate", "approximate"}}}},
    {"nn.l2_normalize", "Normalize", kNormalize},
    {"nn.leaky_relu", "LeakyRelu", {{{"alpha", "negative_slope"}}}},
    {"nn.log_softmax", "LogSoftmax", kAxis},
    {"nn.relu", "Relu"},
    {"nn.relu6", "Relu6"},
    {"nn.selu", "Selu"},
    {"nn.sigmoid", "Sigmoid"},
    {"nn.silu", "Silu"},
    {"nn.softmax", "Softmax", kAxis},
    {"nn.softplus", "Softplus"},
    {"nn.softsign", "Softsign"},
    {"nn.space_to_depth", "SpaceToDepth", kBlock},
    {"nn.swish", "Silu"},
    {"nn.tanh", "Tanh"},
    {"one_hot", "OneHot", {{{"depth", "num_classes"}, {"axis", "axis"}, {"dtype", "dtype"}}}},
    {"ones_like", "OnesLike"},
    {"pad",
     "Pad",
     {{{"paddings", "pad_width"}, {"mode", "mode"}, {"constant_values", "constant_values"}}}},
    {"pow", "Power", kBinary},
    {"repeat", "Repeat", {{{"repeats", "repeats"}, {"axis", "axis"}}}},
    {"reshape", "Reshape", {{{"shape", "newshape"}}}},
    {"reverse", "Flip", kAxis},
    {"split", "Split", {{{"num_or_size_splits", "indices_or_sections"}, {"axis", "axis"}}}},
    {"squeeze", "Squeeze", kAxis},
    {"stack", "Stack", kAxis},
    {"stop_gradient", "StopGradient"},
    {"tile", "Tile", {{{"multiples", "repeats"}}}},
    {"transpose", "Transpose", kPermutation},
    {"unstack", "Unstack", {{{"num", "num"}, {"axis", "axis"}}}},
    {"where", "Where", {{{"x", "#1"}, {"y", "#2"}}}},
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
  const std::string* text = value.get_if<std::string>();
  if (key == "data_format") return text != nullptr && *text == "NHWC";
  if (key == "batch_dims") return value.integer() == 0;
  return key == "name" || (flag != nullptr && !*flag);
}

// TensorFlow's settings in the words of keras.ops, where names alone do not do it.
void convert_settings(const Function& function, const LayerConfig& layer, CallConfig& call) {
  Dict& kwargs = call.kwargs;
  const auto require_axis = [&](std::string_view why) {
    const Value* axis = kwargs.find("axis");
    require(axis != nullptr && !axis->is_null(), ErrorCode::kUnsupported,
            "{} calls the TensorFlow function \"{}\" without an axis: {}", layer.label(),
            function.name, why);
  };
  if (function.class_name == "Normalize") {
    require_axis("its rows depend on each other");
    // TensorFlow's epsilon is the least square.
    const Value* epsilon = kwargs.find("epsilon");
    const double least = epsilon ? epsilon->number().value_or(-1) : 1e-12;
    require(least >= 0, ErrorCode::kInvalidModel,
            "{}: epsilon is {}; expected a number of 0 or more", layer.label(),
            epsilon ? epsilon->to_string() : "");
    kwargs.set("epsilon", Value(std::sqrt(least)));
  } else if (function.name == "gather" || function.name == "split" ||
             function.name == "math.cumsum" || function.name == "math.cumprod" ||
             function.name == "unstack") {
    require_axis("it works on the rows of the batch");
  }
  if (function.class_name == "Pad") {
    const std::string* mode = member<std::string>(kwargs, "mode");
    if (mode == nullptr) return;
    std::string lower = *mode;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    kwargs.set("mode", Value(std::move(lower)));
  }
  // Sizes of parts are places of cuts in keras.ops.
  const List* sizes =
      function.name == "split" ? member<List>(kwargs, "indices_or_sections") : nullptr;
  if (sizes != nullptr) {
    List cuts;
    int64_t end = 0;
    for (size_t i = 0; i + 1 < sizes->size(); ++i) {
      const auto size = (*sizes)[i].integer();
      require(size && *size >= 0 && !__builtin_add_overflow(end, *size, &end),
              ErrorCode::kUnsupported, "{} splits into parts of sizes {}; supported: known sizes",
              layer.label(), Value(*sizes).to_string());
      cuts.emplace_back(end);
    }
    kwargs.set("indices_or_sections", Value(std::move(cuts)));
  }
}

void convert_call(const Function& function, const LayerConfig& layer, CallConfig& call) {
  Dict kwargs;
  std::array<const Value*, 2> operands = {};
  for (const auto& [key, value] : call.kwargs) {
    const auto* known =
        std::find_if(function.arguments.begin(), function.arguments.end(),
                     [&](const ArgumentName& argument) { return argument.tensorflow == key; });
    if (known == function.arguments.end()) {
      require(says_nothing(key, value), ErrorCode::kUnsupported,
              "{} calls the TensorFlow function \"{}\" with {}={}, which Hornet does not support",
              layer.label(), function.name, key, value.to_string());
    } else if (known->keras == "#1" || known->keras == "#2") {
      operands[known->keras == "#1" ? 0 : 1] = &value;
    } else {
      kwargs.set(std::string(known->keras), value);
    }
  }
  for (const Value* operand : operands) {
    if (operand != nullptr) call.args.push_back(*operand);
  }
  call.kwargs = std::move(kwargs);
  convert_settings(function, layer, call);
}

// --- slices: {"start": 1, "stop": null, "step": null}, an index, or a list of these

Value slice_key(const LayerConfig& layer, const Value& spec) {
  if (const List* list = spec.get_if<List>()) {
    List keys;
    for (const Value& item : *list) keys.push_back(slice_key(layer, item));
    return Value(std::move(keys));
  }
  const Dict* dict = spec.get_if<Dict>();
  if (dict == nullptr || dict->find("start") == nullptr) return spec;
  const auto part = [&](const char* key) {
    const Value* value = dict->find(key);
    const auto bound = value ? value->integer() : std::nullopt;
    require(bound || value == nullptr || value->is_null(), ErrorCode::kUnsupported,
            "{}: the {} of its slice is {}; supported: an integer or none", layer.label(), key,
            value ? value->to_string() : "");
    return bound;
  };
  return Value(SliceLiteral{part("start"), part("stop"), part("step")});
}

void convert_slicing(LayerConfig& layer) {
  for (CallConfig& call : layer.calls) {
    const Value* spec = call.kwargs.find("slice_spec");
    require(spec != nullptr, ErrorCode::kInvalidModel, "{} has no slice_spec", layer.label());
    call.args.push_back(slice_key(layer, *spec));
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
