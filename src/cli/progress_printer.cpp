#include "cli/progress_printer.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "cli/text.h"

namespace hornet::cli {
namespace {

constexpr double kPlainIntervalSeconds = 5;
constexpr double kShortJobSeconds = 2;

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && (term == nullptr || std::string_view(term) != "dumb");
}

// Asked for every line: the window may change its size.
size_t terminal_width() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* columns = std::getenv("COLUMNS")) {
    const int width = std::atoi(columns);
    if (width > 0) return static_cast<size_t>(width);
  }
  return 80;
}

double share_done(const ProgressEvent& event) {
  if (event.rows_total <= 0) return 1;
  return std::clamp(static_cast<double>(event.rows_done) / static_cast<double>(event.rows_total),
                    0.0, 1.0);
}

// 100 only when all is done.
int percent(const ProgressEvent& event) { return static_cast<int>(share_done(event) * 100); }

std::string workers_text(const ProgressEvent& event) {
  return fmt::format("{} worker{}", event.workers, event.workers == 1 ? "" : "s");
}

std::string eta_text(const ProgressEvent& event) {
  return event.eta_seconds < 0 ? "?" : duration(event.eta_seconds);
}

// What is not UTF-8 is replaced.
std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_last(const ProgressEvent& event) {
  return event.kind == ProgressEvent::Kind::kFinished ||
         event.kind == ProgressEvent::Kind::kStopped;
}

// A bar and plain lines show counts; what they are made of is in the list of failed rows.
bool is_detail(const ProgressEvent& event) { return event.kind == ProgressEvent::Kind::kRowFailed; }

class BarPrinter : public ProgressPrinter {
 public:
  ~BarPrinter() override { close(); }

  void update(const ProgressEvent& event) override {
    if (is_detail(event)) return;
    if (event.kind == ProgressEvent::Kind::kWorkerReplaced) return note(event.message);
    // The last column stays free: some terminals go to the next line after it.
    write_stderr("\r" + bar_line(event, terminal_width() - 1) + "\x1b[K");
    open_ = true;
    if (is_last(event)) close();
  }

  void close() override {
    if (open_) write_stderr("\n");
    open_ = false;
  }

 private:
  // A line of its own above the bar.
  void note(const std::string& message) {
    write_stderr("\r\x1b[K" + printable(message) + "\n");
    open_ = false;
  }

  bool open_ = false;
};

class PlainPrinter : public ProgressPrinter {
 public:
  // Jobs that are done before `first_seconds` print nothing.
  explicit PlainPrinter(double first_seconds) : next_seconds_(first_seconds) {}

  void update(const ProgressEvent& event) override {
    if (is_detail(event)) return;
    if (event.kind == ProgressEvent::Kind::kWorkerReplaced) {
      return write_stderr(printable(event.message) + "\n");
    }
    const bool finished = is_last(event);
    const bool due = event.elapsed_seconds >= next_seconds_;
    if (!due && !(finished && printed_)) return;
    write_stderr(plain_line(event) + "\n");
    next_seconds_ = event.elapsed_seconds + kPlainIntervalSeconds;
    printed_ = true;
  }

 private:
  double next_seconds_;
  bool printed_ = false;
};

class JsonPrinter : public ProgressPrinter {
 public:
  void update(const ProgressEvent& event) override { write_stderr(json_line(event) + "\n"); }
};

class NoPrinter : public ProgressPrinter {
 public:
  void update(const ProgressEvent&) override {}
};

std::string_view kind_text(ProgressEvent::Kind kind) {
  switch (kind) {
    case ProgressEvent::Kind::kStarted:
      return "started";
    case ProgressEvent::Kind::kAdvanced:
      return "advanced";
    case ProgressEvent::Kind::kRowFailed:
      return "row_failed";
    case ProgressEvent::Kind::kWorkerReplaced:
      return "worker_replaced";
    case ProgressEvent::Kind::kStopped:
      return "stopped";
    case ProgressEvent::Kind::kFinished:
      return "finished";
  }
  return "advanced";
}

// JSON has no NaN and no infinity.
std::string json_number(double number, int digits) {
  return std::isfinite(number) ? fmt::format("{:.{}f}", number, digits) : "null";
}

}  // namespace

std::string bar_line(const ProgressEvent& event, size_t width) {
  const std::string head = fmt::format("{:3} %", percent(event));
  // The most important first; what does not fit is left out from the end.
  std::vector<std::string> parts = {
      fmt::format("{}/{}", thousands(event.rows_done), thousands(event.rows_total)),
      rate(event.rows_per_second) + " rows/s",
      "ETA " + eta_text(event),
      duration(event.elapsed_seconds) + " elapsed",
      workers_text(event),
  };
  const std::string failed = fmt::format("{} failed", thousands(event.rows_failed));
  parts.insert(event.rows_failed > 0 ? parts.begin() + 1 : parts.end() - 1, failed);
  constexpr size_t kSmallestBar = 10, kLargestBar = 30, kAroundBar = 4;
  constexpr size_t kNarrow = 44;  // no bar below
  const size_t reserved = width < kNarrow ? 0 : kSmallestBar + kAroundBar;
  std::string tail;
  for (const std::string& part : parts) {
    if (head.size() + reserved + tail.size() + 2 + part.size() > width) break;
    tail += "  " + part;
  }
  if (reserved == 0) return (head + tail).substr(0, width);
  const size_t bar = std::min(width - head.size() - tail.size() - kAroundBar, kLargestBar);
  const auto filled = static_cast<size_t>(share_done(event) * static_cast<double>(bar));
  return fmt::format("{}  [{}{}]{}", head, std::string(filled, '='), std::string(bar - filled, ' '),
                     tail);
}

std::string plain_line(const ProgressEvent& event) {
  return fmt::format("{} of {} rows ({} %), {} rows/s, {} elapsed, ETA {}, {} failed, {}",
                     thousands(event.rows_done), thousands(event.rows_total), percent(event),
                     rate(event.rows_per_second), duration(event.elapsed_seconds), eta_text(event),
                     thousands(event.rows_failed), workers_text(event));
}

std::string json_line(const ProgressEvent& event) {
  std::string line = fmt::format(
      R"({{"event":"{}","rows_done":{},"rows_total":{},"rows_failed":{},"workers":{},)"
      R"("elapsed_seconds":{},"rows_per_second":{},"eta_seconds":{})",
      kind_text(event.kind), event.rows_done, event.rows_total, event.rows_failed, event.workers,
      json_number(event.elapsed_seconds, 3), json_number(event.rows_per_second, 1),
      event.eta_seconds < 0 ? "null" : json_number(event.eta_seconds, 1));
  if (event.row >= 0) line += fmt::format(R"(,"row":{})", event.row);
  if (!event.message.empty()) line += ",\"message\":" + json_text(event.message);
  return line + "}";
}

// One call a line, so that a line is never seen half rewritten.
void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::unique_ptr<ProgressPrinter> make_progress_printer(ProgressMode mode) {
  switch (mode) {
    case ProgressMode::kAuto:
      if (stderr_is_terminal()) return std::make_unique<BarPrinter>();
      return std::make_unique<PlainPrinter>(kShortJobSeconds);
    case ProgressMode::kBar:
      return std::make_unique<BarPrinter>();
    case ProgressMode::kPlain:
      return std::make_unique<PlainPrinter>(0);
    case ProgressMode::kJson:
      return std::make_unique<JsonPrinter>();
    case ProgressMode::kNone:
      break;
  }
  return std::make_unique<NoPrinter>();
}

}  // namespace hornet::cli
