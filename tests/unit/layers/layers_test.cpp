// Layers where their options are easily missed, and those that no golden case holds.
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

std::vector<int64_t> hashed(const std::string& config) {
  return values<int64_t>(
      run_layer("Hashing", config, {given_integers({5, 1}, {0, 1, 2, 3, 4})}).outputs[0]);
}

// The numbers are those of Keras's documentation.
TEST(Hashing, OfIntegers_IsThatOfTheirDigits) {
  EXPECT_THAT(hashed(R"("num_bins": 3, "dtype": "int64")"), ElementsAre(1, 0, 1, 0, 2));
  EXPECT_THAT(hashed(R"("num_bins": 3, "salt": [133, 137], "dtype": "int64")"),
              ElementsAre(1, 1, 2, 0, 1));
  // Two bins for all but the mask, whose bin is 0.
  EXPECT_THAT(hashed(R"("num_bins": 3, "mask_value": 2, "dtype": "int64")"),
              ElementsAre(2, 2, 0, 2, 2));
}

TEST(Hashing, CountsInBins) {
  const Result y = run_layer("Hashing", R"("num_bins": 3, "output_mode": "count")",
                             {given_integers({1, 5}, {0, 1, 2, 3, 4})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(2, 2, 1));
}

std::vector<int64_t> looked_up(const std::string& config, const std::vector<int32_t>& keys) {
  const Given x = given_integers({static_cast<int64_t>(keys.size())}, keys);
  return values<int64_t>(
      run_layer("IntegerLookup", R"("vocabulary": [12, 36, 1138, 42], )" + config, {x}).outputs[0]);
}

TEST(IntegerLookup, UnknownIntegersComeFirst) {
  const std::vector<int32_t> keys = {12, 1138, 42, 42, 1000, 36, 0};
  EXPECT_THAT(looked_up(R"("num_oov_indices": 1, "mask_token": null)", keys),
              ElementsAre(1, 3, 4, 4, 0, 2, 0));
  EXPECT_THAT(looked_up(R"("num_oov_indices": 1, "mask_token": 0)", keys),
              ElementsAre(2, 4, 5, 5, 1, 3, 0));
  // 1000 mod 3 and 0 mod 3.
  EXPECT_THAT(looked_up(R"("num_oov_indices": 3, "mask_token": null)", keys),
              ElementsAre(3, 5, 6, 6, 1, 4, 0));
}

// Without a mask, bins as Hashing has them: 2 is in bin 1, 4 in bin 2.
TEST(IntegerLookup, UnknownIntegersMayBeHashed) {
  EXPECT_THAT(looked_up(R"("num_oov_indices": 3, "oov_method": "farmhash")", {12, 2, 3, 4}),
              ElementsAre(3, 1, 0, 2));
}

TEST(IntegerLookup, InvertedGivesTheIntegersBack) {
  EXPECT_THAT(looked_up(R"("num_oov_indices": 1, "invert": true)", {1, 3, 4, 0}),
              ElementsAre(12, 1138, 42, -1));
}

TEST(IntegerLookup, TfIdf_WeighsUnknownIntegersByTheMean) {
  const Result y = run_layer("IntegerLookup",
                             R"("vocabulary": [5, 7], "num_oov_indices": 1, "output_mode": "tf_idf",
                                "idf_weights": [0.5, 1.5], "max_tokens": 4,
                                "pad_to_max_tokens": true)",
                             {given_integers({2, 3}, {5, 7, 7, 9, 5, 9})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0, 0.5F, 3, 0, 2, 0.5F, 0, 0));
}

TEST(IntegerLookup, TfIdf_TakesWeightsOfSpecialTokensFromTheConfig) {
  const Result y = run_layer("IntegerLookup",
                             R"("vocabulary": [-1, 5, 7], "num_oov_indices": 1,
                                "output_mode": "tf_idf", "idf_weights": [4.0, 0.5, 1.5])",
                             {given_integers({1, 3}, {5, 7, 9})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(4, 0.5F, 1.5F));
}

TEST(CategoryEncoding, BinaryIsTheOlderNameOfMultiHot) {
  const Given x = given_integers({1, 2}, {2, 0});
  const Result y =
      run_layer("CategoryEncoding", R"("num_tokens": 3, "output_mode": "binary")", {x});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1, 0, 1));
}

