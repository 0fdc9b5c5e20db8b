// `hornet predict` from the outside: arguments, outputs, progress, interruption.
#include <gmock/gmock.h>
#include <sys/ioctl.h>

#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "paths.h"
#include "unit/cli/command.h"

namespace hornet {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

class PredictCommand : public CommandTest {};

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

TEST_F(PredictCommand, Digits_EqualKerasAndEndWithOneLine) {
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.npy")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, MatchesRegex("1,797 rows in [0-9.]+ s: [0-9,]+ rows/s, [0-9]+ "
                                        "workers?, [0-9.,]+ MB peak memory\n"));
  EXPECT_LT(
      largest_difference(read_floats(path("y.npy")), read_floats(digits("keras_predictions.npy"))),
      2e-5);
  EXPECT_THAT(files(), ElementsAre("y.npy"));
}

TEST_F(PredictCommand, H5AndOptions_GiveTheSameBytes) {
  ASSERT_EQ(
      run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o", path("a.npy")})
          .exit_code,
      0);
  const Outcome outcome = run_command({"predict", digits("digits.h5"), digits("images.npy"), "-o",
                                       path("b.npy"), "--workers", "3", "--batch-size", "7",
                                       "--chunk-size", "50", "--progress", "none"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(read_file(path("a.npy")), read_file(path("b.npy")));
}

TEST_F(PredictCommand, ConfigAndWeightsApart_GiveTheBytesOfTheWholeModel) {
  const std::string data = std::string(HORNET_TEST_DATA) + "/keras/";
  write_zeros(scratch("x.npy"), {4}, 5);
  ASSERT_EQ(
      run_command({"predict", data + "keras2.h5", scratch("x.npy"), "-o", path("a.npy")}).exit_code,
      0);
  const Outcome apart =
      run_command({"predict", data + "keras2.json", "--weights", data + "keras2_weights.h5",
                   scratch("x.npy"), "-o", path("b.npy")});
  EXPECT_EQ(apart.exit_code, 0) << apart.err;
  EXPECT_EQ(read_file(path("a.npy")), read_file(path("b.npy")));

  const Outcome alone =
      run_command({"predict", data + "keras2.json", scratch("x.npy"), "-o", path("c.npy")});
  EXPECT_EQ(alone.exit_code, 3);
  expect_one_line(alone.err, "keras2.json holds a config without weights");
}

#ifndef __SANITIZE_ADDRESS__  // which has memory of its own

// Input and output are far larger than the bound.
TEST_F(PredictCommand, Memory_IsBoundedWhateverTheFiles) {
  constexpr size_t kMega = size_t{1} << 20;
  const std::string data = std::string(HORNET_TEST_DATA) + "/keras/";
  write_zeros(scratch("x.npy"), {4}, 8 * 1'000'000);
  const Strings job = {"predict",
                       data + "keras2.json",
                       "--weights",
                       data + "keras2_weights.h5",
                       scratch("x.npy"),
                       "--force",
                       "--progress",
                       "none",
                       "-o"};
  for (const char* to : {"y.npy", "y.csv"}) {
    Strings arguments = job;
    arguments.insert(arguments.end(), {path(to), "--memory", "64M"});
    const Outcome outcome = run_command(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_LT(outcome.peak_bytes, 64 * kMega) << to;
    EXPECT_GT(std::filesystem::file_size(path(to)), 64 * kMega) << to;
  }
}

// What goes to y.npy is written by the workers, what goes to y.csv through shared memory.
TEST_F(PredictCommand, Memory_OfProcesses_IsThatOfAllTogether) {
  constexpr size_t kMega = size_t{1} << 20;
  const std::string data = std::string(HORNET_TEST_DATA) + "/keras/";
  write_zeros(scratch("x.npy"), {4}, 8 * 1'000'000);
  for (const char* to : {"y.npy", "y.csv"}) {
    const Outcome outcome =
        run_command({"predict", data + "keras2.json", "--weights", data + "keras2_weights.h5",
                     scratch("x.npy"), "-o", path(to), "--progress", "none", "--executor",
                     "processes", "--memory", "120M", "--report", scratch("report.json")});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto report = nlohmann::json::parse(read_file(scratch("report.json")));
    size_t sum = report["job"]["peak_bytes"];
    EXPECT_GE(report["workers"].size(), 1u);
    for (const auto& worker : report["workers"]) sum += worker["peak_bytes"].get<size_t>();
    EXPECT_LT(sum, 120 * kMega) << to;
    EXPECT_GT(sum, 20 * kMega) << to;
  }
}

TEST_F(PredictCommand, Memory_TooLittleForProcesses_IsTold) {
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.npy"),
                   "--memory", "20M", "--executor", "processes"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err,
              ContainsRegex("1 worker with 1 row at once .*; give [0-9]+ MB at least"));
}

TEST_F(PredictCommand, Memory_ThatIsTooLittle_IsToldWithHowMuchIsNeeded) {
  const Outcome outcome = run_command({"predict", digits("digits.keras"), digits("images.npy"),
                                       "-o", path("y.npy"), "--memory", "1M"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.err,
              ContainsRegex("1 MB of memory are too few: .*; give [0-9]+ MB at least"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(PredictCommand, Memory_ChangesNoByte) {
  const Strings job = {"predict", digits("digits.keras"), digits("images.npy"), "-o"};
  Strings bounded = job;
  bounded.insert(bounded.end(), {path("a.npy"), "--memory", "60M", "--workers", "2"});
  Outcome outcome = run_command(bounded);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  Strings plain = job;
  plain.push_back(path("b.npy"));
  EXPECT_EQ(run_command(plain).exit_code, 0);
  EXPECT_EQ(read_file(path("a.npy")), read_file(path("b.npy")));
  Strings in_processes = job;
  in_processes.insert(in_processes.end(),
                      {path("c.npy"), "--memory", "100M", "--executor", "processes"});
  outcome = run_command(in_processes);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_file(path("c.npy")), read_file(path("b.npy")));
}

#endif

TEST_F(PredictCommand, NoRows_GiveAnEmptyOutput) {
  write_zeros(scratch("none.npy"), {8, 8, 1}, 0);
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), scratch("none.npy"), "-o", path("y.npy")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("0 rows in "));
  const auto rows = open_source(path("y.npy"));
  EXPECT_EQ(rows->num_rows(), 0);
  EXPECT_EQ(rows->row_shape(), Shape({10}));
}

TEST_F(PredictCommand, OneRow_ForMoreWorkersThanRows) {
  write_zeros(scratch("one.npy"), {8, 8, 1}, 1);
  const Outcome outcome = run_command({"predict", digits("digits.keras"), scratch("one.npy"), "-o",
                                       path("y.npy"), "--workers", "64"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1 row in "));
  EXPECT_EQ(read_floats(path("y.npy")).size(), 10u);
}

TEST_F(PredictCommand, NonAsciiPaths_Work) {
  std::filesystem::create_directory(scratch("größe 画像"));
  for (const char* name : {"digits.keras", "images.npy"}) {
    std::filesystem::copy(digits(name), scratch("größe 画像/ä=") + name);
  }
  const Outcome outcome =
      run_command({"predict", scratch("größe 画像/ä=digits.keras"),
                   scratch("größe 画像/ä=images.npy"), "-o", path("prédictions ☃.npy")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(files(), ElementsAre("prédictions ☃.npy"));
}

// Three inputs, given out of order, and three outputs.
Strings predict_named() {
  const std::string folder = test_data("io_02_dict_of_lists");
  return {"predict", folder + "/model.keras", "single=" + folder + "/input_2.npy",
          "n2=" + folder + "/input_0.npy", "pair.1=" + folder + "/input_1.npy"};
}

TEST_F(PredictCommand, SeveralInputsAndOutputs_GoByName) {
  Strings arguments = predict_named();
  for (const std::string& output : {"1.also=" + path("also.npy"), "dense=" + path("first.npy"),
                                    "dense_1=" + path("deep.npy")}) {
    arguments.insert(arguments.end(), {"-o", output});
  }
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string expected = test_data("io_02_dict_of_lists") + "/output_";
  EXPECT_LT(largest_difference(read_floats(path("first.npy")), read_floats(expected + "0.npy")),
            1e-5);
  EXPECT_LT(largest_difference(read_floats(path("also.npy")), read_floats(expected + "1.npy")),
            1e-5);
  EXPECT_LT(largest_difference(read_floats(path("deep.npy")), read_floats(expected + "2.npy")),
            1e-5);
}

TEST_F(PredictCommand, Folder_TakesAFileAnOutput) {
  Strings arguments = predict_named();
  arguments.insert(arguments.end(), {"-o", path("new/")});
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(files_in(path("new")), ElementsAre("dense.npy", "dense_1.npy", "dense_2.npy"));
}

TEST_F(PredictCommand, FolderForOutputsOfOneName_TellsThemApart) {
  const std::string folder = test_data("gru_18_initial_state_keep");
  const Outcome outcome =
      run_command({"predict", folder + "/model.keras", "0=" + folder + "/input_0.npy",
                   "1=" + folder + "/input_1.npy", "-o", path("")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(files(), ElementsAre("gru_0.npy", "gru_1.npy"));
  EXPECT_LT(
      largest_difference(read_floats(path("gru_1.npy")), read_floats(folder + "/output_1.npy")),
      1e-5);
}

TEST_F(PredictCommand, FolderThatWasCreated_IsGoneAfterAFailure) {
  Strings arguments = predict_named();
  arguments.insert(arguments.end(), {"-o", path("new/"), "--force"});
  const auto limit_file_size = [] {
    const rlimit limit = {10, 10};
    setrlimit(RLIMIT_FSIZE, &limit);
  };
  // The log of the command has no room either, so only its exit code tells.
  EXPECT_EQ(run_command(arguments, limit_file_size).exit_code, 5);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(PredictCommand, WrongNames_AreUsageErrors) {
  Strings arguments = predict_named();
  arguments.insert(arguments.end(), {"-o", path("y.npy")});
  Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "has 3 outputs (dense, dense_2 and dense_1)");

  arguments = predict_named();
  arguments[2] = "tripple=x.npy";
  arguments.insert(arguments.end(), {"-o", path("")});
  outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "has no input \"tripple\"; it has n2, n1 and n3");

  arguments = predict_named();
  for (const char* output : {"dense=", "dense_1=", "dense_2="}) {
    arguments.insert(arguments.end(), {"-o", output + path("same.npy")});
  }
  outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "two outputs go to ");
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(PredictCommand, ProgressJson_IsOneEventALine) {
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.npy"),
                   "--progress", "json", "--workers", "2"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::istringstream lines(outcome.err);
  std::vector<nlohmann::json> events;
  for (std::string line; std::getline(lines, line);) events.push_back(nlohmann::json::parse(line));
  ASSERT_THAT(events.size(), Gt(0u));
  int64_t rows_done = 0;
  for (const auto& event : events) {
    EXPECT_GE(event.at("rows_done"), rows_done);
    rows_done = event.at("rows_done");
    EXPECT_EQ(event.at("rows_total"), 1797);
    EXPECT_EQ(event.at("workers"), 2);
  }
  EXPECT_EQ(events.back().at("event"), "finished");
  EXPECT_EQ(rows_done, 1797);
}

TEST_F(PredictCommand, ProgressAuto_IsSilentForAShortJobAwayFromATerminal) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 10);
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), scratch("x.npy"), "-o", path("y.npy")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(PredictCommand, ProgressPlain_EndsWithAllRows) {
  const Outcome outcome = run_command({"predict", digits("digits.keras"), digits("images.npy"),
                                       "-o", path("y.npy"), "--progress", "plain"});
  EXPECT_THAT(outcome.err, ContainsRegex("1,797 of 1,797 rows \\(100 %\\), .*\n$"));
}

TEST_F(PredictCommand, ProgressOnATerminal_RewritesOneLineOfItsWidth) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const int other_end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  ASSERT_GE(other_end, 0);
  const winsize size = {24, 60, 0, 0};
  ASSERT_EQ(ioctl(other_end, TIOCSWINSZ, &size), 0);
  const Outcome outcome = run_command(
      {"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.npy")}, [&] {
        setenv("TERM", "xterm", 1);
        dup2(other_end, STDERR_FILENO);
      });
  EXPECT_EQ(outcome.exit_code, 0);
  close(other_end);
  std::string shown(1 << 16, '\0');
  shown.resize(static_cast<size_t>(std::max<ssize_t>(0, read(terminal, shown.data(), 1 << 16))));
  close(terminal);

  EXPECT_TRUE(shown.starts_with("\r")) << shown;
  EXPECT_TRUE(shown.ends_with("\x1b[K\r\n")) << shown;
  EXPECT_EQ(num_lines(shown), 1) << shown;
  EXPECT_THAT(shown, HasSubstr("100 %  [=====")) << shown;
  std::istringstream frames(shown.substr(1));
  for (std::string frame; std::getline(frames, frame, '\r');) EXPECT_LT(frame.size(), 64u) << frame;
}

class InterruptedPredict : public CommandTest, public testing::WithParamInterface<int> {};

TEST_P(InterruptedPredict, KeepsWhatIsDone) {
  write_zeros(scratch("many.npy"), {8, 8, 1}, 3000000);
  RunningCommand command({"predict", digits("digits.keras"), scratch("many.npy"), "-o",
                          path("y.npy"), "--progress", "json"},
                         {});
  ASSERT_TRUE(command.wait_for_error_text("\"advanced\""));
  EXPECT_THAT(files(), ElementsAre("y.npy.hornet", "y.npy.partial"));
  command.signal(GetParam());
  command.signal(GetParam());  // as impatient people and `timeout` do
  const Outcome outcome = command.finish();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.err, ContainsRegex("\nhornet: interrupted; [0-9,]+ of 3,000,000 rows are "
                                         "kept; go on with: [^\n]* predict [^\n]* --resume\n$"));
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(files(), ElementsAre("y.npy.hornet", "y.npy.partial"));
}

TEST_P(InterruptedPredict, ASecondTime_StopsAtOnce) {
  write_zeros(scratch("many.npy"), {8, 8, 1}, 600000);
  RunningCommand command({"predict", digits("digits.keras"), scratch("many.npy"), "-o",
                          path("y.npy"), "--progress", "json", "--chunk-size", "300000"},
                         {});
  ASSERT_TRUE(command.wait_for_error_text("\"advanced\""));
  command.signal(GetParam());
  ASSERT_TRUE(command.wait_for_error_text("once more stops at once"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // not the same signal twice
  command.signal(GetParam());
  const Outcome outcome = command.finish();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.err,
              ContainsRegex("\nhornet: stopped at once; go on with: [^\n]* --resume\n"));
  EXPECT_THAT(files(), ElementsAre("y.npy.hornet", "y.npy.partial"));
}

// Three inputs, one of them ids of an embedding, one of them wrong.
Strings predict_with_a_bad_row(const std::string& ids) {
  const std::string folder = std::string(HORNET_TEST_DATA) + "/api/io_00_multi";
  const auto good = open_source(folder + "/input_2.npy");
  std::vector<std::byte> scratch;
  const TensorView rows = good->rows(0, good->num_rows(), scratch);
  Tensor changed(rows.dtype, rows.shape);
  std::memcpy(changed.mutable_data(), rows.data, changed.num_bytes());
  changed.mutable_as<int32_t>()[changed.num_elements() - 1] = 1000000;
  const auto sink = open_sink(ids, rows.dtype, good->row_shape(), good->num_rows());
  sink->write(0, changed);
  sink->finish();
  return {"predict",
          folder + "/model.keras",
          folder + "/input_0.npy",
          folder + "/input_1.npy",
          ids,
          "--retries",
          "0"};
}

TEST_F(PredictCommand, BadRow_StopsTheJobAndSaysHowToGoOn) {
  Strings arguments = predict_with_a_bad_row(scratch("ids.npy"));
  arguments.insert(arguments.end(), {"-o", path("")});
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 1);
  expect_one_line(outcome.err, "(Embedding)");
  EXPECT_THAT(outcome.err, HasSubstr("rows are kept; go on with: "));
}

TEST_F(PredictCommand, BadRowSkipped_IsFilledListedAndCounted) {
  Strings arguments = predict_with_a_bad_row(scratch("ids.npy"));
  arguments.insert(arguments.end(), {"-o", path(""), "--on-error", "skip"});
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 1);
  expect_one_line(outcome.err, "rows failed and hold fill values; they are listed in ");
  int lists = 0;
  for (const std::string& name : files()) {
    if (!name.ends_with(".errors.jsonl")) continue;
    ++lists;
    const auto line = nlohmann::json::parse(read_file(path(name)));
    EXPECT_EQ(line.at("error"), "invalid_input");
    EXPECT_THAT(line.at("message").get<std::string>(), HasSubstr("1000000"));
  }
  EXPECT_EQ(lists, 1);
}

TEST_F(PredictCommand, Processes_GiveTheBytesOfThreads) {
  for (const char* executor : {"threads", "processes"}) {
    const Outcome outcome =
        run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o",
                     path(executor) + ".npy", "--executor", executor, "--workers", "2"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  EXPECT_EQ(read_file(path("threads.npy")), read_file(path("processes.npy")));
}

// Their plan is compared with that of the process that starts them.
TEST_F(PredictCommand, Processes_KeepToTheInstructionSetOfTheEnvironment) {
  for (const char* executor : {"threads", "processes"}) {
    const Outcome outcome =
        run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o",
                     path(executor + std::string(".npy")), "--executor", executor},
                    [] { setenv("HORNET_MAX_ISA", "avx2", 1); });
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  EXPECT_EQ(read_file(path("processes.npy")), read_file(path("threads.npy")));
}

TEST_F(PredictCommand, TimeoutWithoutProcesses_IsAUsageError) {
  const Outcome outcome = run_command({"predict", digits("digits.keras"), digits("images.npy"),
                                       "-o", path("y.npy"), "--timeout", "1"});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "a timeout needs worker processes");
}

TEST_F(PredictCommand, Report_IsJson) {
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), digits("images.npy"), "-o", path("y.npy"),
                   "--report", path("r.json"), "--chunk-size", "500"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto report = nlohmann::json::parse(read_file(path("r.json")));
  EXPECT_EQ(report.at("chunks").size(), 4u);
  EXPECT_EQ(report.at("job").at("rows"), 1797);
  int64_t rows = 0;
  for (const auto& chunk : report.at("chunks")) {
    rows += chunk.at("end").get<int64_t>() - chunk.at("begin").get<int64_t>();
    EXPECT_EQ(chunk.at("tries").size(), 1u);
    EXPECT_LE(chunk.at("tries")[0].at("start"), chunk.at("tries")[0].at("stop"));
  }
  EXPECT_EQ(rows, 1797);
}

