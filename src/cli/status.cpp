// hornet status: how far a job is, running or not.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/sink_options.h"
#include "cli/text.h"
#include "hornet/predict.h"

namespace hornet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kJournalSuffix = ".hornet";
constexpr std::string_view kPartialSuffix = ".partial";

// Whether the file is the journal of a job with this output. It may be of another kind altogether.
bool writes(const std::string& journal, const std::string& output) {
  try {
    std::error_code error;
    const fs::path wanted = fs::weakly_canonical(output, error);
    for (const std::string& other : job_status(journal).outputs) {
      if (fs::weakly_canonical(other, error) == wanted) return true;
    }
  } catch (const Error&) {
    return false;
  }
  return false;
}

// The output that is meant where the name is that of its journal or partial file.
std::string output_of(const std::string& name) {
  std::error_code error;
  if (fs::exists(name + std::string(kJournalSuffix), error)) return name;
  for (const std::string_view suffix : {kJournalSuffix, kPartialSuffix}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

// Journals that may be those of `name`: an output's own, or that of another output of its job.
std::vector<std::string> journals_near(const std::string& name) {
  const std::string output = output_of(name);
  const std::string own = output + std::string(kJournalSuffix);
  std::error_code error;
  if (fs::exists(own, error)) return {own};
  const bool is_folder = fs::is_directory(output, error);
  const fs::path parent = fs::path(output).parent_path();
  const fs::path folder = is_folder ? fs::path(output) : (parent.empty() ? fs::path(".") : parent);
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(kJournalSuffix)) continue;
    if (is_folder) {
      found.push_back(path);
      continue;
    }
    if (writes(path, output)) found.push_back(path);
  }
  return found;
}

std::string_view state_text(const JobStatus& status) {
  if (status.is_running) return "running";
  return status.is_complete ? "computed, outputs not named yet" : "stopped";
}

void print_status(const std::string& journal, const JobStatus& status) {
  const double share =
      status.rows > 0 ? static_cast<double>(status.rows_done) / static_cast<double>(status.rows)
                      : 1;
  fmt::print("{}: {}, {} of {} rows are kept ({} %), {} failed\n", enumerate(status.outputs),
             state_text(status), thousands(status.rows_done), thousands(status.rows),
             static_cast<int>(share * 100), thousands(status.rows_failed));
  fmt::print("  journal {}, {} of {} chunks of {} rows\n", journal, thousands(status.chunks_done),
             thousands(status.chunks), thousands(status.chunk_size));
  if (status.rows_failed > 0 && !status.errors_path.empty()) {
    fmt::print("  failed rows in {}\n", status.errors_path);
  }
  if (!status.is_running && !status.resume_command.empty()) {
    fmt::print("  go on with: {}\n", status.resume_command);
  }
}

ExitCode run(const std::string& given) {
  const std::string output = output_file(given);
  const std::vector<std::string> journals = journals_near(output);
  for (const std::string& journal : journals) print_status(journal, job_status(journal));
  if (!journals.empty()) return ExitCode::kDone;
  std::error_code error;
  if (fs::exists(output + std::string(kPartialSuffix), error)) {
    fmt::print("{}: a job without a journal writes it, or was killed and begins anew\n", output);
    return ExitCode::kDone;
  }
  if (!fs::exists(output, error)) {
    throw CommandError(ExitCode::kInput,
                       fmt::format("there is no {}, and no job that writes it", output));
  }
  fmt::print("{}: no job writes it\n", output);
  return ExitCode::kDone;
}

}  // namespace

Command add_status(CLI::App& app) {
  auto output = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("status", "Tell how far the job is that writes an output, running or not");
  command->add_option("OUTPUT", *output, "The output of predict: a file or a folder")
      ->type_name("")
      ->required();
  return {command, [output] { return run(*output); }};
}

}  // namespace hornet::cli
