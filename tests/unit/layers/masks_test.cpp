// How masks flow through a Functional model when Keras 3 computes it.
#include <gmock/gmock.h>

#include "layers/call_order.h"
#include "unit/layers/small_model.h"

namespace hornet::layers {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

// One head of size 1 whose scores are all 0, so that each query sees the average of the values that
// are shown to it.
const std::vector<Tensor> kAveraging = {weight({1, 1, 1}, {1}), weight({1, 1, 1}, {0}),
                                        weight({1, 1, 1}, {1}), weight({1, 1, 1}, {1})};
constexpr const char* kOneHead = R"("num_heads": 1, "key_dim": 1, "use_bias": false)";

std::string masking(const std::string& name, size_t from) {
  return layer("Masking", name, R"("mask_value": 0.0)", input(from)) + ", ";
}

std::string pooled(const std::string& name, const std::string& from) {
  return layer("GlobalAveragePooling1D", name, "", tensor(from));
}

std::vector<float> merged(const std::string& class_name, const Given& x, const Given& y) {
  const std::string merge =
      layer(class_name, "merge", "", "[" + tensor("a") + ", " + tensor("b") + "]");
  return values(
      run_model(functional(masking("a", 0) + masking("b", 1) + merge, {x, y}, outputs_of("merge")),
                {x, y})
          .outputs[0]);
}

TEST(Masks, MultiHeadAttention_ForgetsAnExplicitQueryMask) {
  const Given x = given({1, 2, 1}, {4, 8});
  const Given shown = given<bool>({1, 2}, {true, false}, DType::kBool);
  const std::string call = input(0) + ", " + input(0);
  const std::string query_mask = "\"query_mask\": " + input(1);
  const std::string value_mask = "\"value_mask\": " + input(1);
  EXPECT_THAT(values(run_layer("MultiHeadAttention", kOneHead, {x, shown}, kAveraging, call,
                               query_mask + ", " + value_mask)
                         .outputs[0]),
              ElementsAre(4, 4));
}

TEST(Masks, MultiHeadAttentionWithDropout_GivesNothingWhereAllIsHidden) {
  const Given x = given({1, 2, 1}, {4, 8});
  const Given none = given<bool>({1, 2}, {false, false}, DType::kBool);
  const std::string call = input(0) + ", " + input(0);
  const std::string mask = "\"value_mask\": " + input(1);
  EXPECT_THAT(
      values(
          run_layer("MultiHeadAttention", kOneHead, {x, none}, kAveraging, call, mask).outputs[0]),
      ElementsAre(6, 6));
  EXPECT_THAT(values(run_layer("MultiHeadAttention", std::string(kOneHead) + R"(, "dropout": 0.1)",
                               {x, none}, kAveraging, call, mask)
                         .outputs[0]),
              ElementsAre(0, 0));
}

TEST(Masks, GivenByPosition_Count) {
  const Given x = given({1, 2, 1}, {4, 8});
  const Given mask = given<bool>({1, 2}, {true, false}, DType::kBool);
  EXPECT_THAT(
      values(run_layer("GlobalAveragePooling1D", "", {x, mask}, {}, input(0) + ", " + input(1))
                 .outputs[0]),
      ElementsAre(4));
  const std::string pair = "[" + input(0) + ", " + input(0) + "]";
  EXPECT_THAT(values(run_layer("Attention", "", {x, mask}, {},
                               pair + ", [null, " + input(1) + "], false, true", "", 2)
                         .outputs[1]),
              ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(
      values(run_layer("SimpleRNN", R"("units": 1, "activation": "linear", "use_bias": false)",
                       {x, mask}, {weight({1, 1}, {1}), weight({1, 1}, {1})},
                       input(0) + ", null, " + input(1))
                 .outputs[0]),
      ElementsAre(4));
}

TEST(Masks, MultiHeadAttention_RemovesTheMasksOfItsInputs) {
  const Given x = given({1, 2, 1}, {4, 0});
  const std::string attention =
      layer("MultiHeadAttention", "mha", kOneHead, tensor("a") + ", " + tensor("a")) + ", ";
  // The attention's result carries the query's mask: its first step alone counts.
  EXPECT_THAT(values(run_model(functional(masking("a", 0) + attention + pooled("pool", "mha"), {x},
                                          outputs_of("pool")),
                               {x}, kAveraging)
                         .outputs[0]),
              ElementsAre(4));
  // A sum with the input that has no mask any more carries none: (4 + 4 + 0 + 2) / 2, 2 being what
  // the hidden query sees.
  const std::string sum =
      layer("Add", "sum", "", "[" + tensor("a") + ", " + tensor("mha") + "]") + ", ";
  EXPECT_THAT(values(run_model(functional(masking("a", 0) + attention + sum + pooled("pool", "sum"),
                                          {x}, outputs_of("pool")),
                               {x}, kAveraging)
                         .outputs[0]),
              ElementsAre(5));
}

// The pooling stands first in the file but is not as deep: the attention has taken the mask away.
TEST(Masks, CallsRunByDepth) {
  const Given x = given({1, 2, 1}, {4, 0});
  const std::string attention =
      layer("MultiHeadAttention", "mha", kOneHead, tensor("a") + ", " + tensor("a"));
  const std::string flat = layer("Flatten", "flat", "", tensor("mha"));
  EXPECT_THAT(values(run_model(functional(masking("a", 0) + pooled("pool", "a") + ", " + attention +
                                              ", " + flat,
                                          {x}, outputs_of("pool") + ", " + outputs_of("flat")),
                               {x}, kAveraging)
                         .outputs[0]),
              ElementsAre(2));
}

TEST(Masks, LayersWithAMaskArgument_LoseIt) {
  const Given x = given({1, 2, 1}, {4, 0});
  const std::string relu = R"("layer": {"class_name": "ReLU", "config": {"name": "r"}})";
  const std::string distributed = layer("TimeDistributed", "t", relu, tensor("a")) + ", ";
  EXPECT_THAT(values(run_model(functional(masking("a", 0) + distributed + pooled("pool", "t"), {x},
                                          outputs_of("pool")),
                               {x})
                         .outputs[0]),
              ElementsAre(2));
  const std::string plain = layer("ReLU", "t", "", tensor("a")) + ", ";
  EXPECT_THAT(values(run_model(functional(masking("a", 0) + plain + pooled("pool", "t"), {x},
                                          outputs_of("pool")),
                               {x})
                         .outputs[0]),
              ElementsAre(4));
}

TEST(Masks, OnlyLayersThatSaySo_PassThemOn) {
  const Given x = given({1, 2, 1}, {4, 0});
  const auto behind = [&](const std::string& class_name, const std::string& config,
                          const std::vector<Tensor>& weights) {
    const std::string middle = layer(class_name, "middle", config, tensor("a")) + ", ";
    return values(run_model(functional(masking("a", 0) + middle + pooled("pool", "middle"), {x},
                                       outputs_of("pool")),
                            {x}, weights)
                      .outputs[0])[0];
  };
  EXPECT_THAT(behind("Normalization", R"("mean": 0.0, "variance": 4.0)", {}), FloatEq(2));
  EXPECT_THAT(behind("Rescaling", R"("scale": 0.5)", {}), FloatEq(2));
  EXPECT_THAT(behind("RMSNormalization", "", {weight({1}, {3})}), testing::FloatNear(1.5F, 1e-5F));
  EXPECT_THAT(behind("EinsumDense", R"("equation": "abc,cd->abd", "output_shape": [null, 1])",
                     {weight({1, 1}, {1})}),
              FloatEq(2));
}

TEST(Masks, MergedSteps_CountWhereTheyAreShown) {
  const Given x = given({1, 3, 1}, {-2, 0, 0}), y = given({1, 3, 1}, {0, -5, 0});
  EXPECT_THAT(merged("Maximum", x, y), ElementsAre(-2, -5, 0));
  EXPECT_THAT(merged("Multiply", x, y), ElementsAre(-2, -5, 0));
  const Given u = given({1, 3, 1}, {2, 0, 0}), v = given({1, 3, 1}, {0, 5, 0});
  EXPECT_THAT(merged("Minimum", u, v), ElementsAre(2, 5, 0));
  EXPECT_THAT(merged("Add", u, v), ElementsAre(2, 5, 0));
}

TEST(ExecutionOrder, IsByDepthThenByTheWalkFromTheOutputs) {
  const Given x = given({1, 1}, {1});
  const auto relu = [](const std::string& name, const std::string& from) {
    return layer("ReLU", name, "", tensor(from));
  };
  const std::string text =
      functional(relu("last", "b") + ", " + relu("side", "x0") + ", " + relu("a", "x0") + ", " +
                     relu("b", "a") + ", " + relu("unused", "x0"),
                 {x}, outputs_of("side") + ", " + outputs_of("last"));
  const keras::Value parsed = keras::parse_json(text, "test");
  const keras::ModelConfig model = keras::parse_model(*parsed.get_if<keras::Dict>());
  std::vector<std::string> names;
  for (const CallRef& ref : execution_order(model)) names.push_back(model.layers[ref.layer].name);
  EXPECT_THAT(names, ElementsAre("a", "b", "last", "side", "unused"));
}

}  // namespace
}  // namespace hornet::layers