TEST_F(PredictCommand, MaxTasksPerChildWithoutProcesses_IsAUsageError) {
  const Outcome outcome = run_command({"predict", digits("digits.keras"), digits("images.npy"),
                                       "-o", path("y.npy"), "--max-tasks-per-child", "5"});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "max_tasks_per_child needs worker processes");
}

// The job would remove them, or put files of its own in their place.
TEST_F(PredictCommand, FilesThatAreRead_AreNoFilesOfTheJob) {
  for (const char* suffix : {".partial", ".hornet", ".errors.jsonl", ".errors.jsonl.partial"}) {
    const std::string x = scratch("y.npy") + suffix;
    write_zeros(scratch("x.npy"), {8, 8, 1}, 10);
    std::filesystem::rename(scratch("x.npy"), x);
    const Outcome outcome = run_command({"predict", digits("digits.keras"), x, "--format", "npy",
                                         "-o", scratch("y.npy"), "--force"});
    EXPECT_EQ(outcome.exit_code, 2) << suffix;
    expect_one_line(outcome.err, x + " would be written over, and it is read");
    EXPECT_TRUE(std::filesystem::exists(x));
  }
  const std::string labels = scratch("labels.csv");
  write_file(labels, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  const Outcome outcome = run_command({"predict", digits("digits.keras"), digits("images.npy"),
                                       "-o", labels, "--labels", labels, "--force"});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "labels.csv would be written over");
}

