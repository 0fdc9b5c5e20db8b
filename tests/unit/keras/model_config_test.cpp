#include "keras/model_config.h"

#include "keras/model_parser.h"
#include "unit/keras/fixtures.h"

namespace hornet::keras {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> layer_names(const ModelConfig& model) {
  std::vector<std::string> names;
  for (const LayerConfig& layer : model.layers) names.push_back(layer.name);
  return names;
}

std::string text(const Dict& config, const char* key) {
  const Value* value = config.find(key);
  return value ? value->to_string() : "absent";
}

// --- layers

LayerConfig layer(const std::string& json) { return parse_layer(object(json)); }

TEST(ParseLayer, DtypePolicies_AreReducedToNames) {
  const auto dtype_of = [](const std::string& dtype) {
    return layer(R"({"class_name": "Dense", "config": {"name": "d", "dtype": )" + dtype + "}}")
        .config;
  };
  EXPECT_EQ(text(dtype_of("\"float16\""), "dtype"), "\"float16\"");
  EXPECT_EQ(text(dtype_of("null"), "dtype"), "absent");
  EXPECT_EQ(text(dtype_of(R"({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}})"),
                 "dtype"),
            "\"mixed_float16\"");
  EXPECT_EQ(text(dtype_of(R"({"class_name": "Policy", "config": {"name": "float64"}})"), "dtype"),
            "\"float64\"");
  for (const char* quantized : {R"({"class_name": "QuantizedDTypePolicy",
                                    "config": {"mode": "int8", "source_name": "bfloat16"}})",
                                "\"int8_from_bfloat16\""}) {
    const Dict config = dtype_of(quantized);
    EXPECT_EQ(text(config, "dtype"), "\"bfloat16\"");
    EXPECT_EQ(text(*config.find("dtype_policy")->get_if<Dict>(), "mode"), "\"int8\"");
  }
  const Dict map = dtype_of(R"({"class_name": "DTypePolicyMap", "config": {
      "default_policy": {"class_name": "DTypePolicy", "config": {"name": "bfloat16"}},
      "policy_map": {"a/b": {"class_name": "DTypePolicy", "config": {"name": "float32"}}}}})");
  EXPECT_EQ(text(map, "dtype"), "\"bfloat16\"");
  EXPECT_NE(map.find("dtype_policy"), nullptr);
  EXPECT_THAT(error_of([&] { dtype_of("3"); }), HasSubstr("layer \"d\" (Dense): dtype is 3"));
}

TEST(ParseLayer, OperationsAreToldByTheirModule) {
  const std::string rest = R"("class_name": "Add", "config": {"name": "add", "dtype": null}})";
  EXPECT_TRUE(layer(R"({"module": "keras.src.ops.numpy", )" + rest).is_operation);
  EXPECT_TRUE(layer(R"({"module": "keras.ops", )" + rest).is_operation);
  EXPECT_FALSE(layer(R"({"module": "keras.layers", )" + rest).is_operation);
}

// `.h5` files name no modules.
TEST(ParseLayer, OperationWithoutModule_IsToldByItsConfig) {
  EXPECT_TRUE(layer(R"({"class_name": "Add", "config": {"name": "add"}, "name": "add",
                        "inbound_nodes": [{"args": [], "kwargs": {}}]})")
                  .is_operation);
  EXPECT_FALSE(layer(R"({"class_name": "Add", "config": {"name": "add", "trainable": true},
                         "name": "add", "inbound_nodes": [{"args": [], "kwargs": {}}]})")
                   .is_operation);
}

TEST(ParseLayer, CustomClasses_KeepTheirRegisteredName) {
  const LayerConfig custom = layer(R"({"module": "mine.layers", "class_name": "MyLayer",
      "registered_name": "mine>MyLayer", "config": {"name": "a"}})");
  EXPECT_EQ(custom.registered_name, "mine>MyLayer");
  EXPECT_EQ(custom.class_name, "MyLayer");
  EXPECT_EQ(layer(R"({"class_name": "Custom>My", "config": {}})").registered_name, "Custom>My");
  for (const char* built_in : {"keras.layers>Dense", "tensorflow.keras.layers.Dense", "Dense"}) {
    const LayerConfig dense =
        layer(std::string(R"({"class_name": ")") + built_in + R"(", "config": {"name": "a"}})");
    EXPECT_EQ(dense.class_name, "Dense");
    EXPECT_EQ(dense.registered_name, "");
  }
}

