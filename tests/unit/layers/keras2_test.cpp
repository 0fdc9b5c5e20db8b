// What files of Keras 1 and 2 mean otherwise than those of Keras 3. Expected numbers by the
// formulas of Keras 2.15 in numpy.
#include <gmock/gmock.h>

#include <cmath>

#include "unit/base/expect_error.h"
#include "unit/layers/small_model.h"

namespace hornet::layers {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::FloatNear;
using testing::Pointwise;

constexpr const char* kVersion = "2.15.0";

// A Sequential as Keras 2 wrote it: layers without modules, the first with the shape of the input.
std::string sequential(const std::string& layers) {
  return R"({"class_name": "Sequential", "config": {"name": "s", "layers": [)" + layers + "]}}";
}

std::string older_layer(const std::string& class_name, const std::string& config) {
  return fmt::format(R"({{"class_name": "{}", "config": {{{}}}}})", class_name, config);
}

auto near(const std::vector<float>& expected) {
  return Pointwise(testing::FloatNear(1e-5F), expected);
}

// --- hard_sigmoid

std::vector<float> hard_sigmoids(const std::string& version, const std::string& activation) {
  const std::string text = sequential(older_layer(
      "Activation", R"("name": "a", "batch_input_shape": [null, 3], "activation": )" + activation));
  return values(run_model(text, {given({1, 3}, {1, 2, -2.9F})}, {}, version).outputs[0]);
}

TEST(OlderHardSigmoid, HasTheSlopeOfTheKerasThatWroteTheFile) {
  const std::string name = "\"hard_sigmoid\"";
  const std::string function = R"({"module": "builtins", "class_name": "function",
                                   "config": "hard_sigmoid", "registered_name": "hard_sigmoid"})";
  for (const char* version : {"1.2.2", "2.2.4-tf", "2.15.0"}) {
    for (const std::string& activation : {name, function}) {
      EXPECT_THAT(hard_sigmoids(version, activation), near({0.7F, 0.9F, 0})) << version;
    }
  }
  for (const std::string& activation : {name, function}) {
    EXPECT_THAT(hard_sigmoids("3.16.0", activation), near({4 / 6.F, 5 / 6.F, 0.1F / 6}));
    EXPECT_THAT(hard_sigmoids("", activation), near({4 / 6.F, 5 / 6.F, 0.1F / 6}));
  }
}

// The gates' input is x = 1, the candidate 1: c = i * 1, y = o * c, with i = o = the gate of 1.
float lstm_output(const std::string& version, const std::string& config) {
  const std::string text = sequential(older_layer(
      "LSTM", R"("name": "l", "batch_input_shape": [null, 1, 1], "units": 1, "use_bias": false,
                 "activation": "linear")" +
                  config));
  const std::vector<Tensor> weights = {weight({1, 4}, {1, 1, 1, 1}), weight({1, 4}, {0, 0, 0, 0})};
  return values(run_model(text, {given({1, 1, 1}, {1})}, weights, version).outputs[0]).at(0);
}

TEST(OlderHardSigmoid, OfGates_WhereStatedAndWhereItWasTheDefault) {
  constexpr float kHard = 0.7F * 0.7F, kSigmoid = 0.73105858F * 0.73105858F;
  EXPECT_NEAR(lstm_output("2.15.0", R"(, "recurrent_activation": "hard_sigmoid")"), kHard, 1e-6F);
  EXPECT_NEAR(lstm_output("1.2.2", R"(, "inner_activation": "hard_sigmoid")"), kHard, 1e-6F);
  EXPECT_NEAR(lstm_output("1.2.2", ""), kHard, 1e-6F);
  EXPECT_NEAR(lstm_output("2.2.4", ""), kHard, 1e-6F);
  EXPECT_NEAR(lstm_output("2.2.4-tf", ""), kSigmoid, 1e-6F);
  EXPECT_NEAR(lstm_output("2.3.0", ""), kSigmoid, 1e-6F);
  EXPECT_NEAR(lstm_output("3.16.0", R"(, "recurrent_activation": "hard_sigmoid")"),
              4 / 6.F * 4 / 6.F, 1e-6F);
}

