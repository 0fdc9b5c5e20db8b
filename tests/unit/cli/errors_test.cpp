// What goes wrong ends with its exit code, one clear line, and nothing left behind.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include "unit/cli/command.h"

namespace hornet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CommandErrors : public CommandTest {
 protected:
  Outcome predict(const std::string& model, const std::string& input,
                  const Strings& options = {}) const {
    Strings arguments = {"predict", model, input, "-o", path("y.npy")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run_command(arguments);
  }

  void expect_failure(const Outcome& outcome, int exit_code, const std::string& text) const {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    expect_one_line(outcome.err, text);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(files(), IsEmpty());
  }

  // A version 1 .npy file with this header and 64 zero bytes.
  std::string npy(std::string header) const {
    header += std::string(117 - header.size(), ' ') + "\n";
    write_file(scratch("x.npy"),
               std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string(64, '\0'));
    return scratch("x.npy");
  }
};

TEST_F(CommandErrors, MissingModel_Is3) {
  expect_failure(predict(scratch("no.keras"), digits("images.npy")), 3, scratch("no.keras"));
}

TEST_F(CommandErrors, FileThatIsNoModel_Is3) {
  write_file(scratch("text.keras"), "this is no model");
  expect_failure(predict(scratch("text.keras"), digits("images.npy")), 3, "text.keras");
  expect_failure(predict(digits("images.npy"), digits("images.npy")), 3, "images.npy");
  expect_failure(predict(scratch(""), digits("images.npy")), 3, scratch(""));
}

TEST_F(CommandErrors, UnsupportedLayer_Is3AndNamed) {
  const Outcome outcome = predict(test_data("custom_layer/model.keras"), digits("images.npy"));
  expect_failure(outcome, 3, "model.keras");
  EXPECT_THAT(outcome.err, HasSubstr("MyLayer"));
}

TEST_F(CommandErrors, MissingInput_Is4) {
  expect_failure(predict(digits("digits.keras"), scratch("no.npy")), 4, scratch("no.npy"));
}

TEST_F(CommandErrors, ShapeThatDoesNotFit_Is4AndShowsBothShapes) {
  write_zeros(scratch("x.npy"), {8, 9, 1}, 5);
  const Outcome outcome = predict(digits("digits.keras"), scratch("x.npy"));
  expect_failure(outcome, 4, "x.npy");
  EXPECT_THAT(outcome.err, HasSubstr("[8, 9, 1]"));
  EXPECT_THAT(outcome.err, HasSubstr("[8, 8, 1]"));
}

TEST_F(CommandErrors, InputsWithDifferentRowCounts_Are4) {
  const std::string folder = test_data("io_02_dict_of_lists");
  const auto rows = open_source(folder + "/input_0.npy");
  write_zeros(scratch("x.npy"), rows->row_shape(), rows->num_rows() + 1);
  const Outcome outcome =
      run_command({"predict", folder + "/model.keras", scratch("x.npy"), folder + "/input_1.npy",
                   folder + "/input_2.npy", "-o", path("new/")});
  expect_failure(outcome, 4, "rows");
}

TEST_F(CommandErrors, ObjectArray_Is4) {
  expect_failure(predict(digits("digits.keras"),
                         npy("{'descr': '|O', 'fortran_order': False, 'shape': (8,), }")),
                 4, "x.npy");
}

TEST_F(CommandErrors, FortranOrder_Is4) {
  expect_failure(predict(digits("digits.keras"),
                         npy("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 4), }")),
                 4, "ortran");
}

TEST_F(CommandErrors, TruncatedInput_Is4) {
  expect_failure(predict(digits("digits.keras"),
                         npy("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 8, 8, 1), }")),
                 4, "x.npy");
}

TEST_F(CommandErrors, InputOfAnotherFormat_Is4) {
  write_file(scratch("x.xyz"), "1,2,3\n");
  expect_failure(predict(digits("digits.keras"), scratch("x.xyz")), 4, ".npy");
}

TEST_F(CommandErrors, ExistingOutput_Is5AndStaysAsItIs) {
  write_file(path("y.npy"), "precious");
  const Outcome outcome = predict(digits("digits.keras"), digits("images.npy"));
  EXPECT_EQ(outcome.exit_code, 5);
  expect_one_line(outcome.err, "y.npy exists");
  EXPECT_EQ(read_file(path("y.npy")), "precious");
  EXPECT_THAT(files(), ElementsAre("y.npy"));
}

TEST_F(CommandErrors, ForceOverwritesAnExistingOutput) {
  write_file(path("y.npy"), "worthless");
  const Outcome outcome = predict(digits("digits.keras"), digits("images.npy"), {"--force"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_floats(path("y.npy")).size(), 17970u);
  EXPECT_THAT(files(), ElementsAre("y.npy"));
}

TEST_F(CommandErrors, SecondOutputThatExists_LeavesNoFirst) {
  const std::string folder = test_data("gru_18_initial_state_keep");
  std::filesystem::create_directory(scratch("out"));
  write_file(scratch("out/gru_1.npy"), "precious");
  const Outcome outcome = run_command({"predict", folder + "/model.keras", folder + "/input_0.npy",
                                       folder + "/input_1.npy", "-o", scratch("out")});
  expect_failure(outcome, 5, "gru_1.npy exists");
  EXPECT_THAT(files_in(scratch("out")), ElementsAre("gru_1.npy"));
}

TEST_F(CommandErrors, OutputWithoutADirectory_Is5) {
  const Outcome outcome = run_command(
      {"predict", digits("digits.keras"), digits("images.npy"), "-o", path("no/y.npy")});
  expect_failure(outcome, 5, "no/y.npy");
}

TEST_F(CommandErrors, OutputOfAnotherFormat_Is5) {
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.xyz")});
  expect_failure(outcome, 5, "y.xyz");
}

TEST_F(CommandErrors, FileSizeLimit_Is5AndNoSignal) {
  const Outcome outcome = run_command(
      {"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.npy")}, [] {
        const rlimit limit = {10000, 10000};
        setrlimit(RLIMIT_FSIZE, &limit);
      });
  expect_failure(outcome, 5, "y.npy");
}

TEST_F(CommandErrors, FullDisk_Is5BeforeAnyRowIsComputed) {
  const std::string disk = scratch("disk");
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=16k") != 0) {
    GTEST_SKIP() << "no right to mount a small file system: FileSizeLimit_Is5AndNoSignal stands in";
  }
  const Outcome outcome = run_command({"predict", digits("digits.keras"), digits("images.npy"),
                                       "-o", disk + "/y.npy", "--progress", "json"});
  const auto left = files_in(disk);
  umount(disk.c_str());
  expect_failure(outcome, 5, "y.npy");
  EXPECT_THAT(outcome.err, HasSubstr("No space left on device"));
  EXPECT_THAT(left, IsEmpty());
}