TEST(ParseLayer, Code_IsRefusedByName) {
  EXPECT_THAT(error_of([] { layer(R"({"class_name": "Lambda", "config": {"name": "twice"}})"); }),
              HasSubstr("unsupported: layer \"twice\" (Lambda): a Lambda layer is Python code"));
  EXPECT_THAT(error_of([] {
                layer(R"({"class_name": "Dense", "config": {"name": "d", "activation":
                          {"class_name": "__lambda__", "config": {"value": {}}}}})");
              }),
              HasSubstr("layer \"d\" (Dense): \"activation\" is Python code"));
}

TEST(ParseLayer, BrokenObjects_AreRefused) {
  EXPECT_THAT(error_of([] { layer("{}"); }), HasSubstr("a layer has no class_name"));
  EXPECT_THAT(error_of([] { layer(R"({"class_name": "Dense"})"); }), HasSubstr("has no config"));
  EXPECT_THAT(error_of([] { layer(R"({"class_name": "Dense", "config": {"name": 3}})"); }),
              HasSubstr("the name of a Dense layer is 3"));
}

TEST(ParseLayer, ActivationObjects_StayAsTheyAre) {
  const LayerConfig dense = layer(R"({"class_name": "Dense", "config": {"name": "d", "activation":
      {"module": "keras.layers", "class_name": "LeakyReLU", "config": {"negative_slope": 0.1}}}})");
  EXPECT_NE(dense.config.find("activation")->get_if<Dict>(), nullptr);
}

// --- older names

TEST(OlderNames, Keras1Convolution_GetsTodaysKeys) {
  const LayerConfig conv = layer(R"({"class_name": "Convolution2D", "config": {"name": "c",
      "nb_filter": 8, "nb_row": 3, "nb_col": 5, "border_mode": "same", "subsample": [2, 1],
      "dim_ordering": "th", "bias": false}})");
  EXPECT_EQ(conv.class_name, "Conv2D");
  EXPECT_EQ(text(conv.config, "filters"), "8");
  EXPECT_EQ(text(conv.config, "kernel_size"), "[3, 5]");
  EXPECT_EQ(text(conv.config, "padding"), "\"same\"");
  EXPECT_EQ(text(conv.config, "strides"), "[2, 1]");
  EXPECT_EQ(text(conv.config, "data_format"), "\"channels_first\"");
  EXPECT_EQ(text(conv.config, "use_bias"), "false");
  EXPECT_EQ(text(conv.config, "nb_row"), "absent");
}

TEST(OlderNames, Keras1Recurrent_GetsTodaysKeys) {
  const LayerConfig gru = parse_layer(
      translated(object(R"({"class_name": "GRU", "config": {"name": "g", "output_dim": 3,
                            "inner_activation": "hard_sigmoid", "dropout_W": 0.5}})"),
                 {1, 2}));
  EXPECT_EQ(text(gru.config, "units"), "3");
  EXPECT_EQ(text(gru.config, "recurrent_activation"), "\"hard_sigmoid of Keras 2\"");
  EXPECT_EQ(text(gru.config, "reset_after"), "false");
}

TEST(OlderNames, Keras1Padding_BecomesPairsOfSides) {
  const auto padding = [](const std::string& class_name, const std::string& sides) {
    return text(
        layer(R"({"class_name": ")" + class_name + R"(", "config": {"padding": )" + sides + "}}")
            .config,
        "padding");
  };
  EXPECT_EQ(padding("ZeroPadding2D", "[1, 2, 3, 4]"), "[[1, 2], [3, 4]]");
  EXPECT_EQ(padding("ZeroPadding2D", R"({"top_pad": 1, "right_pad": 2})"), "[[1, 0], [0, 2]]");
  EXPECT_EQ(padding("ZeroPadding2D", "[1, 2]"), "[1, 2]");
  EXPECT_EQ(padding("ZeroPadding1D", R"({"left_pad": 1, "right_pad": 2})"), "[1, 2]");
}

