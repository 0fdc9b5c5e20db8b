#include "property/random_layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace hornet::property {
namespace {

// The outputs of a layer in a model that is being made.
struct Node {
  std::string name;
  std::string ref(int output = 0) const {
    return fmt::format(
        R"({{"class_name": "__keras_tensor__", "config": {{"shape": [], "dtype": "float32",
            "keras_history": ["{}", 0, {}]}}}})",
        name, output);
  }
};

std::string list(const std::vector<int64_t>& numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

std::string list_of(const std::vector<Node>& nodes) {
  std::string text;
  for (const Node& node : nodes) text += (text.empty() ? "" : ", ") + node.ref();
  return "[" + text + "]";
}

const char* flag(bool value) { return value ? "true" : "false"; }

class Maker {
 public:
  Maker(Random& random, int64_t num_rows) : random_(random), num_rows_(num_rows) {}
  Random& random() { return random_; }

  Node input(const Shape& row, float low = -1, float high = 1) {
    return add_input(random_.floats(with_rows(row), low, high));
  }
  // Whole numbers in [low, high].
  Node integers(const Shape& row, int64_t low, int64_t high) {
    Tensor tensor(DType::kInt32, with_rows(row));
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      tensor.mutable_as<int32_t>()[i] = static_cast<int32_t>(random_.whole(low, high));
    }
    return add_input(std::move(tensor));
  }
  // Some steps of which are 0 in all features, with the layer that masks these.
  Node masked(const Shape& row) {
    Tensor tensor = random_.floats(with_rows(row));
    const int64_t features = row.back();
    for (int64_t step = 0; step < tensor.num_elements() / features; ++step) {
      if (!random_.chance(0.3)) continue;
      std::fill_n(tensor.mutable_as<float>() + step * features, features, 0.0f);
    }
    const Node x = add_input(std::move(tensor));
    return layer("Masking", "", x.ref());
  }

  Node layer(const std::string& class_name, const std::string& config, const std::string& args,
             const std::string& kwargs = "") {
    return add("keras.layers", class_name, config, args, kwargs);
  }
  Node operation(const std::string& class_name, const std::string& config, const std::string& args,
                 const std::string& kwargs = "") {
    return add("keras.src.ops.numpy", class_name, config, args, kwargs);
  }

  RandomModel finish(const Node& last, int num_outputs = 1) {
    std::string outputs;
    for (int i = 0; i < num_outputs; ++i) {
      outputs += fmt::format("{}[\"{}\", 0, {}]", i == 0 ? "" : ", ", last.name, i);
    }
    return {fmt::format(R"({{"class_name": "Functional", "config": {{"name": "m", "layers": [{}],
                            "input_layers": [{}], "output_layers": [{}]}}}})",
                        layers_, input_layers_, outputs),
            std::move(inputs_)};
  }

 private:
  Shape with_rows(const Shape& row) const {
    Shape shape = row;
    shape.insert(shape.begin(), num_rows_);
    return shape;
  }
  Node add_input(Tensor tensor) {
    const std::string name = fmt::format("x{}", inputs_.size());
    std::string shape = "null";
    for (size_t i = 1; i < tensor.shape().size(); ++i) {
      shape += fmt::format(", {}", tensor.shape()[i]);
    }
    append(fmt::format(R"({{"module": "keras.layers", "class_name": "InputLayer", "name": "{0}",
                           "config": {{"name": "{0}", "batch_shape": [{1}], "dtype": "{2}"}},
                           "inbound_nodes": []}})",
                       name, shape, to_string(tensor.dtype())));
    input_layers_ += fmt::format("{}[\"{}\", 0, 0]", inputs_.empty() ? "" : ", ", name);
    inputs_.push_back(std::move(tensor));
    return {name};
  }
  Node add(const std::string& module, const std::string& class_name, const std::string& config,
           const std::string& args, const std::string& kwargs) {
    const std::string name = fmt::format("n{}", num_layers_++);
    append(fmt::format(R"({{"module": "{0}", "class_name": "{1}", "name": "{2}",
                           "config": {{"name": "{2}"{3}{4}}},
                           "inbound_nodes": [{{"args": [{5}], "kwargs": {{{6}}}}}]}})",
                       module, class_name, name, config.empty() ? "" : ", ", config, args, kwargs));
    return {name};
  }
  void append(const std::string& layer) { layers_ += (layers_.empty() ? "" : ", ") + layer; }

  Random& random_;
  const int64_t num_rows_;
  int num_layers_ = 0;
  std::string layers_, input_layers_;
  std::vector<Tensor> inputs_;
};

