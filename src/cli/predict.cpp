// hornet predict: a model and its inputs in, a file an output out.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "cli/bindings.h"
#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/options.h"
#include "cli/progress_printer.h"
#include "cli/resume_command.h"
#include "cli/sink_options.h"
#include "cli/source_options.h"
#include "cli/text.h"
#include "hornet/predict.h"

namespace hornet::cli {
namespace {

namespace fs = std::filesystem;

struct PredictArguments {
  ModelArguments model;
  std::vector<std::string> inputs, outputs;
  SourceArguments source;
  SinkArguments sink;
  PredictOptions options;
  ProgressMode progress = ProgressMode::kAuto;
  bool force = false, resume = false;
};

// Where each output goes.
struct Outputs {
  std::vector<std::string> paths;
  std::string folder;  // to be created first; "" for none
};

bool is_folder(const std::string& path) {
  std::error_code error;
  return path.ends_with('/') || fs::is_directory(path, error);
}

std::string join(const std::string& folder, const std::string& file) {
  return folder + (folder.ends_with('/') ? "" : "/") + file;
}

void check_distinct(const std::vector<std::string>& paths, const std::string& format) {
  std::map<fs::path, size_t> seen;
  for (const std::string& output : paths) {
    const std::string path = output_file(output, format);
    std::error_code error;
    if (++seen[fs::weakly_canonical(fs::absolute(path), error)] == 2) {
      throw CommandError(ExitCode::kUsage, fmt::format("two outputs go to {}", path));
    }
  }
}

Outputs bind_outputs(const PredictArguments& arguments, const Model& model) {
  const std::vector<TensorSpec>& specs = model.outputs();
  if (arguments.outputs.size() == 1 && is_folder(arguments.outputs[0])) {
    Outputs outputs;
    for (const std::string& name : file_names(specs)) {
      outputs.paths.push_back(
          join(arguments.outputs[0], name + "." + output_extension(arguments.sink)));
    }
    if (!fs::exists(arguments.outputs[0])) outputs.folder = arguments.outputs[0];
    return outputs;
  }
  if (specs.size() > 1 && arguments.outputs.size() == 1) {
    throw CommandError(ExitCode::kUsage,
                       fmt::format("{} has {} outputs ({}): give -o NAME=FILE for each, or a "
                                   "folder with a / at its end",
                                   arguments.model.path, specs.size(), enumerate(labels(specs))));
  }
  Outputs outputs = {bind_paths(arguments.outputs, specs, "output", arguments.model.path), ""};
  check_distinct(outputs.paths, arguments.sink.format);
  return outputs;
}

// What goes to a stream has no file beside which others could lie.
std::string errors_file(const std::vector<std::string>& outputs) {
  std::string name = "stdout";
  switch (output_kind(outputs[0])) {
    case OutputKind::kFile:
      name = outputs[0];
      break;
    case OutputKind::kStream:
      name = fs::path(outputs[0]).filename().string();
      break;
    case OutputKind::kStandardOutput:
      break;
  }
  return name + ".errors.jsonl";
}

// "rows.h5" of "rows.h5:/images", where there is no file of the whole name.
std::string without_member(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error) ? path : path.substr(0, path.rfind(":/"));
}

// All that a job may write, replace or remove, besides its outputs.
std::vector<std::string> files_beside(const PredictArguments& arguments,
                                      const std::vector<std::string>& outputs) {
  std::vector<std::string> files;
  for (const std::string& output : outputs) {
    if (output_kind(output) == OutputKind::kFile) files.push_back(output + ".partial");
  }
  const size_t first = files.size();
  if (output_kind(outputs[0]) == OutputKind::kFile) files.push_back(outputs[0] + ".hornet");
  files.push_back(errors_file(outputs));
  files.push_back(errors_file(outputs) + ".new");
  if (!arguments.options.report_path.empty()) files.push_back(arguments.options.report_path);
  // These are written beside their names, too.
  const size_t count = files.size();
  for (size_t i = first; i < count; ++i) files.push_back(files[i] + ".partial");
  return files;
}

// What is written must not take the place of what is read, nor one file that of another.
void check_not_read(const PredictArguments& arguments, const std::vector<std::string>& outputs,
                    const std::vector<std::unique_ptr<Source>>& sources) {
  std::vector<std::string> read = {arguments.model.path, arguments.model.options.weights_path,
                                   arguments.sink.labels_path};
  for (const auto& source : sources) {
    if (source->location()) read.push_back(without_member(source->location()->path));
  }
  std::error_code ignored;
  const auto named = [&](const std::string& path) {
    const fs::path whole = fs::absolute(path, ignored);
    return fs::weakly_canonical(whole.parent_path(), ignored) / whole.filename();
  };
  std::set<fs::path> places_read, places_written;
  for (const std::string& path : read) {
    if (path.empty()) continue;
    places_read.insert(named(path));
    places_read.insert(fs::weakly_canonical(fs::absolute(path, ignored), ignored));
  }
  // What is written takes its own name, and does not follow a link that has it.
  const auto check = [&](const std::string& path) {
    if (output_kind(path) != OutputKind::kFile) return;
    const bool is_read =
        places_read.contains(named(path)) ||
        std::ranges::any_of(sources, [&](const auto& source) { return source->lists(path); });
    if (!is_read && places_written.insert(named(path)).second) return;
    throw CommandError(ExitCode::kUsage,
                       fmt::format("{} would be written over, and it is {}", path,
                                   is_read ? "read" : "an output or another file of this job"));
  };
  for (const std::string& output : outputs) check(output);
  for (const std::string& file : files_beside(arguments, outputs)) check(file);
}

// Where the first output is there and no journal, the others must be there as well: what comes in
// order may have its name before the job is complete, and a stream keeps nothing.
void require_all_finished(const std::vector<std::string>& outputs) {
  std::vector<std::string> missing;
  for (const std::string& output : outputs) {
    std::error_code ignored;
    if (!fs::is_regular_file(output, ignored)) missing.push_back(output == "-" ? "stdout" : output);
  }
  if (missing.empty()) return;
  throw CommandError(
      ExitCode::kOutput,
      fmt::format("cannot go on: {} exists and has no journal, and {} {} no finished file{}; "
                  "--force predicts again",
                  outputs[0], enumerate(missing), missing.size() == 1 ? "is" : "are",
                  missing.size() == 1 ? "" : "s"));
}

// A folder that is there as long as it is needed: kept, or removed again.
class NewFolder {
 public:
  // Creates nothing for "".
  explicit NewFolder(const std::string& path) : path_(path) {
    if (path_.empty()) return;
    std::error_code error;
    fs::create_directory(path_, error);
    if (error) {
      throw CommandError(ExitCode::kOutput,
                         fmt::format("cannot create folder {}: {}", path_, error.message()));
    }
  }
  ~NewFolder() {
    std::error_code ignored;  // stays if something else is in it by now
    if (!path_.empty() && !kept_) fs::remove(path_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  void keep() { kept_ = true; }

 private:
  const std::string path_;
  bool kept_ = false;
};

// On stderr where the predictions go to the standard output.
void print_report(const PredictReport& report, const Outputs& outputs) {
  const bool taken = std::ranges::any_of(outputs.paths, [](const std::string& path) {
    return output_kind(path) == OutputKind::kStandardOutput;
  });
  const auto computed = static_cast<double>(report.rows - report.rows_resumed);
  const std::string before =
      report.rows_resumed > 0
          ? fmt::format(", {} of them by an earlier run,", thousands(report.rows_resumed))
          : "";
  const std::string text = fmt::format(
      "{} row{}{} in {}: {} rows/s, {} worker{}, {} peak memory\n", thousands(report.rows),
      report.rows == 1 ? "" : "s", before, seconds_text(report.seconds),
      rate(report.seconds > 0 ? computed / report.seconds : 0), report.workers,
      report.workers == 1 ? "" : "s", megabytes(static_cast<double>(report.peak_memory_bytes)));
  if (taken) {
    write_stderr(text);
  } else {
    fmt::print("{}", text);
  }
}

// What an error leaves behind, where that is a job that can be resumed; "" otherwise.
std::string what_is_kept(const PredictOptions& options) {
  std::error_code error;
  if (options.journal_path.empty() || !fs::exists(options.journal_path, error)) return "";
  const JobStatus status = job_status(options.journal_path);
  if (status.is_running) return "";  // another run's
  // As the job was begun: this command may be the wrong one to go on with.
  const std::string& command =
      status.resume_command.empty() ? options.resume_command : status.resume_command;
  return fmt::format("{} of {} rows are kept; go on with: {}", thousands(status.rows_done),
                     thousands(status.rows), command);
}

// The error that ends the command, with what is left and how to go on.
[[noreturn]] void fail_job(const Error& error, bool is_row, const PredictOptions& options) {
  std::string text = error.message();
  try {
    const std::string kept = what_is_kept(options);
    if (error.code() == ErrorCode::kCancelled) {
      text = "interrupted; " + (kept.empty() ? "no output was written" : kept);
    } else if (!kept.empty()) {
      text += "; " + kept;
    }
  } catch (const Error&) {
    // A journal that cannot be read has been told of, or will be by the next run.
  }
  throw CommandError(is_row ? ExitCode::kFailed : exit_code(error.code()), text);
}

ExitCode end_of(const PredictReport& report, const PredictOptions& options) {
  if (report.rows_failed == 0) return ExitCode::kDone;
  throw CommandError(
      ExitCode::kFailed,
      fmt::format("{} of {} rows failed and hold fill values; they are listed in {}",
                  thousands(report.rows_failed), thousands(report.rows), options.errors_path));
}

ExitCode run(const PredictArguments& arguments) {
  const Model model = load_model(arguments.model);
  const size_t memory = arguments.options.memory_bytes;
  SourceArguments source_arguments = arguments.source;
  source_arguments.memory_bytes = memory / 4 / model.inputs().size();
  const auto sources = open_inputs(arguments.inputs, model, arguments.model.path, source_arguments);
  const Outputs outputs = bind_outputs(arguments, model);
  std::vector<std::string> output_files;
  for (const std::string& path : outputs.paths) {
    output_files.push_back(output_file(path, arguments.sink.format));
  }
  check_not_read(arguments, output_files, sources);

  std::vector<const Source*> inputs;
  for (const auto& source : sources) inputs.push_back(source.get());
  const int64_t num_rows = inputs[0]->num_rows();
  SinkOptions options_of_sinks = sink_options(arguments.sink);
  options_of_sinks.memory_bytes = memory / 8 / model.outputs().size();

  PredictOptions options = arguments.options;
  options.output_dtype = output_dtype(arguments.sink);
  const std::string& first_file = output_files[0];
  const OutputKind kind = output_kind(first_file);
  const bool has_file = kind == OutputKind::kFile;
  const std::string journal = first_file + ".hornet";
  std::error_code ignored;
  // Rows that come once cannot be compared with those of an earlier run.
  const bool can_resume = has_file && std::ranges::all_of(sources, [](const auto& s) {
                            return s->location().has_value();
                          });
  if (has_file) options.journal_path = journal;
  options.keeps_journal = can_resume;
  if (has_file && !can_resume && !arguments.force && fs::exists(journal, ignored)) {
    throw CommandError(
        ExitCode::kOutput,
        fmt::format("{} is the journal of a job that is not complete, which an input "
                    "that comes once cannot go on with; --force begins anew",
                    journal));
  }
  options.errors_path = errors_file(output_files);
  options.resume_command = resume_command(own_arguments());
  // A job that was stopped before it had a journal has nothing to go on with.
  options.resume = arguments.resume && can_resume && fs::exists(options.journal_path, ignored);
  const bool is_begun = has_file && !options.resume && fs::is_regular_file(first_file, ignored);
  if (arguments.resume && !arguments.force && is_begun) {
    require_all_finished(output_files);
    write_stderr(
        fmt::format("hornet: {} exists and has no journal: nothing is left to go on with; --force "
                    "predicts again\n",
                    printable(outputs.paths[0])));
    return ExitCode::kDone;
  }
  const Overwrite allowed = arguments.force ? Overwrite::kAllowed : Overwrite::kNever;
  const Overwrite overwrite = options.resume ? Overwrite::kResume : allowed;
  // A list of failed rows beside no output, or of a job that left nothing to go on with, is in
  // nobody's use.
  const bool begins_anew = arguments.resume && !options.resume;
  options.replace_errors = !has_file || begins_anew;
  options.overwrite = allowed;

  std::unique_ptr<NewFolder> folder;
  const SinkFactory open_output = [&](size_t output, DType dtype, const Shape& row_shape) {
    return at_stage(ExitCode::kOutput, [&] {
      if (!folder) folder = std::make_unique<NewFolder>(outputs.folder);
      auto sink =
          open_sink(outputs.paths[output], dtype, row_shape, num_rows, overwrite, options_of_sinks);
      if (arguments.resume && !sink->is_rewritable()) {
        write_stderr(fmt::format(
            "hornet: {} is written in order, so an earlier job left nothing to go on with: "
            "this one begins anew\n",
            printable(outputs.paths[output])));
      }
      return sink;
    });
  };

  const auto printer = make_progress_printer(arguments.progress);
  options.progress = [&](const ProgressEvent& event) { printer->update(event); };
  PredictReport report;
  try {
    const Cancellation cancellation(
        "\nhornet: finishing the chunks that run; once more stops at once\n",
        fmt::format("hornet: stopped at once; go on with: {}\n",
                    printable(options.resume_command)));
    options.cancel = cancellation.flag();
    report = predict(model, inputs, open_output, options);
  } catch (const RowError& error) {
    printer->close();
    fail_job(error, true, options);
  } catch (const Error& error) {
    printer->close();
    fail_job(error, false, options);
  }
  if (folder) folder->keep();
  printer->close();
  print_report(report, outputs);
  return end_of(report, options);
}

// What happens to rows that fail, and to jobs that end early.
void add_failure_options(CLI::App& command, PredictArguments& arguments) {
  PredictOptions& options = arguments.options;
  const std::map<std::string, OnError> policies = {{"stop", OnError::kStop},
                                                   {"skip", OnError::kSkip}};
  command
      .add_option("--on-error", options.on_error,
                  "stop: a row that fails ends the job, which can be resumed; skip: it gets a fill "
                  "value and a line in OUTPUT.errors.jsonl [stop]")
      ->transform(CLI::CheckedTransformer(policies).description(""))
      ->type_name("POLICY");
  command
      .add_option("--retries", options.retries,
                  "Tries more before a chunk is split, and before a row has failed [2]")
      ->check(CLI::Range(0, 1000).description(""))
      ->type_name("N");
  command.add_flag("--check-finite", options.check_finite,
                   "Predictions that are NaN or infinite are failures of their rows");
  const std::map<std::string, ExecutorKind> kinds = {{"threads", ExecutorKind::kThreads},
                                                     {"processes", ExecutorKind::kProcesses}};
  command
      .add_option("--executor", options.executor,
                  "Workers are threads, or processes, of which one that crashes is replaced "
                  "[threads]")
      ->transform(CLI::CheckedTransformer(kinds).description(""))
      ->type_name("KIND");
  command
      .add_option_function<double>(
          "--timeout",
          [&options](double seconds) { options.timeout = std::chrono::duration<double>(seconds); },
          "Seconds after which a worker process is killed and its chunk counts as failed [none]")
      ->check(number_between(0.001, 1e9))
      ->type_name("SECONDS");
  command
      .add_option_function<double>(
          "--start-timeout",
          [&options](double seconds) {
            options.start_timeout = std::chrono::duration<double>(seconds);
          },
          "The same for a worker process that is not ready [60 with --timeout, or as that if it is "
          "longer]")
      ->check(number_between(0.001, 1e9))
      ->type_name("SECONDS");
  command
      .add_option("--max-tasks-per-child", options.max_tasks_per_child,
                  "Chunks after which a worker process is replaced by a fresh one [none]")
      ->check(CLI::Range(1, 1 << 30).description(""))
      ->type_name("N");
  command
      .add_option("--max-replacements", options.max_replacements,
                  "Worker processes that may die before the job gives up [100]")
      ->check(CLI::Range(0, 1 << 30).description(""))
      ->type_name("N");
  command
      .add_option("--worker-program", options.worker_program,
                  "What worker processes run [hornet-worker, beside hornet]")
      ->type_name("FILE");
  command.add_flag("--resume", arguments.resume,
                   "Go on with a job that was stopped or killed; begin it where there is none");
  command
      .add_option("--sync-interval", options.sync_interval_seconds,
                  "Seconds of work that a power cut may take: how often results are made durable "
                  "[5]")
      ->check(number_between(0.0, 1e6))
      ->type_name("SECONDS");
  command
      .add_option("--report", options.report_path,
                  "A JSON file of what happened: chunks, tries, workers")
      ->type_name("FILE");
}

}  // namespace

Command add_predict(CLI::App& app) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = app.add_subcommand(
      "predict", "Predict every row of the input: row i of the output is row i of the input");
  add_model(*command, arguments->model)->required();
  command->add_option("INPUT", arguments->inputs, kInputHelp)->type_name("")->required();
  add_source_options(*command, arguments->source);
  add_sink_options(*command, arguments->sink);
  command
      ->add_option("-o,--output", arguments->outputs,
                   "A file, its format told by its name, or - for the standard output; for a model "
                   "with several outputs NAME=FILE for each (give -o again), or a folder")
      ->required()
      ->allow_extra_args(false)
      ->type_name("OUTPUT");
  command
      ->add_option("--workers", arguments->options.workers,
                   "Threads that compute [the usable cores]")
      ->check(CLI::Range(1, 4096).description(""))
      ->type_name("N");
  const CLI::Validator rows = row_count();
  command
      ->add_option("--batch-size", arguments->options.batch_size,
                   "Rows computed at once [chosen for the model and the cache]")
      ->check(rows)
      ->type_name("ROWS");
  command
      ->add_option("--chunk-size", arguments->options.chunk_size,
                   "Rows a worker takes at a time [chosen from batch size and rows]")
      ->check(rows)
      ->type_name("ROWS");
  command
      ->add_option("--memory", arguments->options.memory_bytes,
                   "Bound on the memory of the process, with that of worker processes, such as "
                   "500M or 2G: smaller batches and windows, fewer workers [none]")
      ->check(CLI::Validator(
          [](std::string& text) {
            return text.starts_with('-') ? text + " is below 0" : std::string();
          },
          ""))
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE");
  const std::map<std::string, ProgressMode> modes = {{"auto", ProgressMode::kAuto},
                                                     {"bar", ProgressMode::kBar},
                                                     {"plain", ProgressMode::kPlain},
                                                     {"json", ProgressMode::kJson},
                                                     {"none", ProgressMode::kNone}};
  command
      ->add_option("--progress", arguments->progress,
                   "Progress on stderr: auto, bar, plain, json or none [auto]")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("MODE");
  command->add_flag("--force", arguments->force, "Overwrite outputs that exist");
  add_failure_options(*command, *arguments);
  return {command, [arguments] { return run(*arguments); }};
}

}  // namespace hornet::cli