TEST(OlderNames, EmbeddingKeepsItsOutputDim) {
  const LayerConfig embedding = layer(
      R"({"class_name": "Embedding", "config": {"name": "e", "output_dim": 3, "dtype": "int32"}})");
  EXPECT_EQ(text(embedding.config, "output_dim"), "3");
  EXPECT_EQ(text(embedding.config, "dtype"), "\"float32\"");
}

TEST(OlderNames, CudnnLayers_AreThePlainOnes) {
  const LayerConfig gru =
      layer(R"({"class_name": "CuDNNGRU", "config": {"name": "g", "units": 3}})");
  EXPECT_EQ(gru.class_name, "GRU");
  EXPECT_EQ(text(gru.config, "reset_after"), "true");
  EXPECT_EQ(text(gru.config, "recurrent_activation"), "\"sigmoid\"");
  EXPECT_EQ(layer(R"({"class_name": "CuDNNLSTM", "config": {}})").class_name, "LSTM");
}

TEST(OlderNames, MergeBecomesTheLayerOfItsMode) {
  const auto merge = [](const std::string& config) {
    return layer(R"({"class_name": "Merge", "config": {"name": "m", )" + config + "}}");
  };
  EXPECT_EQ(merge(R"("mode": "sum", "concat_axis": -1)").class_name, "Add");
  const LayerConfig concat = merge(R"("mode": "concat", "concat_axis": 1)");
  EXPECT_EQ(concat.class_name, "Concatenate");
  EXPECT_EQ(text(concat.config, "axis"), "1");
  const LayerConfig cos = merge(R"("mode": "cos", "dot_axes": [1, 1])");
  EXPECT_EQ(cos.class_name, "Dot");
  EXPECT_EQ(text(cos.config, "normalize"), "true");
  EXPECT_THAT(error_of([&] { merge(R"("mode": {"code": 1})"); }),
              HasSubstr("layer \"m\" (Merge): Keras 1's"));
}

TEST(OlderNames, LeakyReluAndThresholdedRelu) {
  const LayerConfig leaky =
      layer(R"({"class_name": "LeakyReLU", "config": {"name": "l", "alpha": 0.1}})");
  EXPECT_EQ(text(leaky.config, "negative_slope"), "0.1");
  const LayerConfig relu =
      layer(R"({"class_name": "ThresholdedReLU", "config": {"name": "l", "theta": 2.0}})");
  EXPECT_EQ(relu.class_name, "ReLU");
  EXPECT_EQ(relu.config.find("threshold")->number(), 2.0);
}

TEST(OlderNames, TimeMajor_IsUnsupported) {
  for (const std::string class_name : {"LSTM", "RNN", "ConvLSTM2D"}) {
    EXPECT_THAT(error_of([&] {
                  layer(R"({"class_name": ")" + class_name +
                        R"(", "config": {"name": "l", "time_major": true}})");
                }),
                HasSubstr("unsupported: layer \"l\" (" + class_name + "): time_major"));
  }
  // What it says of a user's own layer is not known.
  EXPECT_EQ(error_of([] {
              layer(R"({"class_name": "Mine", "config": {"name": "l", "time_major": true}})");
            }),
            "");
}

// --- models

ModelConfig model(const std::string& json) { return parse_model(object(json)); }

TEST(ParseModel, Keras2Sequential_GetsAnInputLayer) {
  const ModelConfig sequential =
      model(R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
      {"class_name": "Dense", "config": {"name": "d", "units": 2, "dtype": "float32",
       "batch_input_shape": [null, 4]}}]}})");
  EXPECT_THAT(layer_names(sequential), ElementsAre("d_input", "d"));
  EXPECT_EQ(sequential.layers[0].class_name, "InputLayer");
  EXPECT_EQ(text(sequential.layers[0].config, "batch_shape"), "[null, 4]");
  EXPECT_EQ(text(sequential.layers[1].config, "batch_input_shape"), "absent");
}

