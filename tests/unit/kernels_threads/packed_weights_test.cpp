#include "kernels/packed_weights.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <future>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

// Fills a buffer with one byte, and counts.
PackedWeights::Fill bytes_of(size_t bytes, int value, std::atomic<int>& fillings) {
  return [=, &fillings](void* data) {
    std::memset(data, value, bytes);
    ++fillings;
  };
}

int first_byte(const PackedWeights::Buffer& buffer) {
  return *static_cast<const unsigned char*>(buffer.get());
}

TEST(PackedWeights, SameKey_IsPackedOnceAndShared) {
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  const auto first = packed.get("a", 16, bytes_of(16, 1, fillings));
  const auto second = packed.get("a", 16, bytes_of(16, 2, fillings));
  EXPECT_EQ(first.get(), second.get());
  packed.complete();
  EXPECT_EQ(fillings, 1);
  EXPECT_EQ(first_byte(first), 1);
  const auto other = packed.get("b", 16, bytes_of(16, 3, fillings));
  EXPECT_EQ(first_byte(packed.get("a", 16, bytes_of(16, 4, fillings))), 1);
  packed.complete();
  EXPECT_EQ(fillings, 2);
  EXPECT_EQ(first_byte(other), 3);
  EXPECT_EQ(packed.total_bytes(), 32);
}

TEST(PackedWeights, Buffer_OutlivesTheStore) {
  PackedWeights::Buffer buffer;
  std::atomic<int> fillings = 0;
  {
    PackedWeights packed;
    buffer = packed.get("a", 8, bytes_of(8, 7, fillings));
    packed.complete();
  }
  EXPECT_EQ(first_byte(buffer), 7);
}

// So many bytes that they are filled by several threads, in slabs and outside them.
TEST(PackedWeights, ManyBuffers_AreAlignedAndEachHasItsOwnBytes) {
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  std::vector<PackedWeights::Buffer> buffers;
  for (int i = 0; i < 200; ++i) {
    const size_t bytes = i == 20 ? size_t{40} << 20 : 1 + static_cast<size_t>(i) * 4001;
    buffers.push_back(packed.get(std::to_string(i), bytes, bytes_of(bytes, i, fillings)));
  }
  packed.complete();
  EXPECT_EQ(fillings, 200);
  for (int i = 0; i < 200; ++i) {
    const auto& buffer = buffers[static_cast<size_t>(i)];
    EXPECT_EQ(first_byte(buffer), i);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.get()) % 64, 0);
  }
}

// What one thread has got is filled once its own complete() returns, whoever fills it.
TEST(PackedWeights, ManyThreads_PackOnce) {
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto buffer = packed.get("a", 4096, bytes_of(4096, 5, fillings));
      packed.complete();
      EXPECT_EQ(first_byte(buffer), 5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fillings, 1);
}

// A step that needs the first buffer does not wait for one behind it, which another thread fills.
TEST(PackedWeights, WaitForTheFirst_DoesNotWaitForTheOthers) {
  constexpr size_t kBytes = size_t{1} << 20;
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  std::promise<void> may_go_on;
  size_t first = 0, second = 0;
  const auto buffer = packed.get("a", kBytes, bytes_of(kBytes, 1, fillings), &first);
  const auto held = packed.get(
      "b", kBytes,
      [&, go_on = may_go_on.get_future().share()](void* data) {
        go_on.wait();
        bytes_of(kBytes, 2, fillings)(data);
      },
      &second);
  packed.start_filling();
  packed.wait_for(first);
  EXPECT_EQ(first_byte(buffer), 1);
  EXPECT_EQ(fillings, 1);
  may_go_on.set_value();
  packed.wait_for(second);
  EXPECT_EQ(first_byte(held), 2);
}

