#include "keras/tensorflow_nodes.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

#include "base/check.h"
#include "keras/model_parser.h"

namespace hornet::keras {
namespace {

// What the operands of a node are in keras.ops.
enum class Operands {
  kAll,        // operands
  kList,       // one list of them; an axis behind them where it is a constant
  kReduction,  // a tensor and axes
  kSetting,    // a tensor and a constant, the setting `key`
  kCast,
  kMatmul,
  kSlice,
  kSqueeze,
  kStack,
};

struct NodeKind {
  std::string_view op;
  std::string_view class_name;
  Operands operands = Operands::kAll;
  std::string_view key = "";
};

constexpr NodeKind kNodes[] = {
    {"Abs", "Absolute"},
    {"Add", "Add"},
    {"AddV2", "Add"},
    {"All", "All", Operands::kReduction},
    {"Any", "Any", Operands::kReduction},
    {"BatchMatMulV2", "Matmul", Operands::kMatmul},
    {"BiasAdd", "Add"},
    {"Cast", "Cast", Operands::kCast},
    {"Ceil", "Ceil"},
    {"ConcatV2", "Concatenate", Operands::kList},
    {"Cos", "Cos"},
    {"Elu", "Elu"},
    {"Equal", "Equal"},
    {"Erf", "Erf"},
    {"Exp", "Exp"},
    {"ExpandDims", "ExpandDims", Operands::kSetting, "axis"},
    {"Floor", "Floor"},
    {"FloorDiv", "FloorDivide"},
    {"FloorMod", "Mod"},
    {"Greater", "Greater"},
    {"GreaterEqual", "GreaterEqual"},
    {"Identity", "Copy"},
    {"Less", "Less"},
    {"LessEqual", "LessEqual"},
    {"Log", "Log"},
    {"Log1p", "Log1p"},
    {"LogicalAnd", "LogicalAnd"},
    {"LogicalNot", "LogicalNot"},
    {"LogicalOr", "LogicalOr"},
    {"MatMul", "Matmul", Operands::kMatmul},
    {"Max", "Max", Operands::kReduction},
    {"Maximum", "Maximum"},
    {"Mean", "Mean", Operands::kReduction},
    {"Min", "Min", Operands::kReduction},
    {"Minimum", "Minimum"},
    {"Mul", "Multiply"},
    {"Neg", "Negative"},
    {"NotEqual", "NotEqual"},
    {"Pack", "Stack", Operands::kStack},
    {"Pad", "Pad", Operands::kSetting, "pad_width"},
    {"Pow", "Power"},
    {"Prod", "Prod", Operands::kReduction},
    {"RealDiv", "TrueDivide"},
    {"Reciprocal", "Reciprocal"},
    {"Relu", "Relu"},
    {"Relu6", "Relu6"},
    {"Reshape", "Reshape", Operands::kSetting, "newshape"},
    {"ReverseV2", "Flip", Operands::kSetting, "axis"},
    {"Round", "Round"},
    {"Rsqrt", "Rsqrt"},
    {"SelectV2", "Where"},
    {"Selu", "Selu"},
    {"Sigmoid", "Sigmoid"},
    {"Sign", "Sign"},
    {"Sin", "Sin"},
    {"Softmax", "Softmax"},
    {"Softplus", "Softplus"},
    {"Softsign", "Softsign"},
    {"Sqrt", "Sqrt"},
    {"Square", "Square"},
    {"Squeeze", "Squeeze", Operands::kSqueeze},
    {"StopGradient", "StopGradient"},
    {"StridedSlice", "GetItem", Operands::kSlice},
    {"Sub", "Subtract"},
    {"Sum", "Sum", Operands::kReduction},
    {"Tan", "Tan"},
    {"Tanh", "Tanh"},
    {"Tile", "Tile", Operands::kSetting, "repeats"},
    {"Transpose", "Transpose", Operands::kSetting, "axes"},
};

// The node's definition: {"op": "Sum", "attr": {"keep_dims": {"b": true}}}. Integers are texts.
class NodeDefinition {
 public:
  explicit NodeDefinition(const LayerConfig& layer)
      : layer_(layer), node_(member<Dict>(layer.config, "node_def")) {
    require(node_ != nullptr, ErrorCode::kUnsupported,
            "{}: its node_def is no object, as TensorFlow 2.2 and 2.3 wrote it", layer.label());
  }

