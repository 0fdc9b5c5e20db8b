#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "hornet/tensor.h"

namespace hornet {
namespace {

constexpr std::array kAllTypes = {
    DType::kBool,     DType::kInt8,    DType::kUInt8,  DType::kInt16,  DType::kUInt16,
    DType::kInt32,    DType::kUInt32,  DType::kInt64,  DType::kUInt64, DType::kFloat16,
    DType::kBFloat16, DType::kFloat32, DType::kFloat64};

template <class To, class From>
std::vector<To> convert(DType from, const std::vector<From>& src, DType to) {
  std::vector<To> dst(src.size());
  convert_elements(from, src.data(), to, dst.data(), static_cast<int64_t>(src.size()));
  return dst;
}

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

TEST(Convert, FloatToSmallIntegers_TruncatesAndWraps) {
  const std::vector<float> values = {0.9f, -0.9f, 127.9f, 300.7f, -1.5f, -129.0f, 1e10f, kNan};
  EXPECT_EQ(convert<int8_t>(DType::kFloat32, values, DType::kInt8),
            (std::vector<int8_t>{0, 0, 127, 44, -1, 127, 0, 0}));
  EXPECT_EQ(convert<uint8_t>(DType::kFloat32, values, DType::kUInt8),
            (std::vector<uint8_t>{0, 0, 127, 44, 255, 127, 0, 0}));
  EXPECT_EQ(convert<uint16_t>(DType::kFloat32, values, DType::kUInt16),
            (std::vector<uint16_t>{0, 0, 127, 300, 65535, 65407, 0, 0}));
}

TEST(Convert, FloatToLargeIntegers_GivesTheSmallestWhereNothingFits) {
  const std::vector<double> values = {-1.5, 2147483647.5, 3e9, 1e19, -1e30, kNan, kInfinity};
  constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(convert<int32_t>(DType::kFloat64, values, DType::kInt32),
            (std::vector<int32_t>{-1, 2147483647, kMin32, kMin32, kMin32, kMin32, kMin32}));
  EXPECT_EQ(convert<uint32_t>(DType::kFloat64, values, DType::kUInt32),
            (std::vector<uint32_t>{4294967295u, 2147483647u, 3000000000u, 0, 0, 0, 0}));
  EXPECT_EQ(convert<int64_t>(DType::kFloat64, values, DType::kInt64),
            (std::vector<int64_t>{-1, 2147483647, 3000000000, kMin64, kMin64, kMin64, kMin64}));
  EXPECT_EQ(convert<uint64_t>(DType::kFloat64, values, DType::kUInt64),
            (std::vector<uint64_t>{~uint64_t{0}, 2147483647u, 3000000000u, 10000000000000000000u,
                                   uint64_t{1} << 63, uint64_t{1} << 63, 0}));
}

// At the very edge, where a comparison one off would be undefined behaviour.
TEST(Convert, FloatToIntegers_PowersOfTwoAtTheEdge_AreInOrOut) {
  const std::vector<float> values = {0x1p31f, -0x1p31f, 0x1p63f, -0x1p63f, 0x1p64f};
  constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(convert<int32_t>(DType::kFloat32, values, DType::kInt32),
            (std::vector<int32_t>{kMin32, kMin32, kMin32, kMin32, kMin32}));
  EXPECT_EQ(convert<int64_t>(DType::kFloat32, values, DType::kInt64),
            (std::vector<int64_t>{int64_t{1} << 31, -(int64_t{1} << 31), kMin64, kMin64, kMin64}));
  EXPECT_EQ(convert<uint64_t>(DType::kFloat32, values, DType::kUInt64),
            (std::vector<uint64_t>{uint64_t{1} << 31, ~uint64_t{0} << 31, uint64_t{1} << 63,
                                   uint64_t{1} << 63, 0}));
}

TEST(Convert, ToBool_IsWhetherItIsNotZero) {
  EXPECT_EQ(convert<uint8_t>(DType::kFloat32, std::vector<float>{0, -0.0f, 1e-40f, kNan, -3},
                             DType::kBool),
            (std::vector<uint8_t>{0, 0, 1, 1, 1}));
  EXPECT_EQ(convert<uint8_t>(DType::kFloat16, std::vector<uint16_t>{0, 0x8000, 1}, DType::kBool),
            (std::vector<uint8_t>{0, 0, 1}));
  EXPECT_EQ(convert<uint8_t>(DType::kInt64, std::vector<int64_t>{0, 256, -1}, DType::kBool),
            (std::vector<uint8_t>{0, 1, 1}));
}

TEST(Convert, FromBool_IsZeroOrOneWhateverTheByte) {
  EXPECT_EQ(convert<float>(DType::kBool, std::vector<uint8_t>{0, 1, 2, 255}, DType::kFloat32),
            (std::vector<float>{0, 1, 1, 1}));
}

TEST(Convert, IntegersToIntegers_KeepTheLowBits) {
  EXPECT_EQ(convert<int8_t>(DType::kInt64, std::vector<int64_t>{-1, 128, 0x12345}, DType::kInt8),
            (std::vector<int8_t>{-1, -128, 0x45}));
  EXPECT_EQ(convert<uint64_t>(DType::kInt8, std::vector<int8_t>{-1, 5}, DType::kUInt64),
            (std::vector<uint64_t>{~uint64_t{0}, 5}));
}

TEST(Convert, SameType_CopiesTheBytes) {
  const std::vector<uint32_t> nans = {0x7f800001u, 0xffc12345u};  // payloads must survive
  EXPECT_EQ(convert<uint32_t>(DType::kFloat32, nans, DType::kFloat32), nans);
}

TEST(Convert, NoElements_TouchesNothing) {
  convert_elements(DType::kFloat32, nullptr, DType::kInt8, nullptr, 0);
  convert_elements(DType::kInt8, nullptr, DType::kInt8, nullptr, 0);
}

// An oracle that shares no code with what it judges: values as long double, which holds every
// element of every type exactly.
long double decode_small(uint16_t bits, int mantissa_bits, int bias) {
  const int exponent = (bits & 0x7fff) >> mantissa_bits;
  const int fraction = bits & ((1 << mantissa_bits) - 1);
  const long double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 2 * bias + 1) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(static_cast<long double>(fraction), 1 - bias - mantissa_bits);
  return sign * std::ldexp(1.0L + std::ldexp(static_cast<long double>(fraction), -mantissa_bits),
                           exponent - bias);
}

template <class T>
long double load(const std::byte* src) {
  T value;
  std::memcpy(&value, src, sizeof(T));
  return static_cast<long double>(value);
}

long double decode(DType dtype, const std::byte* src) {
  switch (dtype) {
    case DType::kBool:
      return load<uint8_t>(src) != 0;
    case DType::kInt8:
      return load<int8_t>(src);
    case DType::kUInt8:
      return load<uint8_t>(src);
    case DType::kInt16:
      return load<int16_t>(src);
    case DType::kUInt16:
      return load<uint16_t>(src);
    case DType::kInt32:
      return load<int32_t>(src);
    case DType::kUInt32:
      return load<uint32_t>(src);
    case DType::kInt64:
      return load<int64_t>(src);
    case DType::kUInt64:
      return load<uint64_t>(src);
    case DType::kFloat32:
      return load<float>(src);
    case DType::kFloat64:
      return load<double>(src);
    case DType::kFloat16:
    case DType::kBFloat16: {
      uint16_t bits;
      std::memcpy(&bits, src, 2);
      return dtype == DType::kFloat16 ? decode_small(bits, 10, 15) : decode_small(bits, 7, 127);
    }
  }
  return NAN;
}

// The value a small float rounds `value` to.
long double rounded(long double value, int precision, int min_exponent, long double limit) {
  if (value == 0 || std::isnan(value) || std::isinf(value)) return value;
  const int exponent = std::max(std::ilogb(value), min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - precision + 1);
  const long double result = std::nearbyint(value / unit) * unit;
  return std::fabs(result) > limit ? std::copysign(static_cast<long double>(INFINITY), value)
                                   : result;
}

// The value of the low `bits` bits of an integer that is `value` without its fraction.
long double wrapped(long double value, int bits, bool is_signed, bool from_float) {
  if (from_float) {
    const bool unsigned64 = bits == 64 && !is_signed;
    const int through = bits == 64 || (bits == 32 && !is_signed) ? 64 : 32;
    const long double low = -std::ldexp(1.0L, through - 1);
    const long double high = unsigned64 ? std::ldexp(1.0L, 64) : -low;
    const long double whole = std::trunc(value);
    if (unsigned64 && value >= high) return 0;
    value = whole >= low && whole < high ? whole : low;
  }
  const long double modulus = std::ldexp(1.0L, bits);
  long double result = value - std::floor(value / modulus) * modulus;
  if (is_signed && result >= modulus / 2) result -= modulus;
  return result;
}

long double expected(DType from, DType to, long double value) {
  const bool is_float = is_floating(from);
  if (!is_float && (to == DType::kFloat16 || to == DType::kBFloat16)) {
    value = static_cast<float>(value);
  }
  switch (to) {
    case DType::kBool:
      return value != 0;
    case DType::kInt8:
      return wrapped(value, 8, true, is_float);
    case DType::kUInt8:
      return wrapped(value, 8, false, is_float);
    case DType::kInt16:
      return wrapped(value, 16, true, is_float);
    case DType::kUInt16:
      return wrapped(value, 16, false, is_float);
    case DType::kInt32:
      return wrapped(value, 32, true, is_float);
    case DType::kUInt32:
      return wrapped(value, 32, false, is_float);
    case DType::kInt64:
      return wrapped(value, 64, true, is_float);
    case DType::kUInt64:
      return wrapped(value, 64, false, is_float);
    case DType::kFloat16:
      return rounded(value, 11, -14, 65504);
    case DType::kBFloat16:
      return rounded(value, 8, -126, 0x1.fep127L);
    case DType::kFloat32:
      return rounded(value, 24, -126, std::numeric_limits<float>::max());
    case DType::kFloat64:
      return rounded(value, 53, -1022, std::numeric_limits<double>::max());
  }
  return NAN;
}

// Bytes of `count` elements: half of them of a moderate size, where results are not all extremes.
std::vector<std::byte> random_elements(DType dtype, int64_t count, std::mt19937_64& random) {
  const size_t size = size_of(dtype);
  std::vector<std::byte> bytes(static_cast<size_t>(count) * size);
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t bits = random();
    std::memcpy(&bytes[static_cast<size_t>(i) * size], &bits, size);
    if (i % 2 == 0) {
      const double value = std::ldexp(static_cast<double>(random() % 20001) - 10000.0,
                                      static_cast<int>(random() % 24) - 12);
      convert_elements(DType::kFloat64, &value, dtype, &bytes[static_cast<size_t>(i) * size], 1);
    }
  }
  return bytes;
}

