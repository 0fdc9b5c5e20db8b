// Operations that move elements: shapes, orders of dimensions, joins, cuts, repetitions.
#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "base/check.h"
#include "graph/dims.h"
#include "graph/ops/indexing.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

// Dimension `axis` as [rest, inner].
ValueId split_dim(const Builder& b, ValueId x, int64_t axis, int64_t inner) {
  std::vector<TargetDim> target;
  for (int64_t i = 0; i < b.rank(x); ++i) {
    if (i != axis) {
      target.push_back(TargetDim::copied(i));
      continue;
    }
    const int64_t size = b.shape(x)[static_cast<size_t>(i)];
    target.push_back(size == kUnknownDim ? TargetDim::inferred() : TargetDim::fixed(size / inner));
    target.push_back(TargetDim::fixed(inner));
  }
  return b.reshape(x, std::move(target));
}

ValueId flip(const Builder& b, ValueId x, int64_t axis) {
  return slice(b, x, axis, std::nullopt, std::nullopt, -1);
}

// x `count` times one behind the other along `axis`.
ValueId tile(const Builder& b, ValueId x, int64_t axis, int64_t count) {
  if (count == 1) return x;
  const ValueId expanded = b.expand_dims(x, axis);
  Shape target = b.shape(expanded);
  target[static_cast<size_t>(axis)] = count;
  return join_dims(b, b.op<graph::BroadcastTo>({expanded}, target), axis);
}

// Each element of `axis` `count` times.
ValueId repeat(const Builder& b, ValueId x, int64_t axis, int64_t count) {
  if (count == 1) return x;
  const ValueId expanded = b.expand_dims(x, axis + 1);
  Shape target = b.shape(expanded);
  target[static_cast<size_t>(axis) + 1] = count;
  return join_dims(b, b.op<graph::BroadcastTo>({expanded}, target), axis);
}

// A vector as the diagonal `k` of a square matrix of zeros.
ValueId diagonal_matrix(const Builder& b, ValueId x, int64_t k) {
  const ValueId places = b.op<graph::Positions>({x}, int64_t{0});
  const ValueId on_diagonal =
      b.binary(BinaryKind::equal, b.expand_dims(places, 1), b.expand_dims(places, 0));
  const ValueId square = b.select(on_diagonal, b.expand_dims(x, 1), number(b, 0, x));
  if (k == 0) return square;
  auto pad = std::make_shared<graph::Pad>();
  pad->before = {std::max<int64_t>(-k, 0), std::max<int64_t>(k, 0)};
  pad->after = {std::max<int64_t>(k, 0), std::max<int64_t>(-k, 0)};
  return b.add1(pad, {square});
}

// Those elements of the matrices in x that lie on or below (or above) diagonal k.
ValueId triangle(const Operation& op, bool lower) {
  const Builder& b = op.build();
  const ValueId x = op.value(0, "x");
  const int64_t rank = b.rank(x);
  if (rank < 2) op.fail_invalid("its input has fewer than 2 dimensions");
  const ValueId rows = b.expand_dims(b.op<graph::Positions>({x}, rank - 2), 1);
  const ValueId columns = b.op<graph::Positions>({x}, rank - 1);
  const ValueId distance = subtract(b, columns, rows);
  const ValueId k = number(b, static_cast<double>(op.attributes().integer("k", 0)), distance);
  const ValueId kept =
      b.binary(lower ? BinaryKind::less_equal : BinaryKind::greater_equal, distance, k);
  return b.select(kept, x, number(b, 0, x));
}

Symbols split_at(const Builder& b, ValueId x, int64_t axis, const std::vector<int64_t>& cuts) {
  Symbols parts;
  std::optional<int64_t> from;
  for (const int64_t cut : cuts) {
    parts.push_back({slice(b, x, axis, from, cut), kNoValue});
    from = cut;
  }
  parts.push_back({slice(b, x, axis, from, std::nullopt), kNoValue});
  return parts;
}

// Each part is an operator of its own; most would be empty.
constexpr int64_t kMostParts = 10'000;

Symbols split(const Operation& op, ValueId x, int64_t axis, bool uneven) {
  const Builder& b = op.build();
  const keras::Value* given = op.attributes().find("indices_or_sections");
  if (given == nullptr || given->get_if<int64_t>() == nullptr) {
    const auto cuts = op.constant_integers(1, "indices_or_sections");
    if (!cuts) op.fail_invalid("indices_or_sections is missing");
    return split_at(b, x, axis, *cuts);
  }
  const int64_t sections = *given->get_if<int64_t>();
  const int64_t size = b.known_dim(x, axis);
  if (sections <= 0 || (!uneven && size % sections != 0)) {
    op.attributes().fail_key("indices_or_sections", fmt::format("a divisor of {}", size));
  }
  if (sections > kMostParts) {
    op.attributes().fail_key("indices_or_sections", fmt::format("at most {} parts", kMostParts));
  }
  std::vector<int64_t> cuts;
  int64_t at = 0;
  for (int64_t i = 0; i + 1 < sections; ++i) {
    at += size / sections + (i < size % sections ? 1 : 0);
    cuts.push_back(at);
  }
  return split_at(b, x, axis, cuts);
}