TEST(CategoryEncoding, CountsMayBeWeighted) {
  const Given x = given_integers({1, 3}, {2, 0, 2}), weights = given({1, 3}, {0.5F, 2, 1});
  const Result y = run_layer("CategoryEncoding", R"("num_tokens": 3, "output_mode": "count")",
                             {x, weights}, {}, input(0), "\"count_weights\": " + input(1));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(2, 0, 1.5F));
}

// x / sqrt(mean of squares) along axis 1; Keras multiplies by the scale as NumPy would.
TEST(RmsNormalization, ItsScaleMeetsTheLastDimension) {
  const Given x = given({1, 2, 2}, {1, 3, 7, 4});
  const Result y =
      run_layer("RMSNormalization", R"("axis": [1], "epsilon": 0.0)", {x}, {weight({2}, {10, 2})});
  const auto root = [](float a, float b) { return std::sqrt((a * a + b * b) / 2); };
  EXPECT_THAT(values(y.outputs[0]),
              ElementsAre(FloatNear(10 / root(1, 7), 1e-5F), FloatNear(6 / root(3, 4), 1e-5F),
                          FloatNear(70 / root(1, 7), 1e-5F), FloatNear(8 / root(3, 4), 1e-5F)));
}

// Rows [1, 3] and [5, 9] of one image have means 4.5 and variance 8.75 together.
TEST(LayerNormalization, TakesItsWeightsAsTheyLie) {
  const Given x = given({1, 2, 2}, {1, 3, 5, 9});
  const Result y = run_layer("LayerNormalization", R"("axis": [1, 2], "epsilon": 0.0)", {x},
                             {weight({2, 2}, {1, 2, 3, 4}), weight({2, 2}, {0, 0, 0, 1})});
  const float deviation = std::sqrt(8.75F);
  EXPECT_THAT(
      values(y.outputs[0]),
      ElementsAre(FloatNear(-3.5F / deviation, 1e-5F), FloatNear(-3 / deviation, 1e-5F),
                  FloatNear(1.5F / deviation, 1e-5F), FloatNear(18 / deviation + 1, 1e-5F)));
}

// (x - mean) / sqrt(variance): one mean for the last of two axes stands for all places of the
// first.
TEST(Normalization, FewerDimensionsThanAxes_BelongToTheLast) {
  const Given x = given({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const Result y = run_layer("Normalization",
                             R"("axis": [1, 2], "mean": [1, 2, 3], "variance": [1, 4, 9])", {x});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0, 0, 0, 3, 1.5F, 1));
}

