// Attention layers.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "layers/family.h"
#include "layers/quantization.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

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

// true where column j of [rows, columns] is visible from row i, rows and columns being counted by
// `row_axis` of `rows` and `column_axis` of `columns`.
ValueId causal_mask(const Builder& b, ValueId rows, int64_t row_axis, ValueId columns,
                    int64_t column_axis) {
  const ValueId i = b.expand_dims(b.op<graph::Positions>({rows}, row_axis), 1);
  const ValueId j = b.op<graph::Positions>({columns}, column_axis);
  return b.binary(BinaryKind::greater_equal, i, j);
}

// |i - j| < window, likewise.
ValueId window_mask(const Builder& b, ValueId rows, ValueId columns, int64_t window) {
  const ValueId i = b.expand_dims(b.op<graph::Positions>({rows}, 1), 1);
  const ValueId j = b.op<graph::Positions>({columns}, 1);
  const ValueId distance = b.unary(UnaryKind::abs, b.binary(BinaryKind::subtract, i, j));
  return b.binary(BinaryKind::less, distance, b.scalar(static_cast<double>(window), DType::kInt32));
}

// --- Attention and AdditiveAttention: one head, [query, value, key].

struct AttentionInputs {
  Symbol query, value, key;
  ValueId query_mask, value_mask;
};

AttentionInputs attention_inputs(const LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Argument* inputs = call.find(0, "inputs");
  const auto* list = inputs == nullptr ? nullptr : inputs->list();
  if (list == nullptr || list->size() < 2 || list->size() > 3) {
    layer.fail_invalid("it is called without a list of query, value and perhaps key");
  }
  AttentionInputs result{};
  const auto tensor = [&](size_t i) {
    const Symbol* symbol = (*list)[i].symbol();
    if (symbol == nullptr) layer.fail_unsupported("its query, value or key is a constant");
    if (b.rank(symbol->value) != 3) {
      layer.fail_invalid(fmt::format("its input {} is {}; expected 3 dimensions", i,
                                     to_string(b.shape(symbol->value))));
    }
    return Symbol{b.as_float(symbol->value), symbol->mask};
  };
  result.query = tensor(0);
  result.value = tensor(1);
  result.key = list->size() > 2 ? tensor(2) : result.value;
  result.query_mask = result.query.mask;
  result.value_mask = result.value.mask;
  if (const Argument* mask = call.find("mask"); mask != nullptr) {
    const auto* masks = mask->list();
    const auto at = [&](size_t i) {
      const Symbol* symbol = masks != nullptr && i < masks->size() ? (*masks)[i].symbol() : nullptr;
      return symbol == nullptr ? kNoValue : symbol->value;
    };
    result.query_mask = at(0);
    result.value_mask = at(1);
  }
  for (ValueId* mask : {&result.query_mask, &result.value_mask}) {
    if (*mask != kNoValue) *mask = b.cast(*mask, DType::kBool);
  }
  return result;
}

constexpr double kHiddenScore = -1e9;

// Keras 2 said so in the config.
bool is_causal(const LayerContext& layer, const CallArguments& call) {
  return flag_argument(call, "use_causal_mask") || layer.attributes().boolean("causal", false);
}

// softmax(scores) value, hidden scores lowered by 1e9. Gives the result and the weights.
std::pair<ValueId, ValueId> apply_scores(const Builder& b, ValueId scores, ValueId value,
                                         ValueId value_mask, bool causal) {
  ValueId mask = value_mask == kNoValue ? kNoValue : b.expand_dims(value_mask, 1);
  if (causal) mask = both(b, mask, causal_mask(b, scores, 1, scores, 2));
  if (mask != kNoValue) {
    const ValueId hidden = b.cast(b.unary(UnaryKind::logical_not, mask), DType::kFloat32);
    scores = b.binary(BinaryKind::add, scores,
                      b.binary(BinaryKind::multiply, hidden, b.scalar(kHiddenScore)));
  }
  const ValueId weights = b.op<graph::Softmax>({scores}, std::vector<int64_t>{2});
  return {b.matmul(weights, value), weights};
}

