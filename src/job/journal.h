// The file beside an output that tells which chunks are done, for a job that goes on later.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "data/partial_file.h"
#include "job/chunks.h"

namespace hornet::job {

// What a journal says about its job before the first chunk. Text without line ends.
struct JournalHeader {
  int64_t rows = 0;
  int64_t chunk_size = 1;
  std::string job;  // what no other job has; "" where not all outputs have its mark
  // Name and value of everything that the bytes of the outputs depend on: "model", "input x", ...
  std::vector<std::pair<std::string, std::string>> identity;
  std::vector<std::string> outputs;  // paths
  std::vector<std::string> places;   // the same from the journal's folder; none in older journals
  bool overwrites = false;           // outputs that were there when the job began
  std::string errors_path;           // the list of failed rows; "" for none
  std::string resume_command;        // what to run to go on; "" where the caller did not say

  Chunks chunks() const { return {rows, chunk_size}; }
};

// Throws Error(kInvalidArgument) that names the first entry in which `now` differs from `then`.
void check_same_identity(const std::string& path, const JournalHeader& then,
                         const JournalHeader& now);

// The same for outputs, whose names and places `now` has.
void check_same_outputs(const std::string& path, const JournalHeader& then,
                        const JournalHeader& now);

// A chunk whose rows, and whose failed rows in the list of errors, are on the disk.
struct ChunkRecord {
  int64_t chunk = 0;
  uint32_t failed_rows = 0;
  uint64_t errors_bytes = 0;  // length of the list of errors with those of this chunk
};

// What the records of a journal say together. A bit a chunk.
class JournalState {
 public:
  JournalState() = default;
  explicit JournalState(const JournalHeader& header);

  bool is_done(int64_t chunk) const { return done_.at(static_cast<size_t>(chunk)); }
  // Once a chunk.
  void add(const JournalHeader& header, const ChunkRecord& record);

  int64_t chunks_done = 0;
  int64_t rows_done = 0;
  int64_t rows_failed = 0;
  uint64_t errors_bytes = 0;
  bool is_complete = false;  // all chunks are done and outputs get, or have, their final names

 private:
  std::vector<bool> done_;
};

struct JournalContent {
  JournalHeader header;
  JournalState state;
  size_t valid_bytes = 0;   // what follows is torn
  bool is_running = false;  // a process holds its lock
};

// Reads without touching it. Throws Error: kIo where there is none, kInvalidInput where it is none.
JournalContent read_journal(const std::string& path, FileSystem& fs = FileSystem::real());

// The journal of a running job, locked while it lives. Not thread-safe.
class Journal {
 public:
  // Makes a new one, which is durable with the first record. Throws Error(kIo).
  static std::unique_ptr<Journal> create(const std::string& path, const JournalHeader& header,
                                         Overwrite overwrite, FileSystem& fs = FileSystem::real());
  // Goes on with one, without its torn end. Throws as read_journal does, and kIo where another
  // process goes on with it.
  static std::unique_ptr<Journal> open(const std::string& path,
                                       FileSystem& fs = FileSystem::real());

  // Removes one whose job nobody goes on with. Throws as open() does.
  static void discard(const std::string& path, FileSystem& fs = FileSystem::real());

  const std::string& path() const { return path_; }
  const JournalHeader& header() const { return header_; }
  const JournalState& state() const { return state_; }

  // Appends records, with `complete` also that all chunks are done, and makes them durable.
  void append(const std::vector<ChunkRecord>& records, bool complete = false);
  // Says that all chunks are done.
  void append_complete();
  // The job is over.
  void remove();

 private:
  Journal(std::string path, JournalHeader header, FileSystem& fs);
  File& file() { return created_ ? created_->file() : *opened_; }
  void append_bytes(const std::string& bytes);

  const std::string path_;
  const JournalHeader header_;
  FileSystem& fs_;
  JournalState state_;
  size_t size_ = 0;
  bool name_is_durable_ = false;
  std::unique_ptr<PartialFile> created_;
  std::unique_ptr<File> opened_;
};

}  // namespace hornet::job
