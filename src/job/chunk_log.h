// Makes finished chunks durable, many at a time: rows, then failed rows, then the journal.
#pragma once

#include <mutex>
#include <vector>

#include "hornet/sink.h"
#include "job/error_list.h"
#include "job/journal.h"
#include "job/work_list.h"

namespace hornet::job {

// One thread may add while another commits. All it is given must outlive it.
class ChunkLog {
 public:
  // `journal` and `errors` may be null.
  ChunkLog(std::vector<Sink*> sinks, Journal* journal, ErrorList* errors);

  // The rows of the chunk are written.
  void add(const FinishedChunk& chunk);
  bool has_uncommitted() const;
  // What was added before the call is durable when it returns; `complete`: and that these are all
  // chunks. Throws Error(kIo).
  void commit(bool complete = false);

 private:
  const std::vector<Sink*> sinks_;
  Journal* const journal_;
  ErrorList* const errors_;
  mutable std::mutex mutex_;  // guards waiting_
  std::vector<FinishedChunk> waiting_;
};

}  // namespace hornet::job
