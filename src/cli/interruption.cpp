#include "cli/interruption.h"

#include <unistd.h>
#include <csignal>

#include "cli/exit_code.h"

namespace hornet::cli {
namespace {

// What a signal handler may use.
std::atomic<bool> cancellable = false;
std::atomic<bool> cancelled = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) {
  if (!cancellable) _exit(static_cast<int>(ExitCode::kInterrupted));
  cancelled = true;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action = {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
  // nohup ignores it.
  if (!is_ignored(SIGHUP)) handle(SIGHUP, on_signal);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
}

Cancellation::Cancellation() {
  cancelled = false;
  cancellable = true;
}

Cancellation::~Cancellation() { cancellable = false; }

const std::atomic<bool>* Cancellation::flag() const { return &cancelled; }

}  // namespace hornet::cli
