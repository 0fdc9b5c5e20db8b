// Workers killed at random, and the command killed and interrupted at random.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <latch>
#include <random>
#include <thread>

#include "fault/fault_job.h"
#include "unit/cli/command.h"

namespace hornet {
namespace {

// The processes that any thread of this one has spawned.
std::vector<pid_t> children() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t pid; file >> pid;) pids.push_back(pid);
  }
  return pids;
}

TEST(KilledWorkers, AreReplacedAndNoRowIsLost) {
  const FaultJob job(3000, {});
  PredictOptions options = job.options(ExecutorKind::kProcesses);
  options.retries = 1000;  // rows are innocent
  options.max_replacements = 1000;
  constexpr int kKills = 12;
  std::atomic<int> kills = 0;
  std::latch ready(1);
  std::jthread killer([&](const std::stop_token& stop) {
    std::mt19937 random(static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()));
    ready.count_down();
    while (!stop.stop_requested() && kills < kKills) {
      const std::vector<pid_t> pids = children();
      if (pids.empty()) continue;  // the first worker dies as soon as it is there
      if (kill(pids[random() % pids.size()], SIGKILL) == 0) ++kills;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  ready.wait();
  const PredictReport report = job.run(options);
  killer.request_stop();
  killer.join();
  EXPECT_GT(kills, 0);
  EXPECT_EQ(report.rows_failed, 0);
  job.expect_complete({});
  EXPECT_TRUE(children().empty());
}

class Command : public CommandTest {
 protected:
  // Work for seconds: a command is to be stopped before it is done.
#ifdef __SANITIZE_ADDRESS__
  static constexpr int64_t kRows = 12000;
#else
  static constexpr int64_t kRows = 30000;
#endif

  void SetUp() override {
    Tensor rows(DType::kFloat32, {kRows, 8, 8, 1});
    float* values = rows.mutable_as<float>();
    for (int64_t i = 0; i < rows.num_elements(); ++i) {
      values[i] = static_cast<float>(i * 7919 % 17);
    }
    const auto sink = open_sink(input(), DType::kFloat32, {8, 8, 1}, kRows);
    sink->write(0, rows);
    sink->finish();
    ASSERT_EQ(run_command(
                  {"predict", digits("digits.keras"), input(), "-o", expected(), "--workers", "1"})
                  .exit_code,
              0);
  }
  std::string input() const { return scratch("x.npy"); }
  std::string expected() const { return scratch("expected.npy"); }
  Strings arguments(const std::string& executor, bool resume) const {
    Strings words = {"predict",     digits("digits.keras"), input(),  "-o",
                     path("y.npy"), "--executor",           executor, "--workers",
                     "2",           "--chunk-size",         "64",     "--sync-interval",
                     "0",           "--progress",           "json"};
    if (resume) words.push_back("--resume");
    return words;
  }
};

class KilledCommand : public Command, public ::testing::WithParamInterface<const char*> {};

TEST_P(KilledCommand, GoesOnToTheSameBytes) {
  int64_t rows_kept = 0;
  bool complete = false;
  for (int round = 0; round < 4 && !complete; ++round) {
    RunningCommand command(arguments(GetParam(), round > 0), {});
    if (round == 0) {
      ASSERT_TRUE(command.wait_for_error_text("\"started\""));
    } else {
      command.wait_for_error_text("\"advanced\"");  // or it is done before it tells of an advance
    }
    command.signal(SIGKILL);
    command.finish();
    // Killed at its very end it has done its work all the same.
    complete = files() == std::set<std::string>({"y.npy"});
    if (!files().contains("y.npy.hornet")) continue;
    const JobStatus status = job_status(path("y.npy.hornet"));
    EXPECT_GE(status.rows_done, rows_kept);
    rows_kept = status.rows_done;
  }
  if (!complete) {
    const Outcome last = run_command(arguments(GetParam(), true));
    EXPECT_EQ(last.exit_code, 0) << last.err;
  }
  EXPECT_EQ(read_file(path("y.npy")), read_file(expected()));
  EXPECT_EQ(files(), std::set<std::string>({"y.npy"}));
}

INSTANTIATE_TEST_SUITE_P(Executors, KilledCommand, ::testing::Values("threads", "processes"));

class InterruptedCommand : public Command, public ::testing::WithParamInterface<const char*> {};

TEST_P(InterruptedCommand, SaysHowToGoOnAndDoes) {
  RunningCommand command(arguments(GetParam(), false), {});
  ASSERT_TRUE(command.wait_for_error_text("\"started\""));
  command.signal(SIGINT);
  const Outcome outcome = command.finish();
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_NE(outcome.err.find("hornet: interrupted; "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(" --resume"), std::string::npos) << outcome.err;
  EXPECT_EQ(files(), std::set<std::string>({"y.npy.hornet", "y.npy.partial"}));

  const Outcome status = run_command({"status", path("y.npy")});
  EXPECT_EQ(status.exit_code, 0) << status.err;
  EXPECT_NE(status.out.find("stopped, "), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("go on with: "), std::string::npos) << status.out;

  // The names of what it left behind do as well.
  EXPECT_EQ(run_command({"status", path("y.npy.hornet")}).out, status.out);
  EXPECT_EQ(run_command({"status", path("y.npy.partial")}).out, status.out);

  const int64_t kept = job_status(path("y.npy.hornet")).rows_done;
  const Outcome last = run_command(arguments(GetParam(), true));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(last.out.find(" of them by an earlier run, in ") != std::string::npos, kept > 0)
      << last.out;
  EXPECT_EQ(read_file(path("y.npy")), read_file(expected()));
  EXPECT_EQ(files(), std::set<std::string>({"y.npy"}));
}

INSTANTIATE_TEST_SUITE_P(Executors, InterruptedCommand, ::testing::Values("threads", "processes"));

}  // namespace
}  // namespace hornet
