// Dot-product attention as an operation.
#include <cmath>

#include "base/check.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

// [B, S, G, D] -> [B, S, H, D]: each group serves H / G heads.
ValueId repeat_heads(const Builder& b, ValueId x, int64_t heads) {
  const int64_t groups = b.known_dim(x, 2);
  if (groups == heads) return x;
  const ValueId expanded = b.expand_dims(x, 3);
  Shape target = b.shape(expanded);
  target[3] = heads / groups;
  return join_dims(b, b.op<graph::BroadcastTo>({expanded}, target), 2);
}

}  // namespace

// call(query, key, value, bias, mask, scale), each [batch, time, heads, features].
Symbols op_dot_product_attention(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  ValueId query = b.as_float(op.value(0, "query"));
  ValueId key = b.as_float(op.value(1, "key"));
  ValueId value = b.as_float(op.value(2, "value"));
  const bool unbatched = b.rank(query) == 3;
  for (ValueId* x : {&query, &key, &value}) {
    if (unbatched) *x = b.expand_dims(*x, 0);
    if (b.rank(*x) != 4) op.fail_invalid(fmt::format("an input is {}", to_string(b.shape(*x))));
  }
  const int64_t heads = b.known_dim(query, 2), groups = b.known_dim(key, 2);
  if (groups <= 0 || heads % groups != 0) {
    op.fail_invalid(fmt::format("{} heads for {} groups of keys", heads, groups));
  }
  double scale = 1 / std::sqrt(static_cast<double>(b.known_dim(query, 3)));
  if (op.has(5, "scale")) {
    const auto given = op.constant(5, "scale");
    const auto number = given ? given->number() : std::nullopt;
    if (!number) op.fail_unsupported("scale is a tensor; supported: numbers");
    scale = *number;
  }
  ValueId mask = op.optional_value(4, "mask");
  if (mask != kNoValue) {
    mask = truth(b, mask);
    while (b.rank(mask) < 4) mask = b.expand_dims(mask, 0);
  }
  const bool causal = op.attributes().boolean("is_causal", false);
  const auto finish = [&](ValueId y) { return one(unbatched ? b.squeeze(y, 0) : y); };
  const bool capped = op.attributes().has("attn_logits_soft_cap");
  if (!op.has(3, "bias") && !capped) {
    auto attention = std::make_shared<graph::Attention>();
    attention->scale = static_cast<float>(scale);
    attention->causal = causal;
    return finish(b.add(attention, {query, key, value, mask})[0]);
  }
  // Scores [B, H, T, S], changed before the softmax.
  const ValueId q = b.transpose(query, {0, 2, 1, 3});
  const ValueId k = b.transpose(repeat_heads(b, key, heads), {0, 2, 1, 3});
  const ValueId v = b.transpose(repeat_heads(b, value, heads), {0, 2, 1, 3});
  ValueId scores = b.matmul(q, k, false, true);
  scores = multiply(b, scores, number(b, scale, scores));
  if (op.has(3, "bias")) scores = add(b, scores, b.as_float(op.value(3, "bias")));
  if (capped) {
    const ValueId cap = number(b, op.attributes().number("attn_logits_soft_cap"), scores);
    scores = multiply(b, b.unary(UnaryKind::tanh, divide(b, scores, cap)), cap);
  }
  if (causal) {
    const ValueId rows = b.expand_dims(b.op<graph::Positions>({query}, int64_t{1}), 1);
    const ValueId columns = b.op<graph::Positions>({key}, int64_t{1});
    const ValueId seen = b.binary(BinaryKind::greater_equal, rows, columns);
    mask = mask == kNoValue ? seen : b.binary(BinaryKind::logical_and, mask, seen);
  }
  if (mask != kNoValue) scores = b.select(mask, scores, number(b, -2.3e38, scores));
  const ValueId shares = b.op<graph::Softmax>({scores}, std::vector<int64_t>{3});
  return finish(b.transpose(b.matmul(shares, v), {0, 2, 1, 3}));
}

}  // namespace hornet::layers
