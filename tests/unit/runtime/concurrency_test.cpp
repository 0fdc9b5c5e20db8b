// Races that the thread sanitizer is to watch: every test starts its threads at one moment.
#include <atomic>
#include <latch>
#include <numeric>
#include <thread>

#include "unit/runtime/util.h"

namespace hornet {
namespace {

// Runs `body(i)` on `count` threads that start together.
template <class Body>
void run_together(int count, Body body) {
  std::latch start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      body(i);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Concurrency_Submit, ManyProducersRunEveryTaskOnce) {
  constexpr int kProducers = 6, kTasks = 100;
  for (const size_t max_pending : {size_t{0}, size_t{1}, size_t{3}}) {
    std::vector<std::atomic<int>> runs(kProducers * kTasks);
    {
      ThreadExecutor executor({.max_workers = 3, .max_pending = max_pending});
      run_together(kProducers, [&](int producer) {
        for (int i = 0; i < kTasks; ++i) {
          executor.submit([&runs, task = producer * kTasks + i] { ++runs[task]; });
        }
      });
    }
    for (const auto& count : runs) ASSERT_EQ(count, 1);
  }
}

TEST(Concurrency_Submit, OneProducerIsServedInOrder) {
  std::vector<int> order, expected(200);
  ThreadExecutor executor({.max_workers = 1, .max_pending = 2});
  std::iota(expected.begin(), expected.end(), 0);
  for (int i = 0; i < 200; ++i) executor.submit([&, i] { order.push_back(i); });
  executor.shutdown();
  EXPECT_EQ(order, expected);
}

TEST(Concurrency_Submit, TasksMaySubmitTasks) {
  std::atomic<int> leaves = 0;
  std::latch all(1 << 6);
  ThreadExecutor executor({.max_workers = 3, .max_pending = 2});
  std::function<void(int)> grow = [&](int depth) {
    if (depth == 0) {
      ++leaves;
      return all.count_down();
    }
    executor.submit(grow, depth - 1);
    executor.submit(grow, depth - 1);
  };
  executor.submit(grow, 6);
  all.wait();
  executor.shutdown();
  EXPECT_EQ(leaves, 1 << 6);
}

TEST(Concurrency_Submit, ThrowsInTheFirstAndLastTask) {
  ThreadExecutor executor({.max_workers = 3});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 100; ++i) {
    futures.push_back(executor.submit([i] {
      if (i == 0 || i == 99) throw std::runtime_error(std::to_string(i));
      return i;
    }));
  }
  executor.shutdown();
  EXPECT_EQ(error_message([&] { futures[0].result(); }), "0");
  for (int i = 1; i < 99; ++i) EXPECT_EQ(futures[i].result(), i);
  EXPECT_EQ(error_message([&] { futures[99].result(); }), "99");
}

TEST(Concurrency_Shutdown, WhileProducersWaitForRoom) {
  for (const bool cancel_futures : {false, true}) {
    ThreadExecutor executor({.max_workers = 2, .max_pending = 2});
    std::atomic<int> runs = 0, accepted = 0;
    Log<Future<void>> futures;
    std::latch some(20);
    std::thread closer([&] {
      some.wait();
      executor.shutdown(true, cancel_futures);
    });
    run_together(4, [&](int) {
      // Ends with the refusal; no producer may hang in a full queue.
      EXPECT_EQ(error_code([&] {
                  while (true) {
                    futures.add(executor.submit([&] { ++runs; }));
                    if (accepted++ < 20) some.count_down();
                  }
                }),
                ErrorCode::kInvalidArgument);
    });
    closer.join();
    int cancelled = 0;
    for (const auto& future : futures.values()) {
      ASSERT_TRUE(future.done());
      cancelled += future.cancelled();
    }
    EXPECT_EQ(runs + cancelled, accepted);
    EXPECT_TRUE(cancel_futures || cancelled == 0);
  }
}

TEST(Concurrency_Shutdown, FromSeveralThreads) {
  ThreadExecutor executor({.max_workers = 3});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(executor.submit([i] { return i; }));
  run_together(4, [&](int i) {
    executor.shutdown(true, i == 3);
    for (const auto& future : futures) ASSERT_TRUE(future.done());
  });
}

TEST(Concurrency_Cancel, ATaskEitherRunsOrIsCancelled) {
  constexpr int kTasks = 300;
  std::vector<std::atomic<int>> runs(kTasks), callbacks(kTasks);
  std::atomic<int> cancels = 0;
  std::vector<Future<void>> futures;
  {
    ThreadExecutor executor({.max_workers = 2});
    for (int i = 0; i < kTasks; ++i) {
      futures.push_back(executor.submit([&runs, i] { ++runs[i]; }));
      futures.back().add_done_callback([&callbacks, i](const AnyFuture&) { ++callbacks[i]; });
    }
    // From the end, where tasks are still pending; from two threads.
    run_together(2, [&](int) {
      for (int i = kTasks; i-- > 0;) cancels += futures[i].cancel();
    });
  }
  int cancelled = 0;
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_EQ(runs[i], futures[i].cancelled() ? 0 : 1);
    ASSERT_EQ(callbacks[i], 1);
    cancelled += futures[i].cancelled();
  }
  EXPECT_EQ(cancels, 2 * cancelled);
}