const std::vector<std::string> kElementwise = {
    "linear",      "relu",        "relu6",        "leaky_relu",  "elu",         "selu",
    "celu",        "sigmoid",     "hard_sigmoid", "silu",        "hard_silu",   "tanh",
    "hard_tanh",   "tanh_shrink", "softplus",     "softsign",    "log_sigmoid", "gelu",
    "exponential", "mish",        "soft_shrink",  "sparse_plus", "squareplus",  "sparse_sigmoid"};

std::string activation_name(Random& random) {
  return fmt::format(R"("activation": "{}")", random.one_of(kElementwise));
}

int64_t width(Random& random) {
  return random.chance(0.5) ? random.one_of<int64_t>({1, 3, 8, 15, 16, 17, 32})
                            : random.whole(1, 40);
}

// What models have behind a layer, each perhaps: normalisation, activation, a sum with a twin.
// `axis`: of the channels.
Node followers(Maker& maker, Node x, int64_t axis) {
  Random& random = maker.random();
  if (random.chance(0.4)) {
    x = maker.layer("BatchNormalization",
                    fmt::format(R"("axis": {}, "scale": {}, "center": {})", axis,
                                flag(random.chance(0.7)), flag(random.chance(0.7))),
                    x.ref());
  }
  if (random.chance(0.2)) x = maker.layer("Dropout", R"("rate": 0.5)", x.ref());
  if (random.chance(0.5)) x = maker.layer("Activation", activation_name(random), x.ref());
  return x;
}

// --- the families

RandomModel core(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  Shape row = {width(random)};
  const int64_t leading = random.whole(0, 2);
  for (int64_t i = 0; i < leading; ++i) row.insert(row.begin(), random.whole(1, 5));
  Node x = maker.input(row);
  const int64_t units = width(random);
  const auto dense = [&](const Node& from) {
    return maker.layer("Dense",
                       fmt::format(R"("units": {}, "use_bias": {}, {})", units,
                                   flag(random.chance(0.7)), activation_name(random)),
                       from.ref());
  };
  switch (random.whole(0, 4)) {
    case 0: {
      const Node ids = maker.integers({random.whole(1, 6)}, 0, 9);
      const Node embedded =
          maker.layer("Embedding",
                      fmt::format(R"("input_dim": 10, "output_dim": {}, "mask_zero": {})", units,
                                  flag(random.chance(0.5))),
                      ids.ref());
      return maker.finish(maker.layer("GlobalAveragePooling1D", "", embedded.ref()));
    }
    case 1: {
      const std::string config =
          leading == 0 ? fmt::format(R"("equation": "ab,bcd->acd", "output_shape": [{}, 3],
                                        "bias_axes": "{}")",
                                     units, random.one_of<std::string>({"c", "d", "cd"}))
                       : fmt::format(R"("equation": "...x,xy->...y", "output_shape": {},
                                        "bias_axes": "y")",
                                     units);
      x = maker.layer("EinsumDense", config, x.ref());
      return maker.finish(maker.layer("Activation", activation_name(random), x.ref()));
    }
    case 2: {
      const Node shortcut = dense(x);
      const Node y = followers(maker, dense(x), -1);
      x = maker.layer("Add", "", list_of({shortcut, y}));
      return maker.finish(maker.layer("Activation", activation_name(random), x.ref()));
    }
    default:
      x = followers(maker, dense(x), -1);
      if (random.chance(0.3)) {
        return maker.finish(
            maker.layer("Dense", R"("units": 7, "activation": "softmax")", x.ref()));
      }
      return maker.finish(dense(x));
  }
}