  std::string op() const {
    const std::string* name = member<std::string>(*node_, "op");
    return name == nullptr ? std::string() : *name;
  }
  bool flag(std::string_view key) const {
    const bool* value = attribute<bool>(key, "b");
    return value != nullptr && *value;
  }
  std::string type(std::string_view key) const {
    const std::string* name = attribute<std::string>(key, "type");
    return name == nullptr ? std::string() : *name;
  }
  int64_t integer(std::string_view key) const {
    const Value* value = item(key, "i");
    return value == nullptr ? 0 : to_integer(*value);
  }
  List integers(std::string_view key) const {
    const Dict* list = attribute<Dict>(key, "list");
    const List* items = list == nullptr ? nullptr : member<List>(*list, "i");
    List numbers;
    for (const Value& value : items == nullptr ? List() : *items) {
      numbers.emplace_back(to_integer(value));
    }
    return numbers;
  }

 private:
  const Value* item(std::string_view key, std::string_view kind) const {
    const Dict* attributes = member<Dict>(*node_, "attr");
    const Dict* holder = attributes == nullptr ? nullptr : member<Dict>(*attributes, key);
    return holder == nullptr ? nullptr : holder->find(kind);
  }
  template <class T>
  const T* attribute(std::string_view key, std::string_view kind) const {
    const Value* value = item(key, kind);
    return value == nullptr ? nullptr : value->get_if<T>();
  }
  int64_t to_integer(const Value& value) const {
    if (const auto number = value.integer()) return *number;
    const std::string* text = value.get_if<std::string>();
    int64_t number = 0;
    const bool read =
        text != nullptr &&
        std::from_chars(text->data(), text->data() + text->size(), number).ec == std::errc();
    require(read, ErrorCode::kInvalidModel,
            "{}: an attribute of its node_def is {}; expected an "
            "integer",
            layer_.label(), value.to_string());
    return number;
  }