TEST_F(PredictCommand, PicturesOfAList_AreNotWrittenOver) {
  const std::string picture = scratch("p.csv"), list = scratch("list.txt");
  std::filesystem::copy_file(std::string(HORNET_TEST_DATA) + "/data/kinds/bit.png", picture);
  write_file(list, "p.csv\n");
  const std::string content = read_file(picture);
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), list, "-o", picture, "--force"});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "p.csv would be written over, and it is read");
  EXPECT_EQ(read_file(picture), content);
}

TEST_F(PredictCommand, ResumeOfAJobThatIsComplete_SaysSo) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 10);
  const Strings arguments = {"predict", digits("digits.keras"), scratch("x.npy"),
                             "-o",      path("y.npy"),          "--resume"};
  EXPECT_EQ(run_command(arguments).exit_code, 0);
  const Outcome again = run_command(arguments);
  EXPECT_EQ(again.exit_code, 0);  // for a command that is run until it succeeds
  expect_one_line(again.err, "nothing is left to go on with");
}

TEST_F(PredictCommand, ResumeWhereAnOutputOfSeveralIsMissing_NamesIt) {
  Strings arguments = predict_named();
  for (const std::string& output : {"1.also=" + path("also.npy"), "dense=" + path("first.npy"),
                                    "dense_1=" + path("deep.npy")}) {
    arguments.insert(arguments.end(), {"-o", output});
  }
  arguments.push_back("--resume");
  EXPECT_EQ(run_command(arguments).exit_code, 0);
  EXPECT_EQ(run_command(arguments).exit_code, 0);
  std::filesystem::remove(path("deep.npy"));
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 5);
  expect_one_line(outcome.err, path("deep.npy") + " is no finished file");
  EXPECT_THAT(files(), ElementsAre("also.npy", "first.npy"));
}

