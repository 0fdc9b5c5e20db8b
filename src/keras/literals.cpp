#include "keras/literals.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace hornet::keras {
namespace {

const Value& member(const Dict& config, std::string_view key, const std::string& literal) {
  const Value* value = config.find(key);
  require(value != nullptr, ErrorCode::kInvalidModel, "a {} literal lacks \"{}\"", literal, key);
  return *value;
}

Value tensor_ref(const Dict& config) {
  const Value& history = member(config, "keras_history", "__keras_tensor__");
  const List* parts = history.get_if<List>();
  const bool sized = parts != nullptr && parts->size() == 3;
  const std::string* layer = sized ? (*parts)[0].get_if<std::string>() : nullptr;
  const auto call = sized ? (*parts)[1].integer() : std::nullopt;
  const auto output = sized ? (*parts)[2].integer() : std::nullopt;
  require(layer != nullptr && call && output, ErrorCode::kInvalidModel,
          "keras_history is {}; expected [layer name, call number, output number]",
          history.to_string());
  return Value(TensorRef{*layer, *call, *output});
}

std::optional<int64_t> slice_part(const Dict& config, std::string_view key) {
  const Value* part = config.find(key);
  if (part == nullptr || part->is_null()) return std::nullopt;
  const auto number = part->integer();
  require(number.has_value(), ErrorCode::kInvalidModel,
          "the {} of a slice is {}; expected an integer", key, part->to_string());
  return number;
}

Value slice(const Dict& config) {
  return Value(SliceLiteral{slice_part(config, "start"), slice_part(config, "stop"),
                            slice_part(config, "step")});
}

// The shape of nested lists, following the first elements.
Shape nested_shape(const Value& nested) {
  Shape shape;
  for (const Value* level = &nested; const List* list = level->get_if<List>();) {
    shape.push_back(static_cast<int64_t>(list->size()));
    if (list->empty()) break;
    level = &list->front();
  }
  return shape;
}

// Appends the leaves of nested lists that must all have `shape`.
void collect_leaves(const Value& nested, const Shape& shape, size_t axis,
                    std::vector<const Value*>& leaves) {
  const List* list = nested.get_if<List>();
  if (axis == shape.size()) {
    require(list == nullptr, ErrorCode::kInvalidModel,
            "an array literal has rows of different depth");
    leaves.push_back(&nested);
    return;
  }
  require(list != nullptr && static_cast<int64_t>(list->size()) == shape[axis],
          ErrorCode::kInvalidModel, "an array literal has rows of different length");
  for (const Value& item : *list) collect_leaves(item, shape, axis + 1, leaves);
}

int64_t integer_leaf(const Value& leaf) {
  if (const bool* flag = leaf.get_if<bool>()) return *flag ? 1 : 0;
  const auto number = leaf.integer();
  require(number.has_value(), ErrorCode::kInvalidModel, "an array literal of integers holds {}",
          leaf.to_string());
  return *number;
}

double real_leaf(const Value& leaf) {
  if (const bool* flag = leaf.get_if<bool>()) return *flag ? 1 : 0;
  const auto number = leaf.number();
  require(number.has_value(), ErrorCode::kInvalidModel, "an array literal of numbers holds {}",
          leaf.to_string());
  return *number;
}

Tensor array(const Value& nested, DType dtype) {
  const Shape shape = nested_shape(nested);
  std::vector<const Value*> leaves;
  collect_leaves(nested, shape, 0, leaves);
  const DType source_dtype = is_floating(dtype) ? DType::kFloat64 : DType::kInt64;
  Tensor source(source_dtype, shape);
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (is_floating(dtype)) {
      source.mutable_as<double>()[i] = real_leaf(*leaves[i]);
    } else {
      source.mutable_as<int64_t>()[i] = integer_leaf(*leaves[i]);
    }
  }
  if (dtype == source_dtype) return source;
  Tensor result(dtype, shape);
  convert_elements(source_dtype, source.data(), dtype, result.mutable_data(),
                   static_cast<int64_t>(leaves.size()));
  return result;
}

std::optional<DType> numeric_dtype(const std::string& name) {
  try {
    return dtype_from_string(name);
  } catch (const Error&) {
    return std::nullopt;  // strings and objects: their literal stays an object
  }
}

Value array_literal(Dict object, const std::string& literal) {
  const Dict& config = *object.find("config")->get_if<Dict>();
  const std::string* name = member(config, "dtype", literal).get_if<std::string>();
  const auto dtype = name != nullptr ? numeric_dtype(*name) : std::nullopt;
  if (!dtype) return Value(std::move(object));
  return Value(array(member(config, "value", literal), *dtype));
}

}  // namespace

Value value_of_object(Dict object) {
  const Value* class_value = object.find("class_name");
  const std::string* class_name = class_value ? class_value->get_if<std::string>() : nullptr;
  if (class_name == nullptr || !class_name->starts_with("__")) return Value(std::move(object));
  if (*class_name == "__ellipsis__") return Value(EllipsisLiteral{});  // Keras 2: without config
  const Value* config_value = object.find("config");
  const Dict* config = config_value ? config_value->get_if<Dict>() : nullptr;
  if (config == nullptr) return Value(std::move(object));
  if (*class_name == "__keras_tensor__") return tensor_ref(*config);
  if (*class_name == "__slice__") return slice(*config);
  if (*class_name == "__numpy__" || *class_name == "__tensor__") {
    const std::string literal = *class_name;
    return array_literal(std::move(object), literal);
  }
  return Value(std::move(object));
}

}  // namespace hornet::keras
