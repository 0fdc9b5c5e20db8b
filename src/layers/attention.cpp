// Attention layers.
#include <cmath>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

// A projection of MultiHeadAttention: kernel [features, heads, size] as a contraction over the last
// axis; the result keeps the leading dimensions and has heads * size features.
ValueId project(LayerContext& dense, ValueId x, int64_t heads, int64_t size, bool use_bias) {
  const Builder& b = dense.build();
  const int64_t features = b.known_dim(x, b.rank(x) - 1);
  const ValueId kernel = dense.weight("kernel", {features, heads, size});
  const ValueId flat =
      b.reshape(kernel, {TargetDim::fixed(features), TargetDim::fixed(heads * size)});
  ValueId bias = kNoValue;
  if (use_bias) {
    bias = b.reshape(dense.weight("bias", {heads, size}), {TargetDim::fixed(heads * size)});
  }
  return b.op<graph::Contraction>({x, flat, bias});
}

// [B, T, H * D] -> [B, T, H, D]
ValueId split_heads(const Builder& b, ValueId x, int64_t heads, int64_t size) {
  return b.reshape_keeping(x, 2, {heads, size});
}

const Symbol* tensor_argument(const CallArguments& call, size_t index, const char* name) {
  const Argument* argument = call.find(index, name);
  return argument == nullptr ? nullptr : argument->symbol();
}

bool flag_argument(const CallArguments& call, const char* name) {
  const Argument* argument = call.find(name);
  const keras::Value* value = argument == nullptr ? nullptr : argument->constant();
  const bool* flag = value == nullptr ? nullptr : value->get_if<bool>();
  return flag != nullptr && *flag;
}

ValueId both(const Builder& b, ValueId x, ValueId y) {
  if (x == kNoValue) return y;
  return y == kNoValue ? x : b.binary(BinaryKind::logical_and, x, y);
}

ValueId explicit_or_carried(const Builder& b, const CallArguments& call, const char* name,
                            const Symbol& tensor) {
  const Argument* argument = call.find(name);
  const ValueId mask = argument != nullptr && argument->symbol() != nullptr
                           ? argument->symbol()->value
                           : tensor.mask;
  return mask == kNoValue ? mask : b.cast(mask, DType::kBool);
}

}  // namespace

// call(query, value, key=value, query_mask, value_mask, key_mask, attention_mask,
//      return_attention_scores, training, use_causal_mask)
Symbols multi_head_attention(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const Symbol* query = tensor_argument(call, 0, "query");
  const Symbol* value = tensor_argument(call, 1, "value");
  const Symbol* key = tensor_argument(call, 2, "key");
  if (query == nullptr || value == nullptr)
    layer.fail_invalid("it is called without query and value");
  if (key == nullptr) key = value;
  const int64_t heads = attributes.integer("num_heads");
  const int64_t key_dim = attributes.integer("key_dim");
  const int64_t value_dim = attributes.integer("value_dim", key_dim);
  const bool use_bias = attributes.boolean("use_bias", true);
  if (heads <= 0) attributes.fail_key("num_heads", "a number above 0");
  if (b.rank(query->value) != 3 || b.rank(value->value) != 3 || b.rank(key->value) != 3) {
    layer.fail_unsupported("query, key or value has other than 3 dimensions");
  }
  if (attributes.boolean("use_gate", false)) attributes.fail_unsupported("use_gate", "false");
  const ValueId q =
      project(layer.part("query_dense"), b.as_float(query->value), heads, key_dim, use_bias);
  const ValueId k =
      project(layer.part("key_dense"), b.as_float(key->value), heads, key_dim, use_bias);
  const ValueId v =
      project(layer.part("value_dense"), b.as_float(value->value), heads, value_dim, use_bias);

  // Keys that are hidden [B, 1, S], queries that are hidden [B, T, 1], and the mask given [B, T,
  // S].
  ValueId mask = kNoValue;
  if (const ValueId m = explicit_or_carried(b, call, "query_mask", *query); m != kNoValue) {
    mask = both(b, mask, b.expand_dims(m, 2));
  }
  if (const ValueId m = explicit_or_carried(b, call, "value_mask", *value); m != kNoValue) {
    mask = both(b, mask, b.expand_dims(m, 1));
  }
  const Argument* key_mask = call.find("key_mask");
  if (key_mask != nullptr && key_mask->symbol() != nullptr) {
    mask = both(b, mask, b.expand_dims(b.cast(key_mask->symbol()->value, DType::kBool), 1));
  }
  if (const Argument* given = call.find("attention_mask"); given != nullptr) {
    if (given->symbol() == nullptr) layer.fail_unsupported("attention_mask is a constant");
    mask = both(b, mask, b.cast(given->symbol()->value, DType::kBool));
  }
  if (mask != kNoValue && b.rank(mask) == 3) mask = b.expand_dims(mask, 1);

  auto op = std::make_shared<graph::Attention>();
  op->scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(key_dim)));
  op->causal = flag_argument(call, "use_causal_mask");
  const bool wants_scores = flag_argument(call, "return_attention_scores");
  op->zero_hidden = wants_scores;
  const std::vector<ValueId> results =
      b.add(op, {split_heads(b, q, heads, key_dim), split_heads(b, k, heads, key_dim),
                 split_heads(b, v, heads, value_dim), mask});
  const ValueId joined = b.reshape_keeping(results[0], 2, {heads * value_dim});

  LayerContext& output = layer.part("output_dense");
  const int64_t features = attributes.has("output_shape")
                               ? attributes.integers("output_shape", 1)[0]
                               : b.known_dim(query->value, 2);
  const ValueId kernel = output.weight("kernel", {heads, value_dim, features});
  const ValueId flat =
      b.reshape(kernel, {TargetDim::fixed(heads * value_dim), TargetDim::fixed(features)});
  const ValueId bias = use_bias ? output.weight("bias", {features}) : kNoValue;
  const ValueId y = b.op<graph::Contraction>({joined, flat, bias});
  const ValueId query_mask = explicit_or_carried(b, call, "query_mask", *query);
  if (!wants_scores) return one(y, query_mask);
  return {{y, query_mask}, {results[1], kNoValue}};
}

}  // namespace hornet::layers