// A convolution that fits images of `sizes`.
Node convolution(Maker& maker, const Node& x, const Shape& sizes, int64_t channels, bool first) {
  Random& random = maker.random();
  const auto spatial = static_cast<int64_t>(sizes.size());
  std::vector<int64_t> kernel, strides(sizes.size(), 1), dilations(sizes.size(), 1);
  const bool dilated = random.chance(0.25);
  for (const int64_t size : sizes) kernel.push_back(random.whole(1, std::min<int64_t>(size, 4)));
  if (dilated) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      if ((kernel[i] - 1) * 2 + 1 <= sizes[i]) dilations[i] = 2;
    }
  } else {
    const int64_t stride = random.whole(1, 3);
    std::fill(strides.begin(), strides.end(), stride);
  }
  const int kind = static_cast<int>(random.whole(0, 3));
  const bool transposed = kind == 1, depthwise = kind == 2 && spatial < 3;
  const bool separable = kind == 3 && spatial < 3;
  std::vector<std::string> paddings = {"valid", "same"};
  if (spatial == 1 && !transposed && !depthwise && !first) paddings.emplace_back("causal");
  std::string config = fmt::format(
      R"("kernel_size": {}, "strides": {}, "dilation_rate": {}, "padding": "{}", "use_bias": {},
         "data_format": "{}", {})",
      list(kernel), list(strides), list(dilations), random.one_of(paddings),
      flag(random.chance(0.7)), first ? "channels_first" : "channels_last",
      activation_name(random));
  const std::string digits = fmt::format("{}D", spatial);
  if (depthwise) {
    config += fmt::format(R"(, "depth_multiplier": {})", random.whole(1, 2));
    return maker.layer("DepthwiseConv" + digits, config, x.ref());
  }
  if (separable) {
    config += fmt::format(R"(, "filters": {}, "depth_multiplier": {})", width(random),
                          random.whole(1, 2));
    return maker.layer("SeparableConv" + digits, config, x.ref());
  }
  if (transposed) {
    if (strides[0] > 1 && random.chance(0.3)) config += R"(, "output_padding": 1)";
    config += fmt::format(R"(, "filters": {})", random.whole(1, 9));
    return maker.layer("Conv" + digits + "Transpose", config, x.ref());
  }
  const bool grouped = channels % 2 == 0 && random.chance(0.4);
  const int64_t filters = grouped ? 2 * random.whole(1, 9) : width(random);
  config += fmt::format(R"(, "filters": {}, "groups": {})", filters, grouped ? 2 : 1);
  return maker.layer("Conv" + digits, config, x.ref());
}

// A row of `spatial` dimensions with channels at either end.
struct Image {
  Shape sizes;
  int64_t channels;
  bool first;
  Shape row() const {
    Shape row = sizes;
    row.insert(first ? row.begin() : row.end(), channels);
    return row;
  }
  const char* data_format() const { return first ? "channels_first" : "channels_last"; }
};

Image random_image(Random& random, int64_t spatial, int64_t least, int64_t most) {
  Image image;
  for (int64_t i = 0; i < spatial; ++i) image.sizes.push_back(random.whole(least, most));
  image.channels = random.one_of<int64_t>({1, 2, 3, 4, 8, 16, 17});
  image.first = random.chance(0.3);
  return image;
}

RandomModel convolutions(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const int64_t spatial = random.one_of<int64_t>({1, 2, 2, 2, 3});
  Image image = random_image(random, spatial, 4, spatial == 3 ? 6 : 10);
  Node x = maker.input(image.row());
  if (random.chance(0.3)) {
    x = maker.layer(fmt::format("ZeroPadding{}D", spatial),
                    fmt::format(R"("padding": {}, "data_format": "{}")", random.whole(1, 2),
                                image.data_format()),
                    x.ref());
  }
  const Node y = followers(maker, convolution(maker, x, image.sizes, image.channels, image.first),
                           image.first ? 1 : -1);
  if (!random.chance(0.3)) return maker.finish(y);
  const Node z = maker.layer("Activation", activation_name(random), y.ref());
  return maker.finish(maker.layer("Add", "", list_of({y, z})));
}

