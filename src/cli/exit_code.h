// How the command ends.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

#include "hornet/error.h"

namespace hornet::cli {

enum class ExitCode {
  kDone = 0,
  kFailed = 1,        // a verification or rows failed
  kUsage = 2,         // wrong options or arguments
  kModel = 3,         // the model cannot be read or is not supported
  kInput = 4,         // the input cannot be read or does not fit the model
  kOutput = 5,        // the output cannot be written, or the system refuses something else
  kInterrupted = 130  // Ctrl-C or a signal to end
};

// The table that --help prints.
extern const char* const kExitCodeHelp;

// What ends a command, as one line for the user.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// The exit code for an error where no stage of a command says better.
ExitCode exit_code(ErrorCode code);

// Calls `function`; its errors end the command with `code`, but for options and arguments that are
// wrong.
template <class Function>
auto at_stage(ExitCode code, Function&& function) {
  try {
    return function();
  } catch (const Error& error) {
    const bool is_usage = error.code() == ErrorCode::kInvalidArgument && code != ExitCode::kModel;
    throw CommandError(is_usage ? ExitCode::kUsage : code, error.message());
  } catch (const std::bad_alloc&) {
    throw CommandError(code, "out of memory");
  }
}

}  // namespace hornet::cli