// Whoever waits fills what nobody has begun with, in order, and no more than is needed.
TEST(PackedWeights, WaitWithoutOtherThreads_FillsWhatIsNeeded) {
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  StepWeights step(packed), next(packed);
  const auto a = packed.get("a", 16, bytes_of(16, 1, fillings));
  const auto b = StepWeights(step).get("b", 16, bytes_of(16, 2, fillings));
  const auto c = next.get("c", 16, bytes_of(16, 3, fillings));
  next.get("b", 16, bytes_of(16, 4, fillings));
  EXPECT_EQ(step.needed(), 2);
  EXPECT_EQ(next.needed(), 3);
  EXPECT_EQ(StepWeights(packed).needed(), 0);
  step.wait();
  EXPECT_EQ(fillings, 2);
  EXPECT_EQ(first_byte(a), 1);
  EXPECT_EQ(first_byte(b), 2);
  next.wait();
  EXPECT_EQ(fillings, 3);
  EXPECT_EQ(first_byte(c), 3);
}

// Many steps wait while others fill: each sees its own bytes, once.
TEST(PackedWeights, ManyWaitingThreads_FillTogether) {
  constexpr size_t kBytes = 64 << 10;
  constexpr int kBuffers = 64;
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  std::vector<PackedWeights::Buffer> buffers;
  std::vector<size_t> needed(kBuffers, 0);
  for (int i = 0; i < kBuffers; ++i) {
    buffers.push_back(packed.get(std::to_string(i), kBytes, bytes_of(kBytes, i, fillings),
                                 &needed[static_cast<size_t>(i)]));
  }
  packed.start_filling();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < buffers.size(); ++i) {
        packed.wait_for(needed[i]);
        EXPECT_EQ(first_byte(buffers[i]), static_cast<int>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fillings, kBuffers);
  EXPECT_EQ(packed.all().size(), kBuffers);
}

// What nobody waits for is not filled to the end.
TEST(PackedWeights, EndWhileOthersFill_LeavesTheRest) {
  constexpr size_t kBytes = size_t{1} << 20;
  constexpr int kBuffers = 200;
  std::atomic<int> fillings = 0;
  {
    std::promise<void> begun;
    PackedWeights packed;
    packed.get("first", kBytes, [&](void*) { begun.set_value(); });
    for (int i = 0; i < kBuffers; ++i) {
      packed.get(std::to_string(i), kBytes, bytes_of(kBytes, i, fillings));
    }
    packed.start_filling();
    begun.get_future().wait();
  }
  EXPECT_LT(fillings, kBuffers);
}

// On another thread: who waits for it gets the error, who waits for others does not.
TEST(PackedWeights, FillThatFailsBehind_FailsWhoWaits) {
  constexpr size_t kBytes = size_t{1} << 20;
  PackedWeights packed;
  std::atomic<int> fillings = 0;
  size_t first = 0, second = 0;
  packed.get("a", kBytes, bytes_of(kBytes, 1, fillings), &first);
  packed.get(
      "b", kBytes, [](void*) { throw std::runtime_error("no"); }, &second);
  packed.start_filling();
  packed.wait_for(first);
  EXPECT_THROW(packed.wait_for(second), std::runtime_error);
  packed.wait_for(first);
  EXPECT_THROW(packed.start_filling(), std::runtime_error);
  EXPECT_THROW(packed.all(), std::runtime_error);
}

TEST(PackedWeights, FillWithoutMemory_IsAnError) {
  PackedWeights packed;
  packed.get("a", 16, [](void*) { throw std::bad_alloc(); });
  EXPECT_ERROR(packed.complete(), ErrorCode::kOutOfMemory, "to pack weights");
}

TEST(PackedWeights, FillThatFails_FailsComplete) {
  PackedWeights packed;
  packed.get("a", 16, [](void*) { throw std::runtime_error("no"); });
  EXPECT_THROW(packed.complete(), std::runtime_error);
  EXPECT_THROW(packed.complete(), std::runtime_error);
  EXPECT_THROW(packed.get("a", 16, [](void*) {}), std::runtime_error);
}

}  // namespace
}  // namespace hornet::kernels
