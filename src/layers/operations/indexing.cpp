// Operations that order elements, count them, or read and write them by index.
#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "graph/ops/indexing.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::ReduceKind;

// Integers for use as indices.
ValueId indices(const Builder& b, ValueId x) {
  return is_integer(b.type(x).dtype) ? x : b.cast(x, DType::kInt32);
}

// 1 at the places that x names along a new dimension `axis`; nothing where x is outside.
ValueId one_hot(const Operation& op, ValueId x, DType dtype) {
  const Builder& b = op.build();
  const int64_t classes = op.attributes().count("num_classes");
  const int64_t axis = op.axis("axis", -1, b.rank(x) + 1);
  std::vector<int64_t> numbers(static_cast<size_t>(classes));
  std::iota(numbers.begin(), numbers.end(), 0);
  const ValueId places = b.integers(numbers, b.type(x).dtype);
  const ValueId hot = b.binary(BinaryKind::equal, b.expand_dims(x, b.rank(x)), places);
  return b.cast(b.move_axis(hot, b.rank(x), axis), dtype);
}

// How many elements of the ascending vector `sorted` stand before each of `values`; NaN comes last.
ValueId count_before(const Operation& op, const Operand& sorted, const Operand& values,
                     bool right) {
  const Builder& b = op.build();
  const auto [row, x] = op.in_common_type(sorted, values);
  if (b.rank(row) != 1) op.fail_invalid("the sorted sequence has other than 1 dimension");
  const BinaryKind behind = right ? BinaryKind::greater : BinaryKind::greater_equal;
  const ValueId is_behind = b.binary(behind, row, b.expand_dims(x, b.rank(x)));
  const ValueId is_before = b.unary(UnaryKind::logical_not, is_behind);
  return b.reduce(ReduceKind::sum, b.cast(is_before, DType::kInt32), {-1}, false);
}

// An array [count, the dimensions of data behind the first] of one number.
ValueId segments(const Operation& op, ValueId data, int64_t count, double value) {
  const Builder& b = op.build();
  Shape shape = {count};
  for (int64_t i = 1; i < b.rank(data); ++i) shape.push_back(b.known_dim(data, i));
  return b.op<graph::BroadcastTo>({number(b, value, data)}, std::move(shape));
}

// The least number of a type.
double lowest(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return std::numeric_limits<int8_t>::min();
    case DType::kInt16:
      return std::numeric_limits<int16_t>::min();
    case DType::kInt32:
      return std::numeric_limits<int32_t>::min();
    case DType::kInt64:
      return static_cast<double>(std::numeric_limits<int64_t>::min());
    default:
      return is_floating(dtype) ? -std::numeric_limits<double>::infinity() : 0;
  }
}

}  // namespace

// --- order

Symbols op_sort(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  const keras::Value* given = layer.config().config.find("axis");
  const bool flat = given != nullptr && given->is_null();
  if (flat) x = flatten_all(b, x);
  const int64_t axis = flat ? 0 : op.axis("axis", -1, b.rank(x));
  const size_t output = op.class_name() == "Argsort" ? 1 : 0;
  return one(b.add(std::make_shared<graph::Sort>(axis), {x})[output]);
}

Symbols op_top_k(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "x");
  const int64_t k = op.attributes().integer("k");
  const int64_t axis = b.axis(-1, b.rank(x));
  const int64_t size = b.shape(x)[static_cast<size_t>(axis)];
  if (k < 0 || (size != kUnknownDim && k > size)) {
    op.attributes().fail_key("k", fmt::format("at most the {} elements of a row", size));
  }
  const auto sorted = b.add(std::make_shared<graph::Sort>(axis, true), {x});
  return {{slice(b, sorted[0], axis, 0, k), kNoValue}, {slice(b, sorted[1], axis, 0, k), kNoValue}};
}

