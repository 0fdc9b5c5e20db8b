#include "data/block_cache.h"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <thread>

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
