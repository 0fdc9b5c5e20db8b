#include "cli/exit_code.h"

namespace hornet::cli {

const char* const kExitCodeHelp =
    "Exit codes:\n"
    "  0    done\n"
    "  1    a verification or rows failed\n"
    "  2    wrong options or arguments\n"
    "  3    the model cannot be read or is not supported\n"
    "  4    the input cannot be read or does not fit the model\n"
    "  5    the output cannot be written, or another error of the system\n"
    "  130  interrupted";

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return ExitCode::kUsage;
    case ErrorCode::kInvalidModel:
    case ErrorCode::kUnsupported:
      return ExitCode::kModel;
    case ErrorCode::kShapeMismatch:
    case ErrorCode::kInvalidInput:
      return ExitCode::kInput;
    case ErrorCode::kIo:
    case ErrorCode::kOutOfMemory:
      return ExitCode::kOutput;
    case ErrorCode::kCancelled:
      return ExitCode::kInterrupted;
    case ErrorCode::kNotFinite:
    case ErrorCode::kTimeout:
    case ErrorCode::kWorkerDied:
    case ErrorCode::kBrokenPool:
    case ErrorCode::kInternal:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace hornet::cli
