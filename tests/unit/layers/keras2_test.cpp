// What files of Keras 1 and 2 mean otherwise than those of Keras 3. Expected numbers by the
// formulas of Keras 2.15 in numpy.
#include <gmock/gmock.h>

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

}  // namespace
}  // namespace hornet::layers
