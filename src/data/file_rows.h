// Writes rows into files in which they lie one after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

// Rows that lie one after the other in a file. Thread-safe for ranges that do not overlap.
class FileRowsWriter {
 public:
  // The first of `num_rows` rows is at `offset`. `file` must outlive the writer.
  FileRowsWriter(File& file, size_t offset, size_t row_bytes, int64_t num_rows);

  // Rows [begin, end). Every few megabytes, and with the last rows, it looks whether the file is
  // whole; and the system begins to write to the disk: who waits for it in the end waits for the
  // rest alone.
  void write(int64_t begin, int64_t end, const void* rows);
  // Throws Error(kIo) where the file is too short for all rows, so that rows written before are
  // lost; `what` could not be done then.
  void require_whole(const std::string& what) const;

 private:
  size_t offset_of(int64_t row) const { return offset_ + static_cast<size_t>(row) * row_bytes_; }

  File& file_;
  const size_t offset_, row_bytes_;
  const int64_t num_rows_;
  std::atomic<size_t> written_ = 0;
};

// Writes rows into a file that another process has made: `place` and `name` as the sink of the
// other process tells, which stays responsible for all else: finish() and keep() do nothing.
std::unique_ptr<Sink> open_file_rows(const FileRows& place, std::string name, DType dtype,
                                     const Shape& row_shape, int64_t num_rows,
                                     FileSystem& fs = FileSystem::real());

}  // namespace hornet