// The operands of a join, in their common type.
std::vector<ValueId> joined_operands(const Operation& op, std::string_view name) {
  const std::vector<Operand> operands = op.operands(0, name);
  const DType common = op.common_type(operands);
  std::vector<ValueId> values;
  for (const Operand& operand : operands) values.push_back(op.as(operand, common));
  return values;
}

ValueId with_rank(const Builder& b, ValueId x, int64_t rank, bool behind) {
  while (b.rank(x) < rank) x = b.expand_dims(x, behind ? b.rank(x) : 0);
  return x;
}

// One entry of x[...].
struct Subscript {
  enum class Kind { kIndex, kSlice, kNewAxis, kEllipsis, kArray };
  Kind kind;
  int64_t index = 0;
  keras::SliceLiteral slice;
  const Argument* array = nullptr;
};

Subscript subscript_of(const Operation& op, const Argument& argument) {
  using Kind = Subscript::Kind;
  if (argument.symbol() != nullptr || argument.list() != nullptr) {
    return {Kind::kArray, 0, {}, &argument};
  }
  const keras::Value* value = argument.constant();
  if (value == nullptr) op.fail_invalid("a subscript is an object");
  if (value->is_null()) return {Kind::kNewAxis, 0, {}, nullptr};
  if (value->get_if<keras::EllipsisLiteral>() != nullptr) return {Kind::kEllipsis, 0, {}, nullptr};
  if (const auto* range = value->get_if<keras::SliceLiteral>()) {
    return {Kind::kSlice, 0, *range, nullptr};
  }
  if (value->get_if<bool>() != nullptr) op.fail_unsupported("a subscript is a mask");
  if (value->get_if<Tensor>() != nullptr) return {Kind::kArray, 0, {}, &argument};
  const auto index = value->integer();
  if (!index) op.fail_invalid(fmt::format("a subscript is {}", value->to_string()));
  return {Kind::kIndex, *index, {}, nullptr};
}

// An array of indices; of a constant mask over one dimension, the places where it is true.
ValueId places_of(const Operation& op, const Argument& argument) {
  const Builder& b = op.build();
  const ValueId places = op.to_operand(argument).value;
  const DType dtype = b.type(places).dtype;
  if (is_integer(dtype)) return places;
  const std::optional<graph::Constant>& mask = b.graph().value(places).data;
  if (!is_bool(dtype) || !mask || mask->shape().size() != 1) {
    op.fail_unsupported("a subscript is a mask; supported: constant ones over one dimension");
  }
  std::vector<int64_t> flags(static_cast<size_t>(mask->num_elements())), shown;
  convert_elements(mask->dtype(), mask->data(), DType::kInt64, flags.data(), mask->num_elements());
  for (size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] != 0) shown.push_back(static_cast<int64_t>(i));
  }
  return b.integers(shown);
}

// x[..., arrays, ...] for arrays of the dimensions from `axis` on: these become those of the
// arrays, which broadcast.
ValueId take_at(const Operation& op, ValueId x, int64_t axis, const std::vector<ValueId>& arrays) {
  const Builder& b = op.build();
  if (arrays.size() == 1) return b.op<graph::Gather>({x, arrays[0]}, axis);
  ValueId places = kNoValue;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const int64_t size = b.known_dim(x, axis + static_cast<int64_t>(i));
    ValueId indices = b.cast(arrays[i], DType::kInt64);
    // Negative indices count from the end.
    const ValueId sizes = number(b, static_cast<double>(size), indices);
    indices = b.binary(BinaryKind::mod, indices, sizes);
    places = places == kNoValue ? indices : add(b, multiply(b, places, sizes), indices);
  }
  for (size_t i = 1; i < arrays.size(); ++i) x = join_dims(b, x, axis);
  return b.op<graph::Gather>({x, places}, axis);
}

// One side of a pattern "b (h p) c": each dimension as the axes that it is made of.
std::vector<std::vector<std::string>> pattern_axes(const Operation& op, std::string_view side) {
  std::vector<std::vector<std::string>> axes;
  std::string name;
  bool in_group = false;
  const auto finish_name = [&] {
    if (name.empty()) return;
    if (!in_group) axes.emplace_back();
    axes.back().push_back(std::exchange(name, ""));
  };
  for (const char c : side) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      name += c;
      continue;
    }
    finish_name();
    if (c == ' ') continue;
    if ((c != '(' && c != ')') || in_group == (c == '(')) {
      op.fail_invalid(fmt::format("a pattern of it has a \"{}\" out of place", c));
    }
    in_group = c == '(';
    if (in_group) axes.emplace_back();
    if (!in_group && axes.back().empty()) op.fail_invalid("a pattern of it has an empty group");
  }
  finish_name();
  if (in_group) op.fail_invalid("a pattern of it has a group without end");
  return axes;
}

