#include "kernels/evaluate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "graph/ops/elementwise.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using testing::ElementsAre;

TEST(KernelTable, EachOperatorHasOneLineWithAReference) {
  std::set<std::string_view> names;
  for (const KernelEntry& entry : kernel_table()) {
    EXPECT_NE(entry.reference, nullptr) << entry.op;
    EXPECT_TRUE(names.insert(entry.op).second) << entry.op << " is there twice";
  }
}

TEST(ChooseKernel, NothingTakesTheOperator_AllRefusalsAreInTheError) {
  const Tensor x = array<bool>({1}, {true});
  EXPECT_ERROR(evaluate(graph::Unary({graph::UnaryKind::tanh}), {&x}, false),
               ErrorCode::kUnsupported, "no kernel takes unary tanh: ");
  EXPECT_ERROR(evaluate(graph::Unary({graph::UnaryKind::tanh}), {&x}, false),
               ErrorCode::kUnsupported, "; reference: tanh is not defined for bool");
}

TEST(ChooseKernel, RefusalsBeforeTheChosenOne_AreReported) {
  const graph::Unary op({graph::UnaryKind::negative});
  const Tensor x = array<int8_t>({1}, {1});
  const std::vector<const Tensor*> inputs = {&x};
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs, packed);
  std::vector<std::string> refusals;
  EXPECT_EQ(choose_kernel(request, {}, &refusals)->describe(), "reference");
  EXPECT_EQ(refusals.size(), 1);
}

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

TEST(PackedWeights, FillThatFails_FailsComplete) {
  PackedWeights packed;
  packed.get("a", 16, [](void*) { throw std::runtime_error("no"); });
  EXPECT_THROW(packed.complete(), std::runtime_error);
  EXPECT_THROW(packed.complete(), std::runtime_error);
  EXPECT_THROW(packed.get("a", 16, [](void*) {}), std::runtime_error);
}

TEST(Reorder, BlockedAndBack_IsTheSame) {
  const Tensor x = counting({2, 3, 4});
  std::vector<float> blocked(24), back(24);
  reorder(x.shape(), Layout::plain(), x.as<float>(), Layout::blocked(2), blocked.data());
  // Row 0: channels 0 and 1 of the three cells, then channels 2 and 3.
  EXPECT_EQ(std::vector<float>(blocked.begin(), blocked.begin() + 12),
            (std::vector<float>{0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11}));
  reorder(x.shape(), Layout::blocked(2), blocked.data(), Layout::plain(), back.data());
  EXPECT_EQ(back, values(x));
}

TEST(Reorder, OneBlockSizeToAnother_GoesDirectly) {
  const Tensor x = counting({1, 2, 4});
  std::vector<float> by_two(8), by_four(8);
  reorder(x.shape(), Layout::plain(), x.as<float>(), Layout::blocked(2), by_two.data());
  reorder(x.shape(), Layout::blocked(2), by_two.data(), Layout::blocked(4), by_four.data());
  EXPECT_EQ(by_four, values(x));
}

}  // namespace
}  // namespace hornet::kernels
