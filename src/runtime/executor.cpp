#include "hornet/executor.h"

#include "base/check.h"
#include "runtime/current_worker.h"
#include "runtime/process_pool.h"
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

ProcessExecutor::ProcessExecutor(ProcessExecutorOptions options)
    : Executor(options.on_error),
      pool_(std::make_shared<internal::ProcessPool>(std::move(options))) {}

ProcessExecutor::~ProcessExecutor() { shutdown(true, false); }

void ProcessExecutor::shutdown(bool wait, bool cancel_futures) {
  pool_->shutdown(wait, cancel_futures);
}

int ProcessExecutor::max_workers() const { return pool_->options().max_workers; }

int ProcessExecutor::num_replaced() const { return pool_->num_replaced(); }

std::vector<WorkerMemory> ProcessExecutor::memory() const { return pool_->memory(); }

void ProcessExecutor::enqueue(std::shared_ptr<internal::Task> task) {
  pool_->threads().enqueue(std::move(task));
}

std::string RemoteFunction::operator()(const std::string& argument) const {
  internal::ProcessPool* pool = internal::ProcessPool::current();
  require(pool != nullptr, ErrorCode::kInvalidArgument,
          "the remote function \"{}\" is called outside of a task of a ProcessExecutor", name_);
  pool->begin_task();
  runtime::Reply reply =
      pool->call(name_, argument, internal::deadline_after(pool->options().task_timeout));
  if (reply.error) throw Error(*reply.error);
  return std::move(reply.result);
}

int worker_main(int argc, char** argv, const std::map<std::string, WorkerFunction>& functions) {
  return runtime::serve({argv, argv + argc}, functions);
}

void ThreadExecutor::enqueue(std::shared_ptr<internal::Task> task) {
  pool_->enqueue(std::move(task));
}

}  // namespace hornet
