#include "layers/operations/operation.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "graph/dims.h"
#include "graph/ops/linear_algebra.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

// The argument as a value, where no tensor is in it.
std::optional<keras::Value> constant_of(const Argument& argument) {
  if (const keras::Value* value = argument.constant()) return *value;
  if (const auto* list = argument.list()) {
    keras::List values;
    for (const Argument& item : *list) {
      auto value = constant_of(item);
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
    }
    return keras::Value(std::move(values));
  }
  return std::nullopt;
}

keras::Dict merge(const keras::Dict& config, const CallArguments& call) {
  keras::Dict merged = config;
  for (const auto& [key, argument] : call.kwargs) {
    auto value = constant_of(argument);
    if (value && !value->is_null()) merged.set(key, std::move(*value));
  }
  return merged;
}

// The leaves of nested lists of numbers, and the lengths of the lists.
struct Nested {
  Shape shape;
  std::vector<const keras::Value*> leaves;
};

void collect(const keras::Value& value, size_t depth, Nested& nested, bool& regular) {
  const auto* list = value.get_if<keras::List>();
  if (list == nullptr) {
    regular = regular && depth == nested.shape.size();
    nested.leaves.push_back(&value);
    return;
  }
  if (depth == nested.shape.size() && nested.leaves.empty()) {
    nested.shape.push_back(static_cast<int64_t>(list->size()));
  }
  regular = regular && depth < nested.shape.size() &&
            nested.shape[depth] == static_cast<int64_t>(list->size());
  if (!regular) return;
  for (const keras::Value& item : *list) collect(item, depth + 1, nested, regular);
}

// Python's kinds of numbers, in the order in which they take in each other.
enum class NumberKind { kBool, kInteger, kFloat };

std::optional<NumberKind> kind_of(const keras::Value& value) {
  if (value.get_if<bool>() != nullptr) return NumberKind::kBool;
  if (value.get_if<int64_t>() != nullptr) return NumberKind::kInteger;
  if (value.get_if<double>() != nullptr) return NumberKind::kFloat;
  return std::nullopt;
}

int64_t integer_of(const keras::Value& value) {
  if (const bool* flag = value.get_if<bool>()) return *flag ? 1 : 0;
  return *value.get_if<int64_t>();
}

double number_of(const keras::Value& value) {
  if (const double* number = value.get_if<double>()) return *number;
  return static_cast<double>(integer_of(value));
}

// A constant tensor of numbers; nothing for anything else.
std::optional<Tensor> tensor_of(const keras::Value& value) {
  Nested nested;
  bool regular = true;
  collect(value, 0, nested, regular);
  if (!regular) return std::nullopt;
  NumberKind kind = nested.leaves.empty() ? NumberKind::kFloat : NumberKind::kBool;
  for (const keras::Value* leaf : nested.leaves) {
    const auto leaf_kind = kind_of(*leaf);
    if (!leaf_kind) return std::nullopt;
    kind = std::max(kind, *leaf_kind);
  }
  const auto count = static_cast<int64_t>(nested.leaves.size());
  if (kind == NumberKind::kFloat) {
    std::vector<double> numbers;
    for (const keras::Value* leaf : nested.leaves) numbers.push_back(number_of(*leaf));
    Tensor tensor(DType::kFloat32, nested.shape);
    convert_elements(DType::kFloat64, numbers.data(), DType::kFloat32, tensor.mutable_data(),
                     count);
    return tensor;
  }
  std::vector<int64_t> integers;
  bool fits = true;
  for (const keras::Value* leaf : nested.leaves) {
    integers.push_back(integer_of(*leaf));
    fits = fits && integers.back() >= std::numeric_limits<int32_t>::min() &&
           integers.back() <= std::numeric_limits<int32_t>::max();
  }
  const DType dtype = kind == NumberKind::kBool ? DType::kBool
                      : fits                    ? DType::kInt32
                                                : DType::kInt64;
  Tensor tensor(dtype, nested.shape);
  convert_elements(DType::kInt64, integers.data(), dtype, tensor.mutable_data(), count);
  return tensor;
}

// The type of a weak operand beside one of type `other`.
DType weak_type(DType weak, DType other) {
  if (is_floating(weak)) return is_floating(other) ? other : DType::kFloat32;
  if (is_integer(weak)) return is_bool(other) ? weak : other;
  return other;
}

}  // namespace

Operation::Operation(LayerContext& layer, const CallArguments& call)
    : layer_(layer),
      call_(call),
      merged_(merge(layer.config().config, call)),
      attributes_(merged_, layer.label()) {}

