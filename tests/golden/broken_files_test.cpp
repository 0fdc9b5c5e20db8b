// Broken model files and arrays, each with what is expected of it: errors/index.json, as
// described in docs/verify.md.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "paths.h"
#include "unit/cli/command.h"

namespace hornet {
namespace {

constexpr double kMostCpuSeconds = 1;
constexpr size_t kMostBytes = size_t{200} << 20;

std::string folder() { return std::string(HORNET_SOURCE_DIR) + "/tests/golden/errors/"; }

struct BrokenFile {
  std::string name;
  bool is_model = true;  // else the array is broken
  std::string file;
  bool may_succeed = false, must_succeed = false;
  std::string model, input, output;  // paths; output "" where there is none to compare with
};

void PrintTo(const BrokenFile& broken, std::ostream* out) { *out << broken.name; }

BrokenFile parse(const nlohmann::json& entry) {
  BrokenFile broken;
  broken.name = entry.at("name");
  broken.is_model = entry.at("kind") == "model";
  broken.file = entry.at("file");
  broken.must_succeed = entry.at("expect") == "loads";
  broken.may_succeed = entry.at("expect") != "error";
  const std::string own = folder() + broken.name + "/";
  broken.model = own + (broken.is_model ? broken.file : "model.keras");
  broken.input =
      broken.is_model ? own + entry.value("input", "../sample_input.npy") : own + broken.file;
  const std::string output = own + entry.value("output", "output_0.npy");
  if (std::filesystem::exists(output)) broken.output = output;
  return broken;
}

std::vector<BrokenFile> broken_files() {
  std::ifstream index(folder() + "index.json");
  std::vector<BrokenFile> files;
  for (const nlohmann::json& entry : nlohmann::json::parse(index)) files.push_back(parse(entry));
  return files;
}

class BrokenFiles : public CommandTest, public testing::WithParamInterface<BrokenFile> {};

TEST_P(BrokenFiles, AreRefusedInOneLineOrPredictTheSame) {
  const BrokenFile& broken = GetParam();
  const Outcome outcome = run_command({"predict", broken.model, broken.input, "-o", path("y.npy")});
  EXPECT_LT(outcome.cpu_seconds, kMostCpuSeconds);
  EXPECT_LT(outcome.peak_bytes, kMostBytes);
  if (outcome.exit_code == 0) {
    EXPECT_TRUE(broken.may_succeed);
    if (broken.output.empty()) return;
    const std::vector<float> got = read_floats(path("y.npy")),
                             expected = read_floats(broken.output);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
    return;
  }
  EXPECT_FALSE(broken.must_succeed);
  EXPECT_EQ(outcome.exit_code, broken.is_model ? 3 : 4);
  expect_one_line(outcome.err, broken.name + "/" + broken.file);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(files(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Golden, BrokenFiles, testing::ValuesIn(broken_files()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hornet