RandomModel poolings(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const int64_t spatial = random.whole(1, 3);
  const Image image = random_image(random, spatial, 3, 9);
  const Node x = maker.input(image.row());
  const std::string kind = random.one_of<std::string>({"Max", "Average"});
  std::string config = fmt::format(R"("data_format": "{}")", image.data_format());
  switch (random.whole(0, 3)) {
    case 0:
      config += fmt::format(R"(, "keepdims": {})", flag(random.chance(0.5)));
      return maker.finish(
          maker.layer(fmt::format("Global{}Pooling{}D", kind, spatial), config, x.ref()));
    case 1: {
      std::vector<int64_t> sizes;
      for (int64_t i = 0; i < spatial; ++i) sizes.push_back(random.whole(1, 4));
      config += R"(, "output_size": )" + list(sizes);
      return maker.finish(
          maker.layer(fmt::format("Adaptive{}Pooling{}D", kind, spatial), config, x.ref()));
    }
    default: {
      std::vector<int64_t> sizes, strides;
      for (int64_t i = 0; i < spatial; ++i) sizes.push_back(random.whole(1, 3));
      for (int64_t i = 0; i < spatial; ++i) strides.push_back(random.whole(1, 3));
      config += fmt::format(R"(, "pool_size": {}, "strides": {}, "padding": "{}")", list(sizes),
                            random.chance(0.3) ? "null" : list(strides),
                            random.one_of<std::string>({"valid", "same"}));
      return maker.finish(maker.layer(fmt::format("{}Pooling{}D", kind, spatial), config, x.ref()));
    }
  }
}

RandomModel normalizations(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  Shape row;
  const int64_t rank = random.whole(2, 4);
  for (int64_t i = 1; i < rank; ++i) row.push_back(random.whole(1, 3) * 4);
  const Node x = maker.input(row, -3, 3);
  std::vector<int64_t> axes;
  for (int64_t axis = 1; axis < rank; ++axis) {
    if (random.chance(0.5)) axes.push_back(axis);
  }
  if (axes.empty()) axes.push_back(-1);
  const std::string both =
      fmt::format(R"("center": {}, "scale": {}, "epsilon": {})", flag(random.chance(0.7)),
                  flag(random.chance(0.7)), random.one_of<std::string>({"1e-3", "1e-6", "0.1"}));
  const int64_t axis = random.whole(1, rank - 1);
  Node y;
  switch (random.whole(0, 5)) {
    case 0:
      y = maker.layer("BatchNormalization", fmt::format(R"("axis": {}, {})", axis, both), x.ref());
      break;
    case 1:
      y = maker.layer("LayerNormalization", fmt::format(R"("axis": {}, {})", list(axes), both),
                      x.ref());
      break;
    case 2:
      y = maker.layer("GroupNormalization",
                      fmt::format(R"("axis": {}, "groups": {}, {})", axis,
                                  random.one_of<int64_t>({-1, 1, 2, 4}), both),
                      x.ref());
      break;
    case 3: {
      std::vector<int64_t> last(static_cast<size_t>(rank - axis));
      std::iota(last.begin(), last.end(), axis);
      y = maker.layer("RMSNormalization", fmt::format(R"("axis": {})", list(last)), x.ref());
      break;
    }
    case 4:
      y = maker.layer("UnitNormalization", fmt::format(R"("axis": {})", list(axes)), x.ref());
      break;
    default:
      y = maker.layer("LayerNormalization", R"("rms_scaling": true)", x.ref());
  }
  return maker.finish(maker.layer("Activation", activation_name(random), y.ref()));
}

