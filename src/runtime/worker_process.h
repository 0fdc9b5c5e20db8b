// One worker process, seen from its parent; and its own side of the connection.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hornet/error.h"
#include "hornet/internal/future_state.h"

namespace hornet::runtime {

// What a function of the worker gave or threw.
struct Reply {
  std::string result;
  std::optional<Error> error;
  bool is_output_error = false;
  size_t peak_bytes = 0;     // resident set at its highest
  size_t private_bytes = 0;  // anonymous memory now: not that of files, nor shared
};

struct WorkerProcessOptions {
  std::string program;
  int worker = 0;                     // its number, for messages and for itself
  std::vector<int> descriptors = {};  // become 4, 5, ... in the worker; all others are closed
};

// Throws Error(kInvalidArgument) where a worker would not take a call of this size.
void check_call(std::string_view function, size_t argument_bytes);

// Spawned, never forked: it inherits neither threads nor locks. It dies with the thread that made
// it, SIGKILL included, and ignores the signals that a terminal sends to all.
// One thread calls; kill() may come from any.
class WorkerProcess {
 public:
  // Throws Error(kIo) where the program cannot be run.
  explicit WorkerProcess(const WorkerProcessOptions& options);
  // Ends the process: politely, and after a while by SIGKILL.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Calls a function of the worker. Throws Error, and the process is gone then: kWorkerDied, which
  // says how, kTimeout where there was no reply before the deadline.
  Reply call(std::string_view function, std::string_view argument,
             const internal::Deadline& deadline);
  // Throws Error(kInvalidArgument) where the program is of another version than this process, and
  // would not understand it.
  void require_same_version(const internal::Deadline& deadline);
  void kill();
  // "worker 1 (process 4242)"
  std::string name() const;
  // Of one that call() found dead.
  bool was_killed() const { return was_killed_; }

 private:
  void send(std::string_view bytes, const internal::Deadline& deadline);
  std::string receive(const internal::Deadline& deadline);
  void wait_for(short events, const internal::Deadline& deadline);
  [[noreturn]] void fail_dead();
  std::string reap(bool at_once);

  const std::string program_;
  const int worker_;
  pid_t pid_ = -1;
  int socket_ = -1;
  std::mutex mutex_;  // guards reaped_
  bool was_killed_ = false;
  bool reaped_ = false;  // the process number may be that of another by now
};

// The worker's side. A function takes its argument and returns the result.
using WorkerFunctions = std::map<std::string, std::function<std::string(std::string_view)>>;

// Descriptors of the worker.
inline constexpr int kWorkerSocket = 3;
inline constexpr int kFirstWorkerDescriptor = 4;

// Answers calls until the parent closes the connection. `arguments` are those of main. Returns the
// exit code.
int serve(const std::vector<std::string>& arguments, const WorkerFunctions& functions);
// What both sides must have in common: "0.1.0 (messages 1)".
std::string worker_version();
// The number of this worker; 0 elsewhere.
int served_worker();

}  // namespace hornet::runtime
