#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <latch>
#include <set>
#include <thread>

#include "base/memory_file.h"
#include "hornet/executor.h"
#include "runtime/process_pool.h"
#include "unit/base/expect_error.h"

namespace hornet {
namespace {

ProcessExecutorOptions with_workers(int workers, int max_replacements = 0) {
  ProcessExecutorOptions options;
  options.max_workers = workers;
  options.program = HORNET_TEST_WORKER;
  options.max_replacements = max_replacements;
  options.on_error = [](const std::string&, const std::exception_ptr&) {};
  return options;
}

const RemoteFunction kSquare("square"), kEcho("echo"), kDie("die"), kPid("pid"), kHang("hang");

// Whether a process is there and not merely waiting to be reaped.
bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return !text.empty() && text.find(") Z ") == std::string::npos;
}

TEST(ProcessExecutor, Submit_GivesWhatTheFunctionReturns) {
  ProcessExecutor executor(with_workers(2));
  EXPECT_EQ(executor.submit(kSquare, "12").result(), "144");
  EXPECT_EQ(executor.submit(kEcho, std::string(3 << 20, 'x')).result().size(), size_t{3} << 20);
}

TEST(ProcessExecutor, Map_KeepsTheOrder) {
  ProcessExecutor executor(with_workers(3));
  std::vector<std::string> numbers;
  for (int i = 0; i < 50; ++i) numbers.push_back(std::to_string(i));
  int next = 0;
  MapOptions options;
  options.chunksize = 7;
  for (const std::string& square : executor.map(options, kSquare, numbers)) {
    EXPECT_EQ(square, std::to_string(next * next));
    ++next;
  }
  EXPECT_EQ(next, 50);
}

TEST(ProcessExecutor, WhatAFunctionThrows_ComesOutOfItsFuture) {
  ProcessExecutor executor(with_workers(1));
  EXPECT_ERROR(executor.submit(RemoteFunction("throw"), "bad").result(), ErrorCode::kInvalidInput,
               "bad");
  EXPECT_ERROR(executor.submit(RemoteFunction("throw_foreign"), "").result(), ErrorCode::kInternal,
               "foreign");
  EXPECT_ERROR(executor.submit(RemoteFunction("nonesuch"), "").result(),
               ErrorCode::kInvalidArgument, "no function \"nonesuch\"");
  EXPECT_EQ(executor.submit(kSquare, "3").result(), "9");  // the worker lives
}

TEST(ProcessExecutor, RemoteFunction_OutsideOfATask_IsAnError) {
  EXPECT_ERROR(kSquare("3"), ErrorCode::kInvalidArgument, "outside of a task");
}

TEST(ProcessExecutor, Workers_AreProcessesThatEndWithIt) {
  std::set<pid_t> pids;
  {
    ProcessExecutor executor(with_workers(2));
    for (int i = 0; i < 10; ++i) pids.insert(std::stoi(executor.submit(kPid, "").result()));
    EXPECT_FALSE(pids.contains(getpid()));
    EXPECT_EQ(pids.size(), 1u);  // one after the other: the idle worker is taken
  }
  for (const pid_t pid : pids) EXPECT_FALSE(is_alive(pid));
}

TEST(ProcessExecutor, Workers_HaveNoOtherFilesThanTheirs) {
  const int other = dup(STDERR_FILENO);  // survives exec, unless it is closed
  MemoryFile shared("test", 5);
  const std::string text = "hello";
  shared.write_at(0, std::as_bytes(std::span(text)));
  ProcessExecutorOptions options = with_workers(1);
  options.descriptors = {shared.descriptor()};
  ProcessExecutor executor(std::move(options));
  EXPECT_EQ(executor.submit(RemoteFunction("descriptors"), "").result(), "0 1 2 3 4");
  EXPECT_EQ(executor.submit(RemoteFunction("read_descriptor"), "4").result(), "hello");
  close(other);
}

TEST(ProcessExecutor, DeadWorker_BreaksThePool) {
  ProcessExecutor executor(with_workers(1));
  const auto dying = executor.submit(kDie, std::to_string(SIGSEGV));
  std::vector<Future<std::string>> pending;
  for (int i = 0; i < 5; ++i) {
    try {
      pending.push_back(executor.submit(kSquare, "1"));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBrokenPool);
    }
  }
  EXPECT_ERROR(dying.result(), ErrorCode::kBrokenPool, "was killed by signal 11 (SIGSEGV)");
  for (const auto& future : pending) {
    EXPECT_ERROR(future.result(), ErrorCode::kBrokenPool, "not usable anymore");
  }
  EXPECT_ERROR(executor.submit(kSquare, "1"), ErrorCode::kBrokenPool, "not usable anymore");
}

TEST(ProcessExecutor, BrokenPool_FailsWhatRunsElsewhereToo) {
  ProcessExecutor executor(with_workers(2));
  const auto hanging = executor.submit(kHang, "");
  const auto dying = executor.submit(kDie, std::to_string(SIGKILL));
  EXPECT_ERROR(dying.result(), ErrorCode::kBrokenPool, "signal 9");
  EXPECT_ERROR(hanging.result(), ErrorCode::kBrokenPool, "not usable anymore");
}