RandomModel reshapings(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const int64_t spatial = random.whole(1, 3);
  const Image image = random_image(random, spatial, 4, 6);
  const Node x =
      maker.layer("Activation", R"("activation": "relu")", maker.input(image.row()).ref());
  const std::string format = fmt::format(R"("data_format": "{}")", image.data_format());
  const auto pairs = [&] {
    std::string text;
    for (int64_t i = 0; i < spatial; ++i) {
      text += fmt::format("{}[{}, {}]", i == 0 ? "" : ", ", random.whole(0, 2), random.whole(0, 1));
    }
    return spatial == 1 ? text : "[" + text + "]";
  };
  const std::string digits = fmt::format("{}D", spatial);
  switch (random.whole(0, 6)) {
    case 0:
      return maker.finish(maker.layer(
          "ZeroPadding" + digits, fmt::format(R"("padding": {}, {})", pairs(), format), x.ref()));
    case 1:
      return maker.finish(maker.layer(
          "Cropping" + digits, fmt::format(R"("cropping": {}, {})", pairs(), format), x.ref()));
    case 2: {
      std::string config = R"("size": 2)";
      if (spatial > 1) config += ", " + format;
      if (spatial == 2) {
        config = fmt::format(
            R"("size": [{}, {}], "interpolation": "{}", {})", random.whole(1, 3),
            random.whole(1, 3),
            random.one_of<std::string>({"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"}),
            format);
      }
      if (spatial == 1 && image.first) return maker.finish(maker.layer("Flatten", format, x.ref()));
      return maker.finish(maker.layer("UpSampling" + digits, config, x.ref()));
    }
    case 3: {
      std::vector<int64_t> dims(static_cast<size_t>(spatial) + 1);
      std::iota(dims.begin(), dims.end(), 1);
      for (size_t i = dims.size() - 1; i > 0; --i) {
        std::swap(dims[i], dims[static_cast<size_t>(random.whole(0, static_cast<int64_t>(i)))]);
      }
      return maker.finish(maker.layer("Permute", R"("dims": )" + list(dims), x.ref()));
    }
    case 4:
      return maker.finish(maker.layer("Reshape", R"("target_shape": [-1, 1, 1])", x.ref()));
    case 5: {
      const Node flat = maker.layer("Flatten", format, x.ref());
      return maker.finish(maker.layer("RepeatVector", R"("n": 3)", flat.ref()));
    }
    default:
      return maker.finish(maker.layer("Flatten", format, x.ref()));
  }
}

RandomModel mergings(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const Shape row = {random.whole(2, 4), random.whole(2, 4), width(random)};
  const std::string merge = random.one_of<std::string>(
      {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"});
  if (merge == "Dot") {
    const int64_t common = random.whole(1, 9);
    const Node x = maker.input({random.whole(1, 5), common});
    const Node y = maker.input({random.whole(1, 5), common});
    return maker.finish(
        maker.layer("Dot",
                    fmt::format(R"("axes": [2, {}], "normalize": {})",
                                random.one_of<int64_t>({2, -1}), flag(random.chance(0.5))),
                    list_of({x, y})));
  }
  std::vector<Node> nodes = {maker.input(row)};
  const int64_t others = merge == "Subtract" ? 1 : random.whole(1, 3);
  const auto axis = static_cast<size_t>(random.whole(0, 2));
  for (int64_t i = 0; i < others; ++i) {
    Shape other = row;
    if (merge == "Concatenate") {
      other[axis] = random.whole(1, 5);
    } else if (random.chance(0.4)) {
      other[axis] = 1;
    } else if (random.chance(0.3)) {
      other.erase(other.begin());
    }
    nodes.push_back(maker.input(other));
  }
  const std::string config = merge == "Concatenate" ? fmt::format(R"("axis": {})", axis + 1) : "";
  const Node y = maker.layer(merge, config, list_of(nodes));
  return maker.finish(maker.layer("Activation", activation_name(random), y.ref()));
}

RandomModel attentions(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const int64_t steps = random.whole(1, 6), others = random.whole(1, 9);
  const int64_t features = random.whole(1, 9);
  const bool masks = random.chance(0.4);
  const auto sequence = [&](int64_t length) {
    return masks ? maker.masked({length, features}) : maker.input({length, features});
  };
  const Node query = sequence(steps), value = sequence(others);
  const bool scores = random.chance(0.4);
  const std::string call = fmt::format(R"("use_causal_mask": {}, "return_attention_scores": {})",
                                       flag(random.chance(0.4)), flag(scores));
  const int outputs = scores ? 2 : 1;
  switch (random.whole(0, 3)) {
    case 0:
      return maker.finish(maker.layer("Attention",
                                      fmt::format(R"("use_scale": {}, "score_mode": "{}")",
                                                  flag(random.chance(0.5)),
                                                  random.one_of<std::string>({"dot", "concat"})),
                                      list_of({query, value}), call),
                          outputs);
    case 1:
      return maker.finish(maker.layer("AdditiveAttention",
                                      fmt::format(R"("use_scale": {})", flag(random.chance(0.5))),
                                      list_of({query, value}), call),
                          outputs);
    case 2:
      return maker.finish(
          maker.layer("GroupQueryAttention",
                      fmt::format(R"("head_dim": {}, "num_query_heads": 4,
                                     "num_key_value_heads": {}, "use_bias": {}, "use_gate": {})",
                                  random.whole(1, 8), random.one_of<int64_t>({1, 2, 4}),
                                  flag(random.chance(0.5)), flag(random.chance(0.3))),
                      query.ref() + ", " + value.ref(), call),
          outputs);
    default:
      return maker.finish(
          maker.layer("MultiHeadAttention",
                      fmt::format(R"("num_heads": {}, "key_dim": {}, "value_dim": {},
                                     "use_bias": {}, "use_gate": {}, "dropout": {},
                                     "sliding_window": {}, "output_shape": {})",
                                  random.whole(1, 4), random.whole(1, 9), random.whole(1, 9),
                                  flag(random.chance(0.5)), flag(random.chance(0.3)),
                                  random.one_of<std::string>({"0.0", "0.1"}),
                                  random.one_of<std::string>({"null", "2"}),
                                  random.one_of<std::string>({"null", "5"})),
                      query.ref() + ", " + value.ref(), call),
          outputs);
  }
}

