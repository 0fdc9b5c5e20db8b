#include "job/work_list.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hornet::job {

WorkList::WorkList(Options options) : options_(std::move(options)) {
  HORNET_CHECK(options_.chunks.size > 0 && options_.chunks.rows >= 0 && options_.retries >= 0);
}

std::optional<Piece> WorkList::next() {
  if (!again_.empty()) {
    Piece piece = again_.front();
    again_.pop_front();
    return piece;
  }
  const Chunks& chunks = options_.chunks;
  while (next_chunk_ < chunks.count() && options_.is_done && options_.is_done(next_chunk_)) {
    ++next_chunk_;
  }
  if (next_chunk_ == chunks.count()) return std::nullopt;
  Piece piece;
  piece.chunk = next_chunk_++;
  piece.begin = chunks.begin(piece.chunk);
  piece.end = chunks.end(piece.chunk);
  piece.tries_left = options_.retries + 1;
  open_[piece.chunk].rows_left = piece.end - piece.begin;
  return piece;
}

void WorkList::succeeded(const Piece& piece) {
  ++open_.at(piece.chunk).tries;
  finish_rows(piece);
}

std::optional<FailedRow> WorkList::failed(const Piece& piece, int worker, const Error& error) {
  OpenChunk& chunk = open_.at(piece.chunk);
  ++chunk.tries;
  Piece again = piece;
  --again.tries_left;
  ++again.tries;
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
  chunk.failures.push_back(failure);
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
               chunk.tries, std::move(chunk.failures)};
  open_.erase(entry);
}

std::optional<FinishedChunk> WorkList::take_finished() { return std::exchange(finished_, {}); }

}  // namespace hornet::job
