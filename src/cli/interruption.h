// Ctrl-C and the signals that ask a process to end.
#pragma once

#include <atomic>

namespace hornet::cli {

// From now on SIGINT, SIGTERM and SIGHUP (unless it was ignored) end the process with exit code
// 130: at once, or, while a Cancellation lives, by way of its flag. Writing to a closed pipe or
// past the file size limit gives an error and no signal.
void install_signal_handlers();

// Lets the signals set a flag. One at a time.
class Cancellation {
 public:
  Cancellation();
  ~Cancellation();
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  const std::atomic<bool>* flag() const;
};

}  // namespace hornet::cli