std::vector<std::string> joined(const std::vector<std::vector<std::string>>& axes) {
  std::vector<std::string> names;
  for (const auto& group : axes) names.insert(names.end(), group.begin(), group.end());
  return names;
}

// The sizes of the axes `names` that a dimension of `size` elements is made of: those of the call,
// and what is left for one.
std::vector<TargetDim> split_sizes(const Operation& op, const std::vector<std::string>& names,
                                   int64_t size) {
  graph::Size product = 1;
  std::vector<std::optional<int64_t>> lengths;
  for (const std::string& name : names) {
    const Argument* given = op.call().find(name);
    const keras::Value* value = given == nullptr ? nullptr : given->constant();
    lengths.push_back(value == nullptr ? std::nullopt : value->integer());
    if (lengths.back()) product = product * *lengths.back();
  }
  const auto num_open = std::count(lengths.begin(), lengths.end(), std::nullopt);
  const int64_t known = product.value();
  if (num_open > 1 || known <= 0 || (size != kUnknownDim && size % known != 0) ||
      (size != kUnknownDim && num_open == 0 && size != known)) {
    op.fail_invalid(
        fmt::format("a dimension of {} elements is no ({})", size, fmt::join(names, " ")));
  }
  std::vector<TargetDim> target;
  for (const auto& length : lengths) {
    target.push_back(length                ? TargetDim::fixed(*length)
                     : size == kUnknownDim ? TargetDim::inferred()
                                           : TargetDim::fixed(size / known));
  }
  return target;
}

}  // namespace

// --- shape

Symbols op_reshape(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const ValueId x = op.value(0, "x");
  const char* key = op.attributes().has("newshape") ? "newshape" : "shape";
  const keras::Value* given = op.attributes().find(key);
  if (given == nullptr) op.fail_invalid("newshape is missing");
  const auto* list = given->get_if<keras::List>();
  std::vector<TargetDim> target;
  int inferred = 0;
  for (const keras::Value& item : list == nullptr ? keras::List{*given} : *list) {
    const auto size = item.is_null() ? -1 : item.integer();
    if (!size || *size < -1) op.attributes().fail_key(key, "sizes of 0 or more, or one -1");
    target.push_back(*size == -1 ? TargetDim::inferred() : TargetDim::fixed(*size));
    inferred += *size == -1 ? 1 : 0;
  }
  if (inferred > 1) op.attributes().fail_key(key, "at most one -1");
  return one(layer.build().reshape(x, std::move(target)));
}

Symbols op_ravel(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  return one(b.rank(x) == 0 ? b.expand_dims(x, 0) : flatten_all(b, x));
}

Symbols op_expand_dims(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  std::vector<int64_t> axes = op.attributes().integers("axis");
  if (axes.size() > graph::kMostDimensions) {
    op.attributes().fail_key("axis", fmt::format("at most {} dimensions", graph::kMostDimensions));
  }
  const int64_t rank = b.rank(x) + static_cast<int64_t>(axes.size());
  for (int64_t& axis : axes) axis = b.axis(axis, rank);
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) {
    op.attributes().fail_key("axis", "each dimension once");
  }
  return one(expand_all(b, x, axes));
}

Symbols op_squeeze(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  std::vector<int64_t> axes;
  if (op.attributes().has("axis")) {
    axes = op.axes("axis", b.rank(x));
  } else {
    for (int64_t i = 0; i < b.rank(x); ++i) {
      if (b.shape(x)[static_cast<size_t>(i)] == 1) axes.push_back(i);
    }
  }
  for (size_t i = axes.size(); i-- > 0;) x = b.squeeze(x, axes[i]);
  return one(x);
}

Symbols op_transpose(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  std::vector<int64_t> order = op.axes_in_order("axes", b.rank(x));
  if (!op.attributes().has("axes")) {
    order.resize(static_cast<size_t>(b.rank(x)));
    std::iota(order.rbegin(), order.rend(), 0);
  }
  return one(b.transpose(x, std::move(order)));
}

Symbols op_swapaxes(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const Attributes& attributes = op.attributes();
  return one(swap_axes(b, x, b.axis(attributes.integer("axis1"), b.rank(x)),
                       b.axis(attributes.integer("axis2"), b.rank(x))));
}

Symbols op_moveaxis(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const int64_t rank = b.rank(x);
  const std::vector<int64_t> sources = op.axes_in_order("source", rank);
  const std::vector<int64_t> destinations = op.axes_in_order("destination", rank);
  if (sources.size() != destinations.size()) {
    op.attributes().fail_key("destination", fmt::format("{} axes", sources.size()));
  }
  std::vector<int64_t> order(static_cast<size_t>(rank), -1), rest;
  for (size_t i = 0; i < sources.size(); ++i) {
    order[static_cast<size_t>(destinations[i])] = sources[i];
  }
  for (int64_t i = 0; i < rank; ++i) {
    if (std::find(sources.begin(), sources.end(), i) == sources.end()) rest.push_back(i);
  }
  if (static_cast<int64_t>(rest.size() + sources.size()) != rank ||
      std::count(order.begin(), order.end(), -1) != static_cast<std::ptrdiff_t>(rest.size())) {
    op.attributes().fail_key("source", "each dimension once");
  }
  auto next = rest.begin();
  for (int64_t& axis : order) {
    if (axis < 0) axis = *next++;
  }
  return one(b.transpose(x, std::move(order)));
}

