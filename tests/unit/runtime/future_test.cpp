#include "hornet/future.h"

#include <limits>
#include <thread>
#include <unordered_set>

#include "unit/runtime/util.h"

namespace hornet {
namespace {

using testing::ElementsAre;

TEST(Future_State, DoneRunningAndCancelledOfEachState) {
  FutureOfEachState f;
  EXPECT_FALSE(f.pending.done());
  EXPECT_FALSE(f.running.done());
  EXPECT_TRUE(f.cancelled.done());
  EXPECT_TRUE(f.failed.done());
  EXPECT_TRUE(f.finished.done());

  EXPECT_FALSE(f.pending.running());
  EXPECT_TRUE(f.running.running());
  EXPECT_FALSE(f.cancelled.running());
  EXPECT_FALSE(f.failed.running());
  EXPECT_FALSE(f.finished.running());

  EXPECT_FALSE(f.pending.cancelled());
  EXPECT_FALSE(f.running.cancelled());
  EXPECT_TRUE(f.cancelled.cancelled());
  EXPECT_FALSE(f.failed.cancelled());
  EXPECT_FALSE(f.finished.cancelled());
}

TEST(Future_Cancel, OnlyAPendingFutureCanBeCancelled) {
  FutureOfEachState f;
  EXPECT_TRUE(f.pending.cancel());
  EXPECT_TRUE(f.pending.cancelled());
  EXPECT_FALSE(f.running.cancel());
  EXPECT_TRUE(f.running.running());
  EXPECT_TRUE(f.cancelled.cancel());
  EXPECT_TRUE(f.cancelled.cancelled());
  EXPECT_FALSE(f.failed.cancel());
  EXPECT_FALSE(f.failed.cancelled());
  EXPECT_FALSE(f.finished.cancel());
  EXPECT_EQ(f.finished.result(), 42);
}

TEST(Future_Result, WithoutTimeOfEachState) {
  FutureOfEachState f;
  EXPECT_EQ(error_code([&] { f.pending.result(0s); }), ErrorCode::kTimeout);
  EXPECT_EQ(error_code([&] { f.running.result(0s); }), ErrorCode::kTimeout);
  EXPECT_EQ(error_code([&] { f.cancelled.result(0s); }), ErrorCode::kCancelled);
  EXPECT_EQ(error_message([&] { f.failed.result(0s); }), "failed");
  EXPECT_EQ(f.finished.result(0s), 42);
}

TEST(Future_Exception, WithoutTimeOfEachState) {
  FutureOfEachState f;
  EXPECT_EQ(error_code([&] { f.pending.exception(0s); }), ErrorCode::kTimeout);
  EXPECT_EQ(error_code([&] { f.running.exception(0s); }), ErrorCode::kTimeout);
  EXPECT_EQ(error_code([&] { f.cancelled.exception(0s); }), ErrorCode::kCancelled);
  EXPECT_EQ(message_of(f.failed.exception(0s)), "failed");
  EXPECT_EQ(f.finished.exception(0s), nullptr);
}

TEST(Future_Result, TimesOutAndSaysWhatTheFutureDoes) {
  FutureOfEachState f;
  EXPECT_EQ(error_message([&] { f.pending.result(2ms); }),
            "timeout: the future is still pending at the end of the timeout");
  EXPECT_EQ(error_message([&] { f.running.result(2ms); }),
            "timeout: the future is still running at the end of the timeout");
}

TEST(Future_Result, NegativeTimeoutsOnlyLookAndHugeOnesWaitForEver) {
  FutureOfEachState f;
  EXPECT_EQ(error_code([&] { f.pending.result(-5s); }), ErrorCode::kTimeout);
  std::thread later([&] { f.pending_promise.set_result(1); });
  EXPECT_EQ(f.pending.result(std::chrono::duration<double>(1e300)), 1);
  later.join();
}

TEST(Future_Result, TimeoutThatIsNoNumberIsRefused) {
  FutureOfEachState f;
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(error_code([&] { f.pending.result(nan); }), ErrorCode::kInvalidArgument);
}

// For each way a future can end: threads that wait for it in result() and exception() wake up.
TEST(Future_Result, WakesAllWaitersOnSuccess) {
  Promise<int> promise;
  Log<int> results;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&, future = promise.future()] { results.add(future.result(60s)); });
    waiters.emplace_back([&, future = promise.future()] {
      EXPECT_EQ(future.exception(), nullptr);
      results.add(7);
    });
  }
  promise.set_running();
  promise.set_result(42);
  for (auto& waiter : waiters) waiter.join();
  EXPECT_THAT(results.values(), testing::UnorderedElementsAre(42, 42, 42, 7, 7, 7));
}

TEST(Future_Result, WakesAllWaitersOnFailure) {
  Promise<int> promise;
  Log<std::string> results;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&, future = promise.future()] {
      results.add(error_message([&] { future.result(60s); }));
    });
    waiters.emplace_back(
        [&, future = promise.future()] { results.add(message_of(future.exception())); });
  }
  promise.set_exception(error_of("failed"));
  for (auto& waiter : waiters) waiter.join();
  EXPECT_THAT(results.values(), testing::AllOf(testing::SizeIs(6), testing::Each("failed")));
}

