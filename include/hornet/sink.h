// Where predictions go.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hornet/tensor.h"

namespace hornet {

// A file in which rows lie one after the other, the first at byte `offset`.
struct FileRows {
  std::string path;
  size_t offset = 0;
};

// The job that goes on with rows that are kept.
struct RowsOwner {
  std::string job;      // a text that no other job has, without line ends
  std::string journal;  // where it stands, from the folder of the output
};

// Takes the rows of one model output, by range. write() is thread-safe for ranges that do not
// overlap. Whatever it throws is no fault of the rows: the job stops.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::string name() const = 0;
  // Stores rows [begin, begin + rows.shape[0]); `rows` has the dtype and row shape of open_sink.
  virtual void write(int64_t begin, const TensorView& rows) = 0;
  // Where rows [begin, end) may be made directly, in memory; nullptr where the sink wants write().
  // Rows that were made so are given to write() as well, at this address: it stores nothing then.
  virtual void* direct(int64_t /*begin*/, int64_t /*end*/) { return nullptr; }
  // Makes everything written durable and puts the output under its final name.
  // Without it the destructor leaves nothing behind, unless keep() was called.
  virtual void finish() = 0;

  // False where write() takes each row once and no more: what is written in order.
  virtual bool is_rewritable() const { return true; }
  // Makes what was written so far durable. Thread-safe, as write() is.
  virtual void sync() {}
  // From now on the destructor leaves unfinished rows for Overwrite::kResume; with false it does
  // not. Returns false, and does nothing, where another process could not go on with the sink.
  virtual bool keep(bool /*kept*/ = true) { return false; }
  // Marks rows that are kept as those of a job, until finish(): where all sinks do, another job's
  // rows are not taken for them.
  virtual void set_owner(const RowsOwner& /*owner*/) {}
  // Whose mark they have, be it one of the process that is continued.
  virtual std::optional<RowsOwner> owner() const { return std::nullopt; }
  // Whether finish() was called, be it by the process that is continued.
  virtual bool is_finished() const { return false; }
  // Where another process may write rows, before finish(); nullopt where only this one can.
  virtual std::optional<FileRows> file_rows() const { return std::nullopt; }
};

// kResume: continues what a sink that was to keep() its rows left behind, and replaces what is at
// the path when it finishes.
enum class Overwrite { kNever, kAllowed, kResume };

// What a file's name leaves open.
struct SinkOptions {
  std::string format = {};  // "npy", "csv", ...; "" where the name tells
  // Text formats: the K best classes of each row, best first, instead of all values; 0 for all.
  int64_t top_k = 0;
  // Text formats: a name for each value of a row.
  std::vector<std::string> labels = {};
  // Bounds rows that wait in memory for their turn. 0: as docs/formats.md says.
  size_t memory_bytes = 0;
};

// Creates `path`, its format told by `options` or its extension, for `num_rows` rows, its space on
// disk reserved before this returns. Nothing is at `path` before finish(): rows are kept in `path`
// + ".partial". "-" is the standard output; it, pipes and devices get rows in order, as they come,
// and text formats write their rows in order too. Throws Error(kIo): the path exists and overwrite
// is kNever, the disk is full, ...
std::unique_ptr<Sink> open_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                int64_t num_rows, Overwrite overwrite = Overwrite::kNever,
                                const SinkOptions& options = {});

// What an output of this path would be. A stream is written as it comes and has no place beside it
// for anything else: a pipe, a device, an open file by its descriptor, as /dev/fd/3. The standard
// output is one, as "-" and by any other name.
enum class OutputKind { kFile, kStream, kStandardOutput };
OutputKind output_kind(const std::string& path);

// Writes into memory of the caller, shape [rows, ...], which must outlive the sink.
std::unique_ptr<Sink> memory_sink(MutableTensorView rows, std::string name = "array");

}  // namespace hornet
