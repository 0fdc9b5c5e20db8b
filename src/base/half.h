// float16 and bfloat16 as bits: conversions to and from float and double.
#pragma once

#include <bit>
#include <cstdint>

namespace hornet {

// A sign bit, kExponentBits, then kMantissaBits: 16 bits in all, as IEEE 754 arranges them.
struct Float16 {
  static constexpr int kExponentBits = 5;
  static constexpr int kMantissaBits = 10;
  uint16_t bits;
};

struct BFloat16 {
  static constexpr int kExponentBits = 8;
  static constexpr int kMantissaBits = 7;
  uint16_t bits;
};

// Nearest value, ties to even, rounded once; too large becomes infinity. A NaN stays a NaN with the
// upper bits of its payload and is quiet, as the F16C instructions have it.
template <class Narrow>
Narrow narrow(double value) {
  constexpr int kWideMantissa = 52;
  constexpr int kWideBias = 1023;
  constexpr int kBias = (1 << (Narrow::kExponentBits - 1)) - 1;
  constexpr int kMaxExponent = (1 << Narrow::kExponentBits) - 1;
  constexpr uint32_t kInfinity = static_cast<uint32_t>(kMaxExponent) << Narrow::kMantissaBits;
  constexpr int kDropped = kWideMantissa - Narrow::kMantissaBits;

  const uint64_t wide = std::bit_cast<uint64_t>(value);
  const uint32_t sign = static_cast<uint32_t>(wide >> 63) << 15;
  const uint64_t fraction = wide & ((uint64_t{1} << kWideMantissa) - 1);
  const int wide_exponent = static_cast<int>(wide >> kWideMantissa) & 0x7ff;
  const auto with_sign = [sign](uint32_t magnitude) {
    return Narrow{static_cast<uint16_t>(sign | magnitude)};
  };

  if (wide_exponent == 0x7ff) {
    if (fraction == 0) return with_sign(kInfinity);
    constexpr uint32_t kQuiet = 1u << (Narrow::kMantissaBits - 1);
    return with_sign(kInfinity | kQuiet | static_cast<uint32_t>(fraction >> kDropped));
  }
  const int exponent = wide_exponent - kWideBias + kBias;
  if (exponent >= kMaxExponent) return with_sign(kInfinity);
  // A subnormal result drops more bits, its leading one among those that stay.
  const int dropped = exponent > 0 ? kDropped : kDropped + 1 - exponent;
  if (wide_exponent == 0 || dropped > kWideMantissa + 1) return with_sign(0);
  const uint64_t mantissa = fraction | (uint64_t{1} << kWideMantissa);
  const uint64_t half_unit = uint64_t{1} << (dropped - 1);
  const uint64_t odd = (mantissa >> dropped) & 1;
  const uint64_t rounded = (mantissa + half_unit - 1 + odd) >> dropped;
  // The leading one of a normal number adds 1 to the exponent field, a carry of rounding one more.
  const uint32_t field = exponent > 0 ? static_cast<uint32_t>(exponent - 1) : 0;
  return with_sign((field << Narrow::kMantissaBits) + static_cast<uint32_t>(rounded));
}

// The same for float, where bfloat16 is the upper half of the bits.
template <class Narrow>
Narrow narrow(float value) {
  return narrow<Narrow>(static_cast<double>(value));
}

template <>
inline BFloat16 narrow<BFloat16>(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1);
  return {static_cast<uint16_t>((is_nan ? bits | 0x400000u : rounded) >> 16)};
}

inline float widen(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

inline float widen(Float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16;
  const uint32_t magnitude = value.bits & 0x7fff;
  if (magnitude >= 0x7c00) {  // infinity and NaN
    const uint32_t quiet = magnitude > 0x7c00 ? 0x400000u : 0;
    return std::bit_cast<float>(sign | 0x7f800000u | quiet | (magnitude & 0x3ff) << 13);
  }
  if (magnitude < 0x400) {  // subnormal: a multiple of 2^-24
    const float tiny = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(tiny));
  }
  return std::bit_cast<float>(sign | (magnitude + ((127 - 15) << 10)) << 13);
}

}  // namespace hornet
