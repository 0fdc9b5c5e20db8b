// hornet bench --source: how fast an input alone gives its rows.
#pragma once

#include <string>

#include "cli/exit_code.h"
#include "cli/source_options.h"

namespace hornet::cli {

// Reads every row once, in chunks, on `workers` threads, touching each byte. Throws CommandError.
ExitCode bench_source(const std::string& path, const SourceArguments& arguments, int workers,
                      bool json);

}  // namespace hornet::cli
