#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hornet {
namespace {

TEST(Half, Narrow_Float16_HasTheBitsOfIeee754) {
  EXPECT_EQ(narrow<Float16>(0.0f).bits, 0x0000);
  EXPECT_EQ(narrow<Float16>(-0.0f).bits, 0x8000);
  EXPECT_EQ(narrow<Float16>(1.0f).bits, 0x3c00);
  EXPECT_EQ(narrow<Float16>(-2.5f).bits, 0xc100);
  EXPECT_EQ(narrow<Float16>(65504.0f).bits, 0x7bff);  // the largest
  EXPECT_EQ(narrow<Float16>(65519.0f).bits, 0x7bff);
  EXPECT_EQ(narrow<Float16>(65520.0f).bits, 0x7c00);  // halfway rounds to even: infinity
  EXPECT_EQ(narrow<Float16>(std::numeric_limits<float>::infinity()).bits, 0x7c00);
  EXPECT_EQ(narrow<Float16>(-1e300).bits, 0xfc00);
  EXPECT_EQ(narrow<Float16>(0x1p-14f).bits, 0x0400);  // the smallest normal
  EXPECT_EQ(narrow<Float16>(0x1p-24f).bits, 0x0001);  // the smallest
  EXPECT_EQ(narrow<Float16>(0x1p-25f).bits, 0x0000);  // halfway to it rounds to even: zero
  EXPECT_EQ(narrow<Float16>(0x1.8p-25f).bits, 0x0001);
  EXPECT_EQ(narrow<Float16>(0x1.ffcp-15f).bits, 0x0400);  // rounds up to the smallest normal
}

TEST(Half, Narrow_TiesInFloat16_GoToEven) {
  EXPECT_EQ(narrow<Float16>(1.0f + 0x1p-11f).bits, 0x3c00);
  EXPECT_EQ(narrow<Float16>(1.0f + 0x3p-11f).bits, 0x3c02);
  EXPECT_EQ(narrow<Float16>(2049.0f).bits, 0x6800);
  EXPECT_EQ(narrow<Float16>(2051.0f).bits, 0x6802);
}

TEST(Half, Narrow_BFloat16_HasTheBitsOfTheUpperHalf) {
  EXPECT_EQ(narrow<BFloat16>(1.0f).bits, 0x3f80);
  EXPECT_EQ(narrow<BFloat16>(-3.0f).bits, 0xc040);
  EXPECT_EQ(narrow<BFloat16>(1.0f + 0x1p-8f).bits, 0x3f80);  // ties go to even
  EXPECT_EQ(narrow<BFloat16>(1.0f + 0x3p-8f).bits, 0x3f82);
  EXPECT_EQ(narrow<BFloat16>(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(narrow<BFloat16>(0x1p-133f).bits, 0x0001);  // the smallest
}

TEST(Half, Narrow_DoubleNextToATie_IsRoundedOnce) {
  // By way of float, both would become ties first and then round down to even.
  EXPECT_EQ(narrow<Float16>(1.0 + 0x1p-11 + 0x1p-40).bits, 0x3c01);
  EXPECT_EQ(narrow<BFloat16>(1.0 + 0x1p-8 + 0x1p-40).bits, 0x3f81);
}

TEST(Half, Narrow_Nan_StaysANanWithItsSign) {
  const float nan = -std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(narrow<Float16>(nan).bits, 0xfe00);
  EXPECT_EQ(narrow<BFloat16>(nan).bits, 0xffc0);
  // A payload in the low bits alone must not be cut to nothing, which would be infinity.
  EXPECT_EQ(narrow<BFloat16>(std::bit_cast<float>(0x7f800001u)).bits, 0x7fc0);
}

TEST(Half, Widen_ThenNarrow_GivesEveryValueBack) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const Float16 half = {static_cast<uint16_t>(bits)};
    const BFloat16 brain = {static_cast<uint16_t>(bits)};
    if (!std::isnan(widen(half))) {
      ASSERT_EQ(narrow<Float16>(widen(half)).bits, bits);
    }
    if (!std::isnan(widen(brain))) {
      ASSERT_EQ(narrow<BFloat16>(widen(brain)).bits, bits);
    }
  }
}

TEST(Half, Narrow_OfFloatAndOfDouble_AreTheSame) {
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 9973) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(narrow<BFloat16>(value).bits, narrow<BFloat16>(static_cast<double>(value)).bits)
        << value;
  }
}

}  // namespace
}  // namespace hornet
