#include <pthread.h>

#include <atomic>
#include <deque>
#include <latch>
#include <map>
#include <set>
#include <thread>

#include "base/cpu.h"
#include "unit/runtime/util.h"

namespace hornet {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kShutDown[] = "invalid_argument: cannot schedule new futures after shutdown";

// An executor with one worker that is busy until `finish` is set.
struct BusyExecutor {
  explicit BusyExecutor(ThreadExecutorOptions options = {})
      : executor([&] {
          options.max_workers = 1;
          return std::move(options);
        }()),
        busy(executor.submit([this] {
          started.set();
          finish.wait();
        })) {
    started.wait();
  }
  ~BusyExecutor() { finish.set(); }

  Event started, finish;
  ThreadExecutor executor;
  Future<void> busy;
};

std::string thread_name() {
  char name[16];
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

TEST(ThreadExecutor_Submit, RunsFunctionsLambdasAndMembers) {
  ThreadExecutor executor({.max_workers = 2});
  EXPECT_EQ(executor.submit([](int a, int b) { return a * b; }, 2, 8).result(), 16);
  EXPECT_EQ(executor.submit(&std::string::size, std::string("four")).result(), 4u);
  EXPECT_EQ(executor.submit(thread_name).result(), "hornet_0");
  int changed = 0;
  executor.submit([](int& value) { value = 5; }, std::ref(changed)).result();
  EXPECT_EQ(changed, 5);
  auto only_moves =
      executor.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(3));
  EXPECT_EQ(*only_moves.take(), 3);
}

TEST(ThreadExecutor_Submit, GivesWhatTheTaskThrows) {
  ThreadExecutor executor({.max_workers = 1});
  const auto future = executor.submit([]() -> int { throw std::out_of_range("failed"); });
  EXPECT_THROW(future.result(), std::out_of_range);
  EXPECT_EQ(message_of(future.exception()), "failed");
  EXPECT_THROW(executor.submit([] { throw 5; }).result(), int);
}

TEST(ThreadExecutor_Submit, CopiesAReferenceThatTheTaskReturns) {
  ThreadExecutor executor({.max_workers = 1});
  const auto future = executor.submit(
      [](const std::string& text) -> const std::string& { return text; }, std::string(100, 'x'));
  EXPECT_EQ(future.result(), std::string(100, 'x'));
}

TEST(ThreadExecutor_Submit, FreesCallAndArgumentsBeforeTheResultIsThere) {
  ThreadExecutor executor({.max_workers = 1});
  auto argument = std::make_shared<int>();
  std::weak_ptr<int> watch = argument;
  executor.submit([](const std::shared_ptr<int>&) {}, std::move(argument)).result();
  EXPECT_TRUE(watch.expired());

  auto captured = std::make_shared<int>();
  watch = captured;
  const auto failed =
      executor.submit([captured = std::move(captured)] { throw std::runtime_error("failed"); });
  EXPECT_NE(failed.exception(), nullptr);
  EXPECT_TRUE(watch.expired());
}

TEST(ThreadExecutor_Submit, KeepsNothingOfAFutureThatWasDropped) {
  Event freed;
  ThreadExecutor executor({.max_workers = 1});
  struct Result {
    explicit Result(Event* event) : freed(event) {}
    Result(Result&& other) noexcept : freed(std::exchange(other.freed, nullptr)) {}
    ~Result() {
      if (freed) freed->set();
    }
    Event* freed;
  };
  executor.submit([&] { return Result(&freed); });
  freed.wait();
}

TEST(ThreadExecutor_Submit, DoneCallbackMayDropTheLastHandleOfItsFuture) {
  BusyExecutor busy;
  std::vector<Future<void>> futures = {busy.executor.submit([] {})};
  int calls = 0;
  futures[0].add_done_callback([&](const AnyFuture&) {
    futures.clear();
    ++calls;
  });
  futures[0].add_done_callback([&](const AnyFuture&) { ++calls; });
  futures[0].cancel();
  EXPECT_EQ(calls, 2);
}

TEST(ThreadExecutor_Submit, CancelledTaskIsFreedAtOnceAndNeverRuns) {
  bool ran = false;
  auto captured = std::make_shared<int>();
  const std::weak_ptr<int> watch = captured;
  {
    BusyExecutor busy;
    const auto future = busy.executor.submit([&, captured = std::move(captured)] { ran = true; });
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(watch.expired());
    EXPECT_FALSE(busy.busy.cancel());
  }
  EXPECT_FALSE(ran);
}

TEST(ThreadExecutor_Callbacks, RunOnTheWorker) {
  BusyExecutor busy;
  std::string name;
  const auto future = busy.executor.submit([] {});
  future.add_done_callback([&](const AnyFuture&) { name = thread_name(); });
  busy.finish.set();
  busy.executor.shutdown();
  EXPECT_EQ(name, "hornet_0");
}

TEST(ThreadExecutor_Callbacks, ThatThrowGoToTheHookAndTheWorkerLives) {
  Log<std::string> reports;
  BusyExecutor busy({.on_error = [&](const std::string& where, std::exception_ptr error) {
    reports.add(where + ": " + message_of(error));
  }});
  busy.busy.add_done_callback([](const AnyFuture&) { throw std::runtime_error("doh!"); });
  busy.finish.set();
  EXPECT_EQ(busy.executor.submit([] { return 1; }).result(), 1);
  EXPECT_THAT(reports.values(), ElementsAre("exception calling a done callback: doh!"));
}

TEST(ThreadExecutor_Workers, DefaultToTheUsableCoresAndMustNotBeNegative) {
  EXPECT_EQ(ThreadExecutor().max_workers(), usable_cores_of_process());
  EXPECT_EQ(error_message([] { ThreadExecutor executor({.max_workers = -1}); }),
            "invalid_argument: max_workers must be greater than 0, or 0 for the number of cores; "
            "found -1");
}

TEST(ThreadExecutor_Workers, AreStartedAsTasksComeUpToTheMost) {
  Event finish;
  ThreadExecutor executor({.max_workers = 4});
  EXPECT_EQ(executor.num_threads(), 0);
  std::vector<Future<void>> futures;
  for (int i = 1; i <= 60; ++i) {
    futures.push_back(executor.submit([&] { finish.wait(); }));
    EXPECT_EQ(executor.num_threads(), std::min(i, 4));
  }
  finish.set();
  EXPECT_EQ(wait(futures).done.size(), 60u);
}

TEST(ThreadExecutor_Workers, IdleOnesAreUsedAgain) {
  ThreadExecutor executor({.max_workers = 8});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(executor.submit([i] { return i; }).result(), i);
    EXPECT_THROW(executor.submit([] { throw std::runtime_error("failed"); }).result(),
                 std::runtime_error);
  }
  EXPECT_EQ(executor.num_threads(), 1);
}

