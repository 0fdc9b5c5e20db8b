#include "cli/interruption.h"

#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include "cli/exit_code.h"

namespace hornet::cli {
namespace {

// What a signal handler may use.
std::atomic<bool> cancellable = false;
std::atomic<bool> cancelled = false;
static_assert(std::atomic<bool>::is_always_lock_free);

std::atomic<const std::string*> first_text = nullptr;
std::atomic<const std::string*> second_text = nullptr;
std::atomic<int64_t> first_milliseconds = 0;

int64_t now_milliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

void write_text(const std::string* text) {
  if (text == nullptr) return;
  const ssize_t ignored = write(STDERR_FILENO, text->data(), text->size());
  static_cast<void>(ignored);  // there is nobody to tell
}

void on_signal(int) {
  // `timeout` and terminals send the same signal twice, to the process and to its group.
  constexpr int64_t kSameSignalMilliseconds = 200;
  const int error = errno;
  if (!cancellable) _exit(static_cast<int>(ExitCode::kInterrupted));
  if (!cancelled) {
    first_milliseconds = now_milliseconds();
    cancelled = true;
    write_text(first_text);
  } else if (now_milliseconds() - first_milliseconds > kSameSignalMilliseconds) {
    write_text(second_text);
    _exit(static_cast<int>(ExitCode::kInterrupted));
  }
  errno = error;
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

Cancellation::Cancellation(std::string first, std::string second)
    : first_text_(std::move(first)), second_text_(std::move(second)) {
  first_text = &first_text_;
  second_text = &second_text_;
  cancelled = false;
  cancellable = true;
}

Cancellation::~Cancellation() {
  cancellable = false;
  first_text = nullptr;
  second_text = nullptr;
}

const std::atomic<bool>* Cancellation::flag() const { return &cancelled; }

}  // namespace hornet::cli
