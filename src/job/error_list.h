// OUTPUT.errors.jsonl: the rows without a prediction, a line of JSON each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "hornet/sink.h"
#include "job/work_list.h"

namespace hornet::job {

// {"row":17,"error":"invalid_input","message":"..."}
std::string failed_row_line(const FailedRow& failure);

// The file is made with the first failed row. Lines are appended as chunks finish, and brought in
// the order of rows by finish(). Not thread-safe.
class ErrorList {
 public:
  // Keeps the first `bytes` of what an earlier run wrote. Throws Error(kIo): the file exists,
  // nothing of it is to be kept and it must not be overwritten.
  ErrorList(std::string path, uint64_t bytes, Overwrite overwrite,
            FileSystem& fs = FileSystem::real());

  // Appends and returns the length there is now. sync() makes it durable.
  uint64_t append(const std::vector<FailedRow>& failures);
  void sync();
  // Removes what was appended since the list was begun anew.
  void discard();
  void finish();

 private:
  File& file();

  const std::string path_;
  FileSystem& fs_;
  uint64_t size_;
  bool dirty_ = false;
  std::unique_ptr<File> file_;
};

}  // namespace hornet::job
