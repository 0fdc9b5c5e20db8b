// Preprocessing layers that turn numbers into categories.
#include "layers/categories.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/check.h"
#include "graph/ops/lookup.h"

namespace hornet::layers {
namespace {

// Type of integers that a layer gives: its dtype where that is an integer type, else `usual`.
DType integer_dtype(const LayerContext& layer, DType usual) {
  const std::string name = layer.attributes().text("dtype", "");
  for (const DType dtype : {DType::kInt32, DType::kInt64, DType::kInt16, DType::kInt8,
                            DType::kUInt8, DType::kUInt16, DType::kUInt32, DType::kUInt64}) {
    if (to_string(dtype) == name) return dtype;
  }
  return usual;
}

void require_dense(const LayerContext& layer) {
  if (layer.attributes().boolean("sparse", false)) {
    layer.attributes().fail_unsupported("sparse", "false");
  }
}

ValueId as_integers(const Builder& b, ValueId x) {
  return is_integer(b.type(x).dtype) ? x : b.cast(x, DType::kInt64);
}

// Integers as the config lists them: numbers, or an array.
std::vector<int64_t> integer_list(const LayerContext& layer, const char* key) {
  const keras::Value* value = layer.attributes().find(key);
  if (value == nullptr) return {};
  if (const auto* array = value->get_if<Tensor>()) {
    std::vector<int64_t> numbers(static_cast<size_t>(array->num_elements()));
    convert_elements(array->dtype(), array->data(), DType::kInt64, numbers.data(),
                     array->num_elements());
    return numbers;
  }
  if (value->get_if<std::string>() != nullptr) {
    layer.fail_unsupported(
        fmt::format("its {} is a file, {}; expected a list of integers", key, value->to_string()));
  }
  return layer.attributes().integers(key);
}

// The tokens of a lookup layer and where their indices begin.
struct Vocabulary {
  std::vector<int64_t> tokens;
  int64_t first_absent = 0;  // index of the first token that stands for unknown ones
  int64_t num_absent = 1;
  bool lists_special = false;  // the list of the config began with the tokens before these
  int64_t first_token() const { return first_absent + num_absent; }
  int64_t size() const { return first_token() + static_cast<int64_t>(tokens.size()); }
};

Vocabulary vocabulary_of(const LayerContext& layer, const std::string& mode) {
  const Attributes& attributes = layer.attributes();
  if (!attributes.has("vocabulary")) {
    layer.fail_unsupported(
        "its vocabulary was learned by adapt() and is not in the file; supported: a .keras file, "
        "or a vocabulary given to the layer");
  }
  Vocabulary vocabulary;
  const auto mask_token = attributes.optional_integer("mask_token");
  vocabulary.first_absent = mask_token && mode == "int" ? 1 : 0;
  vocabulary.num_absent = attributes.count("num_oov_indices", 1);
  vocabulary.tokens = integer_list(layer, "vocabulary");
  // The list may begin with the special tokens.
  std::vector<int64_t> special(static_cast<size_t>(vocabulary.num_absent),
                               attributes.integer("oov_token", -1));
  if (vocabulary.first_absent == 1) special.insert(special.begin(), *mask_token);
  if (vocabulary.tokens.size() >= special.size() &&
      std::equal(special.begin(), special.end(), vocabulary.tokens.begin())) {
    vocabulary.tokens.erase(vocabulary.tokens.begin(),
                            vocabulary.tokens.begin() + static_cast<int64_t>(special.size()));
    vocabulary.lists_special = true;
  }
  return vocabulary;
}

ValueId look_up(const Builder& b, ValueId x, const std::map<int64_t, int64_t>& table,
                int64_t absent, int64_t num_absent) {
  std::vector<int64_t> keys, values;
  for (const auto& [key, value] : table) {
    keys.push_back(key);
    values.push_back(value);
  }
  auto op = std::make_shared<graph::Lookup>();
  op->absent = absent;
  op->num_absent = num_absent;
  return b.add1(std::move(op), {as_integers(b, x), b.integers(keys, DType::kInt64),
                                b.integers(values, DType::kInt64)});
}

// The weights of all indices: the tokens' own, those that stand for unknown ones get the mean,
// places behind the last token 0.
ValueId idf_weights(const LayerContext& layer, const Vocabulary& vocabulary, int64_t depth) {
  if (!layer.attributes().has("idf_weights")) {
    layer.fail_unsupported("its idf_weights are not in the config");
  }
  std::vector<double> weights = layer.attributes().numbers("idf_weights");
  const auto size = static_cast<int64_t>(weights.size());
  const auto num_tokens = static_cast<int64_t>(vocabulary.tokens.size());
  if (size != num_tokens + (vocabulary.lists_special ? vocabulary.first_token() : 0)) {
    layer.attributes().fail_key("idf_weights", "a number for each token of the vocabulary");
  }
  if (!vocabulary.lists_special) {
    const double mean =
        std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(size);
    weights.insert(weights.begin(), static_cast<size_t>(vocabulary.first_token()), mean);
  }
  weights.resize(static_cast<size_t>(depth), 0.0);
  return layer.build().floats(weights, {depth});
}

// The indices of keys, where there are several indices for unknown ones, which their hash chooses.
ValueId hash_unknown(const Builder& b, ValueId keys, const std::map<int64_t, int64_t>& table,
                     const Vocabulary& vocabulary) {
  constexpr int64_t kUnknown = -2;  // -1 are masked ones
  const ValueId known = look_up(b, keys, table, kUnknown, 1);
  const ValueId hashes = b.binary(
      BinaryKind::add, b.op<graph::HashIntegers>({as_integers(b, keys)}, vocabulary.num_absent),
      b.scalar(static_cast<double>(vocabulary.first_absent), DType::kInt64));
  const ValueId is_unknown =
      b.binary(BinaryKind::equal, known, b.scalar(kUnknown, b.type(known).dtype));
  return b.select(is_unknown, hashes, known);
}

}  // namespace

ValueId encode_categories(const LayerContext& layer, ValueId indices, int64_t depth,
                          const std::string& output_mode, ValueId weights) {
  const Builder& b = layer.build();
  if (depth > Attributes::kMostCount) {
    layer.fail_invalid(fmt::format("it would tell {} categories apart; expected at most {}", depth,
                                   Attributes::kMostCount));
  }
  if (output_mode == "one_hot" && b.rank(indices) > 1 && b.shape(indices).back() == 1) {
    indices = b.squeeze(indices, b.rank(indices) - 1);
  }
  std::vector<int64_t> classes(static_cast<size_t>(depth));
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int64_t>(i);
  const ValueId each = b.integers(classes, b.type(indices).dtype);
  const ValueId hot = b.binary(BinaryKind::equal, b.expand_dims(indices, b.rank(indices)), each);
  if (output_mode == "one_hot") return b.cast(hot, DType::kFloat32);
  const std::vector<int64_t> along = {b.rank(indices) > 1 ? 1 : 0};
  if (output_mode == "multi_hot") {
    return b.cast(b.reduce(graph::ReduceKind::any, hot, along, false), DType::kFloat32);
  }
  ValueId counts = b.cast(hot, DType::kFloat32);
  if (weights != kNoValue) {
    counts =
        b.binary(BinaryKind::multiply, counts, b.expand_dims(b.as_float(weights), b.rank(weights)));
  }
  return b.reduce(graph::ReduceKind::sum, counts, along, false);
}

Symbols category_encoding(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  require_dense(layer);
  std::string mode = layer.attributes().choice("output_mode", "multi_hot",
                                               {"one_hot", "multi_hot", "count", "binary"});
  if (mode == "binary") mode = "multi_hot";  // its older name
  const int64_t depth = layer.attributes().integer("num_tokens");
  if (depth <= 0) layer.attributes().fail_key("num_tokens", "a number above 0");
  const Argument* weights = call.find(1, "count_weights");
  if (weights != nullptr && weights->symbol() == nullptr) {
    layer.fail_unsupported("its count_weights are a constant");
  }
  const ValueId x = as_integers(b, input_of(layer, call).value);
  return one(encode_categories(layer, x, depth, mode,
                               weights == nullptr ? kNoValue : weights->symbol()->value));
}

// The number of boundaries at or below each number.
Symbols discretization(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  require_dense(layer);
  const std::string mode =
      layer.attributes().choice("output_mode", "int", {"int", "one_hot", "multi_hot", "count"});
  if (!layer.attributes().has("bin_boundaries")) {
    layer.fail_unsupported("its bin_boundaries are not in the config");
  }
  const std::vector<double> bounds = layer.attributes().numbers("bin_boundaries");
  const ValueId x = b.as_float(input_of(layer, call).value);
  const ValueId below = b.binary(BinaryKind::less, b.expand_dims(x, b.rank(x)),
                                 b.floats(bounds, {static_cast<int64_t>(bounds.size())}));
  const ValueId reached = b.cast(b.unary(UnaryKind::logical_not, below), DType::kInt32);
  const ValueId bins = b.reduce(graph::ReduceKind::sum, reached, {-1}, false);
  if (mode == "int") return one(b.cast(bins, integer_dtype(layer, DType::kInt32)));
  return one(encode_categories(layer, bins, static_cast<int64_t>(bounds.size()) + 1, mode));
}

Symbols integer_lookup(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  require_dense(layer);
  const std::string mode =
      attributes.choice("output_mode", "int", {"int", "one_hot", "multi_hot", "count", "tf_idf"});
  const Vocabulary vocabulary = vocabulary_of(layer, mode);
  const auto mask_token = attributes.optional_integer("mask_token");
  const ValueId x = input_of(layer, call).value;
  std::map<int64_t, int64_t> table;
  if (attributes.boolean("invert", false)) {
    if (vocabulary.first_absent == 1) table[0] = *mask_token;
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
      table[vocabulary.first_token() + static_cast<int64_t>(i)] = vocabulary.tokens[i];
    }
    return one(look_up(b, x, table, attributes.integer("oov_token", -1), 1));
  }
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    table[vocabulary.tokens[i]] = vocabulary.first_token() + static_cast<int64_t>(i);
  }
  // Where masked integers have no index of their own they count as none.
  if (mask_token) table[*mask_token] = vocabulary.first_absent == 1 ? 0 : -1;
  const int64_t absent = vocabulary.num_absent == 0 ? -1 : vocabulary.first_absent;
  const bool hashes =
      attributes.choice("oov_method", "floormod", {"floormod", "farmhash"}) == "farmhash";
  const ValueId indices =
      hashes && vocabulary.num_absent > 1
          ? hash_unknown(b, x, table, vocabulary)
          : look_up(b, x, table, absent, std::max<int64_t>(vocabulary.num_absent, 1));
  if (mode == "int") return one(b.cast(indices, integer_dtype(layer, DType::kInt64)));
  int64_t depth = vocabulary.size();
  if (attributes.boolean("pad_to_max_tokens", false)) {
    depth = attributes.integer("max_tokens", depth);
  }
  const bool weighted = mode == "tf_idf";
  const ValueId encoded = encode_categories(layer, indices, depth, weighted ? "count" : mode);
  if (!weighted) return one(encoded);
  return one(b.binary(BinaryKind::multiply, encoded, idf_weights(layer, vocabulary, depth)));
}