  const LayerConfig& layer_;
  const Dict* node_;
};

// TensorFlow's operands of one call: tensors, with constants at their places.
List operands_of(const LayerConfig& layer, const CallConfig& call) {
  List tensors;
  for (const Value& argument : call.args) {
    if (const List* list = argument.get_if<List>()) {
      tensors.insert(tensors.end(), list->begin(), list->end());
    } else {
      tensors.push_back(argument);
    }
  }
  const Dict* constants = member<Dict>(layer.config, "constants");
  const size_t count = tensors.size() + (constants == nullptr ? 0 : constants->size());
  List operands;
  auto next = tensors.begin();
  for (size_t i = 0; i < count; ++i) {
    const Value* constant = constants == nullptr ? nullptr : constants->find(std::to_string(i));
    require(constant != nullptr || next != tensors.end(), ErrorCode::kInvalidModel,
            "{}: its constants are those of no operands", layer.label());
    operands.push_back(constant != nullptr ? *constant : *next++);
  }
  return operands;
}

void require_operands(const LayerConfig& layer, const List& operands, size_t count) {
  require(operands.size() == count, ErrorCode::kInvalidModel, "{} has {} operands; expected {}",
          layer.label(), operands.size(), count);
}

// Number `index` of the operands, which must be constant.
const Value& constant_at(const LayerConfig& layer, const List& operands, size_t index) {
  require(index < operands.size() && operands[index].get_if<TensorRef>() == nullptr,
          ErrorCode::kUnsupported, "{}: its operand number {} is computed; supported: a constant",
          layer.label(), index);
  return operands[index];
}

std::string type_name(const LayerConfig& layer, const std::string& type) {
  if (type == "DT_FLOAT") return "float32";
  if (type == "DT_DOUBLE") return "float64";
  if (type == "DT_HALF") return "float16";
  if (type == "DT_BOOL") return "bool";
  if (type == "DT_UINT8") return "uint8";
  if (type == "DT_INT32") return "int32";
  if (type == "DT_INT64") return "int64";
  fail(ErrorCode::kUnsupported, "{}: it casts to {}", layer.label(), type);
}

// begin, end and strides, with bits that say what else a place is.
List slice_key(const LayerConfig& layer, const NodeDefinition& node, const List& operands) {
  require_operands(layer, operands, 4);
  const List* parts[3];
  for (size_t i = 0; i < 3; ++i) {
    parts[i] = constant_at(layer, operands, i + 1).get_if<List>();
    require(parts[i] != nullptr && parts[i]->size() == parts[0]->size(), ErrorCode::kInvalidModel,
            "{}: its slices are no lists of one length", layer.label());
  }
  const auto bit = [&](std::string_view mask, size_t i) {
    return i < 63 && (node.integer(mask) >> i & 1) != 0;
  };
  List key;
  for (size_t i = 0; i < parts[0]->size(); ++i) {
    const auto begin = (*parts[0])[i].integer(), end = (*parts[1])[i].integer(),
               step = (*parts[2])[i].integer();
    if (bit("ellipsis_mask", i)) {
      key.emplace_back(EllipsisLiteral());
    } else if (bit("new_axis_mask", i)) {
      key.emplace_back();
    } else if (bit("shrink_axis_mask", i)) {
      require(begin.has_value(), ErrorCode::kInvalidModel, "{}: a subscript is no integer",
              layer.label());
      key.emplace_back(*begin);
    } else {
      key.emplace_back(SliceLiteral{bit("begin_mask", i) ? std::nullopt : begin,
                                    bit("end_mask", i) ? std::nullopt : end, step});
    }
  }
  return key;
}

CallConfig converted(const NodeKind& kind, const LayerConfig& layer, const NodeDefinition& node,
                     List operands) {
  CallConfig call;
  switch (kind.operands) {
    case Operands::kAll:
      call.args = std::move(operands);
      break;
    case Operands::kList:
      call.kwargs.set("axis", constant_at(layer, operands, operands.size() - 1));
      operands.pop_back();
      call.args.emplace_back(std::move(operands));
      break;
    case Operands::kReduction:
      require_operands(layer, operands, 2);
      call.kwargs.set("axis", constant_at(layer, operands, 1));
      call.kwargs.set("keepdims", Value(node.flag("keep_dims")));
      call.args.push_back(operands[0]);
      break;
    case Operands::kSetting:
      require_operands(layer, operands, 2);
      call.kwargs.set(std::string(kind.key), constant_at(layer, operands, 1));
      call.args.push_back(operands[0]);
      break;
    case Operands::kCast:
      call.kwargs.set("dtype", Value(type_name(layer, node.type("DstT"))));
      call.args = std::move(operands);
      break;
    case Operands::kMatmul:
      call.kwargs.set("transpose_a", Value(node.flag("transpose_a") || node.flag("adj_x")));
      call.kwargs.set("transpose_b", Value(node.flag("transpose_b") || node.flag("adj_y")));
      call.args = std::move(operands);
      break;
    case Operands::kSlice:
      call.args = {operands.empty() ? Value() : operands[0],
                   Value(slice_key(layer, node, operands))};
      break;
    case Operands::kSqueeze:
      if (List axes = node.integers("squeeze_dims"); !axes.empty()) {
        call.kwargs.set("axis", Value(std::move(axes)));
      }
      call.args = std::move(operands);
      break;
    case Operands::kStack:
      call.kwargs.set("axis", Value(node.integer("axis")));
      call.args.emplace_back(std::move(operands));
      break;
  }
  return call;
}

}  // namespace

void convert_tensorflow_node(LayerConfig& layer) {
  const NodeDefinition node(layer);
  const std::string op = node.op();
  const auto* kind = std::find_if(std::begin(kNodes), std::end(kNodes),
                                  [&](const NodeKind& entry) { return entry.op == op; });
  require(kind != std::end(kNodes), ErrorCode::kUnsupported,
          "{} is a node \"{}\" of TensorFlow's graph, which has no equal in Hornet", layer.label(),
          op);
  for (CallConfig& call : layer.calls) {
    call = converted(*kind, layer, node, operands_of(layer, call));
  }
  Dict config;
  config.set("name", Value(layer.name));
  layer.class_name = kind->class_name;
  layer.is_operation = true;
  layer.config = std::move(config);
}

}  // namespace hornet::keras