std::string recurrent_config(Random& random, const std::string& class_name, bool sequences,
                             bool state) {
  std::string config = fmt::format(
      R"("units": {}, "use_bias": {}, "return_sequences": {}, "return_state": {},
         "go_backwards": {}, "unroll": {})",
      width(random), flag(random.chance(0.8)), flag(sequences), flag(state),
      flag(random.chance(0.3)), flag(random.chance(0.2)));
  if (random.chance(0.3)) {
    config += R"(, "activation": ")" +
              random.one_of<std::string>({"relu", "softsign", "sigmoid", "gelu"}) + '"';
  }
  if (class_name != "SimpleRNN" && random.chance(0.3)) {
    config += R"(, "recurrent_activation": "hard_sigmoid")";
  }
  if (class_name == "GRU") {
    config += fmt::format(R"(, "reset_after": {})", flag(random.chance(0.5)));
  }
  return config;
}

std::string object(const std::string& class_name, const std::string& config) {
  return fmt::format(
      R"({{"module": "keras.layers", "class_name": "{}", "config": {{"name": "inner", {}}}}})",
      class_name, config);
}

RandomModel recurrents(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const std::string class_name = random.one_of<std::string>({"SimpleRNN", "LSTM", "GRU"});
  const Shape row = {random.whole(1, 6), width(random)};
  const bool masks = random.chance(0.4);
  const Node x = masks ? maker.masked(row) : maker.input(row);
  const bool sequences = random.chance(0.5), state = random.chance(0.4);
  const int num_states = class_name == "LSTM" ? 2 : 1;
  switch (random.whole(0, 5)) {
    case 0: {
      const std::string mode =
          random.one_of<std::string>({"\"concat\"", "\"sum\"", "\"ave\"", "\"mul\"", "null"});
      const std::string inner =
          object(class_name, recurrent_config(random, class_name, sequences, state));
      const int outputs = (mode == "null" ? 2 : 1) + (state ? 2 * num_states : 0);
      return maker.finish(
          maker.layer("Bidirectional", fmt::format(R"("layer": {}, "merge_mode": {})", inner, mode),
                      x.ref()),
          outputs);
    }
    case 1: {
      const std::string inner = object(
          "Dense", fmt::format(R"("units": {}, {})", width(random), activation_name(random)));
      return maker.finish(maker.layer("TimeDistributed", R"("layer": )" + inner, x.ref()));
    }
    case 2: {
      std::string cells;
      const int64_t depth = random.whole(1, 3);
      for (int64_t i = 0; i < depth; ++i) {
        const std::string cell =
            random.one_of<std::string>({"SimpleRNNCell", "LSTMCell", "GRUCell"});
        cells += (cells.empty() ? "" : ", ") +
                 object(cell, fmt::format(R"("units": {})", random.whole(1, 9)));
      }
      const std::string stack = fmt::format(
          R"({{"module": "keras.layers", "class_name": "StackedRNNCells",
               "config": {{"name": "stack", "cells": [{}]}}}})",
          cells);
      return maker.finish(maker.layer(
          "RNN",
          fmt::format(R"("cell": {}, "return_sequences": {}, "go_backwards": {},
                         "zero_output_for_mask": {})",
                      stack, flag(sequences), flag(random.chance(0.3)), flag(random.chance(0.3))),
          x.ref()));
    }
    case 3: {
      const int64_t spatial = random.whole(1, 2);
      Image image = random_image(random, spatial, 3, 5);
      Shape images = image.row();
      images.insert(images.begin(), random.whole(1, 3));
      const Node movie = maker.input(images);
      return maker.finish(maker.layer(
          fmt::format("ConvLSTM{}D", spatial),
          fmt::format(R"("filters": {}, "kernel_size": {}, "padding": "{}", "data_format": "{}",
                         "return_sequences": {}, "go_backwards": {}, "use_bias": {})",
                      random.whole(1, 5), random.whole(1, 3),
                      random.one_of<std::string>({"valid", "same"}), image.data_format(),
                      flag(sequences), flag(random.chance(0.3)), flag(random.chance(0.7))),
          movie.ref()));
    }
    default:
      return maker.finish(
          maker.layer(class_name, recurrent_config(random, class_name, sequences, state), x.ref()),
          1 + (state ? num_states : 0));
  }
}

