// The commands: each adds its options to a parser and returns what to run after parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/exit_code.h"

namespace hornet::cli {

struct Command {
  const CLI::App* app;
  std::function<ExitCode()> run;
};

Command add_predict(CLI::App& app);
Command add_status(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_verify(CLI::App& app);
Command add_layers(CLI::App& app);
Command add_bench(CLI::App& app);

}  // namespace hornet::cli