TEST(Normalization, AlongAnyAxis_AndInverted) {
  const Given x = given({1, 2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(
      values(run_layer("Normalization", R"("axis": 1, "mean": [1, 3], "variance": [1, 4])", {x})
                 .outputs[0]),
      ElementsAre(0, 1, 0, 0.5F));
  EXPECT_THAT(values(run_layer("Normalization",
                               R"("axis": null, "mean": 2.0, "variance": 9.0, "invert": true)", {x})
                         .outputs[0]),
              ElementsAre(5, 8, 11, 14));
}

// A kernel [1, 1, 3]: Keras takes its last dimension, the largest, for that of the output, so that
// the matrix is [1, 3]. Codes 9, 7, 8 two a byte, of scale 2 and zero 8.
TEST(EinsumDense, OfGptq_SplitsItsKernelAtTheLargestDimension) {
  const auto bytes = [](Shape shape, const std::vector<uint8_t>& values) {
    return given<uint8_t>(std::move(shape), values, DType::kUInt8).data;
  };
  const std::string policy = R"("dtype": {"class_name": "GPTQDTypePolicy", "config":
      {"mode": "gptq/4/-1", "source_name": "float32"}})";
  const Result y =
      run_layer("EinsumDense", R"("equation": "ab,bcd->acd", "output_shape": [1, 3], )" + policy,
                {given({1, 1}, {5})},
                {bytes({2, 1}, {0x79, 0x08}), weight({3, 1}, {2, 2, 2}), bytes({3, 1}, {8, 8, 8}),
                 weight({1}, {0})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(10, -10, 0));
}

TEST(Attention, OfKeras2_IsCausalByItsConfig) {
  const Given x = given({1, 2, 1}, {0, 4});
  const std::string call = "[" + input(0) + ", " + input(0) + "]";
  // The first query sees the first value alone, the second one nearly the second alone.
  EXPECT_THAT(values(run_layer("Attention", R"("causal": true)", {x}, {}, call).outputs[0]),
              ElementsAre(0, FloatNear(4, 1e-5F)));
  EXPECT_THAT(values(run_layer("Attention", "", {x}, {}, call).outputs[0]),
              ElementsAre(2, FloatNear(4, 1e-5F)));
}

// Units of the first feature: x0 and 1; of the second: x1 and x0.
TEST(AdditiveAttention, ScalesTheFeaturesOfTheQuery_NotThoseOfTheValue) {
  // Scores 2 tanh(0) and 2 tanh(ln 3 / 2) = 1: the weights of the values are 1 and e over their
  // sum.
  const Result y =
      run_layer("AdditiveAttention", "",
                {given({1, 1, 1}, {0}), given({1, 2, 2}, {1, 10, 2, 20}),
                 given({1, 2, 1}, {0, std::log(3.0F) / 2})},
                {weight({1}, {2})}, "[" + input(0) + ", " + input(1) + ", " + input(2) + "]");
  const float share = std::exp(1.0F) / (1 + std::exp(1.0F));
  EXPECT_THAT(values(y.outputs[0]),
              ElementsAre(FloatNear(1 + share, 1e-5F), FloatNear(10 + 10 * share, 1e-4F)));
}

TEST(MultiHeadAttention, OverTwoDimensionsOfUnknownSize_IsPossible) {
  // The query is 0 for all, so each cell gets the mean of all values.
  Given x = given({1, 2, 2, 1}, {1, 2, 3, 6});
  x.shape = "[null, null, null, 1]";
  const Tensor zero = weight({1, 1, 1}, {0}), one = weight({1, 1, 1}, {1});
  const Result y =
      run_layer("MultiHeadAttention",
                R"("num_heads": 1, "key_dim": 1, "use_bias": false, "attention_axes": [1, 2])", {x},
                {zero, one, one, one}, input(0) + ", " + input(0));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(3, 3, 3, 3));
  EXPECT_EQ(y.types[0].shape, (Shape{kUnknownDim, kUnknownDim, kUnknownDim, 1}));
}

TEST(Softmax, MaskOfNumbers_ShowsWhereItIsAboveOneHalf) {
  const Result y =
      run_layer("Softmax", "", {given({1, 3}, {1, 5, 1}), given({1, 3}, {1, 0.5F, 0.6F})}, {},
                input(0), "\"mask\": " + input(1));
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0.5F, 0, 0.5F));
}

