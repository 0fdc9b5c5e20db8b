#include "hornet/executor.h"

#include "base/check.h"
#include "runtime/current_worker.h"
#include "runtime/thread_pool.h"

namespace hornet {
namespace internal {
namespace {

thread_local int t_worker = -1;

}  // namespace

void set_current_worker(int worker) { t_worker = worker; }

void check_map_options(const MapOptions& options) {
  require(options.chunksize >= 1, ErrorCode::kInvalidArgument, "chunksize must be >= 1; found {}",
          options.chunksize);
}

}  // namespace internal

int Executor::current_worker() { return internal::t_worker; }

ThreadExecutor::ThreadExecutor(ThreadExecutorOptions options)
    : Executor(options.on_error),
      pool_(std::make_shared<internal::ThreadPool>(std::move(options))) {}

ThreadExecutor::~ThreadExecutor() { pool_->shutdown(true, false); }

void ThreadExecutor::shutdown(bool wait, bool cancel_futures) {
  pool_->shutdown(wait, cancel_futures);
}

int ThreadExecutor::max_workers() const { return pool_->max_workers(); }

int ThreadExecutor::num_threads() const { return pool_->num_threads(); }

void ThreadExecutor::enqueue(std::shared_ptr<internal::Task> task) {
  pool_->enqueue(std::move(task));
}

}  // namespace hornet