TEST_F(PredictCommand, ResumeWhereAnOutputOfSeveralIsAStream_DoesNotTakeItForComplete) {
  Strings arguments = predict_named();
  for (const std::string& output :
       Strings{"1.also=-", "dense=" + path("first.csv"), "dense_1=" + path("deep.csv")}) {
    arguments.insert(arguments.end(), {"-o", output});
  }
  arguments.insert(arguments.end(), {"--output-format", "csv", "--resume"});
  write_file(path("first.csv"), "");
  write_file(path("deep.csv"), "");
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 5);
  expect_one_line(outcome.err, "stdout is no finished file");
}

TEST_F(PredictCommand, FilesThatAreRead_AreNotWrittenOver) {
  const std::string x = scratch("x.npy"), model = scratch("m.keras");
  write_zeros(x, {8, 8, 1}, 10);
  std::filesystem::copy_file(digits("digits.keras"), model);
  const std::string content = read_file(x), weights = read_file(model);
  const Strings commands[] = {
      {"predict", model, x, "-o", x, "--force"},
      {"predict", model, x, "-o", model, "--output-format", "npy", "--force"},
      {"predict", model, x, "-o", path("y.npy"), "--report", x},
      {"predict", model, x, "-o", path("y.npy"), "--report", model},
      {"predict", model, x, "-o", path("y.npy"), "--report", path("./y.npy")},
      {"predict", model, x, "-o", path("y.npy"), "--report", path("y.npy.errors.jsonl")},
      {"predict", model, x, "-o", path("y.npy"), "--report", path("y.npy.hornet")},
      {"predict", model, x, "-o", path("y.npy"), "--report", path("y.npy.partial")}};
  for (const Strings& command : commands) {
    const Outcome outcome = run_command(command);
    EXPECT_EQ(outcome.exit_code, 2);
    expect_one_line(outcome.err, "would be written over");
  }
  EXPECT_EQ(read_file(x), content);
  EXPECT_EQ(read_file(model), weights);
  EXPECT_THAT(files(), IsEmpty());
}