Symbols op_broadcast_to(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const keras::Value* given = op.attributes().find("shape");
  const auto* list = given == nullptr ? nullptr : given->get_if<keras::List>();
  Shape shape;
  for (const keras::Value& item : list == nullptr ? keras::List{} : *list) {
    const auto size = item.is_null() ? -1 : item.integer();
    if (!size || *size < -1) op.attributes().fail_key("shape", "sizes");
    shape.push_back(*size);
  }
  if (list == nullptr) shape = op.attributes().integers("shape");
  const ValueId x = op.value(0, "x");
  if (b.rank(x) > static_cast<int64_t>(shape.size())) {
    op.attributes().fail_key("shape", fmt::format("at least {} dimensions", b.rank(x)));
  }
  return one(b.op<graph::BroadcastTo>({x}, std::move(shape)));
}

Symbols op_size(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  if (op.class_name() == "Ndim") {
    return one(b.scalar(static_cast<double>(b.rank(x)), DType::kInt32));
  }
  std::vector<int64_t> axes(static_cast<size_t>(b.rank(x)));
  std::iota(axes.begin(), axes.end(), 0);
  const ValueId ones = full_like(b, b.scalar(1, DType::kInt32), x);
  return one(b.reduce(graph::ReduceKind::sum, ones, axes, false));
}

// "b (h p) c -> b h (p c)", h=2: dimensions are split, moved and joined.
Symbols op_rearrange(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "tensor");
  const auto pattern = op.constant(1, "pattern");
  const std::string* text = pattern ? pattern->get_if<std::string>() : nullptr;
  const size_t arrow = text == nullptr ? std::string::npos : text->find("->");
  if (arrow == std::string::npos) op.fail_invalid("it is called without a pattern");
  const auto from = pattern_axes(op, text->substr(0, arrow));
  const auto to = pattern_axes(op, text->substr(arrow + 2));
  const std::vector<std::string> names = joined(from), moved = joined(to);
  if (from.size() != b.shape(x).size() ||
      !std::is_permutation(names.begin(), names.end(), moved.begin(), moved.end()) ||
      std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    op.fail_invalid(
        fmt::format("its pattern \"{}\" does not fit {}", *text, to_string(b.shape(x))));
  }
  std::vector<TargetDim> target;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i].size() == 1) {
      target.push_back(TargetDim::copied(static_cast<int64_t>(i)));
      continue;
    }
    const std::vector<TargetDim> sizes = split_sizes(op, from[i], b.shape(x)[i]);
    target.insert(target.end(), sizes.begin(), sizes.end());
  }
  x = b.reshape(x, std::move(target));
  std::vector<int64_t> order;
  for (const std::string& name : moved) {
    order.push_back(std::find(names.begin(), names.end(), name) - names.begin());
  }
  x = b.transpose(x, std::move(order));
  for (size_t i = 0; i < to.size(); ++i) {
    for (size_t k = 1; k < to[i].size(); ++k) x = join_dims(b, x, static_cast<int64_t>(i));
  }
  return one(x);
}

// --- joins and cuts

Symbols op_concatenate(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  std::vector<ValueId> values = joined_operands(op, "xs");
  const keras::Value* given = layer.config().config.find("axis");
  const bool flat = given != nullptr && given->is_null();
  if (flat) {
    for (ValueId& value : values) value = flatten_all(b, value);
  }
  const int64_t axis = flat ? 0 : op.axis("axis", 0, b.rank(values[0]));
  return one(b.concat(std::move(values), axis));
}

Symbols op_stack(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const std::vector<ValueId> values = joined_operands(op, "x");
  return one(stack(b, values, op.axis("axis", 0, b.rank(values[0]) + 1)));
}

// Hstack, Vstack, Dstack: along the second, first or third dimension, which is put in where it
// lacks.
Symbols op_stack_along(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  std::vector<ValueId> values = joined_operands(op, "xs");
  const std::string& name = op.class_name();
  const bool horizontal = name == "Hstack", deep = name == "Dstack";
  for (ValueId& value : values) {
    if (deep && b.rank(value) < 2) value = with_rank(b, value, 2, false);
    value = with_rank(b, value, deep ? 3 : horizontal ? 1 : 2, deep);
  }
  const int64_t axis = deep ? 2 : horizontal && b.rank(values[0]) > 1 ? 1 : 0;
  return one(b.concat(std::move(values), axis));
}

Symbols op_append(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  auto [x, y] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  if (!op.attributes().has("axis")) return one(b.concat({flatten_all(b, x), flatten_all(b, y)}, 0));
  return one(b.concat({x, y}, op.axis("axis", 0, b.rank(x))));
}

