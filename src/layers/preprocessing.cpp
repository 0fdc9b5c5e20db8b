// Preprocessing layers that are arithmetic.
#include <algorithm>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {
namespace {

void collect_numbers(const keras::Value& value, std::vector<double>& numbers, bool& valid) {
  if (const auto* list = value.get_if<keras::List>()) {
    for (const keras::Value& item : *list) collect_numbers(item, numbers, valid);
  } else if (const auto* tensor = value.get_if<Tensor>()) {
    const size_t begin = numbers.size();
    numbers.resize(begin + static_cast<size_t>(tensor->num_elements()));
    convert_elements(tensor->dtype(), tensor->data(), DType::kFloat64, numbers.data() + begin,
                     tensor->num_elements());
  } else if (const auto number = value.number()) {
    numbers.push_back(*number);
  } else {
    valid = false;
  }
}

// The sizes of nested lists, as their first elements have them, or of an array.
Shape nested_shape(const keras::Value& value) {
  if (const auto* tensor = value.get_if<Tensor>()) return tensor->shape();
  const auto* list = value.get_if<keras::List>();
  if (list == nullptr) return {};
  Shape shape = {static_cast<int64_t>(list->size())};
  if (list->empty()) return shape;
  const Shape inner = nested_shape(list->front());
  shape.insert(shape.end(), inner.begin(), inner.end());
  return shape;
}

// The numbers of an attribute that is a number, nested lists or an array, in row-major order.
std::vector<double> flat_numbers(const LayerContext& layer, const char* key) {
  std::vector<double> numbers;
  const keras::Value* value = layer.attributes().find(key);
  bool valid = value != nullptr;
  if (valid) collect_numbers(*value, numbers, valid);
  if (!valid || numbers.empty()) layer.attributes().fail_key(key, "numbers");
  return numbers;
}

}  // namespace

Symbols rescaling(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(input_of(layer, call).value);
  const auto constant = [&](const char* key, double absent) {
    if (!layer.attributes().has(key)) return b.scalar(absent);
    const std::vector<double> values = flat_numbers(layer, key);
    if (values.size() == 1) return b.scalar(values[0]);
    const Shape shape = nested_shape(*layer.attributes().find(key));
    if (num_elements(shape) != static_cast<int64_t>(values.size())) {
      layer.attributes().fail_key(key, "a number, or lists of the same length");
    }
    return b.floats(values, shape);
  };
  const ValueId scaled = b.binary(BinaryKind::multiply, x, constant("scale", 1.0));
  return one(b.binary(BinaryKind::add, scaled, constant("offset", 0.0)));
}

// (x - mean) / max(sqrt(variance), epsilon) along `axis` (null: one mean and variance for all),
// from the file or from the config.
Symbols normalization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const ValueId x = b.as_float(input_of(layer, call).value);
  // The sizes of the kept axes in ascending order, and the shape that broadcasts over the input.
  Shape kept, broadcast(static_cast<size_t>(b.rank(x)), 1);
  std::vector<int64_t> axes;
  if (attributes.has("axis")) {
    axes = attributes.integers("axis");
    for (int64_t& axis : axes) axis = b.axis(axis, b.rank(x));
    std::sort(axes.begin(), axes.end());
    for (const int64_t axis : axes) {
      kept.push_back(b.known_dim(x, axis));
      broadcast[static_cast<size_t>(axis)] = kept.back();
    }
  }
  std::vector<graph::TargetDim> target;
  for (const int64_t dim : broadcast) target.push_back(graph::TargetDim::fixed(dim));
  ValueId mean = kNoValue, variance = kNoValue;
  if (attributes.has("mean")) {
    const auto given = [&](const char* key) {
      const std::vector<double> values = flat_numbers(layer, key);
      const ValueId constant = b.floats(values, {static_cast<int64_t>(values.size())});
      if (values.size() == 1) return b.reshape(constant, {});
      if (static_cast<int64_t>(values.size()) == num_elements(kept)) {
        return b.reshape(constant, target);
      }
      // Fewer dimensions than axes belong to the last of these.
      const Shape shape = nested_shape(*attributes.find(key));
      if (shape.size() > axes.size()) {
        attributes.fail_key(key, "no more dimensions than there are axes");
      }
      std::vector<graph::TargetDim> some(target.size(), graph::TargetDim::fixed(1));
      for (size_t i = 1; i <= shape.size(); ++i) {
        some[static_cast<size_t>(axes[axes.size() - i])] =
            graph::TargetDim::fixed(shape[shape.size() - i]);
      }
      return b.reshape(constant, some);
    };
    mean = given("mean");
    variance = given("variance");
  } else {
    mean = b.reshape(layer.weight("mean", kept, false), target);
    variance = b.reshape(layer.weight("variance", kept, false), target);
    layer.weight("count", {}, false, DType::kInt32);  // in the file, without effect here
  }
  const ValueId deviation =
      b.binary(BinaryKind::maximum, b.unary(UnaryKind::sqrt, variance), b.scalar(1e-7));
  if (attributes.boolean("invert", false)) {
    return one(b.binary(BinaryKind::add, mean, b.binary(BinaryKind::multiply, x, deviation)));
  }
  return one(b.binary(BinaryKind::divide, b.binary(BinaryKind::subtract, x, mean), deviation));
}

}  // namespace hornet::layers
