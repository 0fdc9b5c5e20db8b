#include "base/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "hornet/memory.h"

namespace hornet {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

bool is_zero(const void* block, size_t bytes) {
  const auto* byte = static_cast<const char*>(block);
  return bytes == 0 || (byte[0] == 0 && std::memcmp(byte, byte + 1, bytes - 1) == 0);
}

// Takes arrays of these sizes, and checks that they are zero, aligned and apart from each other.
void take_and_fill(MemorySlabs& slabs, const std::vector<size_t>& sizes) {
  std::vector<std::shared_ptr<void>> arrays;
  for (size_t i = 0; i < sizes.size(); ++i) {
    arrays.push_back(slabs.take(sizes[i]));
    ASSERT_NE(arrays[i], nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arrays[i].get()) % 64, 0u);
    EXPECT_TRUE(is_zero(arrays[i].get(), sizes[i])) << "array " << i;
    std::memset(arrays[i].get(), static_cast<int>(i) + 1, sizes[i]);
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string expected(sizes[i], static_cast<char>(i + 1));
    EXPECT_EQ(std::memcmp(arrays[i].get(), expected.data(), sizes[i]), 0) << "array " << i;
  }
}

const std::vector<size_t> kSizes = {1, 64, 65, 3 * kMegabyte, 0, 40 * kMegabyte, 5, kMegabyte};

TEST(MemorySlabs, Arrays_AreZeroAlignedAndApart) {
  MemorySlabs slabs;
  take_and_fill(slabs, kSizes);
}

TEST(MemorySlabs, ExpectedBytes_AreTakenOneBehindTheOther) {
  MemorySlabs slabs;
  slabs.expect(8 * kMegabyte);
  const auto first = slabs.take(100), second = slabs.take(3 * kMegabyte);
  const auto large = slabs.take(6 * kMegabyte);  // does not fit any more
  const auto third = slabs.take(100);            // does
  const auto* base = static_cast<const char*>(first.get());
  EXPECT_EQ(second.get(), base + 128);
  EXPECT_EQ(third.get(), base + 128 + 3 * kMegabyte);
  EXPECT_TRUE(large.get() < base || large.get() >= base + 8 * kMegabyte);
}

TEST(MemorySlabs, FewerOrMoreBytesThanExpected_AreZeroAlignedAndApart) {
  for (const size_t expected : {size_t{1}, 5 * kMegabyte, 100 * kMegabyte}) {
    MemorySlabs slabs;
    slabs.expect(expected);
    take_and_fill(slabs, kSizes);
  }
}

// Bytes of [block, block + bytes) that are in memory; `block` is the begin of a page.
size_t resident(const void* block, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(bytes / page);
  EXPECT_EQ(mincore(const_cast<void*>(block), bytes, pages.data()), 0);
  size_t count = 0;
  for (const unsigned char flags : pages) count += flags & 1;
  return count * page;
}

TEST(MemorySlabs, ExpectedPages_AreTouchedAndThoseNobodyTookGivenBack) {
  if (usable_cores_of_process() < 2) GTEST_SKIP() << "one core touches nothing ahead";
  MemorySlabs slabs;
  slabs.expect(32 * kMegabyte);
  const auto first = slabs.take(3 * kMegabyte);
  const auto* rest = static_cast<const char*>(first.get()) + 4 * kMegabyte;
  for (int i = 0; i < 1000 && resident(rest, 24 * kMegabyte) == 0; ++i) usleep(1000);
  if (resident(rest, 24 * kMegabyte) == 0) GTEST_SKIP() << "this kernel does not populate";
  slabs.stop_touching();
  const size_t touched = resident(rest, 24 * kMegabyte);
  EXPECT_GT(touched, 0u);
  slabs.stop_touching();  // nothing is left to do
  EXPECT_EQ(resident(rest, 24 * kMegabyte), touched);
  slabs.give_back();
  EXPECT_EQ(resident(rest, 24 * kMegabyte), 0u);
}

TEST(Populate, WholePagesOfABlock_AreThere_AndItsBytesAsBefore) {
  constexpr size_t kBytes = 40 * 4096;
  void* mapped = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  auto* bytes = static_cast<char*>(mapped);
  bytes[20 * 4096] = 7;
  populate(bytes + 4095, 30 * 4096);  // the pages 1 to 29
  const size_t there = resident(bytes, kBytes);
  EXPECT_EQ(bytes[20 * 4096], 7);
  EXPECT_TRUE(is_zero(bytes, 20 * 4096));
  munmap(mapped, kBytes);
  if (there == 4096) GTEST_SKIP() << "this kernel does not populate";
  EXPECT_GE(there, size_t{29 * 4096});  // more where pages are large
}

TEST(AlignedRoom, GrowsAndIsAligned) {
  std::vector<std::byte> buffer;
  for (const size_t bytes : {size_t{1}, 200 * size_t{1024}, size_t{10}, 3 * kMegabyte}) {
    const std::span<std::byte> room = aligned_room(buffer, bytes);
    ASSERT_EQ(room.size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(room.data()) % 64, 0u);
    std::fill(room.begin(), room.end(), std::byte{1});
  }
}

TEST(WarmHeap, MayBeAskedForAgain_AndLeavesBlocksAlone) {
  warm_heap();
  const std::vector<std::string> blocks(20, std::string(50'000, 'x'));
  warm_heap();
  for (const std::string& block : blocks) EXPECT_EQ(block, std::string(50'000, 'x'));
}

TEST(KeepHeapOnLargePages, BlocksOfAllSizes_AreWholeAndApart) {
  std::vector<std::string> blocks;
  const auto add = [&] {
    for (const size_t size : {size_t{1}, size_t{5'000}, 200 * size_t{1024}, 3 * kMegabyte}) {
      blocks.emplace_back(size, static_cast<char>('a' + blocks.size()));
    }
  };
  add();
  keep_heap_on_large_pages();
  add();
  keep_heap_on_large_pages();  // a second time, with the first in use
  add();
  blocks.erase(blocks.begin() + 4);
  for (const std::string& block : blocks) {
    EXPECT_EQ(block, std::string(block.size(), block[0]));
  }
}

TEST(MemorySlabs, PagesGivenBack_AreZeroForWhoTakesThemLater) {
  MemorySlabs slabs;
  slabs.expect(16 * kMegabyte);
  const auto first = slabs.take(3 * kMegabyte);
  std::memset(first.get(), 7, 3 * kMegabyte);
  slabs.give_back();
  slabs.give_back();  // nothing is left to do
  const std::string sevens(3 * kMegabyte, 7);
  EXPECT_EQ(std::memcmp(first.get(), sevens.data(), sevens.size()), 0);
  const auto second = slabs.take(12 * kMegabyte);
  EXPECT_EQ(second.get(), static_cast<char*>(first.get()) + 3 * kMegabyte);
  EXPECT_TRUE(is_zero(second.get(), 12 * kMegabyte));
}

TEST(MemorySlabs, MoreBytesThanThereAre_AreNotExpectedNorTaken) {
  MemorySlabs slabs;
  slabs.expect(SIZE_MAX / 2);
  slabs.expect(SIZE_MAX);
  EXPECT_NE(slabs.take(1000), nullptr);
  EXPECT_EQ(slabs.take(SIZE_MAX / 2), nullptr);
  slabs.expect(8 * kMegabyte);
  EXPECT_EQ(slabs.take(SIZE_MAX), nullptr);
}

}  // namespace
}  // namespace hornet
