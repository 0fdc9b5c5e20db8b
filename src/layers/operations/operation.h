// What the files of keras.ops operations share: operands and their types, arguments wherever Keras
// puts them, and compositions that several operations use.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "layers/family.h"

namespace hornet::layers {

// An operand: a value of the graph. Python's scalars are weak: they take the type of the tensor
// they meet, as far as their kind allows.
struct Operand {
  ValueId value = kNoValue;
  bool weak = false;
};

// One call of an operation. Arguments of Keras's constructors are in the config, others in the
// call; attributes() finds both. Operands are numbered as the parameters of call().
class Operation {
 public:
  Operation(LayerContext& layer, const CallArguments& call);
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  const Builder& build() const { return layer_.build(); }
  // The config and the constant keyword arguments.
  const Attributes& attributes() const { return attributes_; }
  LayerContext& layer() const { return layer_; }
  const CallArguments& call() const { return call_; }
  const std::string& class_name() const { return layer_.config().class_name; }
  [[noreturn]] void fail_invalid(const std::string& message) const { layer_.fail_invalid(message); }
  [[noreturn]] void fail_unsupported(const std::string& message) const {
    layer_.fail_unsupported(message);
  }

  // Argument number `index`, called `name`. Constants become constants of the graph.
  Operand operand(size_t index, std::string_view name) const;
  ValueId value(size_t index, std::string_view name) const { return operand(index, name).value; }
  bool has(size_t index, std::string_view name) const { return call_.find(index, name) != nullptr; }
  ValueId optional_value(size_t index, std::string_view name) const;  // kNoValue where absent
  // The tensors of a list argument (concatenate, stack, einsum); a lone tensor is a list of one.
  std::vector<Operand> operands(size_t index, std::string_view name) const;
  // The argument where it is wholly constant (null where absent), found in the config, too.
  std::optional<keras::Value> constant(size_t index, std::string_view name) const;
  std::optional<std::vector<int64_t>> constant_integers(size_t index, std::string_view name) const;

  Operand to_operand(const Argument& argument) const;
  // A scalar, an array, or nested lists of numbers, as a constant. Arrays of float64 count as
  // float32: Keras makes such constants by accident, from NumPy.
  Operand to_operand(const keras::Value& value) const;

  // The type in which operands meet, and the operands in it.
  DType common_type(const std::vector<Operand>& operands) const;
  ValueId as(const Operand& operand, DType dtype) const {
    return build().cast(operand.value, dtype);
  }
  std::pair<ValueId, ValueId> in_common_type(const Operand& x, const Operand& y) const;

  // Attribute `key` as axes of an array of `rank` dimensions, ascending; all where it is null.
  std::vector<int64_t> axes(std::string_view key, int64_t rank) const;
  // The same in the order of the config; nothing where it is null.
  std::vector<int64_t> axes_in_order(std::string_view key, int64_t rank) const;
  int64_t axis(std::string_view key, int64_t absent, int64_t rank) const {
    return build().axis(attributes_.integer(key, absent), rank);
  }
  bool keepdims() const { return attributes_.boolean("keepdims", false); }
  // Attribute "dtype", or else `absent`.
  DType dtype(DType absent) const;
  bool channels_first() const;

 private:
  LayerContext& layer_;
  const CallArguments& call_;
  const keras::Dict merged_;
  const Attributes attributes_;
};

// --- types

inline bool is_bool(DType dtype) { return dtype == DType::kBool; }
// What floating functions give: integers and bool become float32.
inline DType float_type(DType dtype) { return is_floating(dtype) ? dtype : DType::kFloat32; }
// What sums and products give: bool and small integers become int32, or uint32.
DType accumulated_type(DType dtype);

// --- compositions

// True where x is not 0; x itself where it is bool.
ValueId truth(const Builder& b, ValueId x);
ValueId add(const Builder& b, ValueId x, ValueId y);
ValueId subtract(const Builder& b, ValueId x, ValueId y);
ValueId multiply(const Builder& b, ValueId x, ValueId y);
ValueId divide(const Builder& b, ValueId x, ValueId y);
// A constant of the type of `like`.
ValueId number(const Builder& b, double value, ValueId like);
// Dimensions that are not to be reduced have size 1 in the result of `keepdims`.
ValueId mean(const Builder& b, ValueId x, const std::vector<int64_t>& axes, bool keepdims);
ValueId variance(const Builder& b, ValueId x, const std::vector<int64_t>& axes, bool keepdims);
// [a, b, c] -> [a * b * c].
ValueId flatten_all(const Builder& b, ValueId x);
// Most numbers of a constant that an operation makes.
inline constexpr int64_t kMostNumbers = int64_t{1} << 26;

// Joins dimensions first, first + 1 of x into one.
ValueId join_dims(const Builder& b, ValueId x, int64_t first);
// x in the shape of `like`, of as many elements.
ValueId reshape_like(const Builder& b, ValueId x, ValueId like);
// x repeated to the shape of `like`, which may have unknown dimensions and at least its rank.
ValueId broadcast_like(const Builder& b, ValueId x, ValueId like);
// `value` in the shape of `like`.
ValueId full_like(const Builder& b, ValueId value, ValueId like);
ValueId swap_axes(const Builder& b, ValueId x, int64_t first, int64_t second);
// Dimensions of size 1 put in at the ascending places `axes` of the result.
ValueId expand_all(const Builder& b, ValueId x, const std::vector<int64_t>& axes);
// x[..., start:stop:step, ...] with Python's rules.
ValueId slice(const Builder& b, ValueId x, int64_t axis, std::optional<int64_t> start,
              std::optional<int64_t> stop, int64_t step = 1);
// x[..., index, ...], the dimension dropped.
ValueId pick(const Builder& b, ValueId x, int64_t axis, int64_t index);
// x.take(places, axis).
ValueId take(const Builder& b, ValueId x, int64_t axis, const std::vector<int64_t>& places);
ValueId stack(const Builder& b, const std::vector<ValueId>& values, int64_t axis);
// The matrix product with NumPy's rules for vectors.
ValueId matrix_product(const Builder& b, ValueId x, ValueId y);
// x in [low, high], whatever its type.
ValueId clamp(const Builder& b, ValueId x, double low, double high);
// numpy.rint or its relatives for floats, then the nearest value of an integer type.
ValueId saturate(const Builder& b, ValueId x, DType dtype);
// An einsum of one or two operands of one type.
ValueId einsum(const Builder& b, std::vector<ValueId> values, std::vector<std::string> labels,
               std::string output);

}  // namespace hornet::layers