// The dot products as one head of the Attention operator.
std::pair<ValueId, ValueId> dot_attention(const Builder& b, const AttentionInputs& inputs,
                                          ValueId scale, bool causal) {
  ValueId query = inputs.query.value;
  if (scale != kNoValue) query = b.binary(BinaryKind::multiply, query, scale);
  auto op = std::make_shared<graph::Attention>();
  op->causal = causal;
  op->hidden_score = static_cast<float>(kHiddenScore);
  ValueId mask = inputs.value_mask;
  if (mask != kNoValue) mask = b.expand_dims(b.expand_dims(mask, 1), 1);
  const std::vector<ValueId> results =
      b.add(op, {b.expand_dims(query, 2), b.expand_dims(inputs.key.value, 2),
                 b.expand_dims(inputs.value.value, 2), mask});
  return {b.squeeze(results[0], 2), b.squeeze(results[1], 1)};
}

// tanh(query + key) for every pair: [B, T, S, features].
ValueId pair_sums(const Builder& b, const AttentionInputs& inputs) {
  return b.binary(BinaryKind::add, b.expand_dims(inputs.query.value, 2),
                  b.expand_dims(inputs.key.value, 1));
}

Symbols attention_results(const Builder& b, const CallArguments& call,
                          const AttentionInputs& inputs, std::pair<ValueId, ValueId> result) {
  ValueId y = result.first;
  if (inputs.query_mask != kNoValue) {
    y = b.binary(BinaryKind::multiply, y,
                 b.cast(b.expand_dims(inputs.query_mask, 2), DType::kFloat32));
  }
  if (!flag_argument(call, "return_attention_scores")) return one(y, inputs.query_mask);
  return {{y, inputs.query_mask}, {result.second, kNoValue}};
}

// --- MultiHeadAttention and GroupQueryAttention.

// A projection inside an attention layer: an EinsumDense of its own below `path`. `name` is that of
// the layer in Keras.
LayerContext& projection(LayerContext& layer, const char* path, const char* name,
                         const char* equation, const Shape& output_shape,
                         const std::string& bias_axes) {
  keras::List sizes;
  for (const int64_t size : output_shape) sizes.emplace_back(size);
  keras::Dict config;
  const auto set_text = [](keras::Dict& dict, const char* key, std::string text) {
    dict.set(key, keras::Value(std::move(text)));
  };
  set_text(config, "name", name);
  set_text(config, "equation", equation);
  config.set("output_shape", keras::Value(std::move(sizes)));
  if (layer.attributes().boolean("use_bias", true)) set_text(config, "bias_axes", bias_axes);
  if (const keras::Value* dtype = layer.attributes().find("dtype")) config.set("dtype", *dtype);
  if (const keras::Dict* policy = policy_of_part(layer, name)) {
    config.set("dtype_policy", keras::Value(*policy));
  }
  keras::Dict object;
  set_text(object, "class_name", "EinsumDense");
  set_text(object, "module", "keras.layers");
  object.set("config", keras::Value(std::move(config)));
  return layer.sublayer(path, object);
}

// The tensors and masks of a call, in the order of its signature.
struct HeadInputs {
  Symbol query, value, key;
  ValueId query_mask = kNoValue, value_mask = kNoValue, key_mask = kNoValue,
          attention_mask = kNoValue;
  bool causal = false, returns_scores = false;
};

HeadInputs head_inputs(const LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const auto tensor = [&](size_t index, const char* name) -> const Symbol* {
    const Argument* argument = call.find(index, name);
    if (argument != nullptr && argument->symbol() == nullptr) {
      layer.fail_unsupported(fmt::format("{} is not a tensor", name));
    }
    return argument == nullptr ? nullptr : argument->symbol();
  };
  const Symbol* query = tensor(0, "query");
  const Symbol* value = tensor(1, "value");
  const Symbol* key = tensor(2, "key");
  if (query == nullptr || value == nullptr) {
    layer.fail_invalid("it is called without query and value");
  }
  HeadInputs inputs;
  inputs.query = {b.as_float(query->value), query->mask};
  inputs.value = {b.as_float(value->value), value->mask};
  inputs.key = key == nullptr ? inputs.value : Symbol{b.as_float(key->value), key->mask};
  const auto mask = [&](size_t index, const char* name, ValueId carried) {
    const Symbol* given = tensor(index, name);
    const ValueId id = given == nullptr ? carried : given->value;
    return id == kNoValue ? id : b.cast(id, DType::kBool);
  };
  inputs.query_mask = mask(3, "query_mask", query->mask);
  inputs.value_mask = mask(4, "value_mask", value->mask);
  inputs.key_mask = mask(5, "key_mask", key == nullptr ? kNoValue : key->mask);
  inputs.attention_mask = mask(6, "attention_mask", kNoValue);
  inputs.causal = flag_argument(call, "use_causal_mask");
  inputs.returns_scores = flag_argument(call, "return_attention_scores");
  return inputs;
}

