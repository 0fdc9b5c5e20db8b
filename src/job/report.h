// What happened in a job, chunk by chunk, as a file of JSON.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/partial_file.h"
#include "hornet/executor.h"
#include "job/work_list.h"

namespace hornet::job {

// One try at some rows. Seconds are counted from the begin of the job.
struct PieceRun {
  int64_t begin = 0, end = 0;
  int worker = -1;
  double start_seconds = 0, end_seconds = 0;
  std::string error;  // "" where it succeeded
};

// Written as the job goes on: memory holds the tries of unfinished chunks and a few sums a worker.
// Not thread-safe.
class Report {
 public:
  // A file that exists is replaced by finish(). Throws Error(kIo).
  explicit Report(const std::string& path, FileSystem& fs = FileSystem::real());

  void add(int64_t chunk, const PieceRun& run);
  void finish(const FinishedChunk& chunk);
  // Text for the entry "job": the caller's own JSON object.
  void close(std::string_view job_object, const std::vector<WorkerMemory>& memory);

 private:
  struct Worker {
    double busy_seconds = 0;
    int64_t runs = 0;
  };
  void write(std::string_view text);
  void flush();

  PartialFile file_;
  std::string buffer_;
  uint64_t size_ = 0;
  bool has_chunks_ = false;
  std::map<int64_t, std::vector<PieceRun>> open_;
  std::map<int, Worker> workers_;
};

}  // namespace hornet::job
