#include "job/job.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "job/progress.h"

namespace hornet::job {
namespace {

using Clock = ProgressMeter::Clock;

// The chunks of one job that are submitted and not yet looked at, by first row.
class ChunksInFlight {
 public:
  explicit ChunksInFlight(int64_t chunk_size, int64_t rows)
      : chunk_size_(chunk_size), rows_(rows) {}

  bool empty() const { return futures_.empty(); }
  size_t size() const { return futures_.size(); }
  void add(int64_t begin, Future<void> future) { futures_.emplace(begin, std::move(future)); }

  // Waits until one is done or `timeout` is over, then takes out all that are done: returns their
  // rows. Keeps the error of the failing chunk with the lowest rows.
  int64_t collect(std::chrono::milliseconds timeout) {
    std::vector<AnyFuture> waiting;
    for (const auto& [begin, future] : futures_) waiting.push_back(future);
    wait(waiting, timeout, ReturnWhen::kFirstCompleted);
    int64_t done = 0;
    for (auto entry = futures_.begin(); entry != futures_.end();) {
      if (!entry->second.done()) {
        ++entry;
        continue;
      }
      if (succeeded(entry->first, entry->second)) done += end_of(entry->first) - entry->first;
      entry = futures_.erase(entry);
    }
    return done;
  }

  void cancel_pending() {
    for (const auto& [begin, future] : futures_) future.cancel();
  }
  bool failed() const { return error_ != nullptr; }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }
  int64_t end_of(int64_t begin) const { return std::min(begin + chunk_size_, rows_); }

 private:
  bool succeeded(int64_t begin, const Future<void>& future) {
    if (future.cancelled()) return false;
    const std::exception_ptr error = future.exception();
    if (!error) return true;
    if (!error_ || begin < error_begin_) {
      error_ = with_rows(error, begin);
      error_begin_ = begin;
    }
    return false;
  }

  std::exception_ptr with_rows(const std::exception_ptr& error, int64_t begin) const {
    try {
      std::rethrow_exception(error);
    } catch (const Error& e) {
      return std::make_exception_ptr(
          Error(e.code(), fmt::format("rows {} to {}: {}", begin, end_of(begin) - 1, e.message())));
    } catch (const std::bad_alloc&) {
      return std::make_exception_ptr(
          Error(ErrorCode::kOutOfMemory,
                fmt::format("rows {} to {}: no memory", begin, end_of(begin) - 1)));
    } catch (const std::exception& e) {
      return std::make_exception_ptr(
          Error(ErrorCode::kInternal,
                fmt::format("rows {} to {}: {}", begin, end_of(begin) - 1, e.what())));
    }
  }

  const int64_t chunk_size_, rows_;
  std::map<int64_t, Future<void>> futures_;
  std::exception_ptr error_;
  int64_t error_begin_ = 0;
};

}  // namespace

void run_job(Executor& executor, const JobOptions& options, const ChunkFunction& compute) {
  HORNET_CHECK(options.chunk_size > 0 && options.rows >= 0);
  // One running and one waiting a worker: no worker waits for the next chunk.
  const size_t window = 2 * static_cast<size_t>(executor.max_workers());
  ProgressMeter meter(options.progress, options.rows, executor.max_workers(), Clock::now());
  ChunksInFlight chunks(options.chunk_size, options.rows);
  const auto stopping = [&] {
    return chunks.failed() ||
           (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed));
  };
  int64_t next = 0, done = 0;
  while (next < options.rows || !chunks.empty()) {
    if (stopping()) {
      chunks.cancel_pending();
      if (chunks.empty()) break;
    }
    while (next < options.rows && chunks.size() < window && !stopping()) {
      const int64_t end = chunks.end_of(next);
      chunks.add(next, executor.submit([&compute, begin = next, end] { compute(begin, end); }));
      next = end;
    }
    if (!chunks.empty()) done += chunks.collect(ProgressMeter::kInterval);
    meter.advance(done, Clock::now());
  }
  chunks.rethrow();
  require(done == options.rows, ErrorCode::kCancelled, "stopped after {} of {} rows", done,
          options.rows);
  meter.finish(done, Clock::now());
}

int64_t choose_chunk_size(int64_t rows, int64_t batch_size, int workers) {
  constexpr int64_t kChunksPerWorker = 16;
  constexpr int64_t kMostBatches = 64;
  const int64_t wanted = rows / (kChunksPerWorker * workers);
  return std::clamp(wanted / batch_size, int64_t{1}, kMostBatches) * batch_size;
}

}  // namespace hornet::job
