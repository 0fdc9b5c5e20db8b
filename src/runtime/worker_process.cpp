#include "runtime/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <thread>

#include "base/check.h"
#include "base/cpu.h"
#include "base/file_system.h"
#include "runtime/message.h"
#include "runtime/output_error.h"

extern char** environ;

namespace hornet::runtime {
namespace {

using internal::Clock;
using internal::Deadline;

constexpr size_t kMaxMessageBytes = size_t{1} << 30;

// What worker_version() says of messages, for builds of one version: one more whenever what calls
// and replies consist of changes, here or in WorkerSetup.
constexpr int kMessageFormat = 1;
// The first call, which keeps its form, as its reply does, in all versions.
constexpr const char* kVersionFunction = "hornet.version";

int g_worker = 0;

// A descriptor above those that the worker gets, so that moving one does not overwrite another.
class HighDescriptor {
 public:
  HighDescriptor(int fd, int lowest) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, lowest)) {
    if (fd_ < 0) fail_system("cannot pass a file to a worker");
  }
  ~HighDescriptor() { close(fd_); }
  HighDescriptor(const HighDescriptor&) = delete;
  HighDescriptor& operator=(const HighDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// What posix_spawn is told.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    // Ctrl-C goes to the whole process group, and it is for the parent to decide what it means.
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&blocked, signal);
    posix_spawnattr_setsigmask(&attributes, &blocked);
    sigset_t defaults;
    sigfillset(&defaults);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::string describe_status(int status) {
  if (WIFEXITED(status)) return fmt::format("ended with exit code {}", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* name = sigabbrev_np(signal);
  return fmt::format("was killed by signal {} (SIG{}{})", signal, name != nullptr ? name : "?",
                     signal == SIGKILL ? ", as the system does when memory runs out" : "");
}

// Bytes of a line "RssAnon:  123 kB" of /proc/self/status.
size_t status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return std::stoull(line.substr(key.size())) * 1024;
  }
  return 0;
}

std::string framed(std::string_view bytes) { return MessageWriter().text(bytes).bytes(); }