TEST(ThreadExecutor_Workers, BusyWithACallbackAreNotIdle) {
  Event start, finish;
  ThreadExecutor executor({.max_workers = 2});
  const auto first = executor.submit([&] { start.wait(); });
  first.add_done_callback([&](const AnyFuture&) { finish.wait(); });
  start.set();
  first.result();
  EXPECT_EQ(executor.submit([] { return 1; }).result(), 1);
  EXPECT_EQ(executor.num_threads(), 2);
  finish.set();
}

TEST(ThreadExecutor_Workers, HaveIndicesThatNoTwoTasksShareAtATime) {
  constexpr int kWorkers = 4;
  std::latch all_running(kWorkers);
  ThreadExecutor executor({.max_workers = kWorkers});
  std::vector<Future<int>> futures;
  for (int i = 0; i < kWorkers; ++i) {
    futures.push_back(executor.submit([&] {
      all_running.arrive_and_wait();
      return Executor::current_worker();
    }));
  }
  std::set<int> workers;
  for (const auto& future : futures) workers.insert(future.result());
  EXPECT_THAT(workers, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(Executor::current_worker(), -1);
}

TEST(ThreadExecutor_Workers, KeepTheirIndex) {
  Log<std::pair<std::thread::id, int>> log;
  ThreadExecutor executor({.max_workers = 3});
  std::vector<Future<void>> futures;
  for (int i = 0; i < 300; ++i) {
    futures.push_back(executor.submit([&] {
      log.add({std::this_thread::get_id(), Executor::current_worker()});
    }));
  }
  wait(futures);
  std::map<std::thread::id, int> worker_of;
  for (const auto& [thread, worker] : log.values()) {
    EXPECT_EQ(worker_of.emplace(thread, worker).first->second, worker);
  }
  EXPECT_LE(worker_of.size(), 3u);
}

TEST(ThreadExecutor_Workers, AreNamedAfterThePrefixCutToWhatLinuxKeeps) {
  ThreadExecutor named({.max_workers = 1, .thread_name_prefix = "predict"});
  EXPECT_EQ(named.submit(thread_name).result(), "predict_0");
  ThreadExecutor longer({.max_workers = 1, .thread_name_prefix = "a-prefix-that-is-long"});
  EXPECT_EQ(longer.submit(thread_name).result(), "a-prefix-that_0");
}

TEST(ThreadExecutor_Workers, CannotBeStartedIsAnErrorAndTheExecutorGoesOn) {
  pthread_attr_t usual, huge;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, size_t{1} << 47), 0);
  Log<std::string> reports;
  ThreadExecutor executor(
      {.max_workers = 2,
       .on_error = [&](const std::string& where, std::exception_ptr) { reports.add(where); }});

  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  bool ran = false;
  const ErrorCode code = error_code([&] { executor.submit([&] { ran = true; }); });
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(executor.num_threads(), 0);

  Event finish;
  const auto busy = executor.submit([&] { finish.wait(); });
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  const auto later = executor.submit([] { return 1; });
  executor.submit([] { return 2; });
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(executor.num_threads(), 1);
  EXPECT_THAT(reports.values(), ElementsAre("cannot start one more worker thread"));
  finish.set();
  EXPECT_EQ(later.result(), 1);
  EXPECT_FALSE(ran);
  pthread_attr_destroy(&usual);
  pthread_attr_destroy(&huge);
}