TEST(ParseModel, Keras1Sequential_IsAListOfLayers) {
  const ModelConfig sequential = model(R"({"class_name": "Sequential", "config": [
      {"class_name": "Embedding", "config": {"name": "e", "input_dim": 9, "output_dim": 4,
       "input_dtype": "int32", "batch_input_shape": [null, 7]}}]})");
  EXPECT_THAT(layer_names(sequential), ElementsAre("e_input", "e"));
  EXPECT_EQ(text(sequential.layers[0].config, "dtype"), "\"int32\"");
}

TEST(ParseModel, ClassesOfTheUsersOwn_AreNoModelsWhateverTheirName) {
  const std::string custom = R"({"module": "my.mod", "class_name": "Sequential",
      "registered_name": "my>Sequential", "config": {"name": "s", "layers": []}})";
  EXPECT_THAT(error_of([&] { model(custom); }), HasSubstr("custom class \"my>Sequential\""));
  EXPECT_THAT(error_of([&] {
                model(R"({"class_name": "my>Model", "config": {"name": "s", "layers": []}})");
              }),
              HasSubstr("custom class \"my>Model\""));
  const LayerConfig nested = layer(custom);
  EXPECT_EQ(nested.model, nullptr);
  EXPECT_EQ(nested.registered_name, "my>Sequential");
}

TEST(ParseModel, BuildShapeOfSequential_IsKept) {
  const std::string rest = R"([{"class_name": "Dense", "config": {"name": "d"}}])";
  EXPECT_EQ(
      model(
          R"({"class_name": "Sequential", "config": {"build_input_shape": [null, 4], "layers": )" +
          rest + "}}")
          .build_input_shape.to_string(),
      "[null, 4]");
  EXPECT_EQ(model(R"({"class_name": "Sequential", "build_config": {"input_shape": [null, 3]},
                      "config": {"layers": )" +
                  rest + "}}")
                .build_input_shape.to_string(),
            "[null, 3]");
}

// A Functional model of layers x (input) and a, b, c with the given calls.
std::string functional(const std::string& layers, const std::string& inputs,
                       const std::string& outputs) {
  return R"({"class_name": "Functional", "config": {"name": "f", "layers": [
    {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 4]}, "name": "x",
     "inbound_nodes": []})" +
         (layers.empty() ? "" : ", " + layers) + R"(], "input_layers": )" + inputs +
         R"(, "output_layers": )" + outputs + "}}";
}

std::string dense(const std::string& name, const std::string& nodes,
                  const std::string& class_name = "Dense") {
  return R"({"class_name": ")" + class_name + R"(", "config": {"name": ")" + name +
         R"(", "trainable": true}, "name": ")" + name + R"(", "inbound_nodes": )" + nodes + "}";
}

std::string ref(const std::string& name, int call = 0, int output = 0) {
  return R"({"class_name": "__keras_tensor__", "config": {"keras_history": [")" + name + "\", " +
         std::to_string(call) + ", " + std::to_string(output) + "]}}";
}

TEST(ParseModel, Keras3Calls_KeepNestingAndDropNulls) {
  const ModelConfig config = model(
      functional(dense("a", R"([{"args": [[)" + ref("x") +
                                ", 2.0]], \"kwargs\": {\"mask\": null, \"training\": false, " +
                                "\"other\": {\"k\": " + ref("x") + "}}}]"),
                 R"(["x", 0, 0])", R"(["a", 0, 0])"));
  const CallConfig& call = config.layers[1].calls.at(0);
  EXPECT_NE((*call.args.at(0).get_if<List>())[0].get_if<TensorRef>(), nullptr);
  EXPECT_EQ(call.kwargs.find("mask"), nullptr);
  EXPECT_NE(call.kwargs.find("training"), nullptr);
  EXPECT_NE(call.kwargs.find("other")->get_if<Dict>()->find("k")->get_if<TensorRef>(), nullptr);
}

