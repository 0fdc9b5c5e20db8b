// Outputs that can only be written from the beginning to the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

// Takes bytes one after the other.
class ByteOutput {
 public:
  virtual ~ByteOutput() = default;
  virtual void append(std::string_view bytes) = 0;
  // As Sink::finish().
  virtual void finish() = 0;
};

// Whether `path` is no file that gets its name when it is finished, see OutputKind.
bool is_stream(const std::string& path, FileSystem& fs);

// A stream; or a file that has its name when finished, like other outputs.
// Throws Error(kUnsupported) for kResume: what comes in order leaves nothing to go on from.
std::unique_ptr<ByteOutput> open_byte_output(const std::string& path, Overwrite overwrite,
                                             FileSystem& fs = FileSystem::real());

// Puts what workers make of ranges of rows, in any order, into the order of the rows. What comes
// too early waits in memory, and beyond `window_bytes` of it in a temporary file: nobody ever
// waits, so a chunk that is tried again cannot block the others. Thread-safe.
class OrderedOutput {
 public:
  OrderedOutput(std::unique_ptr<ByteOutput> output, std::string name, int64_t num_rows,
                FileSystem& fs = FileSystem::real(), size_t window_bytes = kWindowBytes);

  // Bytes before the first row. Before any add().
  void begin_with(std::string_view bytes) { output_->append(bytes); }
  void add(int64_t begin, int64_t end, std::string bytes);
  // Throws Error(kInternal) where rows are missing.
  void finish(std::string_view last_bytes = "");

  static constexpr size_t kWindowBytes = size_t{32} << 20;
  // The window within this bound, see SinkOptions.
  static size_t window_bytes(size_t memory_bytes) {
    return memory_bytes == 0 ? kWindowBytes : std::min(kWindowBytes, memory_bytes);
  }

 private:
  struct Piece {
    int64_t end = 0;
    std::string bytes;
    std::optional<size_t> spilled_at;  // in the temporary file
    size_t spilled_bytes = 0;
  };
  void write_ready();
  void spill(Piece& piece);

  const std::unique_ptr<ByteOutput> output_;
  const std::string name_;
  const int64_t num_rows_;
  FileSystem& fs_;
  const size_t window_bytes_;
  std::mutex mutex_;  // of what follows, and of output_ after begin_with()
  int64_t next_ = 0;  // the first row that is not written
  std::map<int64_t, Piece> waiting_;
  size_t waiting_bytes_ = 0;  // in memory
  std::unique_ptr<File> temporary_;
  size_t temporary_bytes_ = 0;
};

}  // namespace hornet
