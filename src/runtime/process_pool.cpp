#include "runtime/process_pool.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/cpu.h"
#include "runtime/current_worker.h"

namespace hornet::internal {
namespace {

thread_local ProcessPool* t_process_pool = nullptr;

constexpr const char* kProgram = "hornet-worker";

// Beside the program that runs, beside the library this code is in, and where both are installed.
std::string find_program() {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> folders = {fs::read_symlink("/proc/self/exe", error).parent_path()};
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&find_program), &info) != 0) {
    folders.push_back(fs::canonical(info.dli_fname, error).parent_path());
  }
  for (const fs::path& folder : folders) {
    for (const char* place : {".", "..", "../bin", "../../bin"}) {
      const fs::path program = folder / place / kProgram;
      if (access(program.c_str(), X_OK) == 0) return program.lexically_normal().string();
    }
  }
  fail(ErrorCode::kIo, "the program {} is neither beside {} nor beside libhornet; say where it is",
       kProgram, folders[0].string());
}

ProcessExecutorOptions checked(ProcessExecutorOptions options) {
  require(
      options.max_workers >= 0 && options.max_tasks_per_child >= 0 && options.max_replacements >= 0,
      ErrorCode::kInvalidArgument,
      "max_workers, max_tasks_per_child and max_replacements must not be negative");
  if (options.max_workers == 0) options.max_workers = usable_cores_of_process();
  if (options.program.empty()) options.program = find_program();
  return options;
}

}  // namespace

ProcessPool::ProcessPool(ProcessExecutorOptions options)
    : options_(checked(std::move(options))), slots_(static_cast<size_t>(options_.max_workers)) {
  for (int worker = 0; worker < options_.max_workers; ++worker) memory_.push_back({worker, 0, 0});
  ThreadExecutorOptions threads;
  threads.max_workers = options_.max_workers;
  threads.thread_name_prefix = "hornet_mind";
  threads.on_error = options_.on_error;
  threads.max_pending = options_.max_pending;
  threads.thread_setup = [this] {
    t_process_pool = this;
    start_spare(my_slot());
  };
  // By the thread that made the process: it dies with its thread.
  threads.thread_teardown = [this] { end(my_slot()); };
  threads.pool_name = "process pool";
  threads.initializer_name = "a process initializer";
  threads_ = std::make_shared<ThreadPool>(std::move(threads));
}

ProcessPool::~ProcessPool() { threads_->shutdown(true, false); }

void ProcessPool::shutdown(bool wait, bool cancel_futures) {
  const bool by_a_worker = t_process_pool == this;
  if (!by_a_worker) {
    threads_->shutdown(false, cancel_futures);
    if (!threads_->has_pending()) {
      const std::scoped_lock lock(mutex_);
      wants_no_spares_ = true;
      for (Slot& slot : slots_) {
        if (slot.is_spare && slot.process) slot.process->kill();
      }
    }
  }
  threads_->shutdown(wait, cancel_futures);
}

ProcessPool* ProcessPool::current() { return t_process_pool; }

ProcessPool::Slot& ProcessPool::my_slot() {
  return slots_.at(static_cast<size_t>(Executor::current_worker()));
}

void ProcessPool::require_whole() const {
  const std::scoped_lock lock(mutex_);
  require(broken_.empty(), ErrorCode::kBrokenPool, "{}", broken_);
}

bool ProcessPool::is_unwanted(const Slot& slot) const {
  const std::scoped_lock lock(mutex_);
  return slot.is_spare && wants_no_spares_;
}

void ProcessPool::start_spare(Slot& slot) {
  const auto set_spare = [&](bool is_spare) {
    const std::scoped_lock lock(mutex_);
    slot.is_spare = is_spare;
  };
  set_spare(true);
  try {
    start_for_sure(slot);
  } catch (const Error&) {
    if (!is_unwanted(slot)) throw;
  }
  set_spare(false);
}

void ProcessPool::start(Slot& slot) {
  require_whole();
  const int worker = Executor::current_worker();
  auto process = std::make_unique<runtime::WorkerProcess>(
      runtime::WorkerProcessOptions{options_.program, worker, options_.descriptors});
  runtime::WorkerProcess& started = *process;
  {
    const std::scoped_lock lock(mutex_);
    slot.process = std::move(process);
    slot.tasks = 0;
    const bool is_too_late = !broken_.empty() || (slot.is_spare && wants_no_spares_);
    if (is_too_late) slot.process->kill();
  }
  const runtime::Reply reply = initialize(started);
  remember(worker, reply);
  if (reply.error) throw Error(*reply.error);
}

