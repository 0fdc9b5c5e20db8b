// Recurrent cells, called on their own.
#include <gmock/gmock.h>

#include <cmath>

#include "unit/base/expect_error.h"
#include "unit/layers/small_model.h"

namespace hornet::layers {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

const std::string kStates = "[" + input(1) + "]";

TEST(RecurrentCells, SimpleRnnCell_TakesOneStepFromItsState) {
  // 2 * 3 + 5 * 0.5 + 1 for the first row; the state is the output.
  const Result y = run_layer("SimpleRNNCell", R"("units": 1, "activation": "linear")",
                             {given({2, 1}, {2, -1}), given({2, 1}, {5, 4})},
                             {weight({1, 1}, {3}), weight({1, 1}, {0.5F}), weight({1}, {1})},
                             input(0) + ", " + kStates, "", 2);
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(9.5F, 0));
  EXPECT_THAT(values(y.outputs[1]), ElementsAre(9.5F, 0));
  EXPECT_EQ(y.types[0].shape, (Shape{kUnknownDim, 1}));
}

TEST(RecurrentCells, LstmCell_GivesOutputHiddenStateAndCarry) {
  // All gates are sigmoid(0) = 1/2, the candidate is x: c = 4 / 2 + 6 / 2, h = 5 / 2.
  const Result y = run_layer("LSTMCell", R"("units": 1, "activation": "linear", "use_bias": false)",
                             {given({1, 1}, {6}), given({1, 1}, {7}), given({1, 1}, {4})},
                             {weight({1, 4}, {0, 0, 1, 0}), weight({1, 4}, {0, 0, 0, 0})},
                             input(0) + ", [" + input(1) + ", " + input(2) + "]", "", 3);
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(FloatNear(2.5F, 1e-6F)));
  EXPECT_THAT(values(y.outputs[1]), ElementsAre(FloatNear(2.5F, 1e-6F)));
  EXPECT_THAT(values(y.outputs[2]), ElementsAre(FloatNear(5, 1e-6F)));
}

TEST(RecurrentCells, StackedRnnCells_HandTheOutputOn) {
  // The first doubles, the second adds its state.
  const std::string cell = R"({"module": "keras.layers", "class_name": "SimpleRNNCell",
      "config": {"units": 1, "activation": "linear", "use_bias": false}})";
  const Result y = run_layer(
      "StackedRNNCells", "\"cells\": [" + cell + ", " + cell + "]",
      {given({1, 1}, {3}), given({1, 1}, {100}), given({1, 1}, {10})},
      {weight({1, 1}, {2}), weight({1, 1}, {0}), weight({1, 1}, {1}), weight({1, 1}, {1})},
      input(0) + ", [" + input(1) + ", " + input(2) + "]", "", 3);
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(16));
  EXPECT_THAT(values(y.outputs[1]), ElementsAre(6));
  EXPECT_THAT(values(y.outputs[2]), ElementsAre(16));
}

TEST(RecurrentCells, GruCell_EqualsAStepOfTheLayer) {
  const std::string kConfig = R"("units": 2, "reset_after": true)";
  const Given x = given({1, 2}, {0.5F, -1}), state = given({1, 2}, {0.25F, 2});
  const std::vector<Tensor> weights = {
      weight({2, 6}, {.1F, .2F, .3F, .4F, .5F, .6F, .7F, .8F, .9F, 1, -.1F, -.2F}),
      weight({2, 6}, {.3F, .1F, -.3F, .2F, .5F, .4F, .2F, .6F, -.9F, .1F, .1F, .2F}),
      weight({2, 6}, {.1F, .1F, .1F, 0, 0, 0, .2F, .2F, .2F, .3F, .3F, .3F})};
  const Result cell =
      run_layer("GRUCell", kConfig, {x, state}, weights, input(0) + ", " + kStates, "", 2);
  const Result layer = run_layer("GRU", kConfig, {given({1, 1, 2}, {0.5F, -1}), state}, weights,
                                 input(0), "\"initial_state\": " + kStates);
  EXPECT_EQ(values(cell.outputs[0]), values(layer.outputs[0]));
}

TEST(RecurrentSteps, ActivationOverAnAxis_RunsStepByStepFromZeros) {
  // softmax([0, ln 3]), whatever the state: the recurrent weights are 0.
  const Result y = run_layer(
      "SimpleRNN", R"("units": 2, "activation": "softmax")", {given({1, 2, 1}, {5, -7})},
      {weight({1, 2}, {0, 0}), weight({2, 2}, {0, 0, 0, 0}), weight({2}, {0, std::log(3.0F)})});
  EXPECT_THAT(values(y.outputs[0]), ElementsAre(FloatNear(0.25F, 1e-6F), FloatNear(0.75F, 1e-6F)));
}

TEST(RecurrentCells, CalledWithoutStatesOrWithASequence_AreRefused) {
  const std::vector<Tensor> weights = {weight({1, 1}, {3}), weight({1, 1}, {0.5F}),
                                       weight({1}, {1})};
  EXPECT_ERROR(run_layer("SimpleRNNCell", R"("units": 1)", {given({1, 1}, {2})}, weights),
               ErrorCode::kInvalidModel, "(SimpleRNNCell): it is called without states");
  EXPECT_ERROR(
      run_layer("SimpleRNNCell", R"("units": 1)", {given({1, 3, 1}, {2, 3, 4}), given({1, 1}, {0})},
                weights, input(0) + ", " + kStates),
      ErrorCode::kInvalidModel, "expected [batch, features]");
}

}  // namespace
}  // namespace hornet::layers