Symbols op_split(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const std::string& name = op.class_name();
  int64_t axis = 0;
  if (name == "Hsplit") {
    axis = b.rank(x) > 1 ? 1 : 0;
  } else if (name == "Dsplit") {
    axis = b.axis(2, b.rank(x));
  } else if (name != "Vsplit") {
    axis = op.axis("axis", 0, b.rank(x));
  }
  return split(op, x, axis, name == "ArraySplit");
}

Symbols op_unstack(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const int64_t axis = op.axis("axis", 0, b.rank(x));
  const int64_t size = b.shape(x)[static_cast<size_t>(axis)];
  const int64_t count =
      op.attributes().has("num") ? op.attributes().integer("num") : b.known_dim(x, axis);
  if ((size != kUnknownDim && count != size) || count > kMostParts) {
    op.attributes().fail_key("num", fmt::format("{}, and at most {} parts", size, kMostParts));
  }
  Symbols parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back({pick(b, x, axis, i), kNoValue});
  return parts;
}

// x[key]
Symbols op_getitem(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  const Argument* key = nullptr;
  if (call.args.size() > 1) key = &call.args[1];
  for (const auto& [name, argument] : call.kwargs) {
    if (name == "key") key = &argument;
  }
  if (key == nullptr) op.fail_invalid("it is called without a subscript");
  // A list in the file is a tuple in Python.
  std::vector<Subscript> subscripts;
  if (const auto* list = key->list()) {
    for (const Argument& item : *list) subscripts.push_back(subscript_of(op, item));
  } else {
    subscripts.push_back(subscript_of(op, *key));
  }
  using Kind = Subscript::Kind;
  int64_t used = 0, ellipses = 0;
  for (const Subscript& subscript : subscripts) {
    if (subscript.kind == Kind::kEllipsis) ++ellipses;
    if (subscript.kind != Kind::kEllipsis && subscript.kind != Kind::kNewAxis) ++used;
  }
  if (ellipses > 1) op.fail_invalid("it is called with two ellipses");
  if (used > b.rank(x)) {
    op.fail_invalid(fmt::format("{} subscripts of {}", used, to_string(b.shape(x))));
  }
  const int64_t skipped = b.rank(x) - used;
  int64_t axis = 0;
  bool has_arrays = false;
  for (size_t i = 0; i < subscripts.size(); ++i) {
    const Subscript& subscript = subscripts[i];
    switch (subscript.kind) {
      case Kind::kEllipsis:
        axis += skipped;
        break;
      case Kind::kNewAxis:
        x = b.expand_dims(x, axis++);
        break;
      case Kind::kSlice:
        x = slice(b, x, axis++, subscript.slice.start, subscript.slice.stop,
                  subscript.slice.step.value_or(1));
        break;
      case Kind::kIndex: {
        const int64_t size = b.shape(x)[static_cast<size_t>(axis)];
        if (size != kUnknownDim && (subscript.index < -size || subscript.index >= size)) {
          op.fail_invalid(
              fmt::format("subscript {} of a dimension of {} elements", subscript.index, size));
        }
        x = pick(b, x, axis, subscript.index);
        break;
      }
      case Kind::kArray: {
        if (has_arrays) op.fail_unsupported("arrays of indices are not side by side");
        has_arrays = true;
        std::vector<ValueId> arrays = {places_of(op, *subscript.array)};
        while (i + 1 < subscripts.size() && subscripts[i + 1].kind == Kind::kArray) {
          arrays.push_back(places_of(op, *subscripts[++i].array));
        }
        const int64_t before = b.rank(x) - static_cast<int64_t>(arrays.size());
        x = take_at(op, x, axis, arrays);
        axis += b.rank(x) - before;
        break;
      }
    }
  }
  return one(x);
}

// core.Slice: `shape` elements from `start_indices`.
Symbols op_slice(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "inputs");
  const std::vector<int64_t> sizes = op.attributes().integers("shape");
  const auto starts = op.constant_integers(1, "start_indices");
  if (sizes.size() != b.shape(x).size() || (starts && starts->size() != sizes.size())) {
    op.fail_invalid(
        fmt::format("a slice of {} dimensions of {}", sizes.size(), to_string(b.shape(x))));
  }
  if (!starts || !is_known(b.shape(x))) {
    const ValueId computed = op.value(1, "start_indices");
    return one(b.op<graph::SliceAt>({x, computed}, sizes));
  }
  std::vector<graph::Slice::Range> ranges;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t last = b.shape(x)[i] - sizes[i];
    if (last < 0) op.attributes().fail_key("shape", "sizes no larger than the input's");
    const int64_t given = (*starts)[i] < 0 ? (*starts)[i] + b.shape(x)[i] : (*starts)[i];
    const int64_t start = std::clamp<int64_t>(given, 0, last);
    ranges.push_back({start, start + sizes[i], 1});
  }
  return one(b.op<graph::Slice>({x}, std::move(ranges)));
}