TEST(ParseModel, Keras2Calls_BecomeArgsAndKwargs) {
  const ModelConfig config = model(functional(
      dense("a",
            R"([[["x", 0, 0, {"mask": ["x", 0, 0], "training": null, "names": ["q", 1, 2]}]]])") +
          "," + dense("b", R"([[["x", 0, 0, {}], ["a", 0, 0, {}]]])", "Add") + "," +
          dense("c", R"([[["_CONSTANT_VALUE", -1, 2.5, {}]]])"),
      R"([["x", 0, 0]])", R"([["b", 0, 0]])"));
  const CallConfig& a = config.layers[1].calls.at(0);
  EXPECT_EQ(a.args.at(0).get_if<TensorRef>()->layer, "x");
  EXPECT_NE(a.kwargs.find("mask")->get_if<TensorRef>(), nullptr);
  EXPECT_EQ(a.kwargs.find("training"), nullptr);
  EXPECT_EQ(a.kwargs.find("names")->to_string(), R"(["q", 1, 2])");
  EXPECT_EQ(config.layers[2].calls.at(0).args.at(0).get_if<List>()->size(), 2u);
  EXPECT_EQ(config.layers[3].calls.at(0).args.at(0).number(), 2.5);
  // Keras 2 wrote a list for one tensor, too.
  EXPECT_NE(config.inputs.get_if<TensorRef>(), nullptr);
}

TEST(ParseModel, Keras2InitialStates_AreAKeywordArgument) {
  const ModelConfig config = model(
      functional(dense("a", R"([[["x", 0, 0, {}], ["x", 0, 0, {}], ["x", 0, 0, {}]]])", "LSTM"),
                 R"([["x", 0, 0]])", R"([["a", 0, 0]])"));
  const CallConfig& call = config.layers[1].calls.at(0);
  EXPECT_NE(call.args.at(0).get_if<TensorRef>(), nullptr);
  EXPECT_EQ(call.kwargs.find("initial_state")->get_if<List>()->size(), 2u);
}

std::string tf_op(const std::string& name, const std::string& function, const std::string& node,
                  const std::string& class_name = "TFOpLambda") {
  return R"({"class_name": ")" + class_name + R"(", "config": {"name": ")" + name +
         R"(", "trainable": true, "function": ")" + function + R"("}, "name": ")" + name +
         R"(", "inbound_nodes": [)" + node + "]}";
}

TEST(ParseModel, TensorFlowFunctionsOfKeras2_BecomeOperations) {
  const ModelConfig config = model(functional(
      tf_op("a", "__operators__.add", R"(["x", 0, 0, {"y": 3.0, "name": null}])") + "," +
          tf_op("b", "math.multiply", R"(["_CONSTANT_VALUE", -1, 2.0, {"y": ["a", 0, 0]}])") + "," +
          tf_op("c", "reshape", R"(["b", 0, 0, {"shape": [-1, 2, 2], "name": "n"}])") + "," +
          tf_op("d", "concat", R"([["c", 0, 0, {"axis": 1}], ["c", 0, 0, {"axis": 1}]])") + "," +
          tf_op("e", "__operators__.getitem",
                R"(["d", 0, 0, {"slice_spec": [{"class_name": "__ellipsis__"},
                    {"start": 1, "stop": null, "step": null}, 0]}])",
                "SlicingOpLambda"),
      R"([["x", 0, 0]])", R"([["e", 0, 0]])"));
  const LayerConfig& a = config.layers[1];
  EXPECT_TRUE(a.is_operation);
  EXPECT_EQ(a.class_name, "Add");
  EXPECT_EQ(a.calls[0].args.at(0).get_if<TensorRef>()->layer, "x");
  EXPECT_EQ(a.calls[0].args.at(1).number(), 3.0);
  const LayerConfig& b = config.layers[2];
  EXPECT_EQ(b.calls[0].args.at(0).number(), 2.0);
  EXPECT_EQ(b.calls[0].args.at(1).get_if<TensorRef>()->layer, "a");
  EXPECT_EQ(config.layers[3].calls[0].kwargs.find("newshape")->to_string(), "[-1, 2, 2]");
  EXPECT_EQ(config.layers[4].calls[0].args.at(0).get_if<List>()->size(), 2u);
  EXPECT_EQ(config.layers[4].calls[0].kwargs.find("axis")->integer(), 1);
  const List& key = *config.layers[5].calls[0].args.at(1).get_if<List>();
  EXPECT_EQ(config.layers[5].class_name, "GetItem");
  EXPECT_NE(key[0].get_if<EllipsisLiteral>(), nullptr);
  EXPECT_EQ(key[1].get_if<SliceLiteral>()->start, 1);
  EXPECT_EQ(key[2].integer(), 0);
}