// What hides positions but for causality and the window: [B, T, S] or whatever was given, or none.
ValueId position_mask(const Builder& b, const HeadInputs& inputs) {
  ValueId mask = kNoValue;
  if (inputs.query_mask != kNoValue) {
    mask = b.expand_dims(inputs.query_mask, b.rank(inputs.query_mask));
  }
  for (const ValueId hidden : {inputs.value_mask, inputs.key_mask}) {
    if (hidden != kNoValue) mask = both(b, mask, b.expand_dims(hidden, b.rank(hidden) - 1));
  }
  return both(b, mask, inputs.attention_mask);
}

// Inserts dimensions for the heads, before the last 2 * `num_axes`, up to `rank` of them.
ValueId expand_to_scores(const Builder& b, ValueId mask, int64_t num_axes, int64_t rank) {
  while (b.rank(mask) < rank) {
    mask = b.expand_dims(mask, std::max<int64_t>(b.rank(mask) - 2 * num_axes, 0));
  }
  return mask;
}

struct HeadOptions {
  float scale = 1;
  int64_t window = 0;
  bool zero_hidden = false;
};

// q [B, T, H, D], k [B, S, G, D], v [B, S, G, E] -> result [B, T, H, E], scores [B, H, T, S].
std::pair<ValueId, ValueId> attend(const Builder& b, ValueId q, ValueId k, ValueId v,
                                   const HeadInputs& inputs, const HeadOptions& options) {
  ValueId mask = position_mask(b, inputs);
  if (mask != kNoValue) mask = expand_to_scores(b, mask, 1, 4);
  auto op = std::make_shared<graph::Attention>();
  op->scale = options.scale;
  op->causal = inputs.causal;
  op->window = options.window;
  op->zero_hidden = options.zero_hidden;
  const std::vector<ValueId> results = b.add(op, {q, k, v, mask});
  return {results[0], results[1]};
}

// Attention over other dimensions than the first behind the batch, or over several: these become
// one, as do all others in front of the features.
class AxesAttention {
 public:
  AxesAttention(const LayerContext& layer, int64_t rank, std::vector<int64_t> axes)
      : b_(layer.build()), rank_(rank), axes_(std::move(axes)) {
    for (int64_t i = 0; i + 1 < rank; ++i) {
      if (std::find(axes_.begin(), axes_.end(), i) == axes_.end()) batch_.push_back(i);
    }
    order_ = batch_;
    order_.insert(order_.end(), axes_.begin(), axes_.end());
    order_.push_back(rank - 1);
  }

  // [batch dimensions..., attention dimensions..., features]
  ValueId arrange(ValueId x) const { return b_.transpose(x, order_); }

  // [batch..., attention..., H, D] -> [B', T', H, D]
  ValueId merge(ValueId x) const {
    const auto num_batch = static_cast<int64_t>(batch_.size());
    const int64_t rank = b_.rank(x);
    std::vector<TargetDim> target;
    if (num_batch == 1) {
      target = {TargetDim::copied(0), TargetDim::inferred()};
    } else if (axes_.size() == 1) {
      target = {TargetDim::inferred(), TargetDim::copied(num_batch)};
    } else {
      int64_t steps = 1;
      for (int64_t i = num_batch; i + 2 < rank; ++i) steps *= b_.known_dim(x, i);
      target = {TargetDim::inferred(), TargetDim::fixed(steps)};
    }
    target.push_back(TargetDim::copied(rank - 2));
    target.push_back(TargetDim::copied(rank - 1));
    return b_.reshape(x, std::move(target));
  }

  // [B', T', H, E] -> [batch..., attention..., H, E], sizes as those of `arranged`.
  ValueId split(ValueId y, ValueId arranged) const {
    std::vector<TargetDim> target;
    for (int64_t i = 0; i + 1 < rank_; ++i) target.push_back(TargetDim::copied(i, 1));
    target.push_back(TargetDim::copied(2));
    target.push_back(TargetDim::copied(3));
    return b_.reshape(y, std::move(target), arranged);
  }