Symbols op_slice_update(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "inputs");
  const ValueId updates = b.cast(op.value(2, "updates"), b.type(x).dtype);
  return one(b.op<graph::UpdateAt>({x, op.value(1, "start_indices"), updates}));
}

// --- repetitions and turns

Symbols op_tile(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  std::vector<int64_t> counts = op.attributes().integers("repeats");
  ValueId x = with_rank(b, op.value(0, "x"), static_cast<int64_t>(counts.size()), false);
  counts.insert(counts.begin(), b.shape(x).size() - counts.size(), 1);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) op.attributes().fail_key("repeats", "numbers of 0 or more");
    x = tile(b, x, static_cast<int64_t>(i), counts[i]);
  }
  return one(x);
}

Symbols op_repeat(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  if (!op.attributes().has("axis")) x = flatten_all(b, x);
  const int64_t axis = op.axis("axis", 0, b.rank(x));
  const auto counts = op.constant_integers(1, "repeats");
  if (!counts) op.fail_unsupported("repeats is a tensor; supported: constants");
  for (const int64_t count : *counts) {
    if (count < 0) op.attributes().fail_key("repeats", "numbers of 0 or more");
  }
  if (counts->size() == 1) return one(repeat(b, x, axis, (*counts)[0]));
  std::vector<int64_t> places;
  for (size_t i = 0; i < counts->size(); ++i) {
    places.insert(places.end(), static_cast<size_t>((*counts)[i]), static_cast<int64_t>(i));
  }
  const int64_t size = b.known_dim(x, axis);
  if (size != static_cast<int64_t>(counts->size())) {
    op.attributes().fail_key("repeats", fmt::format("{} numbers", size));
  }
  return one(take(b, x, axis, places));
}

// Flip, Fliplr, Flipud.
Symbols op_flip(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  std::vector<int64_t> axes = op.axes("axis", b.rank(x));
  if (op.class_name() == "Fliplr") axes = {b.axis(1, b.rank(x))};
  if (op.class_name() == "Flipud") axes = {b.axis(0, b.rank(x))};
  for (const int64_t axis : axes) x = flip(b, x, axis);
  return one(x);
}

Symbols op_roll(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const std::vector<int64_t> shifts = op.attributes().integers("shift");
  std::vector<int64_t> axes = op.axes_in_order("axis", b.rank(x));
  if (!op.attributes().has("axis")) {
    int64_t shift = 0;
    for (const int64_t s : shifts) shift += s;
    return one(reshape_like(b, b.op<graph::Roll>({flatten_all(b, x)}, shift, int64_t{0}), x));
  }
  ValueId y = x;
  if (shifts.size() != axes.size() && shifts.size() != 1 && axes.size() != 1) {
    op.attributes().fail_key("shift", fmt::format("{} numbers", axes.size()));
  }
  for (size_t i = 0; i < std::max(axes.size(), shifts.size()); ++i) {
    y = b.op<graph::Roll>({y}, shifts.size() == 1 ? shifts[0] : shifts[i],
                          axes.size() == 1 ? axes[0] : axes[i]);
  }
  return one(y);
}

Symbols op_rot90(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "array");
  std::vector<int64_t> axes = {0, 1};
  if (op.attributes().has("axes")) axes = op.axes_in_order("axes", b.rank(x));
  if (axes.size() != 2 || b.rank(x) < 2 || axes[0] == axes[1]) {
    op.attributes().fail_key("axes", "two dimensions");
  }
  const int64_t turns = (op.attributes().integer("k", 1) % 4 + 4) % 4;
  if (turns == 2) return one(flip(b, flip(b, x, axes[0]), axes[1]));
  if (turns == 1) x = flip(b, x, axes[1]);
  if (turns != 0) x = swap_axes(b, x, axes[0], axes[1]);
  return one(turns == 3 ? flip(b, x, axes[1]) : x);
}