TEST(ThreadExecutor_Initializer, RunsOnEachWorkerAfterThreadSetup) {
  Log<std::string> log;
  const auto entry = [&](const std::string& what) {
    log.add(what + std::to_string(Executor::current_worker()));
  };
  ThreadExecutor executor({.max_workers = 2,
                           .initializer = [&] { entry("init"); },
                           .thread_setup = [&] { entry("setup"); }});
  EXPECT_THAT(log.values(), IsEmpty());
  std::latch both(2);
  const auto one = executor.submit([&] { both.arrive_and_wait(); });
  const auto two = executor.submit([&] { both.arrive_and_wait(); });
  wait({one, two});
  const auto values = log.values();
  EXPECT_THAT(values, testing::UnorderedElementsAre("setup0", "init0", "setup1", "init1"));
  EXPECT_LT(std::ranges::find(values, "setup0"), std::ranges::find(values, "init0"));
  EXPECT_LT(std::ranges::find(values, "setup1"), std::ranges::find(values, "init1"));
}

TEST(ThreadExecutor_Initializer, ThatFailsBreaksTheExecutor) {
  constexpr char kWhy[] =
      "broken_pool: a thread initializer failed, the thread pool is not usable anymore: no GPU";
  for (const bool setup_fails : {false, true}) {
    Event submitted;
    Log<std::string> reports;
    const auto fail = [&] {
      submitted.wait();
      throw std::runtime_error("no GPU");
    };
    ThreadExecutorOptions options{
        .max_workers = 2, .on_error = [&](const std::string& where, std::exception_ptr error) {
          reports.add(where + ": " + message_of(error));
        }};
    (setup_fails ? options.thread_setup : options.initializer) = fail;
    ThreadExecutor executor(options);
    std::vector<Future<int>> futures;
    for (int i = 0; i < 5; ++i) futures.push_back(executor.submit([] { return 1; }));
    EXPECT_TRUE(futures[4].cancel());
    submitted.set();
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(error_message([&] { futures[i].result(); }), kWhy);
    }
    EXPECT_TRUE(futures[4].cancelled());
    EXPECT_EQ(error_message([&] { executor.submit([] {}); }), kWhy);
    executor.shutdown();
    EXPECT_EQ(error_message([&] { executor.submit([] {}); }), kWhy);
    EXPECT_THAT(reports.values(),
                testing::AllOf(testing::SizeIs(2), Each("a thread initializer failed: no GPU")));
  }
}

TEST(ThreadExecutor_Initializer, ThatFailsOnALaterWorkerLeavesRunningTasksAlone) {
  std::atomic<int> workers = 0;
  Event finish;
  ThreadExecutor executor({.max_workers = 2,
                           .initializer =
                               [&] {
                                 if (workers++ == 1) throw std::runtime_error("no GPU");
                               },
                           .on_error = [](const std::string&, std::exception_ptr) {}});
  Event started;
  const auto running = executor.submit([&] {
    started.set();
    finish.wait();
    return 1;
  });
  started.wait();
  const auto pending = executor.submit([] { return 2; });
  EXPECT_EQ(error_code([&] { pending.result(); }), ErrorCode::kBrokenPool);
  finish.set();
  EXPECT_EQ(running.result(), 1);
}