// A job that is stopped, with its journal; its command without `--resume`.
Strings stop_a_job(const std::string& x, const std::string& y, const Strings& more = {}) {
#ifdef __SANITIZE_ADDRESS__
  constexpr int64_t kRows = 20000;
#else
  constexpr int64_t kRows = 400000;
#endif
  write_zeros(x, {8, 8, 1}, kRows);
  Strings arguments = {"predict", digits("digits.keras"), x,    "-o", y, "--progress",
                       "json",    "--chunk-size",         "100"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  RunningCommand command(arguments, {});
  EXPECT_TRUE(command.wait_for_error_text("\"advanced\""));
  command.signal(SIGINT);
  EXPECT_EQ(command.finish().exit_code, 130);
  return arguments;
}

TEST_F(PredictCommand, FileThatTookTheOutputsNameMeanwhile_IsNotReplaced) {
  Strings arguments = stop_a_job(scratch("x.npy"), path("y.npy"));
  arguments.push_back("--resume");
  write_file(path("y.npy"), "precious");
  const Outcome refused = run_command(arguments);
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("was created by another program in the meantime"));
  EXPECT_EQ(read_file(path("y.npy")), "precious");
  std::filesystem::remove(path("y.npy"));
  EXPECT_EQ(run_command(arguments).exit_code, 0);
}

