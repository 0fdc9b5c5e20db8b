// `hornet verify` from the outside.
#include <gmock/gmock.h>

#include "unit/cli/command.h"

namespace hornet {
namespace {

using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class VerifyCommand : public CommandTest {
 protected:
  // A copy of a case that a test may spoil.
  std::string copy_case(const std::string& name) const {
    std::filesystem::copy(test_data(name), scratch(name));
    return scratch(name);
  }
  static void replace_in_file(const std::string& file, const std::string& from,
                              const std::string& to) {
    std::string text = read_file(file);
    const size_t position = text.find(from);
    ASSERT_NE(position, std::string::npos) << from;
    write_file(file, text.replace(position, from.size(), to));
  }
};

TEST_F(VerifyCommand, Digits_PassWithTheLargestDifferenceAndItsPlace) {
  const Outcome outcome = run_command({"verify", digits("digits.keras"), digits("images.npy"),
                                       "--expected", digits("keras_predictions.npy")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("PASS "));
  EXPECT_THAT(outcome.out, ContainsRegex("largest difference [0-9.e-]+ at .*keras_predictions.npy "
                                         "\\[[0-9]+, [0-9]\\], relative [0-9.e-]+ at "));
  EXPECT_THAT(outcome.out, EndsWith("\n1 passed, 0 failed\n"));
}

TEST_F(VerifyCommand, ToleranceThatIsTooSmall_Fails) {
  const Outcome outcome =
      run_command({"verify", digits("digits.keras"), digits("images.npy"), "--expected",
                   digits("keras_predictions.npy"), "--rtol", "0", "--atol", "1e-12"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, StartsWith("FAIL "));
  EXPECT_THAT(outcome.out, ContainsRegex("values differ, the first at .*: got .*, expected "));
  EXPECT_THAT(outcome.out, EndsWith("\n0 passed, 1 failed\n"));
}

TEST_F(VerifyCommand, SeveralOutputs_GoByName) {
  const std::string folder = test_data("io_02_dict_of_lists/");
  const Outcome outcome =
      run_command({"verify", folder + "model.h5", "n2=" + folder + "input_0.npy",
                   "n1=" + folder + "input_1.npy", "single=" + folder + "input_2.npy", "--expected",
                   "1.deep=" + folder + "output_2.npy", "1.also=" + folder + "output_1.npy",
                   "0=" + folder + "output_0.npy"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST_F(VerifyCommand, ExpectedOfAnotherShape_Fails) {
  write_zeros(scratch("y.npy"), {11}, 1797);
  const Outcome outcome = run_command(
      {"verify", digits("digits.keras"), digits("images.npy"), "--expected", scratch("y.npy")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("has the shape [1797, 11]; the model gives [1797, 10]"));
}

TEST_F(VerifyCommand, Cases_AreCheckedWithEveryFile) {
  const Outcome outcome = run_command({"verify", "--case", test_data("io_02_dict_of_lists"),
                                       test_data("gru_18_initial_state_keep")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out,
              ContainsRegex("^PASS .*io_02_dict_of_lists: .*\nPASS .*gru_18.*\n2 passed"
                            ", 0 failed\n$"));
}

TEST_F(VerifyCommand, FolderOfCases_IsSearched) {
  const Outcome outcome = run_command({"verify", "--case", test_data("")});
  EXPECT_THAT(outcome.out, EndsWith("\n2 passed, 0 failed\n"));
}

TEST_F(VerifyCommand, Index_TellsTheCases) {
  copy_case("io_02_dict_of_lists");
  copy_case("gru_18_initial_state_keep");
  write_file(scratch("index.json"), R"({"cases": [{"folder": "io_02_dict_of_lists"}]})");
  const Outcome outcome = run_command({"verify", "--case", scratch("")});
  EXPECT_THAT(outcome.out, EndsWith("\n1 passed, 0 failed\n"));
}

TEST_F(VerifyCommand, WrongExpectedValue_FailsTheCaseOnly) {
  const std::string wrong = copy_case("io_02_dict_of_lists");
  std::string bytes = read_file(wrong + "/output_1.npy");
  bytes[bytes.size() - 1] = static_cast<char>(bytes.back() ^ 0x40);
  write_file(wrong + "/output_1.npy", bytes);
  const Outcome outcome =
      run_command({"verify", "--case", wrong, test_data("gru_18_initial_state_keep")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out,
              ContainsRegex("^FAIL .*: model.keras: 1 of [0-9]+ values differ, the first"
                            " at output_1.npy .*\n     model.h5: 1 of .*\nPASS "));
  EXPECT_THAT(outcome.out, EndsWith("\n1 passed, 1 failed\n"));
}

TEST_F(VerifyCommand, CaseThatCannotRun_FailsWithItsMessage) {
  const std::string broken = copy_case("io_02_dict_of_lists");
  write_file(broken + "/model.h5", "no model");
  Outcome outcome = run_command({"verify", "--case", broken});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, ContainsRegex("^FAIL .*: model.h5: .*model.h5"));

  write_file(broken + "/case.json", "{");
  outcome = run_command({"verify", "--case", broken});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, ContainsRegex("^FAIL .*case.json"));
}

TEST_F(VerifyCommand, CaseWithoutRuns_Fails) {
  const std::string folder = copy_case("io_02_dict_of_lists");
  write_file(folder + "/case.json", R"({"files": ["model.keras"], "runs": []})");
  EXPECT_THAT(run_command({"verify", "--case", folder}).out, HasSubstr("the case has no runs"));
}

TEST_F(VerifyCommand, ToleranceOfTheCase_Counts) {
  const std::string folder = copy_case("io_02_dict_of_lists");
  replace_in_file(folder + "/case.json", "\"rtol\": 0.0001", "\"rtol\": 0");
  replace_in_file(folder + "/case.json", "\"atol\": 1e-05", "\"atol\": 1e-13");
  EXPECT_EQ(run_command({"verify", "--case", folder}).exit_code, 1);
  EXPECT_EQ(run_command({"verify", "--case", folder, "--rtol", "1e-4", "--atol", "1e-5"}).exit_code,
            0);
}

// A folder that is none of cases costs the others nothing.
TEST_F(VerifyCommand, FolderWithoutCases_FailsAlone) {
  const std::string good = copy_case("gru_18_initial_state_keep");
  const std::string bad = scratch("bad");
  std::filesystem::create_directory(bad);
  const auto expect_failure = [&](const std::string& message) {
    const Outcome outcome = run_command({"verify", "--case", bad, good, scratch("none")});
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_THAT(outcome.out, StartsWith("FAIL " + bad + ": " + message + "\nPASS " + good));
    EXPECT_THAT(outcome.out, HasSubstr("\nFAIL " + scratch("none") + ": "));
    EXPECT_THAT(outcome.out, EndsWith("\n1 passed, 2 failed\n"));
    EXPECT_EQ(outcome.err, "");
  };
  expect_failure(bad + " has no case.json, no index.json and no folders with one");
  const std::string index = bad + "/index.json";
  const std::string expected = "; expected {\"cases\": [{\"folder\": \"FOLDER\"}, ...]}";
  write_file(index, R"([{"name": "x"}])");
  expect_failure(index + ": an array" + expected);
  write_file(index, R"({"files": []})");
  expect_failure(index + ": an object without \"cases\"" + expected);
  write_file(index, R"({"cases": 3})");
  expect_failure(index + ": \"cases\" is a number" + expected);
  write_file(index, R"({"cases": [{"folder": "a"}, "b"]})");
  expect_failure(index + ": entry 1 of \"cases\" is a string" + expected);
  write_file(index, R"({"cases": [{"folder": 7}]})");
  expect_failure(index + ": \"folder\" of entry 0 of \"cases\" is a number" + expected);
  write_file(index, R"({"cases": []})");
  expect_failure(index + " lists no cases");
}

TEST_F(VerifyCommand, FileThatIsNoJson_IsNamedWithThePlace) {
  const std::string bad = scratch("");
  write_file(bad + "/index.json", "{\"cases\": ]");
  const Outcome outcome = run_command({"verify", "--case", bad});
  EXPECT_EQ(outcome.exit_code, 4);
  expect_one_line(outcome.err, "/index.json is not JSON: ");
  EXPECT_THAT(outcome.err, HasSubstr("line 1, column 11"));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("json.exception")));
}

TEST_F(VerifyCommand, CaseWithWrongFields_SaysWhatIsExpected) {
  const std::string folder = copy_case("io_02_dict_of_lists");
  const auto failure = [&](const std::string& text) {
    write_file(folder + "/case.json", text);
    return run_command({"verify", "--case", folder}).out;
  };
  const std::string begin = "FAIL " + folder + ": " + folder + "/case.json: ";
  EXPECT_THAT(failure("[1]"), StartsWith(begin + "an array; expected an object with"));
  EXPECT_THAT(failure("{}"), StartsWith(begin + "an object without \"files\"; expected"));
  EXPECT_THAT(failure(R"({"files": "a", "runs": []})"),
              StartsWith(begin + "\"files\" is a string; expected"));
  EXPECT_THAT(failure(R"({"files": ["a"], "runs": [{"inputs": []}]})"),
              StartsWith(begin + "entry 0 of \"runs\" is an object without \"outputs\"; expected"));
  EXPECT_THAT(failure(R"({"files": ["a"], "runs": [], "rtol": "small"})"),
              StartsWith(begin + "\"rtol\" is a string; expected"));
}

TEST_F(VerifyCommand, FolderWithoutCases_Is4) {
  const Outcome outcome = run_command({"verify", "--case", scratch("")});
  EXPECT_EQ(outcome.exit_code, 4);
  expect_one_line(outcome.err, "case.json");
}

}  // namespace
}  // namespace hornet
