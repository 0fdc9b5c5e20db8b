// Executor::map.
#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>

#include "unit/runtime/util.h"

namespace hornet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class R>
auto all_of(MapResults<R> range) {
  std::vector<internal::Stored<R>> values;
  for (auto& value : range) values.push_back(std::move(value));
  return values;
}

std::vector<int> numbers(int count) {
  std::vector<int> values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

int divide(int a, int b) {
  if (b == 0) throw std::domain_error("division by zero");
  return a / b;
}

class Map : public testing::Test {
 protected:
  ThreadExecutor executor{{.max_workers = 3}};
};

TEST_F(Map, GivesResultsInOrderForAnyChunksizeAndBuffersize) {
  for (const size_t chunksize : {1, 2, 3, 10, 11, 1000}) {
    for (const size_t buffersize : {0, 1, 2, 100}) {
      const auto results = all_of(executor.map(
          {.chunksize = chunksize, .buffersize = buffersize},
          [](int a, int b) { return a * 100 + b; }, numbers(10), numbers(10)));
      ASSERT_THAT(results, ElementsAre(0, 101, 202, 303, 404, 505, 606, 707, 808, 909))
          << "chunksize " << chunksize << ", buffersize " << buffersize;
    }
  }
}

TEST_F(Map, StopsAtTheEndOfTheShortestRange) {
  EXPECT_THAT(all_of(executor.map(divide, numbers(3), std::array{1, 1, 1, 0})),
              ElementsAre(0, 1, 2));
}

TEST_F(Map, OfAnEmptyRangeIsEmpty) {
  EXPECT_THAT(all_of(executor.map([](int a) { return a; }, numbers(0))), IsEmpty());
}

TEST_F(Map, TakesViewsMemberFunctionsAndBools) {
  auto odd = std::views::iota(0, 4) | std::views::transform([](int a) { return a % 2 != 0; });
  EXPECT_THAT(all_of(executor.map([](bool a) { return !a; }, odd)),
              ElementsAre(true, false, true, false));
  const std::vector<std::string> words{"a", "bcd"};
  EXPECT_THAT(all_of(executor.map(&std::string::size, words)), ElementsAre(1u, 3u));
}

TEST_F(Map, TakesResultsThatOnlyMove) {
  const auto results =
      all_of(executor.map([](int a) { return std::make_unique<int>(a); }, numbers(2)));
  EXPECT_EQ(*results[1], 1);
}

TEST_F(Map, RunsCallsThatReturnNothing) {
  std::atomic<int> sum = 0;
  const auto results = all_of(executor.map([&](int a) { sum += a; }, numbers(5)));
  EXPECT_EQ(results.size(), 5u);
  EXPECT_EQ(sum, 10);
}

TEST_F(Map, ThrowsAtThePlaceOfTheFailedCallForAnyChunksize) {
  const std::vector<int> a{6, 6, 6, 6}, b{2, 3, 0, 1};
  for (const size_t chunksize : {1, 2, 3, 4}) {
    auto results = executor.map({.chunksize = chunksize}, divide, a, b);
    EXPECT_EQ(results.next(), 3);
    EXPECT_EQ(results.next(), 2);
    EXPECT_THROW(results.next(), std::domain_error);
    EXPECT_EQ(results.next(), std::nullopt);
  }
}

TEST_F(Map, ThrowsInTheFirstAndInTheLastCall) {
  auto first = executor.map(divide, std::array{1, 1, 1}, std::array{0, 1, 1});
  EXPECT_THROW(first.next(), std::domain_error);
  auto last = executor.map(divide, std::array{1, 1, 1}, std::array{1, 1, 0});
  EXPECT_EQ(last.next(), 1);
  EXPECT_EQ(last.next(), 1);
  EXPECT_THROW(last.next(), std::domain_error);
}

TEST_F(Map, TimesOutAtTheResultThatIsLate) {
  Event finish;
  for (const Timeout timeout : {Timeout(30ms), Timeout(1ms)}) {
    auto results = executor.map(
        {.timeout = timeout},
        [&](int a) {
          if (a == 2) finish.wait();
          return a;
        },
        numbers(3));
    std::vector<int> seen;
    EXPECT_EQ(error_code([&] {
                while (auto result = results.next()) seen.push_back(*result);
              }),
              ErrorCode::kTimeout);
    EXPECT_THAT(seen, testing::AnyOf(IsEmpty(), ElementsAre(0), ElementsAre(0, 1)));
  }
  finish.set();
  executor.shutdown();
}

TEST_F(Map, GivesResultsThatAreThereWhenTheTimeIsOver) {
  auto results = executor.map(
      {.timeout = 0s}, [](int a) { return a; }, numbers(3));
  executor.shutdown();
  EXPECT_THAT(all_of(std::move(results)), ElementsAre(0, 1, 2));
}

TEST_F(Map, SubmitsAllWithoutIteration) {
  Log<int> log;
  executor.map([&](int a) { log.add(a); }, numbers(10));
  executor.shutdown();
  EXPECT_THAT(log.values(), testing::UnorderedElementsAreArray(numbers(10)));
}

TEST_F(Map, CancelsWhatIsPendingWhenDroppedEarly) {
  Event started, finish;
  Log<int> log;
  ThreadExecutor single({.max_workers = 1});
  {
    auto results = single.map(
        [&](int a) {
          log.add(a);
          if (a == 1) {
            started.set();
            finish.wait();
          }
          return a;
        },
        numbers(5));
    EXPECT_EQ(results.next(), 0);
    started.wait();
  }
  finish.set();
  single.shutdown();
  EXPECT_THAT(log.values(), ElementsAre(0, 1));
}

TEST_F(Map, CancelsThePendingCallThatTimesOutAndAllAfterIt) {
  Event started, finish;
  Log<std::string> log;
  ThreadExecutor single({.max_workers = 1});
  const auto first = single.submit([&] {
    started.set();
    finish.wait();
    log.add("first");
  });
  started.wait();
  auto results = single.map(
      {.timeout = 0s}, [&](const std::string& name) { log.add(name); },
      std::array<std::string, 2>{"second", "third"});
  EXPECT_EQ(error_code([&] { results.next(); }), ErrorCode::kTimeout);
  finish.set();
  single.shutdown();
  EXPECT_THAT(log.values(), ElementsAre("first"));
}

TEST_F(Map, CancelsWhatIsPendingAfterAnException) {
  Event started, finish;
  Log<int> log;
  ThreadExecutor single({.max_workers = 1});
  auto results = single.map(
      [&](int a) {
        log.add(a);
        if (a == 0) throw std::runtime_error("failed");
        started.set();
        finish.wait();
      },
      numbers(5));
  started.wait();
  EXPECT_EQ(error_message([&] { results.next(); }), "failed");
  finish.set();
  single.shutdown();
  EXPECT_THAT(log.values(), ElementsAre(0, 1));
}

TEST_F(Map, ThrowsCancelledWhereTheExecutorCancelled) {
  Event started, finish;
  ThreadExecutor single({.max_workers = 1});
  auto results = single.map(
      [&](int a) {
        started.set();
        finish.wait();
        return a;
      },
      numbers(2));
  started.wait();
  single.shutdown(false, true);
  finish.set();
  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(error_code([&] { results.next(); }), ErrorCode::kCancelled);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_F(Map, KeepsNoReferenceToResults) {
  auto results = executor.map([](int a) { return std::make_shared<int>(a); }, numbers(10));
  std::weak_ptr<int> watch;
  while (auto result = results.next()) {
    watch = *result;
    *result = nullptr;
    EXPECT_TRUE(watch.expired());
  }
  std::weak_ptr<int> previous;
  for (auto& result : executor.map([](int a) { return std::make_shared<int>(a); }, numbers(10))) {
    EXPECT_TRUE(previous.expired());
    previous = result;
  }
}

TEST_F(Map, WithBuffersizeReadsTheRangeAsResultsAreTaken) {
  int read = 0;
  auto range = std::views::iota(0, 100) | std::views::transform([&](int a) {
                 ++read;
                 return a;
               });
  auto results = executor.map(
      {.buffersize = 4}, [](int a) { return a; }, range);
  EXPECT_EQ(read, 4);
  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(read, 5);
  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(read, 6);
  int next = 2;
  for (const int result : results) EXPECT_EQ(result, next++);
  EXPECT_EQ(next, 100);
  EXPECT_EQ(read, 100);
}

TEST_F(Map, WithBuffersizeThrowsWhenTheExecutorIsShutDownHalfWay) {
  auto results = executor.map(
      {.buffersize = 2}, [](int a) { return a; }, std::views::iota(0, 10));
  EXPECT_EQ(results.next(), 0);
  executor.shutdown();
  EXPECT_EQ(error_message([&] { results.next(); }),
            "invalid_argument: cannot schedule new futures after shutdown");
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_F(Map, RefusesChunksizeZero) {
  EXPECT_EQ(error_message([&] {
              executor.map(
                  {.chunksize = 0}, [](int a) { return a; }, numbers(1));
            }),
            "invalid_argument: chunksize must be >= 1; found 0");
}

TEST_F(Map, WithABoundedQueueSubmitsAsRoomComes) {
  ThreadExecutor bounded({.max_workers = 2, .max_pending = 1});
  EXPECT_EQ(all_of(bounded.map([](int a) { return a; }, numbers(200))), numbers(200));
}

}  // namespace
}  // namespace hornet
