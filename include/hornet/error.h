// The one exception type of Hornet and its codes.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace hornet {

enum class ErrorCode {
  kInvalidArgument,  // a wrong option or argument of the caller
  kInvalidModel,     // a model file that is broken or contradicts itself
  kUnsupported,      // a valid model or file that needs something Hornet does not do
  kShapeMismatch,    // shapes or row counts that do not fit
  kInvalidInput,     // a data file that is broken or of the wrong kind
  kIo,               // the operating system refused (missing file, full disk, ...)
  kOutOfMemory,      // no memory, or no open file more
  kNotFinite,        // a prediction that is NaN or infinite
  kCancelled,
  kTimeout,     // not done in the time given
  kWorkerDied,  // a worker process that ended in the middle of its work
  kBrokenPool,  // an executor whose workers cannot work
  kInternal,    // a bug in Hornet
};

// "shape_mismatch", "io", ...: the word that starts the message of an Error.
const char* to_string(ErrorCode code);

// What failed, where, what was found and what was expected, in one line.
// what() is "<code>: <message>"; message() is without the code.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  ErrorCode code_;
  std::string message_;
};

// A row has no prediction, and the job stopped for it: what the row failed with.
class RowError : public Error {
 public:
  RowError(int64_t row, ErrorCode code, const std::string& message)
      : Error(code, message), row_(row) {}
  int64_t row() const { return row_; }

 private:
  int64_t row_;
};

}  // namespace hornet
