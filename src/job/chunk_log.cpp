#include "job/chunk_log.h"

#include <utility>

namespace hornet::job {

ChunkLog::ChunkLog(std::vector<Sink*> sinks, Journal* journal, ErrorList* errors)
    : sinks_(std::move(sinks)), journal_(journal), errors_(errors) {}

void ChunkLog::add(const FinishedChunk& chunk) {
  if (journal_ == nullptr && (errors_ == nullptr || chunk.failures.empty())) return;
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(chunk);
}

bool ChunkLog::has_uncommitted() const {
  const std::scoped_lock lock(mutex_);
  return !waiting_.empty();
}

void ChunkLog::commit(bool complete) {
  std::vector<FinishedChunk> chunks;
  {
    const std::scoped_lock lock(mutex_);
    chunks.swap(waiting_);
  }
  if (chunks.empty() && !complete) return;
  if (journal_ != nullptr) {
    for (Sink* sink : sinks_) sink->sync();
  }
  std::vector<ChunkRecord> records;
  for (const FinishedChunk& chunk : chunks) {
    ChunkRecord record = {chunk.chunk, static_cast<uint32_t>(chunk.failures.size()), 0};
    if (errors_ != nullptr) record.errors_bytes = errors_->append(chunk.failures);
    records.push_back(record);
  }
  if (errors_ != nullptr) errors_->sync();
  if (journal_ != nullptr) journal_->append(records, complete);
}

}  // namespace hornet::job