TEST(OlderHardSigmoid, ReachesWrappedLayersAndCells) {
  const std::string cell =
      older_layer("LSTMCell", R"("name": "c", "units": 1, "use_bias": false, "activation": "linear",
                     "recurrent_activation": "hard_sigmoid")");
  const std::string rnn = older_layer("RNN", R"("name": "r", "cell": )" + cell);
  const std::string text =
      sequential(older_layer("Bidirectional", R"("name": "b", "batch_input_shape": [null, 1, 1],
                             "merge_mode": "sum", "layer": )" +
                                                  rnn));
  const std::vector<Tensor> weights = {weight({1, 4}, {1, 1, 1, 1}), weight({1, 4}, {0, 0, 0, 0}),
                                       weight({1, 4}, {1, 1, 1, 1}), weight({1, 4}, {0, 0, 0, 0})};
  EXPECT_THAT(values(run_model(text, {given({1, 1, 1}, {1})}, weights, kVersion).outputs[0]),
              near({2 * 0.7F * 0.7F}));
}

TEST(OlderHardSigmoid, IsTheDefaultOfConvolutionalGatesUntilKeras3) {
  const std::string text = sequential(older_layer(
      "ConvLSTM2D", R"("name": "l", "batch_input_shape": [null, 1, 1, 1, 1], "filters": 1,
                       "kernel_size": [1, 1], "use_bias": false, "activation": "linear")"));
  const std::vector<Tensor> weights = {weight({1, 1, 1, 4}, {1, 1, 1, 1}),
                                       weight({1, 1, 1, 4}, {0, 0, 0, 0})};
  const Given x = given({1, 1, 1, 1, 1}, {1});
  EXPECT_THAT(values(run_model(text, {x}, weights, kVersion).outputs[0]), near({0.7F * 0.7F}));
  EXPECT_THAT(values(run_model(text, {x}, weights, "3.0.0").outputs[0]),
              near({0.73105858F * 0.73105858F}));
}

TEST(OlderHardSigmoid, IsNotThatOfAModelThatOnlyKeras3CanHaveWritten) {
  const std::string text = sequential(older_layer(
      "Activation", R"("name": "a", "batch_input_shape": [null, 1], "activation": "hard_sigmoid",
                       "dtype": {"module": "keras", "class_name": "DTypePolicy",
                                 "config": {"name": "float32"}})"));
  EXPECT_THAT(values(run_model(text, {given({1, 1}, {1})}, {}, kVersion).outputs[0]),
              near({4 / 6.F}));
  const std::string initialiser = sequential(older_layer(
      "Activation", R"("name": "a", "batch_input_shape": [null, 1], "activation": "hard_sigmoid",
                       "of": {"class_name": "GlorotUniform", "config": {"input_axes": null}})"));
  EXPECT_THAT(values(run_model(initialiser, {given({1, 1}, {1})}, {}, kVersion).outputs[0]),
              near({4 / 6.F}));
}

// --- reset_after

TEST(OlderGru, WithoutResetAfter_DoesNotResetAfter) {
  // A bias of one row is that of a GRU that resets before.
  const std::vector<Tensor> weights = {weight({1, 3}, {0, 0, 1}), weight({1, 3}, {0, 0, 0}),
                                       weight({3}, {0, 0, 2})};
  const std::string config = R"("name": "g", "units": 1, "activation": "linear",
                                "recurrent_activation": "sigmoid")";
  const std::string shape = R"(, "batch_input_shape": [null, 1, 1])";
  for (const std::string& text :
       {sequential(older_layer("GRU", config + shape)),
        sequential(older_layer(
            "RNN", R"("name": "r")" + shape + ", \"cell\": " + older_layer("GRUCell", config)))}) {
    // z = 1/2 of the candidate 4 + 2.
    EXPECT_THAT(values(run_model(text, {given({1, 1, 1}, {4})}, weights, "2.1.0").outputs[0]),
                near({3}));
  }
}

// --- masks

// What is left of x behind Masking, `layers` and an average over the steps that are shown. Keras 3
// gives another number: nothing of its mask reaches the average.
std::vector<float> pooled_behind(const std::string& layers, const std::vector<Tensor>& weights,
                                 const Given& x = given({1, 2, 1}, {4, 0}),
                                 const std::string& version = kVersion) {
  const std::string masking =
      older_layer("Masking", R"("name": "m", "mask_value": 0.0, "batch_input_shape": )" + x.shape);
  const std::string pool = older_layer("GlobalAveragePooling1D", R"("name": "p")");
  return values(run_model(sequential(masking + ", " + layers + ", " + pool), {x}, weights, version)
                    .outputs[0]);
}

const std::string kSum = R"("units": 1, "activation": "linear", "use_bias": false)";
const std::vector<Tensor> kSumWeights = {weight({1, 1}, {1}), weight({1, 1}, {1})};
const std::string kMaskingEmbedding =
    older_layer("Embedding", R"("name": "e", "batch_input_shape": [null, 3], "input_dim": 3,
                                "output_dim": 1, "mask_zero": true)");

TEST(OlderMasks, StackedRecurrentLayers_AllSeeTheMask) {
  const std::string text =
      sequential(kMaskingEmbedding + ", " +
                 older_layer("SimpleRNN", R"("name": "a", "return_sequences": true, )" + kSum) +
                 ", " + older_layer("SimpleRNN", R"("name": "b", )" + kSum));
  std::vector<Tensor> weights = {weight({3, 1}, {10, 1, 2})};
  weights.insert(weights.end(), kSumWeights.begin(), kSumWeights.end());
  weights.insert(weights.end(), kSumWeights.begin(), kSumWeights.end());
  const Given x = given({1, 3}, {1, 2, 0});
  // 1, 3, then the same again; 1 + 3, where Keras 3 adds the last as well.
  for (const char* version : {"1.2.2", kVersion}) {
    EXPECT_THAT(values(run_model(text, {x}, weights, version).outputs[0]), ElementsAre(4));
  }
  EXPECT_THAT(values(run_model(text, {x}, weights, "3.16.0").outputs[0]), ElementsAre(7));
}

TEST(OlderMasks, StackedLstm_IsThatOfKeras2) {
  const std::string lstm = R"("units": 2, "activation": "tanh", "recurrent_activation": "sigmoid")";
  const std::string text =
      sequential(kMaskingEmbedding + ", " +
                 older_layer("LSTM", R"("name": "a", "return_sequences": true, )" + lstm) + ", " +
                 older_layer("LSTM", R"("name": "b", )" + lstm));
  const std::vector<Tensor> weights = {
      weight({3, 1}, {0.5F, 1, -1}),
      weight({1, 8}, {.1F, .2F, .3F, .4F, .5F, .6F, .7F, .8F}),
      weight({2, 8}, {.1F, -.1F, .2F, -.2F, .3F, -.3F, .4F, -.4F, 0, .1F, 0, .2F, 0, .3F, 0, .4F}),
      weight({8}, {0, 0, 1, 1, 0, 0, 0, 0}),
      weight({2, 8}, {.8F, .7F, .6F, .5F, .4F, .3F, .2F, .1F, 0, .1F, 0, .2F, 0, .3F, 0, .4F}),
      weight({2, 8}, {.1F, 0, .1F, 0, .1F, 0, .1F, 0, 0, .2F, 0, .2F, 0, .2F, 0, .2F}),
      weight({8}, {0, 0, 1, 1, 0.5F, -0.5F, 0, 0})};
  const Given x = given({2, 3}, {1, 2, 0, 1, 0, 0});
  EXPECT_THAT(values(run_model(text, {x}, weights, kVersion).outputs[0]),
              near({0.20513897F, -0.18007820F, 0.13463441F, -0.10295534F}));
  EXPECT_THAT(values(run_model(text, {x}, weights, "3.16.0").outputs[0]),
              near({0.25472105F, -0.23323965F, 0.29270620F, -0.22875663F}));
}

TEST(OlderMasks, PassLayersThatSupportThem) {
  const std::string norm = older_layer(
      "BatchNormalization", R"("name": "b", "scale": false, "center": false, "epsilon": 0.0)");
  const std::vector<Tensor> moved = {weight({1}, {-2}), weight({1}, {1})};
  EXPECT_THAT(pooled_behind(norm, moved), ElementsAre(6));
  EXPECT_THAT(pooled_behind(norm, moved, given({1, 2, 1}, {4, 0}), "3.16.0"), ElementsAre(4));

  const std::string rnn = older_layer(
      "SimpleRNN",
      R"("name": "r", "return_sequences": true, "zero_output_for_mask": true, )" + kSum);
  EXPECT_THAT(pooled_behind(rnn, kSumWeights), ElementsAre(4));
  std::vector<Tensor> twice = kSumWeights;
  twice.insert(twice.end(), kSumWeights.begin(), kSumWeights.end());
  EXPECT_THAT(pooled_behind(older_layer("Bidirectional",
                                        R"("name": "b", "merge_mode": "sum", "layer": )" + rnn),
                            twice),
              ElementsAre(8));

  const std::string dense = older_layer("Dense", R"("name": "d", "units": 1)");
  EXPECT_THAT(pooled_behind(older_layer("TimeDistributed", R"("name": "t", "layer": )" + dense),
                            {weight({1, 1}, {1}), weight({1}, {2})}),
              ElementsAre(6));
  EXPECT_THAT(pooled_behind(older_layer("Softmax", R"("name": "s")"), {},
                            given({1, 2, 2}, {0.1F, 0.1F + std::log(3.0F), 0, 0})),
              near({0.25F, 0.75F}));
}

// 1 / sqrt(variance + epsilon), the variance being 4e-4 less 1.001e-5.
TEST(Keras2, BatchNormalizationOfImages_HasTheLeastEpsilonOfTensorFlow) {
  const auto normalized = [](const std::string& config, const std::string& version,
                             const std::string& class_name = "BatchNormalization",
                             const Shape& shape = {1, 1, 1, 1}) {
    const Given x = given(shape, {1});
    const std::string text =
        sequential(older_layer(class_name, R"("name": "b", "center": false, "scale": false, )" +
                                               config + R"(, "batch_input_shape": )" + x.shape));
    std::vector<Tensor> weights = {weight({1}, {0}), weight({1}, {38.999e-5F})};
    if (config.find("renorm") != config.npos) {
      weights.insert(weights.end(), 3, weight({1}, {0}));
    }
    return values(run_model(text, {x}, weights, version).outputs[0]).at(0);
  };
  constexpr float kRaised = 50, kTaken = 50.637F;  // epsilon 0
  const std::string last = R"("axis": [3], "epsilon": 0.0)",
                    second = R"("axis": 1, "epsilon": 0.0)";
  const Shape volume = {1, 1, 1, 1, 1};
  const auto is = [](float value) { return FloatNear(value, 2e-3F); };
  for (const char* version : {"2.2.4-tf", "2.4.0", kVersion}) {
    EXPECT_THAT(normalized(last, version), is(kRaised)) << version;
    EXPECT_THAT(normalized(second, version), is(kRaised)) << version;
  }
  EXPECT_THAT(normalized(last, "2.2.4"), is(kTaken));
  EXPECT_THAT(normalized(last, "3.0.0"), is(kTaken));
  EXPECT_THAT(normalized(R"("axis": [2], "epsilon": 0.0)", kVersion), is(kTaken));
  EXPECT_THAT(normalized(last + R"(, "fused": false)", kVersion), is(kTaken));
  EXPECT_THAT(normalized(last + R"(, "renorm": true)", kVersion), is(kTaken));
  EXPECT_THAT(normalized(last, kVersion, "SyncBatchNormalization"), is(kTaken));
  EXPECT_THAT(normalized(second, kVersion, "BatchNormalization", {1, 1}), is(kTaken));
  const std::string of_volume = R"("axis": [4], "epsilon": 0.0)";
  EXPECT_THAT(normalized(of_volume, kVersion, "BatchNormalization", volume), is(kRaised));
  EXPECT_THAT(normalized(of_volume, "2.4.0", "BatchNormalization", volume), is(kTaken));
  EXPECT_THAT(normalized(R"("axis": [3], "epsilon": 0.00201)", kVersion), is(20.4124F));
}

TEST(Keras2, BilinearUpSampling_StartedAtTheCornerWithoutTensorFlowsKeras) {
  const std::string text = sequential(older_layer(
      "UpSampling2D", R"("name": "u", "batch_input_shape": [null, 1, 2, 1], "size": [1, 2],
                         "interpolation": "bilinear")"));
  const Given x = given({1, 1, 2, 1}, {0, 4});
  const auto run = [&](const std::string& version) {
    return values(run_model(text, {x}, {}, version).outputs[0]);
  };
  EXPECT_THAT(run("2.3.1"), ElementsAre(0, 2, 4, 4));
  EXPECT_THAT(run("2.2.4-tf"), ElementsAre(0, 1, 3, 4));
  EXPECT_THAT(run(kVersion), ElementsAre(0, 1, 3, 4));
}

TEST(OlderMasks, Bidirectional_OfTensorFlow_GivesZerosAtMaskedSteps) {
  const std::string rnn =
      older_layer("SimpleRNN", R"("name": "r", "return_sequences": true, )" + kSum);
  const std::string text = sequential(
      older_layer("Masking", R"("name": "m", "batch_input_shape": [null, 2, 1])") + ", " +
      older_layer("Bidirectional", R"("name": "b", "merge_mode": "concat", "layer": )" + rnn));
  std::vector<Tensor> weights = kSumWeights;
  weights.insert(weights.end(), kSumWeights.begin(), kSumWeights.end());
  const Given x = given({1, 2, 1}, {4, 0});
  for (const char* version : {"2.2.4-tf", kVersion, "3.16.0"}) {
    EXPECT_THAT(values(run_model(text, {x}, weights, version).outputs[0]), ElementsAre(4, 4, 0, 0));
  }
  // Keras without TensorFlow repeats the last output, as the layer alone does.
  EXPECT_THAT(values(run_model(text, {x}, weights, "2.2.4").outputs[0]), ElementsAre(4, 4, 4, 0));
}

TEST(OlderMasks, TimeDistributed_GivesTheMaskOfTheLayerInside) {
  // Two sequences of two ids; the average over the ids of each is that of those not 0.
  const std::string embedding = older_layer(
      "Embedding", R"("name": "e", "input_dim": 3, "output_dim": 1, "mask_zero": true)");
  const std::string text = sequential(
      older_layer("TimeDistributed",
                  R"("name": "t", "batch_input_shape": [null, 2, 2], "layer": )" + embedding) +
      ", " +
      older_layer("TimeDistributed", R"("name": "u", "layer": )" +
                                         older_layer("GlobalAveragePooling1D", R"("name": "p")")));
  EXPECT_THAT(values(run_model(text, {given({1, 2, 2}, {1, 0, 1, 2})},
                               {weight({3, 1}, {100, 4, 8})}, kVersion)
                         .outputs[0]),
              ElementsAre(4, 6));
}

std::string masked(const std::string& name, size_t from) {
  return layer("Masking", name, R"("mask_value": 0.0)", input(from)) + ", ";
}

std::string pool_of(const std::string& from) {
  return ", " + layer("GlobalAveragePooling1D", "pool", "", tensor(from));
}

std::vector<float> run_functional(const std::string& layers, const std::vector<Given>& inputs,
                                  const std::string& output,
                                  const std::vector<Tensor>& weights = {},
                                  const std::string& version = kVersion) {
  return values(run_model(functional(layers, inputs, outputs_of(output)), inputs, weights, version)
                    .outputs[0]);
}

std::string merge_of_two(const std::string& class_name, const std::string& y) {
  return layer(class_name, "merge", "", "[" + tensor("a") + ", " + y + "]");
}

TEST(OlderMasks, DoNotChangeWhatMergesCompute) {
  const Given x = given({1, 2, 1}, {2, 0}), y = given({1, 2, 1}, {0, -3});
  const std::string both = masked("a", 0) + masked("b", 1);
  const auto merged = [&](const char* class_name) {
    return run_functional(both + merge_of_two(class_name, tensor("b")), {x, y}, "merge");
  };
  EXPECT_THAT(merged("Multiply"), ElementsAre(0, 0));
  EXPECT_THAT(merged("Maximum"), ElementsAre(2, 0));
  EXPECT_THAT(merged("Minimum"), ElementsAre(0, -3));
}

TEST(OlderMasks, OfMerges_AreTheAndOfThoseThereAre) {
  const Given x = given({1, 2, 1}, {4, 0}), y = given({1, 2, 1}, {1, 3});
  EXPECT_THAT(run_functional(masked("a", 0) + merge_of_two("Add", input(1)) + pool_of("merge"),
                             {x, y}, "pool"),
              ElementsAre(5));
  const std::string both = masked("a", 0) + masked("b", 1);
  EXPECT_THAT(
      run_functional(both + merge_of_two("Add", tensor("b")) + pool_of("merge"), {x, y}, "pool"),
      ElementsAre(5));
  EXPECT_THAT(run_functional(both + merge_of_two("Concatenate", tensor("b")) + pool_of("merge"),
                             {x, y}, "pool"),
              ElementsAre(4, 1));
}

TEST(OlderMasks, OfASequence_CountBesideInitialStates) {
  const Given x = given({1, 2, 1}, {4, 0}), state = given({1, 1}, {1});
  const std::string rnn =
      layer("SimpleRNN", "rnn", kSum, tensor("a"), "\"initial_state\": [" + input(1) + "]");
  const std::vector<Tensor> weights = {weight({1, 1}, {1}), weight({1, 1}, {2})};
  EXPECT_THAT(run_functional(masked("a", 0) + rnn, {x, state}, "rnn", weights), ElementsAre(6));
  EXPECT_THAT(run_functional(masked("a", 0) + rnn, {x, state}, "rnn", weights, "3.16.0"),
              ElementsAre(12));
}

TEST(OlderMasks, AttentionCarriesThatOfTheQuery) {
  const Given x = given({1, 2, 1}, {4, 0});
  const std::string attention =
      layer("Attention", "att", "", "[" + tensor("a") + ", " + tensor("a") + "]");
  EXPECT_THAT(run_functional(masked("a", 0) + attention + pool_of("att"), {x}, "pool"),
              ElementsAre(4));
}

TEST(OlderMasks, MultiHeadAttention_KeepsThoseOfItsInputs) {
  // One head whose scores are all 0: a query sees the average of the values shown to it.
  const std::vector<Tensor> weights = {weight({1, 1, 1}, {1}), weight({1, 1, 1}, {0}),
                                       weight({1, 1, 1}, {1}), weight({1, 1, 1}, {1})};
  const Given x = given({1, 2, 1}, {4, 0});
  const std::string text =
      masked("a", 0) +
      layer("MultiHeadAttention", "mha", R"("num_heads": 1, "key_dim": 1, "use_bias": false)",
            tensor("a") + ", " + tensor("a")) +
      ", " + merge_of_two("Add", tensor("mha")) + pool_of("merge");
  EXPECT_THAT(run_functional(text, {x}, "pool", weights), ElementsAre(8));
  // Before 2.10 it saw no carried mask: the average of 4 and 0.
  EXPECT_THAT(run_functional(text, {x}, "pool", weights, "2.9.0"), ElementsAre(6));
}

TEST(OlderMasks, OfSoftmax_AreAddedAndNoMore) {
  const Given x = given({2, 2}, {0, std::log(3.0F), 0, std::log(3.0F)});
  const auto softmax = [&](const std::string& config, const Given& mask,
                           const std::string& version = kVersion) {
    return run_functional(layer("Softmax", "s", config, input(0), "\"mask\": " + input(1)),
                          {x, mask}, "s", {}, version);
  };
  const Given mask = given<bool>({2, 2}, {true, false, false, false}, DType::kBool);
  // What is added is so large that nothing is left of x where all is hidden.
  EXPECT_THAT(softmax("", mask), ElementsAre(1, 0, 0.5F, 0.5F));
  EXPECT_THAT(softmax(R"("robust_masking": true)", mask), ElementsAre(1, 0, 0.5F, 0.5F));
  EXPECT_THAT(softmax("", mask, "3.16.0"), ElementsAre(1, 0, 0, 0));
  // Numbers count by what they lack to 1, or are above one half.
  const Given numbers = given({2, 2}, {1, 1, 0.9F, 0.6F});
  EXPECT_THAT(softmax("", numbers), near({0.25F, 0.75F, 1, 0}));
  EXPECT_THAT(softmax(R"("robust_masking": true)", numbers), near({0.25F, 0.75F, 0.25F, 0.75F}));
}

// --- TensorFlow's functions

// A function of one tensor, of x0.
Tensor tensorflow_function(const std::string& function, const std::string& kwargs, const Given& x) {
  const std::string layers = fmt::format(
      R"({{"class_name": "TFOpLambda", "name": "f", "config": {{"name": "f", "function": "{}"}},
          "inbound_nodes": [["x0", 0, 0, {{{}}}]]}})",
      function, kwargs);
  return run_model(functional(layers, {x}, outputs_of("f")), {x}, {}, kVersion).outputs[0];
}