RandomModel activations(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const Shape row = {random.whole(1, 5), 2 * random.whole(1, 9)};
  const Node x = maker.input(row, -4, 4);
  switch (random.whole(0, 6)) {
    case 0:
      return maker.finish(
          maker.layer("ReLU",
                      fmt::format(R"("max_value": {}, "negative_slope": {}, "threshold": {})",
                                  random.one_of<std::string>({"null", "1.5", "6.0"}),
                                  random.one_of<std::string>({"0.0", "0.3"}),
                                  random.one_of<std::string>({"0.0", "0.5", "-1.0"})),
                      x.ref()));
    case 1:
      return maker.finish(maker.layer("LeakyReLU", R"("negative_slope": 0.3)", x.ref()));
    case 2:
      return maker.finish(maker.layer("ELU", R"("alpha": 0.7)", x.ref()));
    case 3:
      return maker.finish(maker.layer(
          "PReLU", random.chance(0.5) ? R"("shared_axes": [1])" : R"("shared_axes": null)",
          x.ref()));
    case 4:
      return maker.finish(maker.layer(
          "Softmax", R"("axis": )" + random.one_of<std::string>({"-1", "1", "[1, 2]"}), x.ref()));
    case 5:
      return maker.finish(maker.layer(
          "Activation",
          fmt::format(R"("activation": "{}")",
                      random.one_of<std::string>({"softmax", "log_softmax", "glu", "sparsemax"})),
          x.ref()));
    default: {
      const Node y = maker.layer("Activation", activation_name(random), x.ref());
      return maker.finish(maker.layer("Activation", activation_name(random), y.ref()));
    }
  }
}