Operand Operation::to_operand(const keras::Value& value) const {
  if (const Tensor* given = value.get_if<Tensor>()) {
    if (given->dtype() != DType::kFloat64) return {build().constant(*given), false};
    Tensor tensor(DType::kFloat32, given->shape());
    convert_elements(given->dtype(), given->data(), DType::kFloat32, tensor.mutable_data(),
                     given->num_elements());
    return {build().constant(std::move(tensor)), false};
  }
  auto tensor = tensor_of(value);
  if (!tensor) {
    fail_invalid(fmt::format("an argument is {}; expected a tensor or numbers", value.to_string()));
  }
  return {build().constant(std::move(*tensor)), kind_of(value).has_value()};
}

Operand Operation::to_operand(const Argument& argument) const {
  if (const Symbol* symbol = argument.symbol()) return {symbol->value, false};
  if (const auto value = constant_of(argument)) return to_operand(*value);
  const auto* list = argument.list();
  if (list == nullptr || list->empty()) {
    fail_invalid("an argument is an object; expected a tensor or numbers");
  }
  // A list of tensors stands for their stack.
  std::vector<Operand> items;
  for (const Argument& item : *list) items.push_back(to_operand(item));
  const DType common = common_type(items);
  std::vector<ValueId> values;
  for (const Operand& item : items) values.push_back(as(item, common));
  return {stack(build(), values, 0), false};
}

Operand Operation::operand(size_t index, std::string_view name) const {
  if (const Argument* argument = call_.find(index, name)) return to_operand(*argument);
  if (const keras::Value* value = attributes_.find(name)) return to_operand(*value);
  fail_invalid(fmt::format("it is called without {}", name));
}

ValueId Operation::optional_value(size_t index, std::string_view name) const {
  const bool given = has(index, name) || attributes_.has(name);
  return given ? value(index, name) : kNoValue;
}

std::vector<Operand> Operation::operands(size_t index, std::string_view name) const {
  const Argument* argument = call_.find(index, name);
  if (argument == nullptr) fail_invalid(fmt::format("it is called without {}", name));
  std::vector<Operand> result;
  if (const auto* list = argument->list()) {
    for (const Argument& item : *list) result.push_back(to_operand(item));
  } else {
    result.push_back(to_operand(*argument));
  }
  if (result.empty()) fail_invalid(fmt::format("{} is empty", name));
  return result;
}

std::optional<keras::Value> Operation::constant(size_t index, std::string_view name) const {
  if (const Argument* argument = call_.find(index, name)) return constant_of(*argument);
  const keras::Value* value = attributes_.find(name);
  return value == nullptr ? keras::Value() : *value;
}

std::optional<std::vector<int64_t>> Operation::constant_integers(size_t index,
                                                                 std::string_view name) const {
  const auto given = constant(index, name);
  if (!given || given->is_null()) return std::nullopt;
  const Tensor* array = given->get_if<Tensor>();
  const auto tensor = array != nullptr ? std::optional(*array) : tensor_of(*given);
  if (!tensor || is_floating(tensor->dtype()) || tensor->shape().size() > 1) {
    fail_invalid(fmt::format("{} is {}; expected integers", name, given->to_string()));
  }
  std::vector<int64_t> result(static_cast<size_t>(tensor->num_elements()));
  convert_elements(tensor->dtype(), tensor->data(), DType::kInt64, result.data(),
                   tensor->num_elements());
  return result;
}

DType Operation::common_type(const std::vector<Operand>& operands) const {
  HORNET_CHECK(!operands.empty());
  std::optional<DType> strong, weak;
  for (const Operand& operand : operands) {
    const DType dtype = build().type(operand.value).dtype;
    std::optional<DType>& common = operand.weak ? weak : strong;
    common = common ? promote(*common, dtype) : dtype;
  }
  if (!strong) return *weak;
  return weak ? promote(*strong, weak_type(*weak, *strong)) : *strong;
}

std::pair<ValueId, ValueId> Operation::in_common_type(const Operand& x, const Operand& y) const {
  const DType common = common_type({x, y});
  return {as(x, common), as(y, common)};
}

std::vector<int64_t> Operation::axes_in_order(std::string_view key, int64_t rank) const {
  if (!attributes_.has(key)) return {};
  std::vector<int64_t> axes = attributes_.integers(key);
  for (int64_t& axis : axes) axis = build().axis(axis, rank);
  return axes;
}