  // The inverse of arrange(), for a result with any number of dimensions of features.
  ValueId restore(ValueId y) const {
    std::vector<int64_t> inverse(static_cast<size_t>(b_.rank(y)));
    std::iota(inverse.begin(), inverse.end(), 0);
    for (size_t i = 0; i + 1 < order_.size(); ++i) {
      inverse[static_cast<size_t>(order_[i])] = static_cast<int64_t>(i);
    }
    return b_.transpose(y, std::move(inverse));
  }

  // [B', H, T', S'] -> [batch..., H, query dimensions..., key dimensions...]
  ValueId split_scores(ValueId scores, ValueId query, ValueId key) const {
    const auto num_batch = static_cast<int64_t>(batch_.size());
    const auto num_axes = static_cast<int64_t>(axes_.size());
    std::vector<TargetDim> target;
    for (int64_t i = 0; i < num_batch; ++i) target.push_back(TargetDim::copied(i, 1));
    target.push_back(TargetDim::copied(1));
    for (int64_t i = 0; i < num_axes; ++i) target.push_back(TargetDim::copied(num_batch + i, 1));
    if (num_axes == 1) {
      target.push_back(TargetDim::copied(3));
    } else {
      for (int64_t i = 0; i < num_axes; ++i) {
        target.push_back(TargetDim::fixed(b_.known_dim(key, num_batch + i)));
      }
    }
    return b_.reshape(scores, std::move(target), query);
  }

  // q, k, v as arrange() and a projection give them, [..., H, D]; `query` and `key` as arrange()
  // alone does. Result [batch..., attention..., H, E], scores as split_scores() gives them where
  // they are wanted, which takes a key whose sizes are known; so does a mask.
  std::pair<ValueId, ValueId> attend(ValueId q, ValueId k, ValueId v, ValueId query, ValueId key,
                                     ValueId mask, float scale, bool wants_scores) const {
    const auto heads_first = [&](ValueId x) { return b_.transpose(merge(x), {0, 2, 1, 3}); };
    const ValueId scaled =
        b_.binary(BinaryKind::multiply, heads_first(q), b_.scalar(static_cast<double>(scale)));
    const ValueId merged = b_.matmul(scaled, heads_first(k), false, true);
    const auto apply = [&](ValueId weights) {
      const ValueId y = b_.transpose(b_.matmul(weights, heads_first(v)), {0, 2, 1, 3});
      return split(y, query);
    };
    if (mask == kNoValue && !wants_scores) {
      return {apply(b_.op<graph::Softmax>({merged}, std::vector<int64_t>{3})), kNoValue};
    }
    ValueId scores = split_scores(merged, query, key);
    const auto num_axes = static_cast<int64_t>(axes_.size());
    std::vector<int64_t> over(static_cast<size_t>(num_axes));
    std::iota(over.begin(), over.end(), b_.rank(scores) - num_axes);
    if (mask != kNoValue) {
      mask = expand_to_scores(b_, mask, num_axes, b_.rank(scores));
      scores = b_.select(mask, scores, b_.scalar(-3e38));
    }
    scores = b_.op<graph::Softmax>({scores}, over);
    if (mask != kNoValue) scores = b_.binary(BinaryKind::multiply, scores, mask);
    std::vector<TargetDim> as_merged;
    for (int64_t i = 0; i < 4; ++i) as_merged.push_back(TargetDim::copied(i, 1));
    return {apply(b_.reshape(scores, as_merged, merged)), scores};
  }

 private:
  const Builder& b_;
  const int64_t rank_;
  std::vector<int64_t> axes_, batch_, order_;
};

std::string labels(size_t count) {
  constexpr std::string_view kLetters = "defghijklmnopqrstuvwxyz";
  return std::string(kLetters.substr(0, count));
}

std::vector<int64_t> attention_axes(const LayerContext& layer, int64_t rank) {
  std::vector<int64_t> axes;
  if (layer.attributes().has("attention_axes")) {
    axes = layer.attributes().integers("attention_axes");
    for (int64_t& axis : axes) axis = layer.build().axis(axis, rank);
  } else {
    axes.resize(static_cast<size_t>(rank - 2));
    std::iota(axes.begin(), axes.end(), 1);
  }
  for (const int64_t axis : axes) {
    if (axis == 0 || axis == rank - 1) {
      layer.attributes().fail_key("attention_axes",
                                  "dimensions between the batch and the features");
    }
  }
  if (axes.empty()) layer.attributes().fail_key("attention_axes", "at least one dimension");
  return axes;
}

