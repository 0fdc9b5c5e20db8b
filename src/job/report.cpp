#include "job/report.h"

#include <fmt/format.h>

#include "base/json_text.h"

namespace hornet::job {
namespace {

std::string run_object(const PieceRun& run) {
  std::string text =
      fmt::format(R"({{"begin":{},"end":{},"worker":{},"start":{:.6f},"stop":{:.6f})", run.begin,
                  run.end, run.worker, run.start_seconds, run.end_seconds);
  if (!run.error.empty()) text += ",\"error\":" + json_string(run.error);
  return text + "}";
}

}  // namespace

Report::Report(const std::string& path, FileSystem& fs) : file_(path, 0, Overwrite::kAllowed, fs) {
  write("{\"chunks\":[");
}

void Report::add(int64_t chunk, const PieceRun& run) {
  open_[chunk].push_back(run);
  Worker& worker = workers_[run.worker];
  worker.busy_seconds += run.end_seconds - run.start_seconds;
  ++worker.runs;
}

void Report::finish(const FinishedChunk& chunk) {
  std::string text = has_chunks_ ? ",\n" : "\n";
  has_chunks_ = true;
  text += fmt::format(R"({{"chunk":{},"begin":{},"end":{},"tries":[)", chunk.chunk, chunk.begin,
                      chunk.end);
  const std::vector<PieceRun>& runs = open_[chunk.chunk];
  for (size_t i = 0; i < runs.size(); ++i) text += (i == 0 ? "" : ",") + run_object(runs[i]);
  text += fmt::format("],\"failed_rows\":{}}}", chunk.failures.size());
  open_.erase(chunk.chunk);
  write(text);
}

void Report::close(std::string_view job_object, const std::vector<WorkerMemory>& memory) {
  write("],\n\"unfinished\":[");
  std::string text;
  for (const auto& [chunk, runs] : open_) {
    for (const PieceRun& run : runs) text += (text.empty() ? "\n" : ",\n") + run_object(run);
  }
  write(text + "],\n\"workers\":[");
  text.clear();
  for (const auto& [index, worker] : workers_) {
    text += fmt::format(R"({}{{"worker":{},"runs":{},"busy_seconds":{:.6f})",
                        text.empty() ? "\n" : ",\n", index, worker.runs, worker.busy_seconds);
    for (const WorkerMemory& own : memory) {
      if (own.worker != index) continue;
      text +=
          fmt::format(R"(,"peak_bytes":{},"private_bytes":{})", own.peak_bytes, own.private_bytes);
    }
    text += "}";
  }
  write(text + "],\n\"job\":");
  write(job_object);
  write("}\n");
  flush();
  file_.publish();
}

void Report::write(std::string_view text) {
  constexpr size_t kBufferBytes = 1 << 16;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void Report::flush() {
  file_.file().write_at(size_, std::as_bytes(std::span(buffer_)));
  size_ += buffer_.size();
  buffer_.clear();
}

}  // namespace hornet::job
