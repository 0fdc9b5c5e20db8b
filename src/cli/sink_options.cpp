#include "cli/sink_options.h"

#include <fmt/format.h>

#include <fstream>

#include "cli/exit_code.h"
#include "hornet/source.h"

namespace hornet::cli {
namespace {

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(file, line)) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  if (!file.eof() || lines.empty()) {
    throw CommandError(ExitCode::kUsage,
                       fmt::format("--labels {}: cannot be read, or is empty; expected a label a "
                                   "line",
                                   path));
  }
  return lines;
}

}  // namespace

void add_sink_options(CLI::App& command, SinkArguments& arguments) {
  command
      .add_option("--output-format", arguments.format,
                  "Format of the output, where its name does not tell: npy, hdf5, raw, csv, tsv, "
                  "ndjson")
      ->type_name("FORMAT");
  command
      .add_option("--output-dtype", arguments.dtype,
                  "Type of floating outputs: float16, float32 or float64 [the model's]")
      ->check(CLI::IsMember({"float16", "float32", "float64"}).description(""))
      ->type_name("TYPE");
  command
      .add_option("--top-k", arguments.top_k,
                  "Write the K best classes of a row and their scores instead of all values (csv, "
                  "tsv, ndjson)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40).description(""))
      ->type_name("K");
  command
      .add_option("--labels", arguments.labels_path,
                  "A file with a name for each class, a line each (csv, tsv, ndjson)")
      ->type_name("FILE");
}

SinkOptions sink_options(const SinkArguments& arguments) {
  SinkOptions options;
  options.format = arguments.format;
  options.top_k = arguments.top_k;
  if (!arguments.labels_path.empty()) options.labels = read_lines(arguments.labels_path);
  return options;
}

std::optional<DType> output_dtype(const SinkArguments& arguments) {
  if (arguments.dtype.empty()) return std::nullopt;
  return dtype_from_string(arguments.dtype);
}

std::string output_file(const std::string& path, const std::string& format) {
  const size_t colon = path.rfind(":/");
  const bool names_member = colon != std::string::npos && colon > 0 && has_members(path, format);
  return names_member ? path.substr(0, colon) : path;
}

std::string output_extension(const SinkArguments& arguments) {
  return arguments.format.empty() ? "npy" : arguments.format;
}

}  // namespace hornet::cli
