// `hornet predict` with inputs and outputs of every format.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "paths.h"
#include "unit/cli/command.h"

namespace hornet {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class FormatsCommand : public CommandTest {
 protected:
  // The digits as rows of another format.
  void write_images(const std::string& to, const SinkOptions& options = {}) {
    const auto source = open_source(digits("images.npy"));
    const auto sink = open_sink(to, source->dtype(), source->row_shape(), source->num_rows(),
                                Overwrite::kAllowed, options);
    std::vector<std::byte> buffer;
    sink->write(0, source->rows(0, source->num_rows(), buffer));
    sink->finish();
  }
  Outcome predict(const Strings& arguments) {
    Strings all = {"predict", digits("digits.keras")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_command(all);
  }
  static std::string pictures() { return std::string(HORNET_TEST_DATA) + "/data/pictures"; }
  std::string expected_bytes() {
    const std::string to = scratch("expected.npy");
    if (!std::filesystem::exists(to)) {
      EXPECT_EQ(predict({digits("images.npy"), "-o", to}).exit_code, 0);
    }
    return read_file(to);
  }
};

TEST_F(FormatsCommand, EveryInputFormat_GivesTheSameBytes) {
  const std::string expected = expected_bytes();
  for (const Strings& input :
       {Strings{"x.csv"}, {"x.tsv"}, {"x.h5:/a/b"}, {"x.raw", "--dtype", "float32"}}) {
    SCOPED_TRACE(input[0]);
    write_images(scratch(input[0]));
    Strings arguments = {scratch(input[0]), "-o", path("y.npy"), "--force"};
    arguments.insert(arguments.end(), input.begin() + 1, input.end());
    const Outcome outcome = predict(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(read_file(path("y.npy")), expected);
  }
}

TEST_F(FormatsCommand, StandardInputAndOutput_AreAPipe) {
  const std::string expected = expected_bytes();
  write_images(scratch("x.raw"));
  const std::string input = scratch("x.raw");
  const Outcome outcome =
      run_command({"predict", digits("digits.keras"), "-", "-o", "-", "--format", "raw", "--dtype",
                   "float32", "--output-format", "npy", "--progress", "none"},
                  [&] { dup2(open(input.c_str(), O_RDONLY), STDIN_FILENO); });
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, expected);
  EXPECT_THAT(outcome.err, StartsWith("1,797 rows in "));
}

TEST_F(FormatsCommand, DatasetOfAnOutput_IsNamed) {
  expected_bytes();
  const Outcome outcome = predict({digits("images.npy"), "-o", path("y.h5:/of/digits")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_floats(path("y.h5:/of/digits")), read_floats(scratch("expected.npy")));
  EXPECT_EQ(files(), (std::set<std::string>{"y.h5"}));
}

TEST_F(FormatsCommand, ResumeOfWhatIsWrittenInOrder_SaysThatItBeginsAnew) {
  const Outcome outcome =
      predict({digits("images.npy"), "-o", path("y.csv"), "--resume", "--progress", "none"});
  EXPECT_EQ(outcome.exit_code, 0);
  expect_one_line(outcome.err, "y.csv is written in order");
  EXPECT_EQ(
      predict({digits("images.npy"), "-o", path("y.npy"), "--resume", "--progress", "none"}).err,
      "");
}

TEST_F(FormatsCommand, TopKWithLabels_IsTheBestClass) {
  const Strings names = {"zero", "one", "two",   "three", "four",
                         "five", "six", "seven", "eight", "nine"};
  std::ofstream labels(scratch("labels.txt"));
  for (const std::string& name : names) labels << name << "\n";
  labels.close();
  const Outcome outcome = predict({digits("images.npy"), "-o", path("y.csv"), "--top-k", "2",
                                   "--labels", scratch("labels.txt")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  std::ifstream found(path("y.csv"));
  std::string line;
  std::getline(found, line);
  EXPECT_EQ(line, "class_1,label_1,score_1,class_2,label_2,score_2");
  const std::vector<float> scores = read_floats(digits("keras_predictions.npy"));
  for (size_t row = 0; row * 10 < scores.size(); ++row) {
    const auto first = scores.begin() + static_cast<ptrdiff_t>(row * 10);
    const auto best = static_cast<size_t>(std::max_element(first, first + 10) - first);
    ASSERT_TRUE(std::getline(found, line));
    EXPECT_THAT(line, StartsWith(std::to_string(best) + "," + names[best] + ",")) << row;
  }
  EXPECT_FALSE(std::getline(found, line));
}

TEST_F(FormatsCommand, OutputDtype_IsWritten) {
  ASSERT_EQ(
      predict({digits("images.npy"), "-o", path("y.npy"), "--output-dtype", "float16"}).exit_code,
      0);
  EXPECT_EQ(open_source(path("y.npy"))->dtype(), DType::kFloat16);
  const auto found = read_floats(path("y.npy")),
             expected = read_floats(digits("keras_predictions.npy"));
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-3);
}

TEST_F(FormatsCommand, OptionsOfPictures_AreForTheInputsThatArePictures) {
  write_file(scratch("x.csv"), "1,2\n3,4\n5,6\n");
  const Strings options = {"--crop-to-aspect-ratio", "--scaled-decoding"};
  Strings arguments = {"predict",  test_data("picture_and_table.keras"),
                       pictures(), scratch("x.csv"),
                       "-o",       path("")};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  arguments = {digits("images.npy"), "-o", path("y.npy")};
  arguments.insert(arguments.end(), options.begin(), options.end());
  expect_one_line(predict(arguments).err, "resizing is not for npy files");
}

TEST_F(FormatsCommand, TextOutputs_AreInTheOrderOfTheRows) {
  const Outcome outcome = predict({digits("images.npy"), "-o", path("y.csv"), "--workers", "4",
                                   "--batch-size", "3", "--chunk-size", "7"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expected_bytes();
  EXPECT_EQ(read_floats(path("y.csv")), read_floats(scratch("expected.npy")));
}

// Rows of what Keras predicts, by their numbers.
std::vector<float> keras_rows(const std::vector<size_t>& rows) {
  const std::vector<float> all = read_floats(digits("keras_predictions.npy"));
  std::vector<float> result;
  for (const size_t row : rows) {
    result.insert(result.end(), all.begin() + static_cast<ptrdiff_t>(row * 10),
                  all.begin() + static_cast<ptrdiff_t>(row * 10 + 10));
  }
  return result;
}

void expect_near(const std::vector<float>& found, const std::vector<float>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 2e-5) << i;
}

TEST_F(FormatsCommand, ExamplePictures_ArePredictedAsTheArraysAre) {
  const std::string folder = std::string(HORNET_SOURCE_DIR) + "/examples/pictures/";
  std::set<std::string> names;  // "0/0010.png": folder, then name
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder + "images")) {
    if (!entry.is_directory()) names.insert(entry.path().string());
  }
  std::vector<size_t> rows;
  for (const std::string& name : names) rows.push_back(std::stoul(name.substr(name.size() - 8, 4)));
  ASSERT_EQ(rows.size(), 40u);
  const Outcome outcome = run_command({"predict", folder + "digits_pictures.keras",
                                       folder + "images", "-o", path("y.npy"), "--workers", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_near(read_floats(path("y.npy")), keras_rows(rows));
}

TEST_F(FormatsCommand, ExampleTable_IsPredictedAsTheArrayIs) {
  const std::string table = std::string(HORNET_SOURCE_DIR) + "/examples/table/digits.csv";
  const Outcome outcome = predict({table, "-o", path("y.npy"), "--columns", "!id,!label"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<size_t> rows(100);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  expect_near(read_floats(path("y.npy")), keras_rows(rows));
}

TEST_F(FormatsCommand, BadField_NamesLineAndColumn) {
  write_images(scratch("x.csv"));
  std::string text = read_file(scratch("x.csv"));
  const size_t third_line = text.find('\n', text.find('\n') + 1) + 1;
  text.replace(third_line, 1, "x");
  write_file(scratch("x.csv"), text);
  const Outcome outcome = predict({scratch("x.csv"), "-o", path("y.npy")});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("line 3, column 1 (\"p0\")"));
}

TEST_F(FormatsCommand, BenchSource_ReadsEveryRow) {
  const Outcome outcome =
      run_command({"bench", "--source", digits("images.npy"), "--workers", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("images.npy: 1,797 rows in "));
  EXPECT_THAT(outcome.out, HasSubstr("2 workers\n"));
  const Outcome json = run_command({"bench", "--source", digits("images.npy"), "--json"});
  EXPECT_THAT(json.out, HasSubstr("\"rows\": 1797"));
  EXPECT_EQ(run_command({"bench", "--source", "/nowhere.npy"}).exit_code, 4);
}

TEST_F(FormatsCommand, WrongOptions_AreNamed) {
  for (const auto& [option, value, text] : {std::tuple("--dtype", "float31", "float31"),
                                            {"--shape", "8,x", "--shape 8,x"},
                                            {"--delimiter", "ab", "one character"},
                                            {"--header", "maybe", "auto, yes and no"},
                                            {"--output-dtype", "int8", "--output-dtype"},
                                            {"--labels", "/nowhere", "/nowhere"},
                                            {"--top-k", "0", "--top-k"},
                                            {"--format", "csvv", "the formats are"},
                                            {"--interpolation", "cubic", "bilinear and nearest"}}) {
    const Outcome outcome = predict({digits("images.npy"), "-o", path("y.npy"), option, value});
    EXPECT_NE(outcome.exit_code, 0);
    expect_one_line(outcome.err, text);
    EXPECT_TRUE(files().empty());
  }
}

}  // namespace
}  // namespace hornet