// The result of all heads, each scaled by a gate computed from the query where the layer has one.
ValueId gated(LayerContext& layer, ValueId y, Symbol query, int64_t heads, int64_t size) {
  if (!layer.attributes().boolean("use_gate", false)) return y;
  const Builder& b = layer.build();
  LayerContext& dense =
      projection(layer, "_gate_dense", "gate", "...a,abc->...bc", {heads, size}, "bc");
  return b.binary(BinaryKind::multiply, y, b.unary(UnaryKind::sigmoid, dense.call(query).value));
}

}  // namespace

// call([query, value, key], mask=[query mask, value mask], return_attention_scores,
//      use_causal_mask)
Symbols attention(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const AttentionInputs inputs = attention_inputs(layer, call);
  const bool causal = is_causal(layer, call);
  const ValueId scale =
      layer.attributes().boolean("use_scale", false) ? layer.weight("scale", {}) : kNoValue;
  const std::string mode = layer.attributes().choice("score_mode", "dot", {"dot", "concat"});
  if (mode == "dot") {
    return attention_results(b, call, inputs, dot_attention(b, inputs, scale, causal));
  }
  const ValueId weight = layer.weight("concat_score_weight", {});
  ValueId sums = pair_sums(b, inputs);
  if (scale != kNoValue) sums = b.binary(BinaryKind::multiply, sums, scale);
  const ValueId scores = b.binary(
      BinaryKind::multiply,
      b.reduce(graph::ReduceKind::sum, b.unary(UnaryKind::tanh, sums), {3}, false), weight);
  return attention_results(b, call, inputs,
                           apply_scores(b, scores, inputs.value.value, inputs.value_mask, causal));
}

Symbols additive_attention(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const AttentionInputs inputs = attention_inputs(layer, call);
  ValueId terms = b.unary(UnaryKind::tanh, pair_sums(b, inputs));
  if (layer.attributes().boolean("use_scale", true)) {
    const ValueId scale = layer.weight("scale", {b.known_dim(inputs.query.value, 2)});
    terms = b.binary(BinaryKind::multiply, terms, scale);
  }
  const ValueId scores = b.reduce(graph::ReduceKind::sum, terms, {3}, false);
  return attention_results(
      b, call, inputs,
      apply_scores(b, scores, inputs.value.value, inputs.value_mask, is_causal(layer, call)));
}