TEST(Future_Result, WakesAllWaitersOnCancel) {
  Promise<int> promise;
  Log<ErrorCode> results;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back(
        [&, future = promise.future()] { results.add(error_code([&] { future.result(60s); })); });
    waiters.emplace_back(
        [&, future = promise.future()] { results.add(error_code([&] { future.exception(); })); });
  }
  promise.future().cancel();
  for (auto& waiter : waiters) waiter.join();
  EXPECT_THAT(results.values(),
              testing::AllOf(testing::SizeIs(6), testing::Each(ErrorCode::kCancelled)));
}

TEST(Future_Result, OfVoidReturnsOrThrows) {
  Promise<void> good, bad;
  good.set_result();
  bad.set_exception(error_of("failed"));
  EXPECT_NO_THROW(good.future().result());
  EXPECT_EQ(error_message([&] { bad.future().result(); }), "failed");
}

TEST(Future_Result, IsSharedByAllHandlesAndCopiedFromATemporary) {
  Promise<std::vector<int>> promise;
  const auto future = promise.future();
  const auto copy = future;
  promise.set_result(3, 7);
  EXPECT_EQ(&future.result(), &copy.result());
  std::vector<int> own = promise.future().result();
  EXPECT_NE(own.data(), future.result().data());
  EXPECT_THAT(own, ElementsAre(7, 7, 7));
}