// Whether the prediction of the target reaches the k-th largest.
Symbols op_in_top_k(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId targets = indices(b, op.value(0, "targets"));
  const ValueId predictions = op.value(1, "predictions");
  const int64_t k = op.attributes().integer("k");
  const int64_t axis = b.axis(-1, b.rank(predictions));
  const int64_t classes = b.known_dim(predictions, axis);
  if (k <= 0 || k > classes) {
    op.attributes().fail_key("k", fmt::format("a number from 1 to {}", classes));
  }
  const ValueId sorted = b.add(std::make_shared<graph::Sort>(axis, true), {predictions})[0];
  const ValueId limit = slice(b, sorted, axis, k - 1, k);
  const ValueId places = b.expand_dims(targets, b.rank(targets));
  const ValueId own = b.op<graph::TakeAlong>({predictions, places}, axis);
  return one(b.squeeze(b.binary(BinaryKind::greater_equal, own, limit), axis));
}

Symbols op_searchsorted(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const bool right = op.attributes().choice("side", "left", {"left", "right"}) == "right";
  return one(count_before(op, op.operand(0, "sorted_sequence"), op.operand(1, "values"), right));
}

Symbols op_digitize(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return one(count_before(op, op.operand(1, "bins"), op.operand(0, "x"), true));
}

// Counts of elements in equal bins, and the edges of the bins; the last bin holds its upper edge.
Symbols op_histogram(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Attributes& attributes = op.attributes();
  const ValueId given = op.value(0, "x");
  const ValueId x = flatten_all(b, b.as_float(given));
  const int64_t bins = attributes.count("bins", 10);
  if (bins == 0) attributes.fail_key("bins", "a number above 0");
  ValueId low = kNoValue, high = kNoValue;
  if (attributes.has("range")) {
    const std::vector<double> range = attributes.numbers("range");
    if (range.size() != 2 || !(range[0] <= range[1])) {
      attributes.fail_key("range", "two numbers that rise");
    }
    low = number(b, range[0], x);
    high = number(b, range[1], x);
  } else {
    low = b.reduce(ReduceKind::min, x, {0}, false);
    high = b.reduce(ReduceKind::max, x, {0}, false);
  }
  const ValueId equal = b.binary(BinaryKind::equal, low, high);
  low = b.select(equal, subtract(b, low, number(b, 0.5, low)), low);
  high = b.select(equal, add(b, high, number(b, 0.5, high)), high);
  std::vector<double> shares;
  for (int64_t i = 0; i <= bins; ++i) {
    shares.push_back(static_cast<double>(i) / static_cast<double>(bins));
  }
  const ValueId at = b.floats(shares, {bins + 1});
  const ValueId edges = add(b, low, multiply(b, subtract(b, high, low), at));
  // How many elements lie at or above each edge; the last edge counts those above it.
  const ValueId column = b.expand_dims(x, 1);
  const auto count = [&](BinaryKind kind, ValueId edge) {
    const ValueId hits = b.cast(b.binary(kind, column, edge), DType::kInt32);
    return b.reduce(ReduceKind::sum, hits, {0}, false);
  };
  const ValueId inner = count(BinaryKind::greater_equal, b.slice(edges, 0, 0, bins));
  const ValueId top = count(BinaryKind::greater, b.slice(edges, 0, bins, bins + 1));
  const ValueId upper = b.concat({inner, top}, 0);
  const ValueId counts = subtract(b, b.slice(upper, 0, 0, bins), b.slice(upper, 0, 1, bins + 1));
  const DType dtype = b.type(given).dtype;
  return {{b.cast(counts, dtype), kNoValue}, {b.cast(edges, float_type(dtype)), kNoValue}};
}

// --- classes

Symbols op_one_hot(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const ValueId x = indices(layer.build(), op.value(0, "x"));
  return one(one_hot(op, x, op.dtype(DType::kFloat32)));
}

// The largest of the one-hot rows over the second dimension of the result, as Keras reduces it.
Symbols op_multi_hot(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = indices(b, op.value(0, "inputs"));
  const ValueId hot = one_hot(op, x, DType::kBool);
  const ValueId any = b.reduce(ReduceKind::any, hot, {b.rank(x) > 1 ? 1 : 0}, false);
  return one(b.cast(any, op.dtype(DType::kFloat32)));
}