runtime::Reply ProcessPool::initialize(runtime::WorkerProcess& process) {
  const Deadline deadline = deadline_after(options_.start_timeout);
  try {
    process.require_same_version(deadline);
    if (options_.initializer.empty()) return {};
    return process.call(options_.initializer, options_.initializer_argument, deadline);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kTimeout) throw;
    fail(ErrorCode::kTimeout, "{} was not ready {} s after its start and was killed",
         process.name(), options_.start_timeout->count());
  }
}

void ProcessPool::start_for_sure(Slot& slot) {
  constexpr int kMaxTooSlow = 3;
  for (int too_slow = 0;;) {
    try {
      return start(slot);
    } catch (const Error& error) {
      // What it threw, or why it ended by itself, would be the same for the next one.
      const bool killed = slot.process != nullptr && slot.process->was_killed();
      if (error.code() == ErrorCode::kTimeout) ++too_slow;
      if (!killed || too_slow == kMaxTooSlow || is_unwanted(slot)) throw;
      lose(slot, error);
    }
  }
}

void ProcessPool::end(Slot& slot) {
  std::unique_ptr<runtime::WorkerProcess> process;
  {
    const std::scoped_lock lock(mutex_);
    process.swap(slot.process);
  }
}

void ProcessPool::remember(int worker, const runtime::Reply& reply) {
  const std::scoped_lock lock(mutex_);
  WorkerMemory& memory = memory_[static_cast<size_t>(worker)];
  memory.peak_bytes = std::max(memory.peak_bytes, reply.peak_bytes);
  memory.private_bytes = std::max(memory.private_bytes, reply.private_bytes);
}

std::vector<WorkerMemory> ProcessPool::memory() const {
  const std::scoped_lock lock(mutex_);
  return memory_;
}

void ProcessPool::begin_task() {
  Slot& slot = my_slot();
  if (options_.max_tasks_per_child > 0 && slot.tasks >= options_.max_tasks_per_child) end(slot);
  require_process(slot);
  ++slot.tasks;
}

void ProcessPool::require_process(Slot& slot) {
  require_whole();
  if (slot.process != nullptr) return;
  try {
    start_for_sure(slot);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kBrokenPool) throw;
    break_pool(fmt::format("a new worker cannot start: {}", error.message()));
  }
}

runtime::Reply ProcessPool::call(const std::string& function, std::string_view argument,
                                 const Deadline& deadline) {
  runtime::check_call(function, argument.size());
  Slot& slot = my_slot();
  require_process(slot);
  try {
    runtime::Reply reply = slot.process->call(function, argument, deadline);
    remember(Executor::current_worker(), reply);
    // What memory it has left, and in which state, nobody knows.
    if (reply.error && reply.error->code() == ErrorCode::kOutOfMemory) {
      lose(slot,
           Error(ErrorCode::kOutOfMemory, slot.process->name() + ": " + reply.error->message()));
    }
    return reply;
  } catch (const Error& error) {
    lose(slot, error);
    throw;
  } catch (const std::bad_alloc&) {
    // A part of the reply may still be on its way.
    lose(slot,
         Error(ErrorCode::kOutOfMemory, slot.process->name() + ": no memory for what it answers"));
    throw;
  }
}

void ProcessPool::lose(Slot& slot, const Error& error) {
  end(slot);
  require_whole();  // it was killed because another one broke the pool
  bool may_replace = false;
  {
    const std::scoped_lock lock(mutex_);  // others may die at once, and none is to be one too many
    may_replace = num_replaced_ < options_.max_replacements;
    if (may_replace) ++num_replaced_;
  }
  if (!may_replace) {
    break_pool(options_.max_replacements == 0
                   ? error.message()
                   : fmt::format("{}; {} workers were replaced before, which is the most allowed",
                                 error.message(), options_.max_replacements));
  }
  if (options_.on_replaced) options_.on_replaced(error.message());
}

void ProcessPool::break_pool(const std::string& why) {
  const std::string text = why + ", the process pool is not usable anymore";
  {
    const std::scoped_lock lock(mutex_);
    if (broken_.empty()) broken_ = text;
    for (Slot& slot : slots_) {
      if (slot.process) slot.process->kill();
    }
  }
  threads_->fail_pending(text);
  fail(ErrorCode::kBrokenPool, "{}", text);
}

}  // namespace hornet::internal
