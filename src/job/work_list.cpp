#include "job/work_list.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hornet::job {

WorkList::WorkList(Options options) : options_(std::move(options)) {
  HORNET_CHECK(options_.chunks.size > 0 && options_.chunks.rows >= 0 && options_.retries >= 0 &&
               options_.part_step > 0);
}

std::optional<Piece> WorkList::next() {
  if (!again_.empty()) {
    Piece piece = again_.front();
    again_.pop_front();
    return piece;
  }
  if (rest_.begin == rest_.end && !open_next_chunk()) return std::nullopt;
  Piece piece = rest_;
  piece.end = std::min(rest_.end, rest_.begin + piece_size(rest_.chunk));
  rest_.begin = piece.end;
  return piece;
}

bool WorkList::open_next_chunk() {
  const Chunks& chunks = options_.chunks;
  while (next_chunk_ < chunks.count() && options_.is_done && options_.is_done(next_chunk_)) {
    ++next_chunk_;
  }
  if (next_chunk_ == chunks.count()) return false;
  rest_.chunk = next_chunk_++;
  rest_.begin = chunks.begin(rest_.chunk);
  rest_.end = chunks.end(rest_.chunk);
  rest_.tries_left = options_.retries + 1;
  open_[rest_.chunk].rows_left = rest_.end - rest_.begin;
  return true;
}

int64_t WorkList::piece_size(int64_t chunk) const {
  const Chunks& chunks = options_.chunks;
  if (chunk < chunks.count() - options_.chunks_to_part) return chunks.size;
  const int64_t rows = chunks.num_rows(0), step = std::min(options_.part_step, rows);
  return (Chunks{rows, step}.count() + 3) / 4 * step;
}

void WorkList::succeeded(const Piece& piece) { finish_rows(piece); }

std::optional<FailedRow> WorkList::failed(const Piece& piece, int worker, const Error& error) {
  Piece again = piece;
  --again.tries_left;
  again.avoid_worker = worker;
  if (again.tries_left > 0) {
    again_.push_front(again);
    return std::nullopt;
  }
  if (piece.end - piece.begin > 1) {
    split(again);
    return std::nullopt;
  }
  FailedRow failure = {piece.begin, error.code(), error.message()};
  open_.at(piece.chunk).failures.push_back(failure);
  finish_rows(piece);
  return failure;
}

void WorkList::split(const Piece& piece) {
  const int64_t middle = piece.begin + (piece.end - piece.begin) / 2;
  const auto half = [&](int64_t begin, int64_t end) {
    Piece part = piece;
    part.begin = begin;
    part.end = end;
    part.tries_left = end - begin == 1 ? options_.retries + 1 : 1;
    return part;
  };
  again_.push_front(half(middle, piece.end));
  again_.push_front(half(piece.begin, middle));
}

void WorkList::finish_rows(const Piece& piece) {
  const auto entry = open_.find(piece.chunk);
  OpenChunk& chunk = entry->second;
  chunk.rows_left -= piece.end - piece.begin;
  HORNET_CHECK(chunk.rows_left >= 0);
  if (chunk.rows_left > 0) return;
  std::sort(chunk.failures.begin(), chunk.failures.end(),
            [](const FailedRow& a, const FailedRow& b) { return a.row < b.row; });
  finished_ = {piece.chunk, options_.chunks.begin(piece.chunk), options_.chunks.end(piece.chunk),
               std::move(chunk.failures)};
  open_.erase(entry);
}

std::optional<FinishedChunk> WorkList::take_finished() { return std::exchange(finished_, {}); }

}  // namespace hornet::job