TEST_F(CommandErrors, StandardOutputThatIsFull_Is5) {
  const Outcome outcome = run_command({"inspect", digits("digits.keras")},
                                      [] { dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO); });
  EXPECT_EQ(outcome.exit_code, 5);
  expect_one_line(outcome.err, "cannot write");
}

TEST_F(CommandErrors, WrongUsage_Is2) {
  const auto model = digits("digits.keras"), input = digits("images.npy");
  expect_failure(run_command({}), 2, "see hornet --help");
  expect_failure(run_command({"forecast"}), 2, "forecast");
  expect_failure(predict(model, input, {"--shiny"}), 2, "--shiny");
  expect_failure(predict(model, input, {"--workers", "0"}), 2, "--workers");
  expect_failure(predict(model, input, {"--workers", "-1"}), 2, "--workers");
  expect_failure(predict(model, input, {"--batch-size", "many"}), 2, "--batch-size");
  expect_failure(predict(model, input, {"--chunk-size", "0"}), 2, "--chunk-size");
  expect_failure(predict(model, input, {"--progress", "loud"}), 2, "--progress");
  expect_failure(run_command({"predict", model, input}), 2, "--output");
  expect_failure(run_command({"predict", model, "-o", path("y.npy")}), 2, "INPUT");
  expect_failure(run_command({"inspect", model, "--batch-size", "3"}), 2, "--plan");
  expect_failure(run_command({"verify", model, input}), 2, "--expected");
  expect_failure(run_command({"verify", model, "--case", "x"}), 2, "--case");
}

TEST_F(CommandErrors, OptionsThatDoNotApply_Are2) {
  const auto model = digits("digits.keras"), input = digits("images.npy");
  write_file(scratch("x.csv"), "a,b\n1,2\n");
  write_file(scratch("x.raw"), "1234");
  write_file(scratch("labels.txt"), "one\ntwo\n");
  expect_failure(predict(model, input, {"--columns", "a"}), 2, "not for npy files");
  expect_failure(predict(model, input, {"--format", "nothing"}), 2, "\"nothing\"");
  expect_failure(predict(model, scratch("x.csv"), {"--columns", "c"}), 2, "no column \"c\"");
  expect_failure(predict(model, scratch("x.raw")), 2, "--dtype");
  expect_failure(predict(model, input, {"--top-k", "3"}), 2, "csv, tsv or ndjson");
  expect_failure(predict(model, input, {"--output-format", "nothing"}), 2, "\"nothing\"");
  expect_failure(
      predict(model, input, {"--output-format", "csv", "--labels", scratch("labels.txt")}), 2,
      "2 labels");
  expect_failure(run_command({"predict", model, input, "-o", "-"}), 2, "(--output-format)");
}

TEST_F(CommandErrors, Help_ListsCommandsAndExitCodes) {
  for (const Strings& arguments : {Strings{"--help"}, Strings{"predict", "--help"}}) {
    const Outcome outcome = run_command(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("130  interrupted"));
    EXPECT_EQ(outcome.err, "");
  }
  EXPECT_THAT(run_command({"--help"}).out, HasSubstr("verify"));
  EXPECT_THAT(run_command({"predict", "--help"}).out, HasSubstr("--chunk-size"));
}

TEST_F(CommandErrors, Version_IsOneLine) {
  EXPECT_THAT(run_command({"--version"}).out, testing::MatchesRegex("hornet [0-9.]+\n"));
}

}  // namespace
}  // namespace hornet