TEST(ParseModel, TensorFlowFunctionWithoutEqual_IsUnsupportedByName) {
  const auto error = [](const std::string& function, const std::string& kwargs) {
    return error_of([&] {
      model(functional(tf_op("a", function, R"(["x", 0, 0, )" + kwargs + "]"), R"(["x", 0, 0])",
                       R"(["a", 0, 0])"));
    });
  };
  EXPECT_THAT(error("image.crop_and_resize", "{}"),
              HasSubstr("unsupported: layer \"a\" (TFOpLambda) calls the TensorFlow function "
                        "\"image.crop_and_resize\""));
  EXPECT_THAT(error("linalg.matmul", R"({"b": ["x", 0, 0], "a_is_sparse": true})"),
              HasSubstr("with a_is_sparse=true"));
  EXPECT_EQ(error("linalg.matmul", R"({"b": ["x", 0, 0], "a_is_sparse": false})"), "");
  EXPECT_THAT(error("math.l2_normalize", "{}"), HasSubstr("without an axis"));
}

TEST(ParseModel, ComputedBoundsOfSlices_AreUnsupported) {
  const auto slice = [](const std::string& stop) {
    return error_of([&] {
      model(functional(tf_op("a", "math.reduce_max", R"(["x", 0, 0, {"axis": 1}])") + "," +
                           tf_op("b", "__operators__.getitem",
                                 R"(["x", 0, 0, {"slice_spec": [{"start": null, "stop": )" + stop +
                                     R"(, "step": null}]}])",
                                 "SlicingOpLambda"),
                       R"([["x", 0, 0]])", R"([["b", 0, 0]])"));
    });
  };
  EXPECT_THAT(slice(R"(["a", 0, 0])"),
              HasSubstr("layer \"b\" (SlicingOpLambda): the stop of its slice is"));
  EXPECT_EQ(slice("2"), "");
  EXPECT_EQ(slice("null"), "");
}

TEST(ParseModel, SettingsOfTensorFlow_AreThoseOfKerasOps) {
  const auto settings = [](const std::string& function, const std::string& kwargs) {
    const ModelConfig config =
        model(functional(tf_op("a", function, R"(["x", 0, 0, )" + kwargs + "]"), R"(["x", 0, 0])",
                         R"(["a", 0, 0])"));
    return Value(config.layers[1].calls.at(0).kwargs).to_string();
  };
  EXPECT_EQ(settings("math.l2_normalize", R"({"axis": 1, "epsilon": 0.0001})"),
            R"({"axis": 1, "epsilon": 0.01})");
  EXPECT_EQ(settings("split", R"({"num_or_size_splits": [1, 2, 3], "axis": -1})"),
            R"({"indices_or_sections": [1, 3], "axis": -1})");
  EXPECT_EQ(settings("pad", R"({"paddings": [[0, 0], [1, 2]], "mode": "REFLECT"})"),
            R"({"pad_width": [[0, 0], [1, 2]], "mode": "reflect"})");
  EXPECT_EQ(settings("nn.depth_to_space", R"({"block_size": 2, "data_format": "NHWC"})"),
            R"({"block_size": 2})");
}

// A layer that TensorFlow 2.3 made of a node of its graph.
std::string tf_node(const std::string& name, const std::string& op, const std::string& attributes,
                    const std::string& constants, const std::string& node) {
  return R"({"class_name": "TensorFlowOpLayer", "config": {"name": ")" + op +
         R"(", "trainable": true, "node_def": {"name": ")" + op + R"(", "op": ")" + op +
         R"(", "attr": {)" + attributes + R"(}}, "constants": {)" + constants + R"(}}, "name": ")" +
         name + R"(", "inbound_nodes": [)" + node + "]}";
}