RandomModel preprocessings(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const Image image = random_image(random, 2, 3, 9);
  const std::string format = fmt::format(R"("data_format": "{}")", image.data_format());
  switch (random.whole(0, 5)) {
    case 0: {
      const int64_t fit = random.whole(0, 2);
      return maker.finish(maker.layer(
          "Resizing",
          fmt::format(R"("height": {}, "width": {}, "interpolation": "{}", "antialias": {},
                         "crop_to_aspect_ratio": {}, "pad_to_aspect_ratio": {},
                         "fill_value": 0.5, {})",
                      random.whole(1, 12), random.whole(1, 12),
                      random.one_of<std::string>(
                          {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"}),
                      flag(random.chance(0.3)), flag(fit == 1), flag(fit == 2), format),
          maker.input(image.row()).ref()));
    }
    case 1:
      return maker.finish(maker.layer("CenterCrop",
                                      fmt::format(R"("height": {}, "width": {}, {})",
                                                  random.whole(1, 10), random.whole(1, 10), format),
                                      maker.input(image.row()).ref()));
    case 2:
      return maker.finish(
          maker.layer("Discretization",
                      fmt::format(R"("bin_boundaries": [-0.5, 0.0, 0.25], "output_mode": "{}")",
                                  random.one_of<std::string>({"int", "multi_hot", "count"})),
                      maker.input({random.whole(1, 5)}).ref()));
    case 3:
      return maker.finish(
          maker.layer("CategoryEncoding",
                      fmt::format(R"("num_tokens": 6, "output_mode": "{}")",
                                  random.one_of<std::string>({"multi_hot", "count"})),
                      maker.integers({random.whole(1, 5)}, 0, 5).ref()));
    case 4: {
      const Node x =
          maker.layer("Rescaling", R"("scale": 0.5, "offset": -1.0)", maker.input({4, 3}).ref());
      return maker.finish(maker.layer(
          "Normalization",
          R"("axis": [-1], "mean": [0.1, 0.2, 0.3], "variance": [1.0, 2.0, 0.5], "invert": )" +
              std::string(flag(random.chance(0.3))),
          x.ref()));
    }
    default: {
      const Node x = maker.layer("RandomFlip", "", maker.input(image.row()).ref());
      return maker.finish(maker.layer("Rescaling", R"("scale": 0.25)", x.ref()));
    }
  }
}

RandomModel operations(Random& random, int64_t num_rows) {
  Maker maker(random, num_rows);
  const int64_t columns = width(random);
  Node x = maker.input({random.whole(2, 5), columns}, 0.1f, 2);
  const int64_t length = random.whole(1, 5);
  for (int64_t i = 0; i < length; ++i) {
    if (random.chance(0.5)) {
      const std::string unary = random.one_of<std::string>(
          {"Exp", "Tanh", "Square", "Abs", "Sigmoid", "Silu", "Sin", "Cos", "Softplus", "Erf",
           "Negative", "Relu", "Floor", "Sign", "Arctan", "Sinh"});
      x = maker.operation("Clip", R"("x_min": -3.0, "x_max": 3.0)", x.ref());
      x = maker.operation(unary, "", x.ref());
    } else {
      const std::string binary = random.one_of<std::string>(
          {"Add", "Subtract", "Multiply", "Maximum", "Minimum", "Arctan2", "Logaddexp"});
      const std::string other = random.chance(0.5)
                                    ? fmt::format("{:.3f}", static_cast<double>(random.real(-1, 1)))
                                    : x.ref();
      x = random.chance(0.5) ? maker.operation(binary, "", x.ref() + ", " + other)
                             : maker.operation(binary, "", other + ", " + x.ref());
    }
  }
  const std::string axis = random.one_of<std::string>({"1", "-1", "[1, 2]"});
  switch (random.whole(0, 5)) {
    case 0:
      return maker.finish(maker.operation(
          random.one_of<std::string>({"Sum", "Mean", "Max", "Min", "Var", "Std", "Prod"}),
          fmt::format(R"("axis": {}, "keepdims": {})", axis, flag(random.chance(0.5))), x.ref()));
    case 1:
      return maker.finish(maker.operation("Softmax", R"("axis": )" + axis, x.ref()));
    case 2: {
      const Node y = maker.operation("Transpose", R"("axes": [0, 2, 1])", x.ref());
      return maker.finish(maker.operation("Matmul", "", x.ref() + ", " + y.ref()));
    }
    case 3:
      return maker.finish(
          maker.operation("Einsum", R"("subscripts": "bij,bkj->bik")", x.ref() + ", " + x.ref()));
    case 4:
      return maker.finish(maker.operation("Concatenate", R"("axis": -1)", list_of({x, x})));
    default:
      return maker.finish(maker.operation("Cumsum", R"("axis": 1)", x.ref()));
  }
}

}  // namespace

const std::vector<LayerFamily>& layer_families() {
  static const std::vector<LayerFamily> families = {
      {"core", core, 40},
      {"convolution", convolutions, 60},
      {"pooling", poolings, 30},
      {"normalization", normalizations, 30},
      {"reshaping", reshapings, 30},
      {"merging", mergings, 30},
      {"attention", attentions, 30},
      {"recurrent", recurrents, 40},
      {"activations", activations, 30},
      {"preprocessing", preprocessings, 30},
      {"operations", operations, 40},
  };
  return families;
}

}  // namespace hornet::property