// Whole messages over a blocking socket, for the worker; false at its end.
bool read_all(int socket, void* data, size_t size) {
  auto* bytes = static_cast<std::byte*>(data);
  while (size > 0) {
    const ssize_t count = read(socket, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

bool write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

std::string encode(const Reply& reply) {
  MessageWriter message;
  message.number(static_cast<uint8_t>(reply.error.has_value()))
      .number(static_cast<uint8_t>(reply.is_output_error))
      .number(reply.error ? reply.error->code() : ErrorCode::kInternal)
      .text(reply.error ? reply.error->message() : reply.result)
      .number(static_cast<uint64_t>(reply.peak_bytes))
      .number(static_cast<uint64_t>(reply.private_bytes));
  return message.bytes();
}

Reply decode(std::string_view bytes) {
  MessageReader message(bytes);
  Reply reply;
  const bool failed = message.number<uint8_t>() != 0;
  reply.is_output_error = message.number<uint8_t>() != 0;
  const auto code = message.number<ErrorCode>();
  std::string text = message.text();
  if (failed)
    reply.error.emplace(code, text);
  else
    reply.result = std::move(text);
  reply.peak_bytes = message.number<uint64_t>();
  reply.private_bytes = message.number<uint64_t>();
  return reply;
}

Reply answer(const WorkerFunctions& functions, std::string_view request) {
  Reply reply;
  try {
    MessageReader message(request);
    const std::string function = message.text(), argument = message.text();
    const auto found = functions.find(function);
    require(found != functions.end(), ErrorCode::kInvalidArgument,
            "the worker program has no function \"{}\"", function);
    reply.result = found->second(argument);
  } catch (const OutputError& error) {
    reply.error = error;
    reply.is_output_error = true;
  } catch (const Error& error) {
    reply.error = error;
  } catch (const std::bad_alloc&) {
    reply.error.emplace(ErrorCode::kOutOfMemory, "no memory");
  } catch (const std::exception& error) {
    reply.error.emplace(ErrorCode::kInternal, error.what());
  } catch (...) {
    reply.error.emplace(ErrorCode::kInternal, "unknown exception");
  }
  reply.peak_bytes = peak_resident_bytes();
  reply.private_bytes = status_bytes("RssAnon:");
  return reply;
}

}  // namespace

void check_call(std::string_view function, size_t argument_bytes) {
  constexpr size_t kFrameBytes = 64;  // lengths
  const bool fits = argument_bytes <= kMaxMessageBytes - kFrameBytes - function.size();
  require(fits, ErrorCode::kInvalidArgument,
          "a call of \"{}\" with {} bytes; a worker takes at most {}", function, argument_bytes,
          kMaxMessageBytes - kFrameBytes - function.size());
}

WorkerProcess::WorkerProcess(const WorkerProcessOptions& options)
    : program_(options.program), worker_(options.worker) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    fail_system("cannot connect to a new worker");
  }
  socket_ = sockets[0];
  try {
    SpawnSettings settings;
    std::vector<std::unique_ptr<HighDescriptor>> passed;
    const int lowest = kFirstWorkerDescriptor + static_cast<int>(options.descriptors.size());
    passed.push_back(std::make_unique<HighDescriptor>(sockets[1], lowest));
    close(std::exchange(sockets[1], -1));
    for (const int fd : options.descriptors) {
      passed.push_back(std::make_unique<HighDescriptor>(fd, lowest));
    }
    int next = kWorkerSocket;
    for (const auto& fd : passed) {
      posix_spawn_file_actions_adddup2(&settings.actions, fd->get(), next++);
    }
    posix_spawn_file_actions_addclosefrom_np(&settings.actions, next);
    posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&settings.actions, STDERR_FILENO, STDOUT_FILENO);
    std::string words[] = {options.program, std::to_string(getpid()), std::to_string(worker_)};
    char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    const int error = posix_spawn(&pid_, options.program.c_str(), &settings.actions,
                                  &settings.attributes, argv, environ);
    require(error == 0, ErrorCode::kIo, "cannot run the worker program {}: {}", options.program,
            error_text(error));
  } catch (...) {
    if (sockets[1] >= 0) close(sockets[1]);
    close(socket_);
    throw;
  }
}

WorkerProcess::~WorkerProcess() {
  close(socket_);
  reap(false);
}

std::string WorkerProcess::name() const {
  return fmt::format("worker {} (process {})", worker_, pid_);
}

void WorkerProcess::kill() {
  const std::scoped_lock lock(mutex_);
  if (!reaped_) ::kill(pid_, SIGKILL);
}

// Waits for the end of the process, for a while if it is not to come `at_once`; says how it ended.
std::string WorkerProcess::reap(bool at_once) {
  constexpr auto kPatience = std::chrono::seconds(5);
  const auto end = Clock::now() + (at_once ? std::chrono::seconds(0) : kPatience);
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      if (reaped_) return "has ended";
      if (Clock::now() >= end) ::kill(pid_, SIGKILL);
      int status = 0;
      const pid_t found = waitpid(pid_, &status, WNOHANG);
      // Somebody else may wait for all children of this process.
      if (found < 0 && errno != EINTR) {
        reaped_ = true;
        return "has ended";
      }
      if (found == pid_) {
        reaped_ = true;
        was_killed_ = WIFSIGNALED(status);
        return describe_status(status);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void WorkerProcess::fail_dead() {
  // Its end of the connection is closed: it has ended, or is about to.
  const std::string how = reap(false);
  fail(ErrorCode::kWorkerDied, "{} {}", name(), how);
}

void WorkerProcess::wait_for(short events, const Deadline& deadline) {
  while (true) {
    int milliseconds = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
      milliseconds = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
    }
    pollfd waiting = {socket_, events, 0};
    const int ready = poll(&waiting, 1, milliseconds);
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) fail_system("cannot wait for a worker");
    if (deadline && Clock::now() >= *deadline) {
      kill();
      reap(true);
      fail(ErrorCode::kTimeout, "{} was not done in time and was killed", name());
    }
  }
}

