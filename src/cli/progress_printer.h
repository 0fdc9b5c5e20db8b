// Shows on stderr how far a job is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hornet/progress.h"

namespace hornet::cli {

enum class ProgressMode {
  kAuto,   // a bar on a terminal; elsewhere plain lines, but only for jobs that take a while
  kBar,    // one line that is rewritten
  kPlain,  // a line every few seconds
  kJson,   // an event a line
  kNone
};

class ProgressPrinter {
 public:
  virtual ~ProgressPrinter() = default;
  virtual void update(const ProgressEvent& event) = 0;
  // To be called before anything else is written to the terminal.
  virtual void close() {}
};

std::unique_ptr<ProgressPrinter> make_progress_printer(ProgressMode mode);

// A stderr that is gone or full is no reason to stop a job: what cannot be written is lost.
void write_stderr(std::string_view text);

// One line, at most `width` columns wide.
std::string bar_line(const ProgressEvent& event, size_t width);
std::string plain_line(const ProgressEvent& event);
std::string json_line(const ProgressEvent& event);

}  // namespace hornet::cli