TEST(Rescaling, OfNestedLists_FollowsTheirShape) {
  const Result y = run_layer("Rescaling", R"("scale": [[1], [10]], "offset": [[0.5, 0, 1]])",
                             {given({1, 2, 3}, {1, 2, 3, 4, 5, 6})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(1.5F, 2, 4, 40.5F, 50, 61));
  EXPECT_ERROR(run_layer("Rescaling", R"("scale": [[1, 2], [3]])", {given({1, 2}, {1, 2})}),
               ErrorCode::kInvalidModel, "scale is");
}

TEST(Keras1, ParametricSoftplus_ScalesInsideAndOutside) {
  // 2 log(1 + exp(0.5 x)) for x = 0 and 2 log 3.
  const Result y =
      run_layer("ParametricSoftplus", "\"shared_axes\": [null]",
                {given({2, 1}, {0, 2 * std::log(3.0F)})}, {weight({1}, {2}), weight({1}, {0.5F})});
  EXPECT_THAT(values(y.outputs[0]),
              Pointwise(FloatNear(1e-5F), {2 * std::log(2.0F), 2 * std::log(4.0F)}));
}

TEST(Keras1, SReLU_HasSlopesBeyondItsThresholds) {
  // Thresholds 1 and 1 + |-2|; slopes 0.5 and 10.
  const Result y =
      run_layer("SReLU", "\"shared_axes\": [1]", {given({1, 4}, {-1, 2, 3, 5})},
                {weight({1}, {1}), weight({1}, {0.5F}), weight({1}, {-2}), weight({1}, {10})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(0, 2, 3, 23));
}

TEST(Keras1, MaxoutDense_TakesTheLargestOfItsFeatures) {
  const Given x = given({2, 2}, {3, 5, 7, -2});
  const Result y =
      run_layer("MaxoutDense", R"("output_dim": 2, "nb_feature": 2)", {x},
                {weight({2, 2, 2}, {1, 0, 0, 0, 0, 1, 1, 0}), weight({2, 2}, {0, 1, 0, 0})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(5, 3, 7, 7));
}

// The gate is sigmoid(0) = 1/2 for the first number, all but 1 for the second.
TEST(Keras1, Highway_MixesItsInputWithWhatItMakesOfIt) {
  const Given x = given({1, 2}, {4, -6});
  const Result y = run_layer("Highway", R"("activation": "relu")", {x},
                             {weight({2, 2}, {1, 0, 0, 1}), weight({2, 2}, {0, 0, 0, 0}),
                              weight({2}, {2, 9}), weight({2}, {0, 40})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(5, FloatNear(3, 1e-5F)));
}

TEST(Keras1, SequentialThatBeginsWithAMerge_HasTheInputsOfItsBranches) {
  const auto dense = [](const std::string& name, const std::string& more) {
    return R"({"class_name": "Dense", "config": {"output_dim": 1, "bias": false, "name": ")" +
           name + "\"" + more + "}}";
  };
  const std::string shape = R"(, "batch_input_shape": [null, 2])";
  const auto branch = [&](const std::string& name) {
    return R"({"class_name": "Sequential", "config": [)" + dense(name, shape) + "]}";
  };
  const std::string text = R"({"class_name": "Sequential", "config": [
      {"class_name": "Merge", "config": {"name": "merge", "mode": "concat", "concat_axis": -1,
       "layers": [)" + branch("left") +
                           ", " + branch("right") + "]}}, " + dense("last", "") + "]}";
  const Given x = given({1, 2}, {1, 2}), y = given({1, 2}, {3, 4});
  const Result z = run_model(
      text, {x, y}, {weight({2, 1}, {1, 10}), weight({2, 1}, {1, -1}), weight({2, 1}, {100, 1})});
  // left: 21, right: -1
  EXPECT_THAT(values(z.outputs[0]), ElementsAre(2099));
}

TEST(Keras1, BatchNormalizationOfItsOtherModes_IsRefused) {
  const Given x = given({1, 2}, {4, -6});
  EXPECT_ERROR(run_layer("BatchNormalization", R"("mode": 1, "axis": -1)", {x}),
               ErrorCode::kUnsupported, "mode is 1");
}

TEST(Keras2, LocallyConnected1D_HasAKernelForEachPlace) {
  // Windows of two steps, every second: 1 2 and 3 4, times 1 10 and 100 1000.
  const Result y =
      run_layer("LocallyConnected1D", R"("filters": 1, "kernel_size": [2], "strides": [2])",
                {given({1, 5, 1}, {1, 2, 3, 4, 5})},
                {weight({2, 2, 1}, {1, 10, 100, 1000}), weight({2, 1}, {0.5F, 0.25F})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(21.5F, 4300.25F));
}

TEST(Keras2, LocallyConnected2D_OfChannelsFirst_HasThemFirstInItsWindows) {
  // One place; channels 1 2 and 3 4. Two filters: the sum, and ones, tens, hundreds, thousands.
  const Result y = run_layer(
      "LocallyConnected2D",
      R"("filters": 2, "kernel_size": [1, 2], "data_format": "channels_first", "use_bias": false)",
      {given({1, 2, 1, 2}, {1, 2, 3, 4})}, {weight({1, 4, 2}, {1, 1, 1, 10, 1, 100, 1, 1000})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(10, 4321));
  EXPECT_EQ(y.types[0].shape, (Shape{kUnknownDim, 2, 1, 1}));
}

TEST(Keras2, LocallyConnected2D_TakesItsBiasAsItLies) {
  const Result y = run_layer(
      "LocallyConnected2D", R"("filters": 2, "kernel_size": 1, "data_format": "channels_first")",
      {given({1, 1, 1, 2}, {1, 2})},
      {weight({2, 1, 2}, {1, 10, 1, 10}), weight({1, 2, 2}, {0.1F, 0.2F, 0.3F, 0.4F})});
  EXPECT_THAT(values(y.outputs[0]), Pointwise(FloatNear(1e-5F), {1.1F, 2.2F, 10.3F, 20.4F}));
}

TEST(Keras2, LocallyConnected1D_OfOtherImplementations_IsRefused) {
  EXPECT_ERROR(
      run_layer("LocallyConnected1D", R"("filters": 1, "kernel_size": 2, "implementation": 2)",
                {given({1, 5, 1}, {1, 2, 3, 4, 5})}),
      ErrorCode::kUnsupported, "implementation is 2; supported: 1");
}

TEST(Keras2, RandomHeightAndWidth_DoNothing) {
  for (const char* name : {"RandomHeight", "RandomWidth"}) {
    const Result y = run_layer(name, R"("factor": 0.5)", {given({1, 1, 2, 1}, {3, 4})});
    EXPECT_THAT(values(y.outputs[0]), ElementsAre(3, 4));
  }
}

// --- classes of keras.applications

TEST(ApplicationLayers, LayerScale_MultipliesChannels) {
  const Given x = given({1, 2, 2}, {1, 2, 3, 4});
  const Result y = run_layer("LayerScale", R"("init_values": 1e-6, "projection_dim": 2)", {x},
                             {weight({2}, {10, 100})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(10, 200, 30, 400));
}

TEST(ApplicationLayers, StochasticDepth_DoesNothing) {
  EXPECT_THAT(
      values(run_layer("StochasticDepth", R"("drop_path_rate": 0.5)", {given({1, 2}, {3, 4})})
                 .outputs[0]),
      ElementsAre(3, 4));
}

TEST(ApplicationLayers, CustomScaleLayer_AddsAShareOfTheSecondInput) {
  const Given x = given({1, 2}, {1, 2}), y = given({1, 2}, {10, 20});
  const std::string both = "[" + input(0) + ", " + input(1) + "]";
  EXPECT_THAT(values(run_layer("CustomScaleLayer", R"("scale": 0.5)", {x, y}, {}, both).outputs[0]),
              ElementsAre(6, 12));
  EXPECT_ERROR(run_layer("CustomScaleLayer", R"("scale": 0.5)", {x}), ErrorCode::kInvalidModel,
               "it has 1 inputs; expected 2");
}

// --- sizes that the file claims

TEST(LayerClaims, MoreThanMemoryHolds_IsRefusedBeforeItIsTaken) {
  const Given ids = given_integers({1, 2}, {0, 1}), sound = given({1, 4}, {1, 2, 3, 4});
  EXPECT_ERROR(run_layer("CategoryEncoding", R"("num_tokens": 1000000000)", {ids}),
               ErrorCode::kInvalidModel, "1000000000 categories");
  EXPECT_ERROR(run_layer("MelSpectrogram", R"("fft_length": 1000000000)", {sound}),
               ErrorCode::kUnsupported, "fft_length is 1000000000; supported: up to 16384");
  EXPECT_ERROR(run_layer("RepeatVector", R"("n": 1000000000000)", {sound}),
               ErrorCode::kShapeMismatch, "beyond all memory");
}

TEST(LayerClaims, WindowsNoKernelCanCount_AreRefused) {
  const Given x = given({1, 1, 1, 1}, {1});
  EXPECT_ERROR(run_layer("MaxPooling2D", R"("pool_size": 2147483648, "padding": "same")", {x}),
               ErrorCode::kInvalidModel, "pool_size is 2147483648; expected numbers from 1 to");
  EXPECT_ERROR(run_layer("Conv2DTranspose",
                         R"("filters": 1, "kernel_size": 3, "dilation_rate": 10000000)", {x}),
               ErrorCode::kInvalidModel, "dilation_rate is 10000000");
}

TEST(ImageLayers, OfTraining_DoNothing) {
  const Given x = given({1, 1, 2, 1}, {3, 4});
  for (const char* name : {"Equalization", "RandomHeight", "RandomShear", "RandomWidth"}) {
    EXPECT_THAT(values(run_layer(name, "", {x}).outputs[0]), ElementsAre(3, 4)) << name;
  }
}

// Keras equalises when predicting, too.
TEST(ImageLayers, AdaptiveEqualization_IsRefused) {
  const Given x = given({1, 1, 2, 1}, {3, 4});
  EXPECT_ERROR(run_layer("ContrastLimitedAdaptiveHistogramEqualization", "", {x}),
               ErrorCode::kUnsupported, "ContrastLimitedAdaptiveHistogramEqualization");
}

}  // namespace
}  // namespace hornet::layers
