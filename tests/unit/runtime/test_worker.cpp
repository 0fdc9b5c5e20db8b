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

namespace {

int g_calls = 0;
std::string g_initialized;

std::string text(std::string_view argument) { return std::string(argument); }

}  // namespace

int main(int argc, char** argv) {
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
