// `hornet bench` from the outside: what it reports, never how fast.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "unit/cli/command.h"

namespace hornet {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

nlohmann::json run_json(Strings arguments) {
  arguments.push_back("--json");
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out);
}

Strings short_bench(const std::string& model) {
  return {"bench", model, "--rounds", "2", "--seconds", "0.001"};
}

TEST(BenchCommand, Sweep_MeasuresEveryPairAndFindsTheBest) {
  Strings arguments = short_bench(digits("digits.keras"));
  arguments.insert(arguments.end(), {"--batch-size", "1,3", "--workers", "1,2"});
  const auto json = run_json(arguments);
  std::set<std::pair<int64_t, int>> pairs;
  double best = 0;
  for (const auto& m : json["measurements"]) {
    pairs.emplace(m["batch_size"], m["workers"]);
    const double rate = m["rows_per_second"];
    EXPECT_GT(m["lowest"], 0);
    EXPECT_LE(m["lowest"], rate);
    EXPECT_LE(rate, m["highest"]);
    EXPECT_DOUBLE_EQ(m["flops_per_second"], rate * json["flops_per_row"].get<double>());
    EXPECT_GT(m["arena_bytes"], 0);
    best = std::max(best, rate);
  }
  EXPECT_EQ(pairs, (std::set<std::pair<int64_t, int>>{{1, 1}, {1, 2}, {3, 1}, {3, 2}}));
  for (const auto& m : json["measurements"]) {
    const bool is_best =
        m["batch_size"] == json["best"]["batch_size"] && m["workers"] == json["best"]["workers"];
    if (is_best) {
      EXPECT_EQ(m["rows_per_second"], best);
    }
  }
  EXPECT_GT(json["machine"]["flops_per_second"], 0);
  EXPECT_GT(json["machine"]["bytes_per_second"], 0);
}

TEST(BenchCommand, WithoutSizes_TriesSeveralBatches) {
  const auto json = run_json(short_bench(digits("digits.keras")));
  EXPECT_GE(json["measurements"].size(), 3u);
  EXPECT_EQ(json["measurements"][0]["batch_size"], 1);
}

TEST(BenchCommand, Text_HasALineAMeasurement) {
  Strings arguments = short_bench(digits("digits.keras"));
  arguments.insert(arguments.end(), {"--batch-size", "4", "--workers", "1", "--cpu-time"});
  const Outcome outcome = run_command(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, ContainsRegex("Machine: [a-z0-9]+, .* GFLOP/s"));
  EXPECT_THAT(outcome.out, ContainsRegex("\n +1 +4 .* % .* KiB  best"));
}

TEST(BenchCommand, Profile_TimesEveryStepOfThePlan) {
  const auto json = run_json({"bench", digits("digits.keras"), "--profile", "--batch-size", "2"});
  EXPECT_EQ(json["batch_size"], 2);
  EXPECT_GT(json["seconds"], 0);
  const std::string plan =
      run_command({"inspect", digits("digits.keras"), "--plan", "--batch-size", "2"}).out;
  // All lines but "batch size", the title and the sum.
  EXPECT_EQ(static_cast<int>(json["steps"].size()), num_lines(plan) - 3);
  for (const auto& step : json["steps"]) {
    EXPECT_THAT(plan, HasSubstr(step["primitive"].get<std::string>()));
    EXPECT_GE(step["seconds"], 0);
    EXPECT_GT(step["bytes"], 0);
  }
  const Outcome text = run_command({"bench", digits("digits.keras"), "--profile"});
  EXPECT_THAT(text.out, ContainsRegex("GFLOP/s +GB/s +% peak"));
}

TEST(BenchCommand, Call_TimesTheLibrary) {
  const auto json = run_json({"bench", digits("digits.keras"), "--call"});
  EXPECT_EQ(json["rows"], 1);
  EXPECT_GT(json["seconds"], 0);
}

TEST(BenchCommand, InstructionSet_IsLimitedByTheEnvironment) {
  const auto limit = [](const char* name) { return [name] { setenv("HORNET_MAX_ISA", name, 1); }; };
  const Outcome avx2 = run_command({"bench", "--machine", "--json"}, limit("avx2"));
  EXPECT_EQ(avx2.exit_code, 0) << avx2.err;
  EXPECT_NE(nlohmann::json::parse(avx2.out)["instruction_set"], "avx512");
  const Outcome unknown = run_command({"bench", "--machine"}, limit("mmx"));
  EXPECT_EQ(unknown.exit_code, 2);
  expect_one_line(unknown.err, "unknown instruction set \"mmx\"");
}

TEST(BenchCommand, WithoutModel_IsAUsageError) {
  const Outcome outcome = run_command({"bench"});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_one_line(outcome.err, "MODEL is required");
}

}  // namespace
}  // namespace hornet
