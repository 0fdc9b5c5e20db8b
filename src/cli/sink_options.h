// The options that say how outputs are written.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "hornet/sink.h"

namespace hornet::cli {

struct SinkArguments {
  std::string format, labels_path, dtype;
  int64_t top_k = 0;
};

// --output-format, --output-dtype, --top-k, --labels.
void add_sink_options(CLI::App& command, SinkArguments& arguments);

// Both throw CommandError.
SinkOptions sink_options(const SinkArguments& arguments);
std::optional<DType> output_dtype(const SinkArguments& arguments);

// "out.h5" of "out.h5:/scores": the file beside which the job keeps its own. `format` as given by
// --output-format.
std::string output_file(const std::string& path, const std::string& format = "");

// "csv" for --output-format csv: the extension of outputs in a folder.
std::string output_extension(const SinkArguments& arguments);

}  // namespace hornet::cli