std::vector<int64_t> Operation::axes(std::string_view key, int64_t rank) const {
  std::vector<int64_t> axes = axes_in_order(key, rank);
  if (!attributes_.has(key)) {
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

DType Operation::dtype(DType absent) const {
  if (!attributes_.has("dtype")) return absent;
  const std::string name = attributes_.text("dtype");
  if (name == "int") return DType::kInt32;
  return name == "float" ? DType::kFloat32 : dtype_from_string(name);
}

bool Operation::channels_first() const {
  return attributes_.choice("data_format", "channels_last", {"channels_last", "channels_first"}) ==
         "channels_first";
}

DType accumulated_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kInt8:
    case DType::kInt16:
      return DType::kInt32;
    case DType::kUInt8:
    case DType::kUInt16:
      return DType::kUInt32;
    default:
      return dtype;
  }
}

ValueId truth(const Builder& b, ValueId x) {
  const DType dtype = b.type(x).dtype;
  return is_bool(dtype) ? x : b.binary(BinaryKind::not_equal, x, b.scalar(0, dtype));
}

ValueId add(const Builder& b, ValueId x, ValueId y) { return b.binary(BinaryKind::add, x, y); }
ValueId subtract(const Builder& b, ValueId x, ValueId y) {
  return b.binary(BinaryKind::subtract, x, y);
}
ValueId multiply(const Builder& b, ValueId x, ValueId y) {
  return b.binary(BinaryKind::multiply, x, y);
}
ValueId divide(const Builder& b, ValueId x, ValueId y) {
  return b.binary(BinaryKind::divide, x, y);
}

ValueId number(const Builder& b, double value, ValueId like) {
  const DType dtype = b.type(like).dtype;
  return b.cast(b.scalar(value, dtype), dtype);
}

ValueId mean(const Builder& b, ValueId x, const std::vector<int64_t>& axes, bool keepdims) {
  return b.reduce(graph::ReduceKind::mean, b.as_float(x), axes, keepdims);
}

ValueId variance(const Builder& b, ValueId x, const std::vector<int64_t>& axes, bool keepdims) {
  const ValueId floats = b.as_float(x);
  const ValueId centre = mean(b, floats, axes, true);
  return mean(b, b.binary(BinaryKind::squared_difference, floats, centre), axes, keepdims);
}

ValueId flatten_all(const Builder& b, ValueId x) {
  if (b.rank(x) == 1) return x;
  const int64_t count = graph::product(b.shape(x), 0, b.shape(x).size());
  if (count != kUnknownDim) return b.reshape(x, {TargetDim::fixed(count)});
  return b.reshape(x, {TargetDim::inferred()});
}

ValueId join_dims(const Builder& b, ValueId x, int64_t first) {
  std::vector<TargetDim> target;
  for (int64_t i = 0; i < b.rank(x); ++i) {
    if (i == first + 1) continue;
    const auto at = static_cast<size_t>(i);
    if (i != first) {
      target.push_back(TargetDim::copied(i));
      continue;
    }
    const int64_t joined = graph::product(b.shape(x), at, at + 2);
    target.push_back(joined == kUnknownDim ? TargetDim::inferred() : TargetDim::fixed(joined));
  }
  return b.reshape(x, std::move(target));
}

ValueId reshape_like(const Builder& b, ValueId x, ValueId like) {
  std::vector<TargetDim> target;
  for (int64_t i = 0; i < b.rank(like); ++i) target.push_back(TargetDim::copied(i, 1));
  return b.reshape(x, std::move(target), like);
}

ValueId broadcast_like(const Builder& b, ValueId x, ValueId like) {
  if (b.shape(x) == b.shape(like) && is_known(b.shape(x))) return x;
  return b.op<graph::BroadcastTo>({x, like}, b.shape(like));
}

ValueId full_like(const Builder& b, ValueId value, ValueId like) {
  return b.op<graph::BroadcastTo>({value, like}, b.shape(like));
}

ValueId swap_axes(const Builder& b, ValueId x, int64_t first, int64_t second) {
  if (first == second) return x;
  std::vector<int64_t> order(static_cast<size_t>(b.rank(x)));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(first)], order[static_cast<size_t>(second)]);
  return b.transpose(x, std::move(order));
}

ValueId expand_all(const Builder& b, ValueId x, const std::vector<int64_t>& axes) {
  const int64_t rank = b.rank(x) + static_cast<int64_t>(axes.size());
  std::vector<TargetDim> target;
  int64_t next = 0;
  for (int64_t i = 0; i < rank; ++i) {
    const bool inserted = std::find(axes.begin(), axes.end(), i) != axes.end();
    target.push_back(inserted ? TargetDim::fixed(1) : TargetDim::copied(next++));
  }
  return b.reshape(x, std::move(target));
}