TEST(ThreadExecutor_Initializer, ThatFailsWakesSubmitWaitingForRoom) {
  Event waiting;
  ThreadExecutor executor({.max_workers = 1,
                           .initializer =
                               [&] {
                                 waiting.wait();
                                 throw std::runtime_error("no GPU");
                               },
                           .max_pending = 1,
                           .on_error = [](const std::string&, std::exception_ptr) {}});
  const auto first = executor.submit([] {});
  std::thread submitter([&] {
    waiting.set();
    EXPECT_EQ(error_code([&] { executor.submit([] {}); }), ErrorCode::kBrokenPool);
  });
  submitter.join();
  EXPECT_EQ(error_code([&] { first.result(); }), ErrorCode::kBrokenPool);
}

TEST(ThreadExecutor_Shutdown, RefusesSubmitAndMap) {
  ThreadExecutor executor({.max_workers = 1});
  executor.shutdown();
  EXPECT_EQ(error_message([&] { executor.submit([] {}); }), kShutDown);
  EXPECT_EQ(error_message([&] { executor.map([](int) {}, std::vector{1}); }), kShutDown);
  executor.shutdown();
  executor.shutdown(false, true);
}

TEST(ThreadExecutor_Shutdown, RunsAllPendingTasks) {
  for (const bool wait_for_end : {true, false}) {
    std::vector<Future<int>> futures;
    {
      ThreadExecutor executor({.max_workers = 3});
      for (int i = 0; i < 50; ++i) futures.push_back(executor.submit([i] { return i; }));
      executor.shutdown(wait_for_end);
      EXPECT_TRUE(!wait_for_end || wait(futures, 0s).not_done.empty());
    }
    for (int i = 0; i < 50; ++i) EXPECT_EQ(futures[i].result(0s), i);
  }
}

TEST(ThreadExecutor_Shutdown, WithoutWaitReturnsWhileTasksRun) {
  BusyExecutor busy;
  const auto pending = busy.executor.submit([] { return 1; });
  busy.executor.shutdown(false);
  EXPECT_TRUE(busy.busy.running());
  EXPECT_EQ(error_message([&] { busy.executor.submit([] {}); }), kShutDown);
  busy.finish.set();
  EXPECT_EQ(pending.result(), 1);
}

TEST(ThreadExecutor_Shutdown, CancelFuturesCancelsWhatIsPendingOnly) {
  BusyExecutor busy;
  int cancelled = 0;
  std::vector<Future<void>> pending;
  for (int i = 0; i < 50; ++i) {
    pending.push_back(busy.executor.submit([] {}));
    pending.back().add_done_callback(
        [&](const AnyFuture& future) { cancelled += future.cancelled(); });
  }
  busy.executor.shutdown(false, true);
  EXPECT_EQ(cancelled, 50);
  for (const auto& future : pending) EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(busy.busy.running());
  busy.finish.set();
  busy.executor.shutdown();
  EXPECT_EQ(busy.busy.exception(0s), nullptr);
}

TEST(ThreadExecutor_Shutdown, CancelFuturesMayFollowAShutdownThatLetsThemRun) {
  BusyExecutor busy;
  const auto pending = busy.executor.submit([] {});
  busy.executor.shutdown(false);
  busy.executor.shutdown(false, true);
  EXPECT_TRUE(pending.cancelled());
}

TEST(ThreadExecutor_Shutdown, EndsAfterATaskWasCancelled) {
  ThreadExecutor executor({.max_workers = 1});
  executor.submit([] {}).result();
  executor.submit([] {}).cancel();
  executor.shutdown();
}

TEST(ThreadExecutor_Shutdown, FromAWorkerMayNotWait) {
  ThreadExecutor executor({.max_workers = 1});
  EXPECT_EQ(error_message([&] { executor.submit([&] { executor.shutdown(); }).result(); }),
            "invalid_argument: a worker cannot wait for the shutdown of its own executor");
  EXPECT_NO_THROW(executor.submit([&] { executor.shutdown(false); }).result());
  EXPECT_EQ(error_message([&] { executor.submit([] {}); }), kShutDown);
}

TEST(ThreadExecutor_Shutdown, RefusesSubmitFromTasksAndCallbacks) {
  BusyExecutor busy;
  const auto pending = busy.executor.submit([&] { busy.executor.submit([] {}); });
  busy.executor.shutdown(false);
  busy.finish.set();
  EXPECT_EQ(error_message([&] { pending.result(); }), kShutDown);

  BusyExecutor other;
  std::string message;
  other.executor.submit([] {}).add_done_callback(
      [&](const AnyFuture&) { message = error_message([&] { other.executor.submit([] {}); }); });
  other.executor.shutdown(false, true);
  EXPECT_EQ(message, kShutDown);
}

