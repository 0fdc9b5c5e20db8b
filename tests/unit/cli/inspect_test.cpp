// `hornet inspect` from the outside.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "unit/cli/command.h"

namespace hornet {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

class InspectCommand : public CommandTest {};

TEST_F(InspectCommand, Digits_AreSummarisedLikeKerasDoes) {
  const Outcome outcome = run_command({"inspect", digits("digits.keras")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, ContainsRegex("Layer \\(type\\) +Output shape +Parameters\n"));
  EXPECT_THAT(outcome.out, ContainsRegex("\\(Conv2D\\) +\\[None, 8, 8, "));
  EXPECT_THAT(outcome.out, ContainsRegex("Total parameters +17,706\n"));
  EXPECT_THAT(outcome.out, ContainsRegex("FLOP a row +[0-9.]+ [kM]\n"));
  EXPECT_THAT(outcome.out, ContainsRegex("Inputs\n  .*float32 \\[None, 8, 8, 1\\]\n"));
  EXPECT_THAT(outcome.out, ContainsRegex("Outputs\n  .*float32 \\[None, 10\\]\n"));
}

TEST_F(InspectCommand, H5_GivesTheSameNumbers) {
  EXPECT_THAT(run_command({"inspect", digits("digits.h5")}).out,
              ContainsRegex("Total parameters +17,706\n"));
}

TEST_F(InspectCommand, Json_DescribesLayersInputsAndOutputs) {
  const Outcome outcome =
      run_command({"inspect", test_data("io_02_dict_of_lists/model.keras"), "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["class"], "Functional");
  EXPECT_EQ(json["supported"], true);
  ASSERT_EQ(json["inputs"].size(), 3u);
  EXPECT_EQ(json["inputs"][0]["name"], "n2");
  EXPECT_EQ(json["inputs"][0]["path"], "pair.0");
  EXPECT_EQ(json["inputs"][0]["dtype"], "float32");
  EXPECT_TRUE(json["inputs"][0]["shape"][0].is_null());
  ASSERT_EQ(json["outputs"].size(), 3u);
  EXPECT_EQ(json["outputs"][1]["path"], "1.also");
  int64_t parameters = 0;
  for (const auto& layer : json["layers"]) parameters += layer["parameters"].get<int64_t>();
  EXPECT_EQ(json["parameters"], parameters);
  EXPECT_GT(parameters, 0);
}

TEST_F(InspectCommand, UnsupportedLayer_IsListedWithItsReasonAndGives3) {
  const Outcome outcome = run_command({"inspect", test_data("custom_layer/model.keras")});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.out, ContainsRegex("Not supported\n  a \\(.*MyLayer\\): .+\n"));
  expect_one_line(outcome.err, "is not supported");

  const Outcome json = run_command({"inspect", test_data("custom_layer/model.keras"), "--json"});
  EXPECT_EQ(json.exit_code, 3);
  EXPECT_EQ(nlohmann::json::parse(json.out)["supported"], false);
}

TEST_F(InspectCommand, Plan_IsPrintedForTheBatchSize) {
  const Outcome one =
      run_command({"inspect", digits("digits.keras"), "--plan", "--batch-size", "1"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_GT(num_lines(one.out), 3);
  const Outcome many =
      run_command({"inspect", digits("digits.keras"), "--plan", "--batch-size", "64"});
  EXPECT_EQ(many.exit_code, 0) << many.err;
  EXPECT_NE(one.out, many.out);
  EXPECT_EQ(run_command({"inspect", digits("digits.keras"), "--plan"}).exit_code, 0);
}

TEST_F(InspectCommand, WrongShapeOption_Is2) {
  const Outcome outcome =
      run_command({"inspect", digits("digits.keras"), "--plan", "--shape", "8x8"});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "--shape 8x8");
}

TEST_F(InspectCommand, MissingModel_Is3) {
  const Outcome outcome = run_command({"inspect", scratch("no.keras")});
  EXPECT_EQ(outcome.exit_code, 3);
  expect_one_line(outcome.err, "no.keras");
}

}  // namespace
}  // namespace hornet