TEST(Future_Take, MovesTheResultOutForAllHandles) {
  Promise<std::unique_ptr<int>> promise;
  promise.set_result(std::make_unique<int>(5));
  const auto future = promise.future();
  EXPECT_EQ(*future.result(), 5);
  EXPECT_EQ(*future.take(), 5);
  EXPECT_EQ(error_code([&] { promise.future().take(); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_code([&] { (void)future.result(); }), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(future.done());
}

TEST(Future_Handle, ComparesAndHashesByIdentity) {
  Promise<int> a, b;
  EXPECT_EQ(a.future(), a.future());
  EXPECT_NE(a.future(), b.future());
  std::unordered_set<Future<int>> set{a.future(), b.future(), a.future()};
  EXPECT_EQ(set.size(), 2u);
  std::unordered_set<AnyFuture> any{a.future(), b.future(), a.future()};
  EXPECT_EQ(any.size(), 2u);
}

TEST(Future_Handle, MovedFromIsRefused) {
  Promise<int> promise;
  auto future = promise.future();
  auto moved = std::move(future);
  EXPECT_FALSE(moved.done());
  EXPECT_EQ(error_code([&] { (void)future.done(); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_code([&] { future.result(); }), ErrorCode::kInvalidArgument);
  future = moved;
  EXPECT_EQ(future, moved);
}

TEST(Promise_SetResult, TwiceIsRefusedAndTheFirstStays) {
  Promise<int> promise;
  promise.set_result(1);
  EXPECT_EQ(error_message([&] { promise.set_result(2); }),
            "invalid_argument: the future is finished already");
  EXPECT_EQ(error_code([&] { promise.set_exception(error_of("late")); }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(promise.future().result(), 1);
}

TEST(Promise_SetException, TwiceIsRefusedAndTheFirstStays) {
  Promise<int> promise;
  promise.set_exception(error_of("first"));
  EXPECT_EQ(error_code([&] { promise.set_exception(error_of("second")); }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(message_of(promise.future().exception()), "first");
}

TEST(Promise_SetException, NullIsRefused) {
  Promise<int> promise;
  EXPECT_EQ(error_code([&] { promise.set_exception(nullptr); }), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(promise.future().done());
}

TEST(Promise_SetResult, AfterCancelIsRefused) {
  Promise<int> promise;
  promise.future().cancel();
  EXPECT_EQ(error_message([&] { promise.set_result(2); }),
            "invalid_argument: the future is cancelled already");
  EXPECT_TRUE(promise.future().cancelled());
}

TEST(Promise_SetRunning, SaysWhetherToCompute) {
  FutureOfEachState f;
  EXPECT_TRUE(f.pending_promise.set_running());
  EXPECT_FALSE(f.cancelled_promise.set_running());
  EXPECT_EQ(error_code([&] { f.running_promise.set_running(); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_code([&] { f.finished_promise.set_running(); }), ErrorCode::kInvalidArgument);
}

TEST(Promise_Destructor, FailsAFutureThatIsNotDone) {
  auto promise = std::make_unique<FutureOfEachState>();
  const auto pending = promise->pending, running = promise->running;
  const auto cancelled = promise->cancelled, finished = promise->finished;
  promise.reset();
  EXPECT_EQ(error_code([&] { pending.result(); }), ErrorCode::kInternal);
  EXPECT_EQ(error_code([&] { running.result(); }), ErrorCode::kInternal);
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_EQ(finished.result(), 42);
}

TEST(Future_DoneCallback, IsCalledWithTheResult) {
  Promise<int> promise;
  int result = 0;
  promise.future().add_done_callback([&](const Future<int>& future) { result = future.result(); });
  EXPECT_EQ(result, 0);
  promise.set_result(5);
  EXPECT_EQ(result, 5);
}

TEST(Future_DoneCallback, IsCalledWithTheException) {
  Promise<int> promise;
  std::string message;
  promise.future().add_done_callback(
      [&](const Future<int>& future) { message = message_of(future.exception()); });
  promise.set_exception(error_of("failed"));
  EXPECT_EQ(message, "failed");
}

TEST(Future_DoneCallback, IsCalledOnCancelByTheCancellingThread) {
  Promise<int> promise;
  bool cancelled = false;
  std::thread::id thread;
  promise.future().add_done_callback([&](const AnyFuture& future) {
    cancelled = future.cancelled();
    thread = std::this_thread::get_id();
  });
  EXPECT_TRUE(promise.future().cancel());
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST(Future_DoneCallback, IsCalledOnceHoweverOftenCancelled) {
  Promise<int> promise;
  int calls = 0;
  promise.future().add_done_callback([&](const AnyFuture&) { ++calls; });
  promise.future().cancel();
  promise.future().cancel();
  EXPECT_EQ(calls, 1);
}

TEST(Future_DoneCallback, IsCalledAtOnceWhenDone) {
  FutureOfEachState f;
  int result = 0;
  std::string message;
  bool cancelled = false;
  f.finished.add_done_callback([&](const Future<int>& future) { result = future.result(); });
  f.failed.add_done_callback(
      [&](const Future<int>& future) { message = message_of(future.exception()); });
  f.cancelled.add_done_callback([&](const AnyFuture& future) { cancelled = future.cancelled(); });
  EXPECT_EQ(result, 42);
  EXPECT_EQ(message, "failed");
  EXPECT_TRUE(cancelled);
}

TEST(Future_DoneCallback, RunsInTheOrderOfAdding) {
  Promise<int> promise;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    promise.future().add_done_callback([&, i](const AnyFuture&) { order.push_back(i); });
  }
  promise.set_result(0);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(Future_DoneCallback, ThatThrowsIsReportedAndTheOthersRun) {
  std::vector<std::string> reports;
  Promise<int> promise([&](const std::string& where, std::exception_ptr error) {
    reports.push_back(where + ": " + message_of(error));
  });
  bool called = false;
  promise.future().add_done_callback([](const AnyFuture&) { throw std::runtime_error("doh!"); });
  promise.future().add_done_callback([&](const AnyFuture&) { called = true; });
  promise.set_result(5);
  EXPECT_TRUE(called);
  EXPECT_THAT(reports, ElementsAre("exception calling a done callback: doh!"));
  EXPECT_EQ(promise.future().result(), 5);
}

TEST(Future_DoneCallback, ThatThrowsWhenDoneAlreadyIsReported) {
  std::vector<std::string> reports;
  Promise<int> promise([&](const std::string& where, std::exception_ptr error) {
    reports.push_back(where + ": " + message_of(error));
  });
  promise.set_result(5);
  promise.future().add_done_callback([](const AnyFuture&) { throw std::runtime_error("doh!"); });
  EXPECT_THAT(reports, ElementsAre("exception calling a done callback: doh!"));
}

TEST(Future_DoneCallback, ThatThrowsGoesToStderrWithoutAHook) {
  Promise<int> promise;
  promise.future().add_done_callback([](const AnyFuture&) { throw std::runtime_error("doh!"); });
  promise.future().add_done_callback([](const AnyFuture&) { throw 5; });
  testing::internal::CaptureStderr();
  promise.future().cancel();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hornet: exception calling a done callback: doh!\n"
            "hornet: exception calling a done callback: unknown exception\n");
}

TEST(Future_DoneCallback, HookThatThrowsLosesNeitherError) {
  Promise<int> promise(
      [](const std::string&, std::exception_ptr) { throw std::runtime_error("hook"); });
  promise.future().add_done_callback([](const AnyFuture&) { throw std::runtime_error("doh!"); });
  testing::internal::CaptureStderr();
  promise.set_result(5);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hornet: error hook: hook\n"
            "hornet: exception calling a done callback: doh!\n");
}

TEST(Future_DoneCallback, MayAddCallbacksAndUseTheFuture) {
  Promise<int> promise;
  int sum = 0;
  promise.future().add_done_callback([&](const Future<int>& future) {
    EXPECT_FALSE(future.cancel());
    future.add_done_callback([&](const Future<int>& same) { sum += same.result(); });
  });
  promise.set_result(5);
  EXPECT_EQ(sum, 5);
}

TEST(Future_DoneCallback, IsFreedAfterItRan) {
  Promise<int> promise;
  auto captured = std::make_shared<int>();
  const std::weak_ptr<int> watch = captured;
  promise.future().add_done_callback([captured = std::move(captured)](const AnyFuture&) {});
  EXPECT_FALSE(watch.expired());
  promise.set_result(5);
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace hornet