TEST(ProcessExecutor, WorkerThatDiesBeforeAProgramItStarted_IsSeenAtOnce) {
  ProcessExecutor executor(with_workers(1, 1));
  const auto dying = executor.submit(RemoteFunction("die_before_child"), "");
  EXPECT_ERROR(dying.result(std::chrono::seconds(15)), ErrorCode::kWorkerDied,
               "ended with exit code 3");
}

TEST(ProcessExecutor, DeadWorkers_AreReplacedAsOftenAsAllowed) {
  std::atomic<int> told = 0;
  ProcessExecutorOptions options = with_workers(1, 3);
  options.on_replaced = [&](const std::string& why) {
    EXPECT_NE(why.find("worker 0 (process "), std::string::npos) << why;
    ++told;
  };
  ProcessExecutor executor(std::move(options));
  const auto die = [&](const RemoteFunction& how, const std::string& argument) {
    return executor.submit(how, argument).exception();
  };
  EXPECT_ERROR(std::rethrow_exception(die(kDie, std::to_string(SIGABRT))), ErrorCode::kWorkerDied,
               "was killed by signal 6 (SIGABRT)");
  EXPECT_EQ(executor.submit(kSquare, "4").result(), "16");
  EXPECT_ERROR(std::rethrow_exception(die(RemoteFunction("exit"), "7")), ErrorCode::kWorkerDied,
               "ended with exit code 7");
  const std::string before = executor.submit(kPid, "").result();
  EXPECT_ERROR(std::rethrow_exception(die(RemoteFunction("no_memory"), "")),
               ErrorCode::kOutOfMemory, "no memory");
  EXPECT_NE(executor.submit(kPid, "").result(), before);
  EXPECT_EQ(executor.num_replaced(), 3);
  EXPECT_ERROR(std::rethrow_exception(die(kDie, std::to_string(SIGKILL))), ErrorCode::kBrokenPool,
               "3 workers were replaced before");
  EXPECT_GE(told, 2);
}

TEST(ProcessExecutor, WorkerThatHangs_IsKilledAtTheTimeout) {
  ProcessExecutorOptions options = with_workers(1, 1);
  options.task_timeout = std::chrono::milliseconds(50);
  ProcessExecutor executor(std::move(options));
  EXPECT_ERROR(executor.submit(kHang, "").result(), ErrorCode::kTimeout, "not done in time");
  EXPECT_EQ(executor.num_replaced(), 1);
}

TEST(ProcessExecutor, StartOfAReplacement_IsNotTimeOfTheCall) {
  ProcessExecutorOptions options = with_workers(1, 1);
  options.initializer = "initialize_slowly";  // 300 ms
  options.task_timeout = std::chrono::milliseconds(200);
  ProcessExecutor executor(std::move(options));
  EXPECT_ERROR(executor.submit(kHang, "").result(), ErrorCode::kTimeout, "not done in time");
  EXPECT_EQ(executor.submit(kSquare, "12").result(), "144");
}

TEST(ProcessExecutor, WorkerThatHangsAtItsStart_IsReplaced_UpToThreeInARow) {
  std::atomic<int> told = 0;
  ProcessExecutorOptions options = with_workers(1, 100);
  options.initializer = "hang";
  options.start_timeout = std::chrono::milliseconds(50);
  options.on_replaced = [&](const std::string& why) {
    EXPECT_NE(why.find(" was not ready 0.05 s after its start"), std::string::npos) << why;
    ++told;
  };
  ProcessExecutor executor(std::move(options));
  EXPECT_ERROR(executor.submit(kSquare, "1").result(), ErrorCode::kBrokenPool, "was not ready");
  EXPECT_EQ(told, 2);
}

TEST(ProcessExecutor, WorkersThatHangAtTheirStart_AreNoMoreThanMayBeReplaced) {
  ProcessExecutorOptions options = with_workers(1);
  options.initializer = "hang";
  options.start_timeout = std::chrono::milliseconds(50);
  ProcessExecutor executor(std::move(options));
  EXPECT_ERROR(executor.submit(kSquare, "1").result(), ErrorCode::kBrokenPool, "was not ready");
  EXPECT_EQ(executor.num_replaced(), 0);
}

TEST(ProcessExecutor, MaxTasksPerChild_GivesAFreshProcess) {
  ProcessExecutorOptions options = with_workers(1);
  options.max_tasks_per_child = 2;
  ProcessExecutor executor(std::move(options));
  std::string calls;
  for (int i = 0; i < 5; ++i) calls += executor.submit(RemoteFunction("calls"), "").result();
  EXPECT_EQ(calls, "12121");
  EXPECT_EQ(executor.num_replaced(), 0);
}