TEST(ThreadExecutor_Shutdown, LeavesFuturesUsableAfterTheExecutorIsGone) {
  std::vector<Future<int>> futures;
  {
    BusyExecutor busy;
    futures.push_back(busy.executor.submit([] { return 1; }));
    futures.push_back(busy.executor.submit([] { return 2; }));
    futures[1].cancel();
  }
  EXPECT_EQ(futures[0].result(), 1);
  EXPECT_TRUE(futures[1].cancel());
}

TEST(ThreadExecutor_MaxPending, SubmitWaitsForRoom) {
  BusyExecutor busy({.max_pending = 2});
  busy.executor.submit([] {});
  busy.executor.submit([] {});
  Event submitting, submitted;
  std::thread submitter([&] {
    submitting.set();
    busy.executor.submit([] {});
    submitted.set();
  });
  submitting.wait();
  EXPECT_FALSE(submitted.wait_for(10ms));
  busy.finish.set();
  submitter.join();
}

TEST(ThreadExecutor_MaxPending, CancelMakesRoom) {
  BusyExecutor busy({.max_pending = 1});
  const auto pending = busy.executor.submit([] {});
  Event submitted;
  std::thread submitter([&] {
    busy.executor.submit([] {});
    submitted.set();
  });
  EXPECT_FALSE(submitted.wait_for(10ms));
  EXPECT_TRUE(pending.cancel());
  submitter.join();
}

TEST(ThreadExecutor_MaxPending, CallbackOfACancelledTaskFindsItsRoom) {
  BusyExecutor busy({.max_pending = 1});
  const auto pending = busy.executor.submit([] {});
  pending.add_done_callback([&](const AnyFuture&) { busy.executor.submit([] {}); });
  EXPECT_TRUE(pending.cancel());
}

TEST(ThreadExecutor_MaxPending, ShutdownWakesSubmit) {
  for (const bool cancel_futures : {false, true}) {
    BusyExecutor busy({.max_pending = 1});
    const auto pending = busy.executor.submit([] {});
    Event submitting;
    std::thread submitter([&] {
      submitting.set();
      EXPECT_EQ(error_message([&] { busy.executor.submit([] {}); }), kShutDown);
    });
    submitting.wait();
    busy.executor.shutdown(false, cancel_futures);
    submitter.join();
    EXPECT_EQ(pending.cancelled(), cancel_futures);
  }
}

TEST(ThreadExecutor_MaxPending, AWorkerSubmitsWithoutWaitingForItself) {
  ThreadExecutor executor({.max_workers = 1, .max_pending = 1});
  std::vector<Future<int>> inner;
  executor
      .submit([&] {
        for (int i = 0; i < 10; ++i) inner.push_back(executor.submit([i] { return i; }));
      })
      .result();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(inner[i].result(), i);
}

// Stands for an executor whose tasks do not run in this process: the interface is enough for it.
class ManualExecutor final : public Executor {
 public:
  ManualExecutor() : Executor({}) {}
  ~ManualExecutor() override { shutdown(true); }
  void shutdown(bool wait = true, bool cancel_futures = false) override {
    open_ = false;
    for (const auto& task : std::exchange(tasks_, {})) {
      if (cancel_futures) {
        task->future().cancel();
      } else if (wait) {
        task->run({});
      }
    }
  }
  int max_workers() const override { return 1; }
  void lose_worker() {
    for (const auto& task : std::exchange(tasks_, {})) {
      task->fail(std::make_exception_ptr(Error(ErrorCode::kBrokenPool, "worker 0 was killed")));
    }
  }

 private:
  void enqueue(std::shared_ptr<internal::Task> task) override {
    if (!open_) throw Error(ErrorCode::kInvalidArgument, "closed");
    tasks_.push_back(std::move(task));
  }
  bool open_ = true;
  std::deque<std::shared_ptr<internal::Task>> tasks_;
};

TEST(Executor_Interface, CarriesOtherExecutors) {
  ManualExecutor manual;
  Executor& executor = manual;
  const auto lost = executor.submit([] { return 1; });
  const auto cancelled = executor.submit([] { return 1; });
  cancelled.cancel();
  manual.lose_worker();
  EXPECT_EQ(error_message([&] { lost.result(); }), "broken_pool: worker 0 was killed");
  EXPECT_TRUE(cancelled.cancelled());

  auto results = executor.map([](int a) { return a * a; }, std::vector{1, 2, 3});
  executor.shutdown();
  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(results.next(), 4);
  EXPECT_EQ(results.next(), 9);
  EXPECT_EQ(error_message([&] { executor.submit([] {}); }), "invalid_argument: closed");
}

}  // namespace
}  // namespace hornet
