// Constants that wait for a factor.
#include "graph/constant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace hornet::graph {
namespace {

using ::testing::ElementsAre;

// 1, 2, 3, ... in the shape.
Tensor counting(Shape shape) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  std::iota(tensor.mutable_as<float>(), tensor.mutable_as<float>() + tensor.num_elements(), 1.0f);
  return tensor;
}

std::vector<float> numbers(const Constant& constant) {
  return {constant.as<float>(), constant.as<float>() + constant.num_elements()};
}

TEST(Constant, OfATensor_IsThatTensor) {
  const Tensor data = counting({2, 3});
  const Constant constant = data;
  EXPECT_EQ(constant.data(), data.data());
  EXPECT_EQ(constant.columns().data, data.as<float>());
  EXPECT_EQ(constant.columns().factors, nullptr);
  EXPECT_TRUE(constant.line().empty());
}

TEST(Constant, WithFactors_GivesTheProductsOnceForAllCopies) {
  const Tensor data = counting({2, 3});
  const Constant constant(data, {1, 10, 100}), copy = constant;
  EXPECT_THAT(numbers(constant), ElementsAre(1, 20, 300, 4, 50, 600));
  EXPECT_EQ(copy.data(), constant.data());
  EXPECT_EQ(constant.unscaled().data(), data.data());
  EXPECT_EQ(constant.shape(), (Shape{2, 3}));
}

TEST(Constant, OfFactorsForColumns_GivesThemWithTheDataAsItIs) {
  const Tensor data = counting({2, 3});
  const Constant constant(data, {1, 10, 100});
  const ScaledColumns second = constant.columns().from(1);
  EXPECT_EQ(second.data, data.as<float>() + 1);
  EXPECT_EQ(second.factors[0], 10);
}

// As weights of transposed convolutions, [window, filters, channels], have them.
TEST(Constant, OfFactorsForAnotherAxis_GivesProductsAsColumns) {
  const Constant constant(counting({2, 2, 2}), {1, 1, 10, 10});
  const ScaledColumns columns = constant.columns();
  EXPECT_EQ(columns.factors, nullptr);
  EXPECT_THAT(std::vector<float>(columns.data, columns.data + 8),
              ElementsAre(1, 2, 30, 40, 5, 6, 70, 80));
}

// Several pieces, which go to several threads, the last one shorter.
TEST(Constant, OfManyNumbers_IsMultipliedWhole) {
  constexpr int64_t kLines = 1001, kWidth = 301;
  const Constant constant(Tensor(DType::kFloat32, {kLines, kWidth}), std::vector<float>(kWidth, 2));
  Tensor ones(DType::kFloat32, {kLines, kWidth});
  std::fill_n(ones.mutable_as<float>(), kLines * kWidth, 1.0f);
  EXPECT_EQ(numbers(constant.moved_to(ones)), std::vector<float>(kLines * kWidth, 2));
  EXPECT_EQ(numbers(constant), std::vector<float>(kLines * kWidth, 0));
}

TEST(Constant, WithoutElements_HasNoProducts) {
  EXPECT_EQ(Constant(Tensor(DType::kFloat32, {0, 3}), {1, 2, 3}).tensor().num_elements(), 0);
  EXPECT_EQ(Constant(Tensor(DType::kFloat32, {3, 0}), {}).tensor().num_elements(), 0);
}

}  // namespace
}  // namespace hornet::graph
