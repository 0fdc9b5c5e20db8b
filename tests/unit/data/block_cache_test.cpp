#include "data/block_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace hornet {
namespace {

void make_seven(BlockCache::Block& block) { block.assign(10, std::byte{7}); }
void must_not_make(BlockCache::Block&) { FAIL() << "made once more"; }

TEST(BlockCache, BlockThatAnotherMakes_IsNotWaitedForUnlessAsked) {
  BlockCache cache(1000);
  std::promise<void> begun, released;
  std::thread other([&] {
    cache.get(1, [&](BlockCache::Block& block) {
      begun.set_value();
      released.get_future().wait();
      make_seven(block);
    });
  });
  begun.get_future().wait();
  EXPECT_EQ(cache.get_unless_busy(1, must_not_make), nullptr);
  EXPECT_NE(cache.get_unless_busy(2, make_seven), nullptr);
  released.set_value();
  const auto block = cache.get(1, must_not_make);
  other.join();
  EXPECT_EQ(block->at(9), std::byte{7});
  EXPECT_EQ(cache.get_unless_busy(1, must_not_make)->at(0), std::byte{7});
  EXPECT_EQ(cache.get_unless_busy(2, must_not_make)->at(0), std::byte{7});
}

TEST(BlockCache, FailureToMakeABlock_IsOfWhoAsked) {
  BlockCache cache(1000);
  const auto fails = [](BlockCache::Block&) { throw std::runtime_error("damaged"); };
  EXPECT_THROW(cache.get_unless_busy(3, fails), std::runtime_error);
  EXPECT_THROW(cache.get(3, fails), std::runtime_error);
  EXPECT_EQ(cache.get_unless_busy(3, make_seven)->size(), 10);
}

TEST(BlockCache, BlocksBeyondItsBytes_AreMadeAgain) {
  BlockCache cache(25);
  for (uint64_t number : {1, 2, 3}) cache.get(number, make_seven);
  cache.get(3, must_not_make);
  cache.get(2, must_not_make);
  int made = 0;
  cache.get(1, [&](BlockCache::Block& block) {
    ++made;
    make_seven(block);
  });
  EXPECT_EQ(made, 1);
}

// Without that, millions of tiny blocks would take many times their bytes.
TEST(BlockCache, WhatKeepingABlockTakes_CountsToo) {
  BlockCache cache(2 * (10 + BlockCache::kBytesBesideBlock), BlockCache::kBytesBesideBlock);
  for (const uint64_t number : {1, 2}) cache.get(number, make_seven);
  cache.get(1, must_not_make);
  cache.get(3, make_seven);
  cache.get(1, must_not_make);
  bool made = false;
  cache.get(2, [&](BlockCache::Block&) { made = true; });
  EXPECT_TRUE(made);
}

TEST(BlockCache, BlocksBeyondItsBytes_LeaveTheirMemoryToTheNext) {
  BlockCache cache(25);
  for (uint64_t number : {1, 2, 3}) cache.get(number, make_seven);
  const auto kept = cache.get(2, must_not_make);
  size_t capacity = 0;
  const auto make = [&](BlockCache::Block& block) {
    capacity = block.capacity();
    make_seven(block);
  };
  cache.get(4, make);
  EXPECT_GE(capacity, 10u);  // of block 1
  cache.get(5, make);
  EXPECT_GE(capacity, 10u);  // of block 3
  cache.get(6, make);
  EXPECT_EQ(capacity, 0u);  // block 2 was dropped, but it is in use
  EXPECT_EQ(*kept, BlockCache::Block(10, std::byte{7}));
}

TEST(BlockCache, BlocksThatCannotBeMade_LeaveNoMemoryBehind) {
  BlockCache cache(100);
  size_t kept = 0;
  const auto fails = [&](BlockCache::Block& block) {
    kept = std::max(kept, block.capacity());
    block.resize(1 << 20);
    throw std::runtime_error("damaged");
  };
  for (uint64_t number = 0; number < 100; ++number) {
    EXPECT_THROW(cache.get(number, fails), std::runtime_error);
  }
  EXPECT_EQ(kept, size_t{1} << 20);  // the same memory each time
  cache.clear();
  size_t capacity = 1;
  cache.get(200, [&](BlockCache::Block& block) { capacity = block.capacity(); });
  EXPECT_EQ(capacity, 0u);
}

TEST(BlockCache, ManyReaders_SeeWholeBlocks) {
  BlockCache cache(30);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 5000; ++i) {
        const uint64_t number = (i * (t + 1)) % 7;
        const auto make = [number](BlockCache::Block& block) {
          block.assign(10, static_cast<std::byte>(number));
        };
        const auto block = cache.get(number, make);
        wrong += *block != BlockCache::Block(10, static_cast<std::byte>(number));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BlockCache, Clear_DropsAllBlocksButThoseInUse) {
  BlockCache cache(1000);
  const auto kept = cache.get(1, make_seven);
  cache.clear();
  int made = 0;
  cache.get(1, [&](BlockCache::Block& block) {
    ++made;
    make_seven(block);
  });
  EXPECT_EQ(made, 1);
  EXPECT_EQ(*kept, BlockCache::Block(10, std::byte{7}));
}

}  // namespace
}  // namespace hornet