TEST(Concurrency_Cancel, WhileOthersWait) {
  Event started, finish;
  ThreadExecutor executor({.max_workers = 1});
  const auto busy = executor.submit([&] {
    started.set();
    finish.wait();
  });
  started.wait();
  std::vector<Future<void>> pending;
  for (int i = 0; i < 20; ++i) pending.push_back(executor.submit([] {}));
  run_together(4, [&](int i) {
    if (i == 0) {
      for (const auto& future : pending) future.cancel();
    } else if (i == 1) {
      EXPECT_EQ(wait(pending).done.size(), 20u);
    } else if (i == 2) {
      int count = 0;
      for (const auto& future : as_completed(pending)) count += future.cancelled();
      EXPECT_EQ(count, 20);
    } else {
      for (const auto& future : pending) {
        EXPECT_EQ(error_code([&] { future.result(); }), ErrorCode::kCancelled);
      }
    }
  });
  finish.set();
}

TEST(Concurrency_Cancel, WhileTheExecutorIsDestroyed) {
  std::vector<Future<int>> futures;
  std::thread canceller;
  {
    ThreadExecutor executor({.max_workers = 2, .max_pending = 100});
    for (int i = 0; i < 100; ++i) futures.push_back(executor.submit([i] { return i; }));
    canceller = std::thread([&] {
      for (const auto& future : futures) future.cancel();
    });
  }
  canceller.join();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(futures[i].cancelled() || futures[i].result(0s) == i);
  }
}

TEST(Concurrency_Callbacks, AreCalledOnceEachWhileTheFutureCompletes) {
  for (int round = 0; round < 50; ++round) {
    Promise<int> promise;
    std::atomic<int> calls = 0;
    run_together(4, [&](int i) {
      if (i == 0) return promise.set_result(1);
      promise.future().add_done_callback(
          [&](const Future<int>& future) { calls += future.result(); });
    });
    ASSERT_EQ(calls, 3);
  }
}

TEST(Concurrency_Promise, OneOfManyCompletesIt) {
  for (int round = 0; round < 50; ++round) {
    Promise<int> promise;
    std::atomic<int> refused = 0;
    run_together(3, [&](int i) {
      try {
        promise.set_result(i);
      } catch (const Error&) {
        ++refused;
      }
    });
    ASSERT_EQ(refused, 2);
    ASSERT_TRUE(promise.future().done());
  }
}

TEST(Concurrency_Initializer, FailsWhileProducersWaitForRoom) {
  std::latch full(2);
  ThreadExecutor executor({.max_workers = 3,
                           .initializer =
                               [&] {
                                 full.wait();
                                 throw std::runtime_error("no GPU");
                               },
                           .max_pending = 2,
                           .on_error = [](const std::string&, std::exception_ptr) {}});
  Log<Future<void>> futures;
  run_together(3, [&](int) {
    EXPECT_EQ(error_code([&] {
                while (true) {
                  futures.add(executor.submit([] {}));
                  full.count_down();
                }
              }),
              ErrorCode::kBrokenPool);
  });
  EXPECT_EQ(futures.values().size(), 2u);
  for (const auto& future : futures.values()) {
    EXPECT_EQ(error_code([&] { future.result(); }), ErrorCode::kBrokenPool);
  }
}

TEST(Concurrency_Map, SeveralThreadsMapOnOneExecutor) {
  ThreadExecutor executor({.max_workers = 2, .max_pending = 4});
  run_together(4, [&](int thread) {
    std::vector<int> values(100);
    std::iota(values.begin(), values.end(), thread * 1000);
    int next = thread * 1000;
    for (const int value : executor.map(
             {.chunksize = 3, .buffersize = 5}, [](int v) { return v; }, values)) {
      ASSERT_EQ(value, next++);
    }
    ASSERT_EQ(next, thread * 1000 + 100);
  });
}

}  // namespace
}  // namespace hornet