void WorkerProcess::send(std::string_view bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    wait_for(POLLOUT, deadline);
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) fail_dead();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

std::string WorkerProcess::receive(const Deadline& deadline) {
  const auto read_exactly = [&](void* data, size_t size) {
    auto* bytes = static_cast<std::byte*>(data);
    while (size > 0) {
      wait_for(POLLIN, deadline);
      const ssize_t count = recv(socket_, bytes, size, MSG_DONTWAIT);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) fail_dead();
      bytes += count;
      size -= static_cast<size_t>(count);
    }
  };
  uint64_t size = 0;
  read_exactly(&size, sizeof(size));
  if (size > kMaxMessageBytes) {
    kill();
    fail_dead();
  }
  std::string bytes(size, '\0');
  read_exactly(bytes.data(), bytes.size());
  return bytes;
}

Reply WorkerProcess::call(std::string_view function, std::string_view argument,
                          const Deadline& deadline) {
  send(framed(MessageWriter().text(function).text(argument).bytes()), deadline);
  return decode(receive(deadline));
}

void WorkerProcess::require_same_version(const internal::Deadline& deadline) {
  const Reply reply = call(kVersionFunction, worker_version(), deadline);
  // Older ones do not know the function.
  const std::string found = reply.error ? "an older hornet" : "hornet " + reply.result;
  require(!reply.error && reply.result == worker_version(), ErrorCode::kInvalidArgument,
          "the worker program {} is of {}; expected {}", program_, found, worker_version());
}

std::string worker_version() {
  return fmt::format("{} (messages {})", HORNET_VERSION, kMessageFormat);
}

int served_worker() { return g_worker; }

int serve(const std::vector<std::string>& arguments, const WorkerFunctions& functions) {
  constexpr int kNotCalledByHornet = 2;
  // Before anything else: if the parent is gone already, its signal will not come.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (arguments.size() != 3 || arguments[1] != std::to_string(getppid()) ||
      fcntl(kWorkerSocket, F_GETFD) < 0) {
    static constexpr std::string_view kText =
        "hornet-worker is run by hornet, and by nobody else\n";
    static_cast<void>(!write(STDERR_FILENO, kText.data(), kText.size()));
    return kNotCalledByHornet;
  }
  // Programs that a function starts may outlive this one, whose end is that of its socket.
  for (int fd = kWorkerSocket; fcntl(fd, F_SETFD, FD_CLOEXEC) == 0; ++fd) {
  }
  g_worker = std::stoi(arguments[2]);
  signal(SIGXFSZ, SIG_IGN);  // writing beyond the limit is an error of the file
  WorkerFunctions known = functions;
  known[kVersionFunction] = [](std::string_view) { return worker_version(); };
  std::string request;
  while (true) {
    uint64_t size = 0;
    if (!read_all(kWorkerSocket, &size, sizeof(size)) || size > kMaxMessageBytes) return 0;
    request.resize(size);
    if (!read_all(kWorkerSocket, request.data(), request.size())) return 0;
    Reply reply = answer(known, request);
    std::string bytes = encode(reply);
    if (bytes.size() > kMaxMessageBytes) {
      reply.error.emplace(ErrorCode::kInvalidArgument,
                          fmt::format("a result of {} bytes; a worker gives at most {}",
                                      reply.result.size(), kMaxMessageBytes));
      bytes = encode(reply);
    }
    if (!write_all(kWorkerSocket, framed(bytes))) return 0;
  }
}

}  // namespace hornet::runtime