TEST(ParseModel, NodesOfTensorFlowsGraph_BecomeOperations) {
  const ModelConfig config = model(functional(
      tf_node("a", "Sub", "", R"("0": 1.0)", R"([["x", 0, 0, {}]])") + "," +
          tf_node("b", "Sum", R"("keep_dims": {"b": true})", R"("1": [-1])",
                  R"([["a", 0, 0, {}]])") +
          "," +
          tf_node("c", "ConcatV2", R"("N": {"i": "2"})", R"("2": 1)",
                  R"([["a", 0, 0, {}], ["b", 0, 0, {}]])") +
          "," +
          tf_node(
              "d", "StridedSlice",
              R"("begin_mask": {"i": "1"}, "end_mask": {"i": "3"}, "shrink_axis_mask": {"i": "4"})",
              R"("1": [0, 2, 1], "2": [0, 0, 2], "3": [1, 1, 1])", R"([["c", 0, 0, {}]])") +
          "," +
          tf_node("e", "BatchMatMulV2", R"("adj_y": {"b": true})", "",
                  R"([["c", 0, 0, {}], ["c", 0, 0, {}]])"),
      R"([["x", 0, 0]])", R"([["e", 0, 0]])"));
  const auto call = [&](size_t i) { return config.layers[i].calls.at(0); };
  EXPECT_EQ(config.layers[1].class_name, "Subtract");
  EXPECT_EQ(call(1).args.at(0).number(), 1.0);
  EXPECT_EQ(call(1).args.at(1).get_if<TensorRef>()->layer, "x");
  EXPECT_EQ(Value(call(2).kwargs).to_string(), R"({"axis": [-1], "keepdims": true})");
  EXPECT_EQ(call(3).kwargs.find("axis")->integer(), 1);
  EXPECT_EQ(call(3).args.at(0).get_if<List>()->size(), 2u);
  EXPECT_EQ(call(4).args.at(1).to_string(), "[<slice ::1>, <slice 2::1>, 1]");
  EXPECT_EQ(Value(call(5).kwargs).to_string(), R"({"transpose_a": false, "transpose_b": true})");
  EXPECT_TRUE(config.layers[5].is_operation);
}

TEST(ParseModel, NodeOfTensorFlowWithoutEqual_IsUnsupportedByName) {
  const auto error = [](const std::string& node) {
    return error_of([&] { model(functional(node, R"([["x", 0, 0]])", R"([["a", 0, 0]])")); });
  };
  EXPECT_THAT(error(tf_node("a", "MatrixInverse", "", "", R"([["x", 0, 0, {}]])")),
              HasSubstr("layer \"a\" (TensorFlowOpLayer) is a node \"MatrixInverse\""));
  EXPECT_THAT(error(tf_node("a", "Sum", "", "", R"([["x", 0, 0, {}], ["x", 0, 0, {}]])")),
              HasSubstr("operand number 1 is computed"));
  EXPECT_THAT(error(tf_node("a", "Sum", "", R"("7": 1)", R"([["x", 0, 0, {}]])")),
              HasSubstr("constants are those of no operands"));
}

TEST(ParseModel, OperandsOfTensorFlow_KeepTheirOrder) {
  const ModelConfig config =
      model(functional(tf_op("a", "where", R"(["x", 0, 0, {"y": 2.0, "x": 1.0}])"),
                       R"(["x", 0, 0])", R"(["a", 0, 0])"));
  const CallConfig& call = config.layers[1].calls.at(0);
  EXPECT_EQ(call.args.at(1).number(), 1.0);
  EXPECT_EQ(call.args.at(2).number(), 2.0);
}

