// The `hornet` command.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "cli/commands.h"
#include "cli/interruption.h"
#include "cli/text.h"
#include "hornet/bench.h"
#include "hornet/memory.h"

namespace hornet::cli {
namespace {

int fail(ExitCode code, std::string_view message) {
  fmt::memory_buffer line;
  fmt::format_to(fmt::appender(line), "hornet: {}\n", printable(message));
  std::fflush(stdout);
  std::fwrite(line.data(), 1, line.size(), stderr);
  return static_cast<int>(code);
}

int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  return fail(ExitCode::kUsage, fmt::format("{}; see hornet {}--help", error.what(),
                                            chosen.empty() ? "" : chosen[0]->get_name() + " "));
}

// Without one of the standard files the first file opened would take its place, and get what is
// printed. What takes it here cannot be read or written, as if nothing was there.
void keep_standard_files() {
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    const int opened = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened != fd) std::abort();  // there is no place to say so
  }
}

// What was printed last may fail only now.
void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw CommandError(ExitCode::kOutput, "cannot write to the standard output");
  }
}

int run(int argc, char** argv) {
  CLI::App app("Predicts whole data sets with Keras models on every core of a machine.", "hornet");
  app.set_version_flag("--version", "hornet " HORNET_VERSION, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.footer(kExitCodeHelp);
  app.require_subcommand(0, 1);  // none is our own error, which comes after unknown words
  const std::vector<Command> commands = {add_predict(app), add_status(app), add_inspect(app),
                                         add_verify(app),  add_layers(app), add_bench(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return usage_error(app, error);
    app.exit(error);  // prints the help or the version
    flush_output();
    return 0;
  }
  if (const char* name = std::getenv("HORNET_MAX_ISA")) limit_instruction_set(name);
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    const ExitCode code = command.run();
    flush_output();
    return static_cast<int>(code);
  }
  return fail(ExitCode::kUsage, "no command is given; see hornet --help");
}

}  // namespace
}  // namespace hornet::cli

int main(int argc, char** argv) {
  using namespace hornet::cli;
  hornet::keep_heap_on_large_pages();
  // How wide characters are; the same whatever the user's locale.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  keep_standard_files();
  install_signal_handlers();
  try {
    return run(argc, argv);
  } catch (const CommandError& error) {
    return fail(error.code(), error.what());
  } catch (const hornet::Error& error) {
    return fail(exit_code(error.code()), error.message());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::kOutput, "out of memory");
  } catch (const std::exception& error) {
    return fail(ExitCode::kOutput, error.what());
  }
}
