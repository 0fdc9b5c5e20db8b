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
// the order of rows by finish(). Where there is an older list, of the output that is replaced, it
// stays until replace(), and the new one is called `path` + ".new". The list is locked while it
// is written. Not thread-safe.
class ErrorList {
 public:
  // Keeps the first `bytes` of what an earlier run wrote. Throws Error(kIo): the file exists,
  // nothing of it is to be kept and it must not be overwritten; or another run is writing it.
  ErrorList(std::string path, uint64_t bytes, Overwrite overwrite,
            FileSystem& fs = FileSystem::real());

  // Makes the file at once, for a list that belongs to no output: a second run is refused before
  // it has a failed row, and an older list stays where there is none.
  void reserve();
  // Appends and returns the length there is now. sync() makes it durable.
  uint64_t append(const std::vector<FailedRow>& failures);
  void sync();
  // Removes what was appended since the list was begun anew.
  void discard();
  void finish();
  // Puts the list, or that there is none, in the place of an older one.
  void replace();

 private:
  File& file();
  void open();

  const std::string final_path_;
  FileSystem& fs_;
  uint64_t size_;
  bool replaces_;
  const std::string path_;  // until replace()
  bool dirty_ = false;
  bool is_reserved_ = false;
  std::unique_ptr<File> file_;
};

}  // namespace hornet::job