TEST(Convert, RandomElementsOfEveryPairOfTypes_AgreeWithTheOracle) {
  constexpr uint64_t kSeed = 20240611;
  std::mt19937_64 random(kSeed);
  constexpr int64_t kCount = 4001;
  for (const DType from : kAllTypes) {
    for (const DType to : kAllTypes) {
      const auto src = random_elements(from, kCount, random);
      std::vector<std::byte> dst(kCount * size_of(to));
      convert_elements(from, src.data(), to, dst.data(), kCount);
      for (int64_t i = 0; i < kCount; ++i) {
        const long double value = decode(from, &src[static_cast<size_t>(i) * size_of(from)]);
        const long double got = decode(to, &dst[static_cast<size_t>(i) * size_of(to)]);
        const long double want = expected(from, to, value);
        const bool same = (std::isnan(got) && std::isnan(want)) ||
                          (got == want && std::signbit(got) == std::signbit(want));
        ASSERT_TRUE(same || (got == 0 && want == 0 && !is_floating(to)))
            << to_string(from) << " to " << to_string(to) << ", seed " << kSeed << ", element " << i
            << ": " << value << " gave " << got << "; expected " << want;
      }
    }
  }
}

// The vector loops take 8 at a time: one below, one above, unaligned, and every float16 there is.
TEST(Convert, AnyCountAndAlignment_GivesTheSameBytesAsOneByOne) {
  std::mt19937_64 random(3);
  for (const auto& [from, to] :
       {std::pair(DType::kFloat16, DType::kFloat32), std::pair(DType::kFloat32, DType::kFloat16),
        std::pair(DType::kFloat64, DType::kInt16)}) {
    const auto src = random_elements(from, 80, random);
    for (int64_t count = 0; count < 70; ++count) {
      std::vector<std::byte> src_bytes(1 + static_cast<size_t>(count) * size_of(from));
      std::memcpy(src_bytes.data() + 1, src.data(), src_bytes.size() - 1);
      std::vector<std::byte> dst(2 + static_cast<size_t>(count) * size_of(to), std::byte{0xaa});
      convert_elements(from, src_bytes.data() + 1, to, dst.data() + 1, count);
      for (int64_t i = 0; i < count; ++i) {
        std::vector<std::byte> one(size_of(to));
        convert_elements(from, &src[static_cast<size_t>(i) * size_of(from)], to, one.data(), 1);
        ASSERT_EQ(
            std::memcmp(&dst[1 + static_cast<size_t>(i) * size_of(to)], one.data(), one.size()), 0)
            << to_string(from) << " to " << to_string(to) << " " << i << " of " << count;
      }
      ASSERT_EQ(dst.front(), std::byte{0xaa});
      ASSERT_EQ(dst.back(), std::byte{0xaa});
    }
  }
}

TEST(Convert, EveryFloat16_WidensAlikeInBulkAndAlone) {
  std::vector<uint16_t> halves(1 << 16);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const auto bulk = convert<uint32_t>(DType::kFloat16, halves, DType::kFloat32);
  for (size_t i = 0; i < halves.size(); ++i) {
    uint32_t alone = 0;
    convert_elements(DType::kFloat16, &halves[i], DType::kFloat32, &alone, 1);
    ASSERT_EQ(bulk[i], alone) << i;
  }
}

}  // namespace
}  // namespace hornet