// The hash of the decimal digits of integers; a mask_value gets bin 0 for itself.
Symbols hashing(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  require_dense(layer);
  const std::string mode =
      attributes.choice("output_mode", "int", {"int", "one_hot", "multi_hot", "count"});
  const int64_t bins = attributes.integer("num_bins");
  if (bins <= 0) attributes.fail_key("num_bins", "a number above 0");
  const auto mask_value = attributes.optional_integer("mask_value");
  const bool masks = mask_value.has_value() && bins > 1;
  auto op = std::make_shared<graph::HashIntegers>(masks ? bins - 1 : bins);
  if (attributes.has("salt")) {
    const std::vector<int64_t> salt = attributes.integers("salt", 2);
    op->key = {static_cast<uint64_t>(salt[0]), static_cast<uint64_t>(salt[1])};
  }
  const ValueId x = as_integers(b, input_of(layer, call).value);
  ValueId hashes = b.add1(op, {x});
  if (masks) {
    hashes = b.binary(BinaryKind::add, hashes, b.scalar(1, DType::kInt64));
    const ValueId hidden =
        b.binary(BinaryKind::equal, x, b.scalar(static_cast<double>(*mask_value), b.type(x).dtype));
    hashes = b.select(hidden, b.scalar(0, DType::kInt64), hashes);
  }
  if (mode == "int") return one(b.cast(hashes, integer_dtype(layer, DType::kInt64)));
  return one(encode_categories(layer, hashes, bins, mode));
}

}  // namespace hornet::layers
