// Which rows a worker gets next, and what becomes of those that failed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hornet/error.h"
#include "job/chunks.h"

namespace hornet::job {

// Rows [begin, end) of one chunk: what one task computes.
struct Piece {
  int64_t chunk = 0;
  int64_t begin = 0, end = 0;
  int tries_left = 1;
  int avoid_worker = -1;  // where it failed last
};

// A row without a prediction.
struct FailedRow {
  int64_t row = 0;
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

// A chunk all of whose rows are computed or have failed; `failures` in the order of rows.
struct FinishedChunk {
  int64_t chunk = 0;
  int64_t begin = 0, end = 0;
  std::vector<FailedRow> failures;
};

// Cuts rows into chunks and gives out those that are not done, the lowest rows first: whole, but
// the last ones in about quarters, so that workers end together. What fails is tried again
// `retries` times, then each half of it once, down to single rows, which are tried like a chunk
// before they count as failed. Used by one thread. Its memory does not depend on the number of
// rows: it knows the chunks given out and not finished.
class WorkList {
 public:
  struct Options {
    Chunks chunks;
    int64_t chunks_to_part = 0;  // so many of the last ones
    int64_t part_step = 1;       // parts have multiples of so many rows
    int retries = 0;
    std::function<bool(int64_t chunk)> is_done = {};  // by an earlier run
  };
  explicit WorkList(Options options);

  // The next rows to compute; nullopt where there are none now: more may come from failures.
  std::optional<Piece> next();
  // Both take what next() gave.
  void succeeded(const Piece& piece);
  // The failed row, where the piece is one and has no tries left.
  std::optional<FailedRow> failed(const Piece& piece, int worker, const Error& error);
  // A chunk that the last call finished.
  std::optional<FinishedChunk> take_finished();

 private:
  struct OpenChunk {
    int64_t rows_left = 0;
    std::vector<FailedRow> failures;
  };
  int64_t piece_size(int64_t chunk) const;
  bool open_next_chunk();
  void finish_rows(const Piece& piece);
  void split(const Piece& piece);

  const Options options_;
  int64_t next_chunk_ = 0;
  Piece rest_;  // of the chunk opened last
  std::deque<Piece> again_;
  std::map<int64_t, OpenChunk> open_;
  std::optional<FinishedChunk> finished_;
};

}  // namespace hornet::job