TEST(ParseModel, Keras2NestedCalls_CountFromZeroAfterwards) {
  const LoadedModel loaded = load(data_path("keras2.h5"));
  const LayerConfig& inner = loaded.config.layers.at(2);
  EXPECT_EQ(inner.label(), "layer \"inner\" (Sequential)");
  EXPECT_THAT(layer_names(*inner.model), ElementsAre("d1_input", "d1", "bn", "d2"));
  EXPECT_EQ(inner.calls.at(1).args.at(0).get_if<TensorRef>()->call, 0);
  EXPECT_EQ(loaded.config.layers.at(3).calls.at(0).args.at(0).get_if<TensorRef>()->call, 1);
  EXPECT_EQ(loaded.config.layers.at(3).config.find("negative_slope")->number(), 0.25);
  EXPECT_EQ(loaded.keras_version, "2.4.0");
}

TEST(ParseModel, Keras3OutputsOfNestedFunctional_CountFromZeroAfterwards) {
  const LoadedModel loaded = load(data_path("nested.keras"));
  const auto outputs = flatten(loaded.config.outputs);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[1].ref.layer, "inner");
  EXPECT_EQ(outputs[1].ref.call, 0);
  // Calls inside the graph count from 0 in the file already.
  EXPECT_EQ(loaded.config.layers.at(3).calls.at(0).args.at(0).get_if<TensorRef>()->call, 1);
}

TEST(ParseModel, BrokenGraphs_AreRefusedByName) {
  const std::string a = dense("a", R"([{"args": [)" + ref("x") + "]}]");
  const auto error = [&](const std::string& layers, const std::string& outputs) {
    return error_of([&] { model(functional(layers, R"(["x", 0, 0])", outputs)); });
  };
  EXPECT_EQ(error(a, R"(["a", 0, 0])"), "");
  EXPECT_THAT(error(a, R"(["nobody", 0, 0])"),
              HasSubstr("output_layers takes a tensor of layer \"nobody\", which does not exist"));
  EXPECT_THAT(error(a, R"(["a", 1, 0])"), HasSubstr("call 1 of layer \"a\" (Dense)"));
  EXPECT_THAT(error(a, R"(["a", -1, 0])"), HasSubstr("call -1"));
  EXPECT_THAT(error(a, R"(["a", 0, -2])"), HasSubstr("output -2"));
  EXPECT_THAT(error(a, "[]"), HasSubstr("output_layers of model \"f\" (Functional) are empty"));
  EXPECT_THAT(error(a, "3"), HasSubstr("an input or output of the model is 3"));
  EXPECT_THAT(error(a + "," + a, R"(["a", 0, 0])"), HasSubstr("two layers named \"a\""));
  EXPECT_THAT(error(dense("a", "3"), R"(["a", 0, 0])"), HasSubstr("inbound_nodes is 3"));
  EXPECT_THAT(error(dense("a", "[3]"), R"(["a", 0, 0])"), HasSubstr("a call is 3"));
  EXPECT_THAT(error("7", R"(["a", 0, 0])"), HasSubstr("a layer of model \"f\" (Functional) is 7"));
}

TEST(ParseModel, WhatIsNoModel_IsRefused) {
  EXPECT_THAT(error_of([] { model("{}"); }), HasSubstr("has no class_name"));
  EXPECT_THAT(error_of([] { model(R"({"class_name": "MyModel", "config": {}})"); }),
              HasSubstr("unsupported: the model is a MyModel"));
  EXPECT_THAT(error_of([] { model(R"({"class_name": "Sequential", "config": {"layers": []}})"); }),
              HasSubstr("has no layers"));
  EXPECT_THAT(
      error_of([] { model(R"({"class_name": "Functional", "config": {"layers": "abc"}})"); }),
      HasSubstr("expected a list"));
}

TEST(Flatten, GoesDepthFirstWithSortedKeys) {
  const Value nested = parse_json(
      "{\"b\": [" + ref("p") + ", {\"z\": " + ref("q") + "}], \"a\": " + ref("r") + "}", "t");
  std::vector<std::string> paths;
  for (const NestedLeaf& leaf : flatten(nested)) paths.push_back(leaf.path + "=" + leaf.ref.layer);
  EXPECT_THAT(paths, ElementsAre("a=r", "b.0=p", "b.1.z=q"));
  EXPECT_EQ(flatten(parse_json(ref("p"), "t")).at(0).path, "");
}

}  // namespace
}  // namespace hornet::keras
