// Runs the `hornet` command, as a shell would.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "hornet/sink.h"
#include "hornet/source.h"
#include "paths.h"
#include "unit/base/temporary_directory.h"

namespace hornet {

using Strings = std::vector<std::string>;

struct Outcome {
  int exit_code = -1;  // 128 + n after signal n
  std::string out, err;
  double cpu_seconds = 0;
  size_t peak_bytes = 0;  // resident, at its highest
};

inline int num_lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// A command that runs.
class RunningCommand {
 public:
  // `prepare` runs in the new process.
  RunningCommand(const Strings& arguments, const std::function<void()>& prepare) {
    Strings command = {HORNET_COMMAND};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& argument : command) argv.push_back(argument.data());
    argv.push_back(nullptr);
    write_file(logs_.path("err"), "");  // may be read before the command opens it
    pid_ = fork();
    if (pid_ != 0) return;
    redirect(STDOUT_FILENO, logs_.path("out"));
    redirect(STDERR_FILENO, logs_.path("err"));
    if (prepare) prepare();
    execv(argv[0], argv.data());
    _exit(127);
  }
  ~RunningCommand() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;

  void signal(int number) { kill(pid_, number); }

  // Waits until the command has written one of `texts` to stderr; false if it ends without, or does
  // not in a minute.
  bool wait_for_error_text(const Strings& texts) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < end) {
      const bool ended = has_ended();  // before the look at what it wrote
      const std::string written = read_file(logs_.path("err"));
      for (const std::string& text : texts) {
        if (written.find(text) != std::string::npos) return true;
      }
      if (ended) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  bool wait_for_error_text(const std::string& text) { return wait_for_error_text(Strings{text}); }

  Outcome finish() {
    int status = 0;
    rusage usage = {};
    wait4(pid_, &status, 0, &usage);
    pid_ = -1;
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            read_file(logs_.path("out")), read_file(logs_.path("err")),
            seconds(usage.ru_utime) + seconds(usage.ru_stime),
            static_cast<size_t>(usage.ru_maxrss) << 10};
  }

 private:
  bool has_ended() const {
    siginfo_t info = {};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == pid_;
  }
  static void redirect(int descriptor, const std::string& path) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, descriptor);
    close(file);
  }

  TemporaryDirectory logs_ = {};
  pid_t pid_ = -1;
};

inline Outcome run_command(const Strings& arguments, const std::function<void()>& prepare = {}) {
  return RunningCommand(arguments, prepare).finish();
}

inline std::string test_data(const std::string& name) {
  return std::string(HORNET_TEST_DATA) + "/cli/" + name;
}
inline std::string digits(const std::string& name) {
  return std::string(HORNET_SOURCE_DIR) + "/examples/digits/" + name;
}

// A .npy file of float32 zeros, its rows not on the disk.
inline void write_zeros(const std::string& path, const Shape& row_shape, int64_t num_rows) {
  open_sink(path, DType::kFloat32, row_shape, num_rows)->finish();
}

inline std::vector<float> read_floats(const std::string& path) {
  const auto source = open_source(path);
  std::vector<std::byte> scratch;
  const TensorView rows = source->rows(0, source->num_rows(), scratch);
  std::vector<float> values(static_cast<size_t>(num_elements(rows.shape)));
  convert_elements(rows.dtype, rows.data, DType::kFloat32, values.data(),
                   static_cast<int64_t>(values.size()));
  return values;
}

// A test with a directory of its own, which holds nothing but what the command writes.
class CommandTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_.path(name); }
  std::set<std::string> files() const { return files_in(directory_.path()); }
  static std::set<std::string> files_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  // Files that tests make, away from those the command writes.
  std::string scratch(const std::string& name) const { return scratch_.path(name); }

 private:
  TemporaryDirectory directory_, scratch_;
};

// One line that begins "hornet: " and has `text` in it.
inline void expect_one_line(const std::string& err, const std::string& text) {
  EXPECT_EQ(num_lines(err), 1) << err;
  EXPECT_TRUE(err.starts_with("hornet: ")) << err;
  EXPECT_NE(err.find(text), std::string::npos) << "expected \"" << text << "\" in: " << err;
}

}  // namespace hornet