TEST(TensorFlowFunctions, SoftmaxIsAlongTheAxisOfTheCall) {
  const Given x = given({1, 2, 2}, {0, 5, std::log(3.0F), 5});
  const auto softmax = [&](const char* function, const char* kwargs) {
    return values(tensorflow_function(function, kwargs, x));
  };
  EXPECT_THAT(softmax("nn.softmax", R"("axis": 1)"), near({0.25F, 0.5F, 0.75F, 0.5F}));
  EXPECT_THAT(softmax("nn.log_softmax", R"("axis": 1)"),
              near({std::log(0.25F), std::log(0.5F), std::log(0.75F), std::log(0.5F)}));
  const Given y = given({1, 2, 2}, {0, std::log(3.0F), 0, 0});
  EXPECT_THAT(values(tensorflow_function("nn.softmax", R"("axis": null)", y)),
              near({0.25F, 0.75F, 0.5F, 0.5F}));
}

// --- images

const Given kTwoCells = given<uint8_t>({1, 1, 2, 1}, {0, 1}, DType::kUInt8);

// A layer of Keras's images called with `x`.
Tensor image_layer(const std::string& class_name, const std::string& config, const Given& x,
                   const std::string& version) {
  const std::string text =
      functional(layer(class_name, "l", config, input(0)), {x}, outputs_of("l"));
  return run_model(text, {x}, {}, version).outputs[0];
}