TEST_F(PredictCommand, OutputThatTheJobMayReplace_IsReplacedWhenItGoesOn) {
  write_file(path("y.npy"), "old");
  Strings arguments = stop_a_job(scratch("x.npy"), path("y.npy"), {"--force"});
  arguments.erase(std::ranges::find(arguments, "--force"));
  arguments.push_back("--resume");
  EXPECT_EQ(run_command(arguments).exit_code, 0);
  EXPECT_THAT(files(), ElementsAre("y.npy"));
}

TEST_F(PredictCommand, GoingOnWithOtherOptions_IsToldTheRightCommand) {
  Strings arguments = stop_a_job(scratch("x.npy"), path("y.npy"), {"--check-finite"});
  arguments.erase(std::ranges::find(arguments, "--check-finite"));
  arguments.push_back("--resume");
  const Outcome refused = run_command(arguments);
  EXPECT_THAT(refused.err, HasSubstr("the option check_finite is another"));
  EXPECT_THAT(refused.err, ContainsRegex("go on with: [^\n]* --check-finite[^\n]* --resume"));
}

TEST_F(PredictCommand, GoingOnWithAnotherMemberOfTheInput_IsRefusedByName) {
  Strings arguments = stop_a_job(scratch("x.h5:/raw"), path("y.npy"));
  arguments.push_back("--resume");
  arguments[2] = scratch("x.h5");
  const Outcome refused = run_command(arguments);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("the member of input \"image\" is another"));
  EXPECT_THAT(refused.err, HasSubstr("none; expected /raw"));
}

