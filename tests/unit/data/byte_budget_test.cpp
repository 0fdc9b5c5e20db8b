#include "data/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/base/expect_error.h"

namespace hornet {
namespace {

TEST(ByteBudget, WhoWantsMoreThanIsLeft_Waits) {
  ByteBudget budget(10);
  auto lease = budget.take(6, "x");
  std::atomic<bool> taken = false;
  std::thread other([&] {
    const auto second = budget.take(5, "x");
    taken = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(taken);
  lease = {};
  other.join();
  EXPECT_TRUE(taken);
  budget.take(10, "x");  // all is given back
}

TEST(ByteBudget, MoreThanThereIs_IsAnError) {
  ByteBudget budget(10);
  EXPECT_ERROR(budget.take(11, "cat.png"), ErrorCode::kInvalidInput,
               "cat.png takes 11 bytes to read; the bound on memory leaves 10");
}

TEST(ByteBudget, OfZero_IsUnbounded) {
  ByteBudget budget(0);
  budget.take(size_t{1} << 60, "x");
}

}  // namespace
}  // namespace hornet
