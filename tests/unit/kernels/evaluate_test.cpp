#include "kernels/evaluate.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

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
