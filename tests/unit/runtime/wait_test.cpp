// wait() and as_completed().
#include <list>
#include <set>
#include <thread>

#include "unit/runtime/util.h"

namespace hornet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<Future<int>> all_of(AsCompleted<Future<int>> range) {
  std::vector<Future<int>> futures;
  for (const auto& future : range) futures.push_back(future);
  return futures;
}

class WaitTest : public testing::Test {
 protected:
  // Runs until `finish` is set.
  Future<int> submit_blocked() {
    return executor.submit([this] {
      finish.wait();
      return 1;
    });
  }

  Event finish;
  FutureOfEachState f;
  ThreadExecutor executor{{.max_workers = 5}};
};

using Wait = WaitTest;
using AsCompletedTest = WaitTest;

TEST_F(Wait, CountsDuplicatesOnce) {
  const auto future = executor.submit([] { return 2; });
  const auto [done, not_done] = wait({future, future});
  EXPECT_THAT(done, ElementsAre(future));
  EXPECT_THAT(not_done, IsEmpty());
}

TEST_F(Wait, OfNothingReturnsAtOnce) {
  for (const auto when :
       {ReturnWhen::kAllCompleted, ReturnWhen::kFirstCompleted, ReturnWhen::kFirstException}) {
    const auto [done, not_done] = wait(std::vector<Future<int>>(), {}, when);
    EXPECT_THAT(done, IsEmpty());
    EXPECT_THAT(not_done, IsEmpty());
  }
}

TEST_F(Wait, FirstCompleted) {
  const auto quick = executor.submit([] { return 42; });
  const auto blocked = submit_blocked();
  const auto [done, not_done] = wait({blocked, quick}, {}, ReturnWhen::kFirstCompleted);
  finish.set();
  EXPECT_THAT(done, ElementsAre(quick));
  EXPECT_THAT(not_done, ElementsAre(blocked));
}

TEST_F(Wait, FirstCompletedWithSomeAlreadyCompleted) {
  const auto [done, not_done] =
      wait({f.cancelled, f.pending, f.finished}, {}, ReturnWhen::kFirstCompleted);
  EXPECT_THAT(done, ElementsAre(f.cancelled, f.finished));
  EXPECT_THAT(not_done, ElementsAre(f.pending));
}

TEST_F(Wait, FirstCompletedEndsWhenAFutureIsCancelled) {
  std::thread canceller([&] { f.pending.cancel(); });
  const auto [done, not_done] = wait({f.running, f.pending}, {}, ReturnWhen::kFirstCompleted);
  canceller.join();
  EXPECT_THAT(done, ElementsAre(f.pending));
  EXPECT_THAT(not_done, ElementsAre(f.running));
}

TEST_F(Wait, FirstException) {
  const auto good = executor.submit([] { return 42; });
  const auto bad = executor.submit([good]() -> int {
    good.result();
    throw std::runtime_error("failed");
  });
  const auto blocked = submit_blocked();
  const auto [done, not_done] = wait({good, bad, blocked}, {}, ReturnWhen::kFirstException);
  finish.set();
  EXPECT_THAT(done, ElementsAre(good, bad));
  EXPECT_THAT(not_done, ElementsAre(blocked));
}

TEST_F(Wait, FirstExceptionWithSomeAlreadyCompleted) {
  const auto bad = executor.submit([]() -> int { throw std::runtime_error("failed"); });
  const auto [done, not_done] =
      wait({f.finished, f.cancelled, bad, f.pending}, {}, ReturnWhen::kFirstException);
  EXPECT_THAT(done, ElementsAre(f.finished, f.cancelled, bad));
  EXPECT_THAT(not_done, ElementsAre(f.pending));
}

TEST_F(Wait, FirstExceptionWithOneAlreadyFailed) {
  const auto [done, not_done] = wait({f.failed, f.pending}, {}, ReturnWhen::kFirstException);
  EXPECT_THAT(done, ElementsAre(f.failed));
  EXPECT_THAT(not_done, ElementsAre(f.pending));
}

TEST_F(Wait, FirstExceptionWaitsForAllWhereNoneFails) {
  const auto good = executor.submit([] { return 42; });
  const auto [done, not_done] =
      wait({good, f.cancelled, f.finished}, {}, ReturnWhen::kFirstException);
  EXPECT_THAT(done, ElementsAre(good, f.cancelled, f.finished));
  EXPECT_THAT(not_done, IsEmpty());
}

TEST_F(Wait, AllCompleted) {
  const auto bad = executor.submit([]() -> int { throw std::runtime_error("failed"); });
  const auto good = executor.submit([] { return 42; });
  const auto [done, not_done] = wait({f.finished, f.cancelled, f.failed, bad, good});
  EXPECT_THAT(done, ElementsAre(f.finished, f.cancelled, f.failed, bad, good));
  EXPECT_THAT(not_done, IsEmpty());
}

TEST_F(Wait, TimesOutWithoutThrowing) {
  const auto blocked = submit_blocked();
  for (const Timeout timeout : {Timeout(0s), Timeout(5ms), Timeout(-1s)}) {
    const auto [done, not_done] = wait({f.cancelled, f.failed, f.finished, blocked}, timeout);
    EXPECT_THAT(done, ElementsAre(f.cancelled, f.failed, f.finished));
    EXPECT_THAT(not_done, ElementsAre(blocked));
  }
  finish.set();
}