Symbols op_pad(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const auto rank = b.shape(x).size();
  const keras::Value* given = op.attributes().find("pad_width");
  if (given == nullptr) op.fail_invalid("pad_width is missing");
  auto pad = std::make_shared<graph::Pad>();
  const auto add_pair = [&](const keras::Value& value) {
    const auto* pair = value.get_if<keras::List>();
    const bool sized = pair != nullptr && (pair->size() == 1 || pair->size() == 2);
    const auto before = pair == nullptr ? value.integer()
                        : sized         ? pair->front().integer()
                                        : std::nullopt;
    const auto after = sized ? pair->back().integer() : before;
    if (!before || !after || *before < 0 || *after < 0) {
      op.attributes().fail_key("pad_width", "two numbers a dimension");
    }
    pad->before.push_back(*before);
    pad->after.push_back(*after);
  };
  const auto* list = given->get_if<keras::List>();
  const bool one_pair =
      list != nullptr && list->size() == 2 && (*list)[0].get_if<keras::List>() == nullptr;
  if (list == nullptr || one_pair) {
    add_pair(*given);
  } else {
    for (const keras::Value& item : *list) add_pair(item);
  }
  if (pad->before.size() == 1) {
    pad->before.resize(rank, pad->before[0]);
    pad->after.resize(rank, pad->after[0]);
  }
  if (pad->before.size() != rank) {
    op.attributes().fail_key("pad_width", fmt::format("two numbers for {} dimensions", rank));
  }
  const std::string mode = op.attributes().text("mode", "constant");
  if (mode == "reflect") {
    pad->mode = graph::PadMode::kReflect;
  } else if (mode == "symmetric") {
    pad->mode = graph::PadMode::kSymmetric;
  } else if (mode == "edge") {
    pad->mode = graph::PadMode::kEdge;
  } else if (mode == "wrap" || mode == "circular") {
    // Cells of the other end, in front and behind.
    ValueId y = x;
    for (size_t i = 0; i < rank; ++i) {
      const auto axis = static_cast<int64_t>(i);
      const int64_t size = pad->before[i] + pad->after[i] == 0 ? 0 : b.known_dim(x, axis);
      if (pad->before[i] > size || pad->after[i] > size) {
        op.attributes().fail_unsupported("pad_width", "up to the size of each dimension");
      }
      std::vector<ValueId> parts;
      if (pad->before[i] > 0) parts.push_back(slice(b, y, axis, -pad->before[i], std::nullopt));
      parts.push_back(y);
      if (pad->after[i] > 0) parts.push_back(slice(b, y, axis, 0, pad->after[i]));
      if (parts.size() > 1) y = b.concat(std::move(parts), axis);
    }
    return one(y);
  } else if (mode != "constant") {
    op.attributes().fail_unsupported("mode", "constant, reflect, symmetric, edge, wrap");
  }
  if (op.has(1, "constant_values") || op.attributes().has("constant_values")) {
    const auto value = op.constant(1, "constant_values");
    const auto fill = value ? value->number() : std::nullopt;
    const bool* flag = value ? value->get_if<bool>() : nullptr;
    if (!fill && flag == nullptr) op.fail_unsupported("constant_values is no number");
    pad->value = fill ? *fill : *flag ? 1 : 0;
  }
  return one(b.add1(pad, {x}));
}

// --- matrices

Symbols op_diagonal(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Attributes& attributes = op.attributes();
  ValueId x = op.value(0, "x");
  const int64_t axis1 = op.axis("axis1", 0, b.rank(x)), axis2 = op.axis("axis2", 1, b.rank(x));
  const bool trace = op.class_name() == "Trace";
  if (trace) x = b.cast(x, accumulated_type(b.type(x).dtype));
  const ValueId y = b.op<graph::Diagonal>({x}, attributes.integer("offset", 0), axis1, axis2);
  return one(trace ? b.reduce(graph::ReduceKind::sum, y, {-1}, false) : y);
}

// Diag, Diagflat.
Symbols op_diag(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const int64_t k = op.attributes().integer("k", 0);
  if (op.class_name() == "Diagflat") return one(diagonal_matrix(b, flatten_all(b, x), k));
  if (b.rank(x) == 1) return one(diagonal_matrix(b, x, k));
  if (b.rank(x) != 2) op.fail_invalid("its input has other than 1 or 2 dimensions");
  return one(b.op<graph::Diagonal>({x}, k, int64_t{0}, int64_t{1}));
}

Symbols op_tril(LayerContext& layer, const CallArguments& call) {
  return one(triangle(Operation(layer, call), true));
}

Symbols op_triu(LayerContext& layer, const CallArguments& call) {
  return one(triangle(Operation(layer, call), false));
}

// Powers of each element, falling unless `increasing`.
Symbols op_vander(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  if (b.rank(x) != 1) op.fail_invalid("its input has other than 1 dimension");
  const int64_t count = op.attributes().has("N") ? op.attributes().count("N") : b.known_dim(x, 0);
  std::vector<int64_t> powers(static_cast<size_t>(count));
  std::iota(powers.begin(), powers.end(), 0);
  if (!op.attributes().boolean("increasing", false)) std::reverse(powers.begin(), powers.end());
  const ValueId exponents = b.cast(b.integers(powers), b.type(x).dtype);
  return one(b.binary(BinaryKind::power, b.expand_dims(x, 1), exponents));
}

// All arrays over the grid that they span.
Symbols op_meshgrid(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  std::vector<ValueId> values;
  for (const Argument& argument : call.args) {
    ValueId x = op.to_operand(argument).value;
    values.push_back(b.rank(x) == 0 ? b.expand_dims(x, 0) : flatten_all(b, x));
  }
  if (values.empty()) op.fail_invalid("it is called without an input");
  const bool swaps =
      values.size() > 1 && op.attributes().choice("indexing", "xy", {"xy", "ij"}) == "xy";
  // An array of the shape of the grid, whose elements do not matter.
  ValueId grid = kNoValue;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t place = swaps && i < 2 ? 1 - i : i;
    std::vector<TargetDim> target(values.size(), TargetDim::fixed(1));
    target[place] = TargetDim::copied(0);
    values[i] = b.reshape(values[i], std::move(target));
    const ValueId extent = b.binary(BinaryKind::equal, values[i], values[i]);
    grid = grid == kNoValue ? extent : b.binary(BinaryKind::logical_or, grid, extent);
  }
  Symbols results;
  for (const ValueId value : values) {
    results.push_back({values.size() == 1 ? value : full_like(b, value, grid), kNoValue});
  }
  return results;
}

