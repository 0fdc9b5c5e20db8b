// hornet verify: does a model give the outputs it should?
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "cli/bindings.h"
#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/options.h"
#include "cli/predict_arrays.h"
#include "cli/text.h"
#include "cli/verify_cases.h"
#include "hornet/source.h"

namespace hornet::cli {
namespace {

struct VerifyArguments {
  ModelArguments model;
  std::vector<std::string> inputs, expected, cases;
  std::optional<double> relative, absolute;
};

class Tally {
 public:
  void add(const std::string& name, const Comparison& comparison,
           const std::vector<std::string>& failures) {
    ++(failures.empty() ? passed_ : failed_);
    if (failures.empty()) {
      fmt::print("PASS {}: {}\n", printable(name), printable(comparison.text()));
    } else {
      fmt::print("FAIL {}: {}", printable(name), printable(failures[0]));
      if (!comparison.absolute.at.empty()) fmt::print(" ({})", printable(comparison.text()));
      fmt::print("\n");
    }
    for (size_t i = 1; i < failures.size(); ++i) {
      fmt::print("     {}\n", printable(failures[i]));
    }
    std::fflush(stdout);
  }

  ExitCode finish() const {
    fmt::print("{} passed, {} failed\n", passed_, failed_);
    return failed_ == 0 ? ExitCode::kDone : ExitCode::kFailed;
  }

 private:
  int passed_ = 0, failed_ = 0;
};

Tolerance tolerance_of(const VerifyArguments& arguments) {
  Tolerance tolerance;
  tolerance.relative = arguments.relative.value_or(tolerance.relative);
  tolerance.absolute = arguments.absolute.value_or(tolerance.absolute);
  return tolerance;
}

ExitCode verify_cases(const VerifyArguments& arguments) {
  const Tolerance tolerance = tolerance_of(arguments);
  const bool overridden = arguments.relative || arguments.absolute;
  Tally tally;
  size_t num_cases = 0;
  std::vector<std::string> failures;
  for (const std::string& folder : arguments.cases) {
    std::vector<std::string> cases;
    try {
      cases = find_cases(folder);
    } catch (const Error& error) {
      // Alone it is what ends the command; beside others it fails as a case does.
      failures.push_back(error.message());
      if (arguments.cases.size() > 1) tally.add(folder, {}, {error.message()});
    }
    num_cases += cases.size();
    for (const std::string& one : cases) {
      const CaseResult result = run_case(one, overridden ? &tolerance : nullptr);
      tally.add(one, result.comparison, result.failures);
    }
  }
  if (num_cases == 0) {
    throw CommandError(ExitCode::kInput,
                       failures.size() == 1 ? failures[0] : "none of the folders has a case");
  }
  return tally.finish();
}

ExitCode verify_model(const VerifyArguments& arguments) {
  const Model model = load_model(arguments.model);
  const auto inputs = bind_paths(arguments.inputs, model.inputs(), "input", arguments.model.path);
  const auto expected =
      bind_paths(arguments.expected, model.outputs(), "output", arguments.model.path);
  Comparison comparison;
  at_stage(ExitCode::kInput, [&] {
    std::vector<Tensor> references;
    for (const std::string& path : expected) references.push_back(read_npy(path));
    const std::vector<Tensor> outputs = predict_arrays(model, inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      comparison.merge(
          compare(expected[i], outputs[i].view(), references[i].view(), tolerance_of(arguments)));
    }
  });
  Tally tally;
  tally.add(arguments.model.path, comparison,
            comparison.passed() ? std::vector<std::string>() : std::vector{comparison.failure});
  return tally.finish();
}

ExitCode run(const VerifyArguments& arguments) {
  if (!arguments.cases.empty()) return verify_cases(arguments);
  if (arguments.inputs.empty() || arguments.expected.empty()) {
    throw CommandError(ExitCode::kUsage,
                       "give a model, its inputs and --expected files, or --case folders; see "
                       "hornet verify --help");
  }
  return verify_model(arguments);
}

}  // namespace

Command add_verify(CLI::App& app) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* command = app.add_subcommand(
      "verify", "Compare what a model gives with what it should; PASS or FAIL a case");
  CLI::Option* model = add_model(*command, arguments->model);
  command
      ->add_option("INPUT", arguments->inputs,
                   "A .npy file, or NAME=FILE for the input NAME of a model with several")
      ->type_name("");
  CLI::Option* expected = command->add_option("--expected", arguments->expected,
                                              "What the outputs should be: .npy files, or "
                                              "NAME=FILE for each of several outputs");
  CLI::Option* cases = command->add_option(
      "--case", arguments->cases,
      "Folders with a case.json, or folders of such: every model file and run of each is compared");
  expected->type_name("FILE ...");
  cases->type_name("FOLDER ...")->excludes(model)->excludes(expected);
  command
      ->add_option("--rtol", arguments->relative,
                   "Tolerance relative to the expected value [1e-4, or that of the case]")
      ->check(CLI::NonNegativeNumber)
      ->type_name("X");
  command
      ->add_option("--atol", arguments->absolute, "Absolute tolerance [1e-5, or that of the case]")
      ->check(CLI::NonNegativeNumber)
      ->type_name("X");
  return {command, [arguments] { return run(*arguments); }};
}

}  // namespace hornet::cli