// --- reading

Symbols op_take(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x");
  const ValueId places = indices(b, op.value(1, "indices"));
  if (!op.attributes().has("axis")) x = flatten_all(b, x);
  return one(b.op<graph::Gather>({x, places}, op.axis("axis", 0, b.rank(x))));
}

Symbols op_take_along_axis(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId x = op.value(0, "x"), places = indices(b, op.value(1, "indices"));
  const bool flat = !op.attributes().has("axis");
  if (flat) {
    x = flatten_all(b, x);
    places = flatten_all(b, places);
  }
  return one(b.op<graph::TakeAlong>({x, places}, op.axis("axis", 0, b.rank(x))));
}

Symbols op_isin(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, elements] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const ValueId row = b.rank(elements) == 0 ? b.expand_dims(elements, 0) : flatten_all(b, elements);
  const ValueId equal = b.binary(BinaryKind::equal, b.expand_dims(x, b.rank(x)), row);
  const ValueId found = b.reduce(ReduceKind::any, equal, {-1}, false);
  const bool inverted = op.attributes().boolean("invert", false);
  return one(inverted ? b.unary(UnaryKind::logical_not, found) : found);
}

// Places in a flat array as places in one of `shape`: one output a dimension.
Symbols op_unravel_index(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId rest = indices(b, op.value(0, "indices"));
  const std::vector<int64_t> shape = op.attributes().integers("shape");
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  // Negative places count from the end.
  rest = b.binary(BinaryKind::mod, rest, number(b, static_cast<double>(count), rest));
  Symbols places(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    const ValueId size = number(b, static_cast<double>(shape[i]), rest);
    places[i] = {b.binary(BinaryKind::mod, rest, size), kNoValue};
    rest = b.binary(BinaryKind::floor_divide, rest, size);
  }
  return places;
}

// --- writing

Symbols op_scatter(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId places = indices(b, op.value(0, "indices"));
  const ValueId values = op.value(1, "values");
  const ValueId zeros =
      b.op<graph::BroadcastTo>({number(b, 0, values)}, op.attributes().integers("shape"));
  return one(b.op<graph::Scatter>({zeros, places, values}, graph::ScatterKind::add));
}

Symbols op_scatter_update(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "inputs");
  const ValueId places = indices(b, op.value(1, "indices"));
  const ValueId updates = b.cast(op.value(2, "updates"), b.type(x).dtype);
  using Kind = graph::ScatterKind;
  Kind kind = Kind::set;
  if (op.attributes().has("reduction")) {
    const std::string name =
        op.attributes().choice("reduction", "", {"add", "mul", "multiply", "max", "min"});
    kind = name == "add"   ? Kind::add
           : name == "max" ? Kind::max
           : name == "min" ? Kind::min
                           : Kind::multiply;
  }
  return one(b.op<graph::Scatter>({x, places, updates}, kind));
}

// SegmentSum, SegmentMax: rows of data by the number of their segment.
Symbols op_segment(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId data = op.value(0, "data");
  const ValueId ids = indices(b, op.value(1, "segment_ids"));
  int64_t count = 0;
  if (op.attributes().has("num_segments")) {
    count = op.attributes().count("num_segments");
  } else {
    const auto constant = op.constant_integers(1, "segment_ids");
    if (!constant) op.fail_unsupported("num_segments is null; expected a number");
    for (const int64_t id : *constant) count = std::max(count, id + 1);
    if (count > Attributes::kMostCount) op.fail_invalid(fmt::format("it has {} segments", count));
  }
  const bool sum = op.class_name() == "SegmentSum";
  const ValueId base = segments(op, data, count, sum ? 0 : lowest(b.type(data).dtype));
  const auto kind = sum ? graph::ScatterKind::add : graph::ScatterKind::max;
  return one(b.op<graph::Scatter>({base, b.expand_dims(ids, b.rank(ids)), data}, kind));
}

}  // namespace hornet::layers