TEST_F(Wait, TakesAnyRangeAndFuturesOfSeveralTypesAndExecutors) {
  ThreadExecutor other({.max_workers = 1});
  const std::list<AnyFuture> futures{executor.submit([] { return 1; }),
                                     other.submit([] { return std::string("two"); }),
                                     other.submit([] {})};
  EXPECT_EQ(wait(futures).done.size(), 3u);
}

TEST_F(Wait, ForAllReturnsAfterCancelFuturesOfShutdown) {
  Event started;
  ThreadExecutor single({.max_workers = 1});
  std::vector<Future<void>> futures;
  futures.push_back(single.submit([&] {
    started.set();
    finish.wait();
  }));
  for (int i = 0; i < 5; ++i) futures.push_back(single.submit([] {}));
  started.wait();
  single.shutdown(false, true);
  finish.set();
  EXPECT_EQ(wait(futures).done.size(), 6u);
}

// Many futures complete at once while the last of them is counted.
TEST_F(Wait, ForManyFuturesThatCompleteAtOnce) {
  std::vector<Future<int>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(submit_blocked());
  finish.set();
  EXPECT_EQ(wait(futures).done.size(), 100u);
}

TEST_F(Wait, SeveralThreadsMayWaitForTheSameFutures) {
  std::vector<Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(submit_blocked());
  std::vector<std::thread> waiters;
  for (const auto when :
       {ReturnWhen::kAllCompleted, ReturnWhen::kFirstCompleted, ReturnWhen::kFirstException}) {
    waiters.emplace_back([&, when] { EXPECT_FALSE(wait(futures, {}, when).done.empty()); });
    waiters.emplace_back([&] { EXPECT_EQ(all_of(as_completed(futures)).size(), 20u); });
  }
  finish.set();
  for (auto& waiter : waiters) waiter.join();
}

TEST_F(AsCompletedTest, YieldsAll) {
  const auto one = executor.submit([] { return 42; });
  const auto two = executor.submit([]() -> int { throw std::runtime_error("failed"); });
  EXPECT_THAT(all_of(as_completed({f.cancelled, f.failed, f.finished, one, two})),
              UnorderedElementsAre(f.cancelled, f.failed, f.finished, one, two));
}

TEST_F(AsCompletedTest, YieldsInTheOrderOfCompletionFinishedOnesFirst) {
  std::vector<Promise<int>> promises(4);
  std::vector<Future<int>> futures;
  for (auto& promise : promises) futures.push_back(promise.future());
  promises[2].set_result(2);
  auto completed = as_completed(futures);
  promises[3].set_result(3);
  futures[0].cancel();
  promises[1].set_exception(error_of("failed"));
  EXPECT_THAT(all_of(std::move(completed)),
              ElementsAre(futures[2], futures[3], futures[0], futures[1]));
}

TEST_F(AsCompletedTest, OfNothingIsEmpty) {
  EXPECT_THAT(all_of(as_completed(std::vector<Future<int>>())), IsEmpty());
}

TEST_F(AsCompletedTest, CountsDuplicatesOnce) {
  const auto blocked = submit_blocked();
  auto completed = as_completed({blocked, blocked, blocked});
  finish.set();
  EXPECT_THAT(all_of(std::move(completed)), ElementsAre(blocked));
}

TEST_F(AsCompletedTest, TimesOutAfterWhatIsFinished) {
  const auto blocked = submit_blocked();
  for (const Timeout timeout : {Timeout(0s), Timeout(5ms)}) {
    std::vector<Future<int>> completed;
    EXPECT_EQ(error_code([&] {
                for (const auto& future :
                     as_completed({blocked, f.cancelled, f.failed, f.finished}, timeout)) {
                  completed.push_back(future);
                }
              }),
              ErrorCode::kTimeout);
    EXPECT_THAT(completed, ElementsAre(f.cancelled, f.failed, f.finished));
  }
  finish.set();
}

TEST_F(AsCompletedTest, SaysHowManyAreUnfinished) {
  auto completed = as_completed({f.cancelled, f.pending, f.running, f.finished}, 0s);
  EXPECT_EQ(error_message([&] {
              while (completed.next()) continue;
            }),
            "timeout: 2 (of 4) futures unfinished");
  EXPECT_EQ(completed.next(), std::nullopt);
}

TEST_F(AsCompletedTest, CountsTheTimeFromTheCall) {
  auto completed = as_completed({f.finished, f.pending, f.running}, 1ms);
  EXPECT_EQ(completed.next(), f.finished);
  EXPECT_EQ(error_message([&] { completed.next(); }), "timeout: 2 (of 3) futures unfinished");
}

TEST_F(AsCompletedTest, YieldsWhatCompletedInTimeHoweverLateItIsAskedFor) {
  auto completed = as_completed({f.pending}, 0s);
  f.pending_promise.set_result(1);
  EXPECT_EQ(completed.next(), f.pending);
  EXPECT_EQ(completed.next(), std::nullopt);
}

TEST_F(AsCompletedTest, KeepsNoReferenceToWhatItYielded) {
  auto promise = std::make_unique<Promise<std::shared_ptr<int>>>();
  auto result = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = result;
  auto completed = as_completed({promise->future()});
  promise->set_result(std::move(result));
  promise.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(*completed.next()->result(), 1);
  EXPECT_TRUE(watch.expired());
}

TEST_F(AsCompletedTest, MayBeDroppedBeforeItsEnd) {
  {
    auto completed = as_completed({f.finished, f.pending, f.running});
    auto moved = std::move(completed);
    EXPECT_EQ(moved.next(), f.finished);
  }
  f.pending_promise.set_result(1);
  EXPECT_EQ(f.pending.result(), 1);
}

}  // namespace
}  // namespace hornet