TEST_F(PredictCommand, GoingOnWithAnotherInstructionSet_IsRefused) {
  Strings arguments = stop_a_job(scratch("x.npy"), path("y.npy"));
  arguments.push_back("--resume");
  const std::string journal = read_file(path("y.npy.hornet"));
  ASSERT_THAT(journal, HasSubstr("is instruction set\t"));
  if (journal.find("is instruction set\tavx512") == std::string::npos) {
    GTEST_SKIP() << "this processor has no AVX-512 to do without";
  }
  const Outcome refused = run_command(arguments, [] { setenv("HORNET_MAX_ISA", "avx2", 1); });
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("the instruction set is another"));
  EXPECT_EQ(run_command(arguments).exit_code, 0);
}

TEST_F(PredictCommand, InputThatComesOnce_HasNoJournal) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 1000);
  const Strings arguments = {"predict", digits("digits.keras"), "-",       "--format", "npy",
                             "-o",      path("y.npy"),          "--resume"};
  const auto piped = [&] {
    const int file = open(scratch("x.npy").c_str(), O_RDONLY);
    dup2(file, STDIN_FILENO);
  };
  write_file(path("y.npy.hornet"), "of another job");
  const Outcome refused = run_command(arguments, piped);
  EXPECT_EQ(refused.exit_code, 5);
  expect_one_line(refused.err, "an input that comes once cannot go on with");
  std::filesystem::remove(path("y.npy.hornet"));
  EXPECT_EQ(run_command(arguments, piped).exit_code, 0);
  EXPECT_THAT(files(), ElementsAre("y.npy"));
}

TEST_F(PredictCommand, InputThatComesOnce_EndsTheJobWhoseOutputItReplaces) {
  stop_a_job(scratch("x.npy"), path("y.npy"));
  write_zeros(scratch("few.npy"), {8, 8, 1}, 10);
  const Outcome outcome = run_command(
      {"predict", digits("digits.keras"), "-", "--format", "npy", "-o", path("y.npy"), "--force"},
      [&] { dup2(open(scratch("few.npy").c_str(), O_RDONLY), STDIN_FILENO); });
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(files(), ElementsAre("y.npy"));
}

TEST_F(PredictCommand, MembersOfAnInputThatComesOnce_AreRead) {
  // Not the array that is wanted, but one that is read.
  const Outcome outcome = run_command(
      {"predict", digits("digits.keras"), "image=-:/x", "--format", "npz", "-o", path("y.npy")},
      [] {
        const std::string archive = std::string(HORNET_TEST_DATA) + "/data/stored.npz";
        dup2(open(archive.c_str(), O_RDONLY), STDIN_FILENO);
      });
  EXPECT_EQ(outcome.exit_code, 4);
  expect_one_line(outcome.err, "its rows have");
}

TEST_F(PredictCommand, LinkToTheInput_MayBeReplaced) {
  const std::string x = scratch("x.npy"), link = path("link.npy");
  write_zeros(x, {8, 8, 1}, 10);
  std::filesystem::create_symlink(x, link);
  EXPECT_EQ(run_command({"predict", digits("digits.keras"), x, "-o", link, "--force"}).exit_code,
            0);
  EXPECT_FALSE(std::filesystem::is_symlink(link));
  EXPECT_EQ(read_floats(x).size(), 640u);
}

// A pipe that nobody reads yet keeps the first job at work.
TEST_F(PredictCommand, ListsOfFailedRowsOfTheStandardOutput_AreOfOneJobAtATime) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 200000);
  write_zeros(scratch("few.npy"), {8, 8, 1}, 10);
  const std::string list = path("stdout.errors.jsonl");
  write_file(list, "of an earlier job");
  const auto arguments = [&](const std::string& x) {
    return Strings{"predict", digits("digits.keras"), scratch(x), "-o",
                   "-",       "--output-format",      "csv",      "--on-error",
                   "skip",    "--progress",           "json"};
  };
  const auto here = [&] { EXPECT_EQ(chdir(path("").c_str()), 0); };
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  RunningCommand first(arguments("x.npy"), [&] {
    here();
    dup2(ends[1], STDOUT_FILENO);
  });
  close(ends[1]);
  EXPECT_TRUE(first.wait_for_error_text("rows_total"));
  const Outcome refused = run_command(arguments("few.npy"), here);
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("another run is writing stdout.errors.jsonl"));
  close(ends[0]);
  EXPECT_NE(first.finish().exit_code, 0);
  EXPECT_EQ(run_command(arguments("few.npy"), here).exit_code, 0);
  EXPECT_EQ(read_file(list), "of an earlier job");
  EXPECT_THAT(files(), ElementsAre("stdout.errors.jsonl"));
}

