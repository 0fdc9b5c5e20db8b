// Ctrl-C and the signals that ask a process to end.
#pragma once

#include <atomic>
#include <string>

namespace hornet::cli {

// From now on SIGINT, SIGTERM and SIGHUP (unless it was ignored) end the process with exit code
// 130: at once, or, while a Cancellation lives, the first by way of its flag and the next at once.
// Writing to a closed pipe or past the file size limit gives an error and no signal.
void install_signal_handlers();

// Lets the first signal set a flag. One at a time.
class Cancellation {
 public:
  // Both texts are written to stderr by the handler: with the first signal, and with the second.
  Cancellation(std::string first_text, std::string second_text);
  ~Cancellation();
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  const std::atomic<bool>* flag() const;

 private:
  const std::string first_text_, second_text_;
};

}  // namespace hornet::cli
