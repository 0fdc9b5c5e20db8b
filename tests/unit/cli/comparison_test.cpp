#include "cli/comparison.h"

#include <gmock/gmock.h>

#include <limits>
#include <vector>

namespace hornet::cli {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
TensorView view(const std::vector<T>& values, DType dtype, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  return {values.data(), dtype, shape};
}

Comparison compare_doubles(const std::vector<double>& got, const std::vector<double>& expected,
                           Tolerance tolerance = {}) {
  return compare("y.npy", view(got, DType::kFloat64), view(expected, DType::kFloat64), tolerance);
}

TEST(Compare, WithinTolerance_PassesAndTellsTheLargestDifferences) {
  const Comparison result = compare_doubles({1, 100.005, 0.0010004}, {1, 100, 0.001});
  EXPECT_TRUE(result.passed()) << result.failure;
  EXPECT_NEAR(result.absolute.value, 0.005, 1e-9);
  EXPECT_EQ(result.absolute.at, "y.npy [1]");
  EXPECT_NEAR(result.relative.value, 4e-4, 1e-9);
  EXPECT_EQ(result.relative.at, "y.npy [2]");
}

TEST(Compare, OutsideTolerance_FailsAndTellsTheFirstPlace) {
  const std::vector<double> got = {1, 2, 3, 4, 5, 6}, expected = {1, 2, 3, 4.1, 5, 6.1};
  const Comparison result = compare("y.npy", view(got, DType::kFloat64, {2, 3}),
                                    view(expected, DType::kFloat64, {2, 3}), {});
  EXPECT_THAT(result.failure, HasSubstr("2 of 6 values differ, the first at y.npy [1, 0]: got 4, "
                                        "expected 4.1"));
}

TEST(Compare, NanAndInfinity_EqualThemselvesAlone) {
  EXPECT_TRUE(
      compare_doubles({kNan, kInfinity, -kInfinity}, {kNan, kInfinity, -kInfinity}).passed());
  EXPECT_FALSE(compare_doubles({kNan}, {1}).passed());
  EXPECT_FALSE(compare_doubles({1}, {kNan}).passed());
  EXPECT_FALSE(compare_doubles({kInfinity}, {-kInfinity}).passed());
  EXPECT_FALSE(compare_doubles({1}, {kInfinity}).passed());
  EXPECT_FALSE(compare_doubles({kInfinity}, {1}).passed());
}

TEST(Compare, IntegersAndBooleans_AreExactWhateverTheTolerance) {
  const std::vector<int32_t> got = {1000001}, expected = {1000000};
  EXPECT_FALSE(
      compare("y", view(got, DType::kInt32), view(expected, DType::kInt32), {1, 1}).passed());
  EXPECT_TRUE(compare("y", view(got, DType::kInt32), view(got, DType::kInt32), {}).passed());
  const std::vector<float> as_float = {1000000};
  EXPECT_FALSE(
      compare("y", view(got, DType::kInt32), view(as_float, DType::kFloat32), {1, 1}).passed());
}

TEST(Compare, LongIntegersThatEqualAsDoubles_Differ) {
  const std::vector<int64_t> got = {(int64_t{1} << 60) + 1}, expected = {int64_t{1} << 60};
  EXPECT_FALSE(compare("y", view(got, DType::kInt64), view(expected, DType::kInt64), {}).passed());
}

TEST(Compare, OtherShape_Fails) {
  const std::vector<float> values(6);
  const Comparison result = compare("y.npy", view(values, DType::kFloat32, {2, 3}),
                                    view(values, DType::kFloat32, {3, 2}), {});
  EXPECT_EQ(result.failure, "y.npy has the shape [3, 2]; the model gives [2, 3]");
}

TEST(Compare, ManyBlocks_FindTheLastElement) {
  std::vector<double> got(10000), expected(10000);
  got.back() = 1;
  EXPECT_EQ(compare_doubles(got, expected).absolute.at, "y.npy [9999]");
}

TEST(Compare, NoRows_Passes) {
  EXPECT_TRUE(
      compare("y", {nullptr, DType::kFloat32, {0, 3}}, {nullptr, DType::kFloat32, {0, 3}}, {})
          .passed());
}

}  // namespace
}  // namespace hornet::cli
