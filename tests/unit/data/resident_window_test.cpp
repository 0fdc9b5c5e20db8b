#include "data/resident_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <set>
#include <thread>
#include <vector>

namespace hornet {
namespace {

constexpr size_t kBlock = ResidentWindow::kBlockBytes;
constexpr size_t kWindowBlocks = ResidentWindow::kWindowBytes / kBlock;

// What a system that maps whole blocks would hold.
class Memory {
 public:
  void touch(size_t offset, size_t bytes) {
    for (size_t block = offset / kBlock; block <= (offset + bytes - 1) / kBlock; ++block) {
      blocks_.insert(block);
    }
    most_ = std::max(most_, blocks_.size());
  }
  void forget(size_t offset, size_t bytes) {
    EXPECT_EQ(offset % kBlock, 0u);
    EXPECT_EQ(bytes % kBlock, 0u);
    for (size_t block = offset / kBlock; block < (offset + bytes) / kBlock; ++block) {
      EXPECT_EQ(blocks_.erase(block), 1u);
    }
    ++num_forgotten_;
  }
  size_t most() const { return most_; }
  int num_forgotten() const { return num_forgotten_; }

 private:
  std::set<size_t> blocks_;
  size_t most_ = 0;
  int num_forgotten_ = 0;
};

Memory read_in_order(size_t file_bytes, size_t batch_bytes, size_t memory_bytes = 0) {
  Memory memory;
  ResidentWindow window(memory_bytes);
  for (size_t at = 128; at + batch_bytes <= file_bytes; at += batch_bytes) {
    window.use(at, batch_bytes, [&](size_t offset, size_t bytes) { memory.forget(offset, bytes); });
    memory.touch(at, batch_bytes);
  }
  return memory;
}

TEST(ResidentWindowTest, Use_FilesOfAnySize_HoldAWindowAndNoMore) {
  EXPECT_EQ(read_in_order(size_t{1} << 30, 30720).most(), kWindowBlocks);
  EXPECT_EQ(read_in_order(size_t{20} << 30, 30720).most(), kWindowBlocks);
  EXPECT_LE(read_in_order(size_t{1} << 30, 2 * kBlock).most(), kWindowBlocks);
}

TEST(ResidentWindowTest, Use_BoundOnMemory_MakesTheWindowSmaller) {
  EXPECT_EQ(read_in_order(size_t{1} << 30, 30720, 3 * kBlock).most(), 3u);
  EXPECT_EQ(read_in_order(size_t{1} << 30, 30720, 1).most(), 2u);  // both of a batch between two
}

TEST(ResidentWindowTest, Use_BatchesLargerThanTheWindow_AreNotForgottenEachTime) {
  const Memory memory = read_in_order(size_t{1} << 30, 20 * kBlock);
  EXPECT_LE(memory.most(), 42u);
  EXPECT_LE(memory.num_forgotten(), (1 << 30) / static_cast<int>(20 * kBlock));
}

TEST(ResidentWindowTest, Use_SameBlockAgain_IsNoneMore) {
  ResidentWindow window;
  for (int i = 0; i < 100000; ++i) window.use(kBlock / 2, 1000, [](size_t, size_t) { FAIL(); });
  EXPECT_EQ(window.num_blocks(), 1u);
}

TEST(ResidentWindowTest, Use_NoBytes_IsNoUse) {
  ResidentWindow window;
  window.use(0, 0, [](size_t, size_t) { FAIL(); });
  EXPECT_EQ(window.num_blocks(), 0u);
}

TEST(ResidentWindowTest, Forget_BlocksOfOtherThreads_StayUntilTheseDoNotComeBack) {
  ResidentWindow window;
  std::multiset<size_t> forgotten;
  const auto forget = [&](size_t offset, size_t bytes) {
    for (size_t at = offset; at < offset + bytes; at += kBlock) forgotten.insert(at / kBlock);
  };
  const auto read_windows = [&](size_t count) {
    for (size_t block = 0; block < count * kWindowBlocks; ++block) {
      window.use(block * kBlock, 1, forget);
    }
  };
  std::promise<void> passed_by, done;
  std::thread other([&] {
    window.use(1000 * kBlock, kBlock, forget);
    done.set_value();
    passed_by.get_future().wait();
    window.use(2000 * kBlock, kBlock, forget);
  });
  done.get_future().wait();
  read_windows(4);
  EXPECT_TRUE(forgotten.contains(0));  // the oldest that nobody uses
  EXPECT_FALSE(forgotten.contains(1000));
  read_windows(30);
  EXPECT_EQ(forgotten.count(1000), 1u);
  EXPECT_LE(window.num_blocks(), kWindowBlocks);
  // It may have touched its block once more: that counts when it comes back.
  passed_by.set_value();
  other.join();
  read_windows(4);
  EXPECT_EQ(forgotten.count(1000), 2u);
  EXPECT_LE(window.num_blocks(), kWindowBlocks);
}

TEST(ResidentWindowTest, Forget_BlocksUsedLast_Stay) {
  ResidentWindow window;
  std::vector<size_t> forgotten;
  const auto forget = [&](size_t offset, size_t bytes) {
    EXPECT_EQ(bytes, kBlock);
    forgotten.push_back(offset / kBlock);
  };
  for (size_t block = 0; block < kWindowBlocks; ++block) {
    window.use(2 * block * kBlock, 1, forget);
  }
  window.use(0, 1, forget);
  EXPECT_EQ(forgotten, std::vector<size_t>{});
  window.use(1000 * kBlock, 1, forget);
  EXPECT_EQ(forgotten, (std::vector<size_t>{2}));
}

TEST(ResidentWindowTest, Use_FromManyThreads_NeverHoldsMoreThanTheyUseAndHalfAsMuch) {
  constexpr size_t kThreads = 16, kBatch = 100000;
  ResidentWindow window;
  std::atomic<size_t> next = 0, most = 0;
  std::atomic<int> num_forgotten = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (size_t chunk = next++; chunk < 400; chunk = next++) {
        for (size_t batch = 0; batch < 20; ++batch) {
          window.use((chunk * 20 + batch) * kBatch, kBatch,
                     [&](size_t, size_t) { ++num_forgotten; });
          const size_t held = window.num_blocks();
          for (size_t seen = most; seen < held && !most.compare_exchange_weak(seen, held);) {
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 3 * kThreads);
  EXPECT_LE(num_forgotten, 1200);
  EXPECT_GE(num_forgotten, 1);
}

}  // namespace
}  // namespace hornet