ValueId slice(const Builder& b, ValueId x, int64_t axis, std::optional<int64_t> start,
              std::optional<int64_t> stop, int64_t step) {
  std::vector<graph::Slice::Range> ranges(b.shape(x).size());
  ranges.at(static_cast<size_t>(axis)) = {start, stop, step};
  return b.op<graph::Slice>({x}, std::move(ranges));
}

ValueId pick(const Builder& b, ValueId x, int64_t axis, int64_t index) {
  const auto stop = index == -1 ? std::nullopt : std::optional(index + 1);
  return b.squeeze(slice(b, x, axis, index, stop), axis);
}

ValueId take(const Builder& b, ValueId x, int64_t axis, const std::vector<int64_t>& places) {
  return b.op<graph::Gather>({x, b.integers(places)}, axis);
}

ValueId stack(const Builder& b, const std::vector<ValueId>& values, int64_t axis) {
  std::vector<ValueId> expanded;
  for (const ValueId value : values) expanded.push_back(b.expand_dims(value, axis));
  return expanded.size() == 1 ? expanded[0] : b.concat(std::move(expanded), axis);
}

// A constant matrix on the right is a contraction, whose kernels are the fast ones.
ValueId matrix_product(const Builder& b, ValueId x, ValueId y) {
  const DType common = promote(b.type(x).dtype, b.type(y).dtype);
  x = b.cast(x, common);
  y = b.cast(y, common);
  const int64_t x_rank = b.rank(x), y_rank = b.rank(y);
  if (x_rank > 1 && y_rank == 2 && is_floating(common) && b.graph().value(y).is_constant) {
    return b.op<graph::Contraction>({x, y, kNoValue});
  }
  if (x_rank == 1) x = b.expand_dims(x, 0);
  if (y_rank == 1) y = b.expand_dims(y, 1);
  ValueId result = b.matmul(x, y);
  if (y_rank == 1) result = b.squeeze(result, b.rank(result) - 1);
  if (x_rank == 1) result = b.squeeze(result, b.rank(result) - (y_rank == 1 ? 1 : 2));
  return result;
}

ValueId clamp(const Builder& b, ValueId x, double low, double high) {
  const ValueId raised = b.binary(BinaryKind::maximum, x, number(b, low, x));
  return b.binary(BinaryKind::minimum, raised, number(b, high, x));
}

ValueId saturate(const Builder& b, ValueId x, DType dtype) {
  const DType from = b.type(x).dtype;
  if (from == dtype || is_floating(dtype) || is_bool(dtype) || is_bool(from)) {
    return b.cast(x, dtype);
  }
  const bool is_signed = dtype == DType::kInt8 || dtype == DType::kInt16 ||
                         dtype == DType::kInt32 || dtype == DType::kInt64;
  const int bits = static_cast<int>(8 * size_of(dtype)) - (is_signed ? 1 : 0);
  const bool from_signed = from == DType::kInt8 || from == DType::kInt16 || from == DType::kInt32 ||
                           from == DType::kInt64;
  const int from_bits = static_cast<int>(8 * size_of(from)) - (from_signed ? 1 : 0);
  ValueId y = x;
  // The largest float32 below a power of two that float32 can hold, too.
  const auto power = [](int exponent) { return static_cast<double>(uint64_t{1} << exponent); };
  const double top = bits == 64 ? 18446744073709551616.0 : power(bits);
  if (is_floating(from)) {
    const double high = bits <= 24 ? top - 1 : top - top / 16777216.0;
    y = clamp(b, x, is_signed ? -top : 0, high);
  } else {
    if (from_signed && !is_signed) y = b.binary(BinaryKind::maximum, y, number(b, 0, y));
    if (from_signed && is_signed && bits < from_bits) {
      y = b.binary(BinaryKind::maximum, y, number(b, -top, y));
    }
    if (bits < from_bits) {
      // Exact: the bound is below 2^53 wherever the source is wider.
      y = b.binary(BinaryKind::minimum, y, number(b, top - 1, y));
    }
  }
  return b.cast(y, dtype);
}

ValueId einsum(const Builder& b, std::vector<ValueId> values, std::vector<std::string> labels,
               std::string output) {
  return b.op<graph::Einsum>(std::move(values), std::move(labels), std::move(output));
}

}  // namespace hornet::layers