// Linspace, Logspace, Geomspace: numbers from start to stop along a new axis.
Symbols op_space(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Attributes& attributes = op.attributes();
  auto [start, stop] = op.in_common_type(op.operand(0, "start"), op.operand(1, "stop"));
  start = b.as_float(start);
  stop = b.as_float(stop);
  const std::string& name = op.class_name();
  // Signs of geometric rows: that of the start.
  ValueId sign = kNoValue;
  if (name == "Geomspace") {
    sign = b.unary(UnaryKind::sign, start);
    start = b.unary(UnaryKind::log, b.unary(UnaryKind::abs, start));
    stop = b.unary(UnaryKind::log, b.unary(UnaryKind::abs, stop));
  }
  const int64_t count = attributes.count("num", 50);
  const bool endpoint = attributes.boolean("endpoint", true);
  const int64_t intervals = endpoint ? count - 1 : count;
  const ValueId step =
      divide(b, subtract(b, stop, start),
             number(b, static_cast<double>(std::max<int64_t>(intervals, 1)), start));
  const int64_t rank = b.rank(step);
  const int64_t axis = op.axis("axis", 0, rank + 1);
  std::vector<double> shares;
  for (int64_t i = 0; i < count; ++i) shares.push_back(static_cast<double>(i));
  Shape shape(static_cast<size_t>(rank - axis + 1), 1);
  shape[0] = count;
  const ValueId places = b.cast(b.floats(shares, shape), b.type(step).dtype);
  // Both ends have the rank of their common shape.
  start = b.expand_dims(with_rank(b, start, rank, false), axis);
  ValueId y = add(b, start, multiply(b, b.expand_dims(step, axis), places));
  if (name == "Logspace") {
    y = b.binary(BinaryKind::power, number(b, attributes.number("base", 10.0), y), y);
  } else if (name == "Geomspace") {
    sign = b.expand_dims(with_rank(b, sign, rank, false), axis);
    y = multiply(b, sign, b.unary(UnaryKind::exponential, y));
  }
  y = b.cast(y, op.dtype(b.type(y).dtype));
  if (name == "Linspace" && attributes.boolean("retstep", false)) {
    return {{y, kNoValue}, {step, kNoValue}};
  }
  return one(y);
}

// --- blocks

// [N, h b, w b, c] -> [N, h, w, b b c]; with channels first the result has c b b of them.
Symbols op_space_to_depth(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const int64_t block = op.attributes().integer("block_size");
  ValueId x = op.value(0, "x");
  if (b.rank(x) != 4) op.fail_invalid(fmt::format("its input is {}", to_string(b.shape(x))));
  if (op.channels_first()) x = to_channels_last(b, x);
  for (const size_t axis : {size_t{1}, size_t{2}}) {
    const int64_t size = b.shape(x)[axis];
    if (block <= 0 || (size != kUnknownDim && size % block != 0)) {
      op.attributes().fail_key("block_size", fmt::format("a divisor of {}", size));
    }
  }
  x = split_dim(b, split_dim(b, x, 2, block), 1, block);  // [N, h, b, w, b, c]
  if (op.channels_first()) {
    x = b.transpose(x, {0, 5, 2, 4, 1, 3});
    return one(join_dims(b, join_dims(b, x, 1), 1));
  }
  x = b.transpose(x, {0, 1, 3, 2, 4, 5});
  return one(join_dims(b, join_dims(b, x, 4), 3));
}

// The inverse.
Symbols op_depth_to_space(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const int64_t block = op.attributes().integer("block_size");
  ValueId x = op.value(0, "x");
  if (b.rank(x) != 4) op.fail_invalid(fmt::format("its input is {}", to_string(b.shape(x))));
  if (op.channels_first()) x = to_channels_last(b, x);
  const int64_t channels = b.known_dim(x, 3);
  if (block <= 0 || channels % (block * block) != 0) {
    op.attributes().fail_key("block_size", fmt::format("one whose square divides {}", channels));
  }
  const int64_t depth = channels / (block * block);
  if (op.channels_first()) {
    x = b.reshape_keeping(x, 3, {depth, block, block});
    x = b.transpose(x, {0, 3, 1, 4, 2, 5});  // [N, c, h, b, w, b]
    return one(join_dims(b, join_dims(b, x, 2), 3));
  }
  x = b.reshape_keeping(x, 3, {block, block, depth});
  x = b.transpose(x, {0, 1, 3, 2, 4, 5});
  return one(join_dims(b, join_dims(b, x, 1), 2));
}

}  // namespace hornet::layers
