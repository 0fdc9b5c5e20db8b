// Embedding and ReversibleEmbedding.
#include "base/check.h"
#include "layers/family.h"
#include "layers/quantization.h"

namespace hornet::layers {
namespace {

using Mode = Quantization::Mode;

// The rows of an embedding, and what turns them into the numbers meant: quantised ones are scaled
// by row after they are gathered.
struct Table {
  ValueId rows = kNoValue;   // [input_dim, output_dim]
  ValueId scale = kNoValue;  // [input_dim] where each row has one to be divided by
};

struct Sizes {
  int64_t input, output;
};

Sizes sizes_of(const LayerContext& layer) {
  const Sizes sizes{layer.attributes().integer("input_dim"),
                    layer.attributes().integer("output_dim")};
  if (sizes.input <= 0) layer.attributes().fail_key("input_dim", "a number above 0");
  if (sizes.output <= 0) layer.attributes().fail_key("output_dim", "a number above 0");
  return sizes;
}

Table table_of(LayerContext& layer, const Quantization& how) {
  const Builder& b = layer.build();
  const auto [rows, columns] = sizes_of(layer);
  switch (how.mode) {
    case Mode::kNone:
      return {layer.weight("embeddings", {rows, columns}), kNoValue};
    case Mode::kInt8: {
      const ValueId stored = layer.weight("embeddings", {rows, columns}, false, DType::kInt8);
      return {b.cast(stored, DType::kFloat32), layer.weight("embeddings_scale", {rows}, false)};
    }
    case Mode::kInt4: {
      const ValueId packed =
          layer.weight("embeddings", {rows, (columns + 1) / 2}, false, DType::kInt8);
      const ValueId values = unpack_int4(b, packed, 1, columns);
      if (!how.is_grouped()) return {values, layer.weight("embeddings_scale", {rows}, false)};
      const int64_t groups = how.num_groups(columns);
      const ValueId scale = layer.weight("embeddings_scale", {rows, groups}, false);
      const ValueId zero = layer.weight("embeddings_zero", {rows, groups}, false, DType::kInt8);
      const ValueId group_index = layer.weight("g_idx", {columns}, false);
      return {dequantize_groups(b, values, scale, zero, group_index, 1), kNoValue};
    }
    default:
      layer.fail_unsupported("embeddings quantised other than to int8 or int4");
  }
}

Symbols look_up(LayerContext& layer, const CallArguments& call, const Table& table) {
  const Builder& b = layer.build();
  ValueId ids = input_of(layer, call).value;
  ValueId mask = kNoValue;
  if (layer.attributes().boolean("mask_zero", false)) {
    mask = b.binary(BinaryKind::not_equal, ids, b.scalar(0, b.type(ids).dtype));
  }
  if (!is_integer(b.type(ids).dtype)) ids = b.cast(ids, DType::kInt32);
  ValueId y = b.op<graph::Gather>({table.rows, ids}, 0);
  if (table.scale != kNoValue) {
    const ValueId scale = b.op<graph::Gather>({table.scale, ids}, 0);
    y = b.binary(BinaryKind::divide, y, b.expand_dims(scale, b.rank(scale)));
  }
  return one(y, mask);
}

// The projection back: a matrix [output_dim, input_dim] and what the result is to be divided by.
Table reverse_table(LayerContext& layer, const Quantization& how, const Table& table) {
  const Builder& b = layer.build();
  const auto [rows, columns] = sizes_of(layer);
  if (layer.attributes().boolean("tie_weights", true)) {
    return {b.transpose(table.rows, {1, 0}), table.scale};
  }
  if (how.mode == Mode::kNone) {
    return {layer.weight("reverse_embeddings", {columns, rows}), kNoValue};
  }
  if (how.mode == Mode::kInt8) {
    const ValueId stored = layer.weight("reverse_embeddings", {columns, rows}, false, DType::kInt8);
    return {b.cast(stored, DType::kFloat32),
            layer.weight("reverse_embeddings_scale", {rows}, false)};
  }
  const ValueId packed =
      layer.weight("reverse_embeddings", {(columns + 1) / 2, rows}, false, DType::kInt8);
  const ValueId values = unpack_int4(b, packed, 0, columns);
  if (!how.is_grouped()) return {values, layer.weight("reverse_embeddings_scale", {rows}, false)};
  const Shape groups = {how.num_groups(columns), rows};
  const ValueId scale = layer.weight("reverse_embeddings_scale", groups, false);
  const ValueId zero = layer.weight("reverse_embeddings_zero", groups, false);
  return {dequantize_groups(b, values, scale, zero, layer.weight("g_idx", {columns}, false), 0),
          kNoValue};
}

bool is_reverse(const CallArguments& call) {
  const Argument* argument = call.find(1, "reverse");
  const keras::Value* value = argument == nullptr ? nullptr : argument->constant();
  const bool* flag = value == nullptr ? nullptr : value->get_if<bool>();
  return flag != nullptr && *flag;
}

}  // namespace

Symbols embedding(LayerContext& layer, const CallArguments& call) {
  return look_up(layer, call, table_of(layer, quantization_of(layer)));
}

Symbols reversible_embedding(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  Quantization how = quantization_of(layer);
  const Table table = table_of(layer, how);
  const Table reverse = reverse_table(layer, how, table);
  if (!is_reverse(call)) return look_up(layer, call, table);
  ValueId x = b.as_float(input_of(layer, call).value);
  ValueId divisor = reverse.scale;
  // Without a quantization_config the input is quantised for int4, too.
  if (how.mode == Mode::kInt4 && !layer.attributes().has("quantization_config")) {
    how.quantizes_input = true;
  }
  if (how.mode != Mode::kNone && how.quantizes_input) {
    const QuantizedInput input = quantize_input(b, x, {-1}, how);
    x = input.values;
    divisor =
        divisor == kNoValue ? input.scale : b.binary(BinaryKind::multiply, input.scale, divisor);
  }
  ValueId y = b.op<graph::Contraction>({x, reverse.rows, kNoValue});
  if (divisor != kNoValue) y = b.binary(BinaryKind::divide, y, divisor);
  if (const auto cap = layer.attributes().optional_number("logit_soft_cap")) {
    y = b.unary(UnaryKind::tanh, b.binary(BinaryKind::divide, y, b.scalar(*cap)));
    y = b.binary(BinaryKind::multiply, y, b.scalar(*cap));
  }
  return one(y);
}

}  // namespace hornet::layers
