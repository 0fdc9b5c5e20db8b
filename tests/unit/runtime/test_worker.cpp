// A worker program for the tests of ProcessExecutor.
#include <csignal>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "hornet/error.h"
#include "hornet/executor.h"
#include "runtime/message.h"

namespace {

int g_calls = 0;
std::string g_initialized;

std::string text(std::string_view argument) { return std::string(argument); }

// Answers one call as a worker program of another version; "" is one that does not know the
// question.
void answer_as(const std::string& version) {
  constexpr int kSocket = 3;
  uint64_t size = 0;
  if (read(kSocket, &size, sizeof(size)) != sizeof(size)) return;
  std::string request(size, '\0');
  if (read(kSocket, request.data(), size) != static_cast<ssize_t>(size)) return;
  hornet::runtime::MessageWriter reply;
  reply.number(static_cast<uint8_t>(version.empty())).number(uint8_t{0});
  reply.number(hornet::ErrorCode::kInvalidArgument).text(version.empty() ? "what?" : version);
  reply.number(uint64_t{0}).number(uint64_t{0});
  const std::string bytes = hornet::runtime::MessageWriter().text(reply.bytes()).bytes();
  if (write(kSocket, bytes.data(), bytes.size()) > 0) pause();
}

}  // namespace

int main(int argc, char** argv) {
  if (const char* version = getenv("HORNET_TEST_VERSION")) answer_as(version);
  using hornet::WorkerFunction;
  const std::map<std::string, WorkerFunction> functions = {
      {"square",
       [](std::string_view argument) {
         const long value = std::stol(text(argument));
         return std::to_string(value * value);
       }},
      {"echo", text},
      {"throw",
       [](std::string_view argument) -> std::string {
         throw hornet::Error(hornet::ErrorCode::kInvalidInput, text(argument));
       }},
      {"throw_foreign",
       [](std::string_view) -> std::string { throw std::runtime_error("foreign"); }},
      {"no_memory", [](std::string_view) -> std::string { throw std::bad_alloc(); }},
      {"die",
       [](std::string_view argument) -> std::string {
         const int number = std::stoi(text(argument));
         signal(number, SIG_DFL);  // that of a sanitizer would only exit
         raise(number);
         return "alive";
       }},
      {"die_before_child",
       [](std::string_view) -> std::string {
         if (system("sleep 30 </dev/null >/dev/null 2>&1 &") != 0) return "no child";
         _exit(3);
       }},
      {"exit", [](std::string_view argument) -> std::string { _exit(std::stoi(text(argument))); }},
      {"hang",
       [](std::string_view) -> std::string {
         while (true) pause();
       }},
      {"pid", [](std::string_view) { return std::to_string(getpid()); }},
      {"calls", [](std::string_view) { return std::to_string(++g_calls); }},
      {"initialize",
       [](std::string_view argument) {
         g_initialized = text(argument);
         return std::string();
       }},
      {"initialize_slowly",
       [](std::string_view) {
         usleep(300000);
         return std::string();
       }},
      {"initialized", [](std::string_view) { return g_initialized; }},
      // Which descriptors are open: "0 1 2 3".
      {"descriptors",
       [](std::string_view) {
         std::string open;
         for (int fd = 0; fd < 256; ++fd) {
           if (fcntl(fd, F_GETFD) >= 0) open += (open.empty() ? "" : " ") + std::to_string(fd);
         }
         return open;
       }},
      {"read_descriptor",
       [](std::string_view argument) {
         std::string bytes(16, '\0');
         const ssize_t count = pread(std::stoi(text(argument)), bytes.data(), bytes.size(), 0);
         bytes.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
         return bytes;
       }},
  };
  return hornet::worker_main(argc, argv, functions);
}