TEST(ProcessExecutor, TaskOfSeveralCalls_HasOneProcess) {
  ProcessExecutorOptions options = with_workers(1);
  options.max_tasks_per_child = 1;
  ProcessExecutor executor(std::move(options));
  std::string calls;
  for (int task = 0; task < 2; ++task) {
    calls += executor
                 .submit([] {
                   internal::ProcessPool& pool = *internal::ProcessPool::current();
                   pool.begin_task();
                   std::string counted;
                   for (int i = 0; i < 3; ++i) counted += pool.call("calls", "", {}).result;
                   return counted;
                 })
                 .result();
  }
  EXPECT_EQ(calls, "123123");
}

TEST(ProcessExecutor, CallTooLargeForAWorker_IsAnErrorOfTheCall) {
  runtime::check_call("f", size_t{1} << 29);
  EXPECT_ERROR(runtime::check_call("f", size_t{1} << 30), ErrorCode::kInvalidArgument,
               "a worker takes at most");
}

TEST(ProcessExecutor, Initializer_ComesFirstInEachWorker) {
  ProcessExecutorOptions options = with_workers(1);
  options.initializer = "initialize";
  options.initializer_argument = "ready";
  options.max_tasks_per_child = 1;
  ProcessExecutor executor(std::move(options));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(executor.submit(RemoteFunction("initialized"), "").result(), "ready");
  }
}

TEST(ProcessExecutor, InitializerThatThrows_BreaksThePool) {
  ProcessExecutorOptions options = with_workers(2);
  options.initializer = "throw";
  options.initializer_argument = "not today";
  ProcessExecutor executor(std::move(options));
  EXPECT_ERROR(executor.submit(kSquare, "1").result(), ErrorCode::kBrokenPool, "not today");
  EXPECT_ERROR(executor.submit(kSquare, "1"), ErrorCode::kBrokenPool, "process pool");
}

TEST(ProcessExecutor, ProgramThatIsNone_BreaksThePool) {
  ProcessExecutorOptions options = with_workers(1);
  options.program = "/nonexistent/worker";
  ProcessExecutor executor(std::move(options));
  EXPECT_ERROR(executor.submit(kSquare, "1").result(), ErrorCode::kBrokenPool,
               "cannot run the worker program /nonexistent/worker");
}

TEST(ProcessExecutor, ProgramOfAnotherVersion_IsRefusedByName) {
  const std::string program = std::string("the worker program ") + HORNET_TEST_WORKER;
  const auto expect_error = [](const char* version, const std::string& text) {
    setenv("HORNET_TEST_VERSION", version, 1);
    ProcessExecutor executor(with_workers(1));
    EXPECT_ERROR(executor.submit(kSquare, "1").result(), ErrorCode::kBrokenPool, text);
    unsetenv("HORNET_TEST_VERSION");
  };
  expect_error("0.0.7", program + " is of hornet 0.0.7; expected " + runtime::worker_version());
  expect_error("", program + " is of an older hornet; expected " + runtime::worker_version());
}

TEST(ProcessExecutor, Shutdown_CancelsPendingAndWaitsForRunning) {
  ProcessExecutor executor(with_workers(1));
  const auto first = executor.submit(kSquare, "2");
  first.result();
  std::vector<Future<std::string>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(executor.submit(kSquare, "2"));
  executor.shutdown(true, true);
  for (const auto& future : futures) EXPECT_TRUE(future.done());
  EXPECT_ERROR(executor.submit(kSquare, "1"), ErrorCode::kInvalidArgument, "after shutdown");
}

TEST(ProcessExecutor, ManyThreadsSubmit) {
  ProcessExecutor executor(with_workers(3));
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const int value = t * 100 + i;
        right += executor.submit(kSquare, std::to_string(value)).result() ==
                 std::to_string(value * value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 100);
}

// Runs `body` in a forked process, as callers do that know nothing better.
int in_fork(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(ProcessExecutor, CallerThatHasThreadsAndForks_MayUseIt) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer does not follow a fork of a process with threads";
#endif
  // The thread is at rest when the process forks: a sanitizer's allocator may be locked while one
  // starts.
  std::latch started(1), done(1);
  std::thread other([&] {
    started.count_down();
    done.wait();
  });
  started.wait();
  const int status = in_fork([] {
    ProcessExecutor executor(with_workers(2));
    return executor.submit(kSquare, "12").result() == "144" ? 0 : 1;
  });
  done.count_down();
  other.join();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(ProcessExecutor, ParentKilled_WorkersDieThoughTheyHang) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer does not follow forks";
#endif
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const int status = in_fork([&] {
    ProcessExecutor executor(with_workers(2));
    const pid_t worker = std::stoi(executor.submit(kPid, "").result());
    const auto hanging = executor.submit(kHang, "");
    while (!hanging.running()) std::this_thread::yield();
    if (write(pipe_ends[1], &worker, sizeof(worker)) < 0) return 1;
    raise(SIGKILL);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  pid_t worker = 0;
  ASSERT_EQ(read(pipe_ends[0], &worker, sizeof(worker)), static_cast<ssize_t>(sizeof(worker)));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (is_alive(worker) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_FALSE(is_alive(worker));
}

}  // namespace
}  // namespace hornet