// call(query, value, key=value, query_mask, value_mask, key_mask, attention_mask,
//      return_attention_scores, training, use_causal_mask)
Symbols multi_head_attention(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  HeadInputs inputs = head_inputs(layer, call);
  const bool keras3 = layer.lowering().version().major >= 3;
  // Keras takes the carried mask of the query whatever query_mask says, and Keras 3 then removes
  // the masks of its inputs: from here on no other layer sees them.
  inputs.query_mask = inputs.query.mask;
  if (inputs.query_mask != kNoValue) inputs.query_mask = b.cast(inputs.query_mask, DType::kBool);
  for (const auto& [index, name] : {std::pair(0, "query"), {1, "value"}, {2, "key"}}) {
    const Argument* argument = call.find(static_cast<size_t>(index), name);
    if (argument == nullptr || !keras3) continue;
    layer.lowering().forget_mask(argument->symbol()->value);
  }
  const int64_t heads = layer.attributes().positive("num_heads");
  const int64_t key_dim = layer.attributes().positive("key_dim");
  const int64_t value_dim = attributes.integer("value_dim", key_dim);
  const int64_t window = attributes.integer("sliding_window", 0);
  const int64_t rank = b.rank(inputs.query.value);
  if (rank < 3 || b.rank(inputs.value.value) != rank || b.rank(inputs.key.value) != rank) {
    layer.fail_invalid(
        fmt::format("query is {}, value {}, key {}; expected as many dimensions, at least 3",
                    to_string(b.shape(inputs.query.value)), to_string(b.shape(inputs.value.value)),
                    to_string(b.shape(inputs.key.value))));
  }
  const std::vector<int64_t> axes = attention_axes(layer, rank);
  const bool simple = rank == 3 && axes == std::vector<int64_t>{1};
  const AxesAttention arrangement(layer, rank, axes);
  const auto arrange = [&](ValueId x) { return simple ? x : arrangement.arrange(x); };
  const Symbol query{arrange(inputs.query.value), kNoValue};
  const Symbol key{arrange(inputs.key.value), kNoValue};
  const Symbol value{arrange(inputs.value.value), kNoValue};
  constexpr const char* kToHeads = "...a,abc->...bc";
  const ValueId q =
      projection(layer, "query_dense", "query", kToHeads, {heads, key_dim}, "bc").call(query).value;
  const ValueId k =
      projection(layer, "key_dense", "key", kToHeads, {heads, key_dim}, "bc").call(key).value;
  const ValueId v = projection(layer, "value_dense", "value", kToHeads, {heads, value_dim}, "bc")
                        .call(value)
                        .value;
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(key_dim)));
  ValueId y = kNoValue, scores = kNoValue;
  if (simple) {
    const bool zero_hidden =
        keras3 && (inputs.returns_scores || attributes.number("dropout", 0.0) > 0);
    std::tie(y, scores) = attend(b, q, k, v, inputs, {scale, window, zero_hidden});
  } else {
    ValueId mask = position_mask(b, inputs);
    if (inputs.causal) {
      mask = both(b, mask, causal_mask(b, inputs.query.value, 1, inputs.value.value, 1));
    }
    if (window > 0) {
      mask = both(b, mask, window_mask(b, inputs.query.value, inputs.value.value, window));
    }
    std::tie(y, scores) =
        arrangement.attend(q, k, v, query.value, key.value, mask, scale, inputs.returns_scores);
  }
  y = gated(layer, y, query, heads, value_dim);

  const Shape features = attributes.has("output_shape")
                             ? attributes.integers("output_shape")
                             : Shape{b.known_dim(inputs.query.value, rank - 1)};
  const std::string made = labels(features.size());
  const std::string equation = "...bc,bc" + made + "->..." + made;
  y = projection(layer, "output_dense", "attention_output", equation.c_str(), features, made)
          .call(Symbol{y, kNoValue})
          .value;
  if (!simple) y = arrangement.restore(y);
  if (!inputs.returns_scores) return one(y, inputs.query.mask);
  return {{y, inputs.query.mask}, {scores, kNoValue}};
}

// The same call. Each key and value head serves several heads of the query.
Symbols group_query_attention(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const HeadInputs inputs = head_inputs(layer, call);
  const int64_t heads = layer.attributes().positive("num_query_heads");
  const int64_t groups = layer.attributes().positive("num_key_value_heads");
  const int64_t size = layer.attributes().positive("head_dim");
  if (heads % groups != 0) {
    layer.attributes().fail_key("num_query_heads", fmt::format("a multiple of {}", groups));
  }
  for (const Symbol& symbol : {inputs.query, inputs.value, inputs.key}) {
    if (b.rank(symbol.value) != 3) {
      layer.fail_invalid(
          fmt::format("its input is {}; expected 3 dimensions", to_string(b.shape(symbol.value))));
    }
  }
  constexpr const char* kToHeads = "...a,abc->...bc";
  const auto project = [&](const char* path, const char* name, const Symbol& x, int64_t count) {
    return projection(layer, path, name, kToHeads, {count, size}, "bc")
        .call(Symbol{x.value, kNoValue})
        .value;
  };
  const ValueId q = project("_query_dense", "query", inputs.query, heads);
  const ValueId k = project("_key_dense", "key", inputs.key, groups);
  const ValueId v = project("_value_dense", "value", inputs.value, groups);
  HeadOptions options;
  options.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size)));
  options.window = layer.attributes().integer("sliding_window", 0);
  options.zero_hidden = inputs.returns_scores || layer.attributes().number("dropout", 0.0) > 0;
  auto [y, scores] = attend(b, q, k, v, inputs, options);
  y = gated(layer, y, {inputs.query.value, kNoValue}, heads, size);
  y = projection(layer, "_output_dense", "attention_output", "...bc,bcd->...d",
                 {b.known_dim(inputs.query.value, 2)}, "d")
          .call(Symbol{y, kNoValue})
          .value;
  if (!inputs.returns_scores) return one(y, inputs.query.mask);
  return {{y, inputs.query.mask}, {scores, kNoValue}};
}

}  // namespace hornet::layers