TEST_F(PredictCommand, ClosedStandardOutput_IsAnError) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 10);
  const Outcome outcome = run_command(
      {"predict", digits("digits.keras"), scratch("x.npy"), "-o", "-", "--output-format", "csv"},
      [] { close(STDOUT_FILENO); });
  EXPECT_EQ(outcome.exit_code, 5);
}

TEST_F(PredictCommand, ClosedStandardError_LeavesTheOutputAlone) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 5000);
  const auto predict = [&](const std::string& y, const std::function<void()>& prepare) {
    EXPECT_EQ(run_command({"predict", digits("digits.keras"), scratch("x.npy"), "-o", path(y),
                           "--progress", "plain"},
                          prepare)
                  .exit_code,
              0);
    return read_file(path(y));
  };
  const std::string expected = predict("a.npy", {});
  EXPECT_EQ(predict("b.npy", [] { close(STDERR_FILENO); }), expected);
  EXPECT_EQ(predict("c.npy",
                    [] {
                      close(STDERR_FILENO);
                      close(STDIN_FILENO);
                    }),
            expected);
}

TEST_F(PredictCommand, StandardErrorThatIsFull_EndsNoJob) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 10);
  const auto predict = [&](const Strings& options) {
    Strings arguments = {"predict", digits("digits.keras"), scratch("x.npy")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run_command(arguments, [] { dup2(open("/dev/full", O_WRONLY), STDERR_FILENO); });
  };
  EXPECT_EQ(predict({"-o", path("y.csv"), "--resume"}).exit_code, 0);
  EXPECT_EQ(num_lines(read_file(path("y.csv"))), 11);
  EXPECT_EQ(predict({"-o", path("y.csv"), "--resume"}).exit_code, 0);
  EXPECT_EQ(num_lines(predict({"-o", "-", "--output-format", "csv"}).out), 11);
}

TEST_F(PredictCommand, LinkToTheStandardOutput_IsTheStandardOutput) {
  write_zeros(scratch("x.npy"), {8, 8, 1}, 10);
  std::filesystem::create_symlink("/proc/self/fd/1", scratch("stdout"));
  const Outcome outcome = run_command({"predict", digits("digits.keras"), scratch("x.npy"), "-o",
                                       scratch("stdout"), "--output-format", "csv", "--force"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(num_lines(outcome.out), 11) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("10 rows in "));
  EXPECT_TRUE(std::filesystem::is_symlink(scratch("stdout")));
}

TEST_F(PredictCommand, FailedRowsOfAStream_AreListedInTheCurrentFolder) {
  std::string row = "1";
  for (int i = 1; i < 64; ++i) row += ",1";
  write_file(scratch("x.csv"), row + "\nwrong" + row + "\n" + row + "\n");
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), scratch("x.csv"), "-o", "/dev/fd/9",
                   "--output-format", "csv", "--on-error", "skip", "--header", "no"},
                  [&] {
                    dup2(open(scratch("y").c_str(), O_WRONLY | O_CREAT, 0600), 9);
                    if (chdir(path("").c_str()) != 0) _exit(1);
                  });
  EXPECT_EQ(outcome.exit_code, 1);
  expect_one_line(outcome.err, "they are listed in 9.errors.jsonl");
  EXPECT_THAT(files(), ElementsAre("9.errors.jsonl"));
  EXPECT_EQ(num_lines(read_file(scratch("y"))), 4);
}

TEST_F(PredictCommand, NumbersThatAreNone_AreRefused) {
  for (const Strings& option : {Strings{"--sync-interval", "nan"}, Strings{"--memory", "-5"}}) {
    Strings arguments = {"predict", digits("digits.keras"), digits("images.npy"), "-o",
                         path("y.npy")};
    arguments.insert(arguments.end(), option.begin(), option.end());
    EXPECT_EQ(run_command(arguments).exit_code, 2) << option[0];
  }
  EXPECT_EQ(run_command({"bench", digits("digits.keras"), "--seconds", "nan"}).exit_code, 2);
}

TEST_F(PredictCommand, Status_OfNoJob) {
  EXPECT_EQ(run_command({"status", path("y.npy")}).exit_code, 4);
  write_file(path("y.npy"), "");
  const Outcome outcome = run_command({"status", path("y.npy")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("no job writes it"));
}

TEST_F(PredictCommand, Status_OfAJobWithoutAJournal) {
  write_file(path("y.csv.partial"), "");
  const Outcome outcome = run_command({"status", path("y.csv")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("a job without a journal writes it"));
}

INSTANTIATE_TEST_SUITE_P(Signals, InterruptedPredict, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& signal) {
                           return std::string(sigabbrev_np(signal.param));
                         });

}  // namespace
}  // namespace hornet