TEST(OlderImages, OfIntegers_AreResizedToFloats) {
  const std::string wider = R"("height": 1, "width": 4)";
  EXPECT_THAT(values(image_layer("Resizing", wider, kTwoCells, kVersion)),
              ElementsAre(0, 0.25F, 0.75F, 1));
  EXPECT_THAT(values(image_layer("Resizing", wider + R"(, "interpolation": "nearest")", kTwoCells,
                                 kVersion)),
              ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(values<uint8_t>(image_layer("Resizing", wider, kTwoCells, "3.16.0")),
              ElementsAre(0, 0, 1, 1));
}

TEST(OlderImages, ResizedByTensorFlow_AreFloatsUnlessTheirCellsAreTaken) {
  EXPECT_THAT(values(tensorflow_function("image.resize", R"("size": [1, 4])", kTwoCells)),
              ElementsAre(0, 0.25F, 0.75F, 1));
  const Tensor nearest =
      tensorflow_function("image.resize", R"("size": [1, 4], "method": "nearest")", kTwoCells);
  EXPECT_EQ(nearest.dtype(), DType::kUInt8);
  EXPECT_THAT(values<uint8_t>(nearest), ElementsAre(0, 0, 1, 1));
}

// The middle 2 of 4 columns are as high as wide; resized, their rows' and columns' averages.
TEST(OlderImages, OfRandomCrop_AreTheMiddleResizedUntilKeras3Point6) {
  const Given x = given<uint8_t>({1, 2, 4, 1}, {9, 1, 2, 9, 9, 3, 4, 9}, DType::kUInt8);
  const std::string one_cell = R"("height": 1, "width": 1)";
  for (const char* version : {"2.7.0", kVersion, "3.0.0", "3.5.0"}) {
    EXPECT_THAT(values(image_layer("RandomCrop", one_cell, x, version)), ElementsAre(2.5F))
        << version;
  }
  for (const char* version : {"3.6.0", ""}) {
    EXPECT_EQ(image_layer("RandomCrop", one_cell, x, version).shape(), x.data.shape());
  }
  EXPECT_ERROR(image_layer("RandomCrop", one_cell, x, "2.6.0"), ErrorCode::kUnsupported,
               "before Keras 2.7");
}

// --- training

TEST(OlderTraining, WhereItWouldChangeNumbers_IsRefused) {
  const Given x = given({1, 2}, {4, 0});
  const auto run = [&](const std::string& class_name, const std::string& config,
                       const std::string& training, const std::string& version) {
    return run_functional(layer(class_name, "l", config, input(0), "\"training\": " + training),
                          {x}, "l", {}, version);
  };
  for (const std::string config : {R"("rate": 0.5)", R"("rate": 0.5, "seed": 1)"}) {
    try {
      run("Dropout", config, "true", kVersion);
      ADD_FAILURE() << "not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.message(), testing::HasSubstr("training=True"));
    }
  }
  EXPECT_THAT(run("Dropout", R"("rate": 0.0)", "true", kVersion), ElementsAre(4, 0));
  EXPECT_THAT(run("Dropout", R"("rate": 0.5)", "false", kVersion), ElementsAre(4, 0));
  // Keras 3 predicts as predictions are, whatever the file says.
  EXPECT_THAT(run("Dropout", R"("rate": 0.5)", "true", "3.16.0"), ElementsAre(4, 0));
}

// --- Keras 1

// Old kernels are converted by the class and the data_format of the layer they belong to.
TEST(OlderWeights, OfWrappedLayers_KnowTheirLayer) {
  const std::string text = R"({"class_name": "Sequential", "config": [)" +
                           older_layer("TimeDistributed",
                                       R"("name": "t", "batch_input_shape": [null, 1, 1, 2, 2],
                                          "layer": )" +
                                           older_layer("Convolution2D",
                                                       R"("name": "c", "nb_filter": 1, "nb_row": 1,
                                                          "nb_col": 1, "dim_ordering": "th")")) +
                           "]}";
  const keras::Value parsed = keras::parse_json(text, "test");
  const LoweredModel lowered =
      lower(keras::parse_saved_model(*parsed.get_if<keras::Dict>(), "1.2.2"), Registry::keras());
  std::vector<keras::WeightSlot> slots;
  collect_slots(lowered.weights, slots);
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].class_name, "Conv2D");
  EXPECT_TRUE(slots[0].channels_first);
}

TEST(Keras1Deconvolution, WithAnOutputOfAnotherSize_IsRefused) {
  const auto output = [](const std::string& shape) {
    const std::string text =
        R"({"class_name": "Sequential", "config": [)" +
        older_layer("Deconvolution2D",
                    R"("name": "d", "batch_input_shape": [null, 2, 2, 1], "nb_filter": 1,
                       "nb_row": 3, "nb_col": 3, "subsample": [2, 2], "border_mode": "valid",
                       "dim_ordering": "tf", "bias": false, "output_shape": )" +
                        shape) +
        "]}";
    return run_model(text, {given({1, 2, 2, 1}, {1, 1, 1, 1})},
                     {weight({3, 3, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1})}, "1.2.2")
        .outputs[0]
        .shape();
  };
  EXPECT_EQ(output("[null, 5, 5, 1]"), (Shape{1, 5, 5, 1}));
  EXPECT_ERROR(output("[null, 6, 6, 1]"), ErrorCode::kUnsupported,
               "output_shape is [null, 6, 6, 1]");
}

}  // namespace
}  // namespace hornet::layers
