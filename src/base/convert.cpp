#include <array>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/check.h"
#include "base/half.h"
#include "hornet/tensor.h"

namespace hornet {
namespace {

struct Bool {
  uint8_t byte;
};

// How each DType lies in memory, in the order of DType.
using StoredTypes = std::tuple<Bool, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t,
                               uint64_t, Float16, BFloat16, float, double>;
constexpr size_t kNumTypes = std::tuple_size_v<StoredTypes>;
static_assert(kNumTypes == static_cast<size_t>(DType::kFloat64) + 1);

// The value of a stored element, in a type that computes.
template <class Stored>
Stored value_of(Stored element) {
  return element;
}
uint8_t value_of(Bool element) { return element.byte != 0; }
float value_of(Float16 element) { return widen(element); }
float value_of(BFloat16 element) { return widen(element); }

// Cuts off the fraction; `Signed`'s smallest value where the result does not fit or is NaN.
template <class Signed, class Real>
Signed truncate(Real value) {
  constexpr Real kLowest = static_cast<Real>(std::numeric_limits<Signed>::min());
  // For int32 and double, values between -2^31 - 1 and -2^31 fit too, and give the same result.
  return value >= kLowest && value < -kLowest ? static_cast<Signed>(value)
                                              : std::numeric_limits<Signed>::min();
}

// C++ leaves a real number that does not fit an integer undefined. numpy shows what x86 compilers
// make of it, and so does this on every machine: small integers are the low bits of an int32,
// uint32 those of an int64, and a value that int32 or int64 cannot hold is its smallest value.
// So NaN is 0 in types of 8 and 16 bits and in uint32, the smallest value in int32 and int64, and
// 2^63 in uint64; -1.0 is 255 in uint8.
template <class Integer, class Real>
Integer integer_of(Real value) {
  if constexpr (std::is_same_v<Integer, uint64_t>) {
    constexpr Real kHalf = static_cast<Real>(0x1p63);
    if (!(value >= kHalf)) return static_cast<uint64_t>(truncate<int64_t>(value));
    return static_cast<uint64_t>(truncate<int64_t>(value - kHalf)) ^ (uint64_t{1} << 63);
  } else if constexpr (sizeof(Integer) == 8 || std::is_same_v<Integer, uint32_t>) {
    return static_cast<Integer>(truncate<int64_t>(value));
  } else {
    return static_cast<Integer>(truncate<int32_t>(value));
  }
}

template <class Stored, class Value>
Stored stored(Value value) {
  if constexpr (std::is_same_v<Stored, Bool>) {
    return {static_cast<uint8_t>(value != 0)};
  } else if constexpr (std::is_class_v<Stored>) {
    // Integers go by way of float, as numpy takes them.
    if constexpr (std::is_same_v<Value, double>)
      return narrow<Stored>(value);
    else
      return narrow<Stored>(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<Value> && std::is_integral_v<Stored>) {
    return integer_of<Stored>(value);
  } else {
    return static_cast<Stored>(value);
  }
}

// By memcpy an element: neither side need be aligned, and no type is punned.
template <class From, class To>
void convert_loop(const std::byte* src, std::byte* dst, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    From element;
    std::memcpy(&element, src + i * sizeof(From), sizeof(From));
    const To result = stored<To>(value_of(element));
    std::memcpy(dst + i * sizeof(To), &result, sizeof(To));
  }
}

using Loop = void (*)(const std::byte*, std::byte*, int64_t);

template <size_t... kPairs>
constexpr std::array<Loop, sizeof...(kPairs)> make_loops(std::index_sequence<kPairs...>) {
  return {&convert_loop<std::tuple_element_t<kPairs / kNumTypes, StoredTypes>,
                        std::tuple_element_t<kPairs % kNumTypes, StoredTypes>>...};
}

// Row: from. Column: to.
constexpr auto kLoops = make_loops(std::make_index_sequence<kNumTypes * kNumTypes>());

#if defined(__x86_64__)
// The two pairs whose portable loops are slow; the same bits, 8 elements at a time.
__attribute__((target("avx,f16c"))) void float16_to_float32(const std::byte* src, std::byte* dst,
                                                            int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(src + i * 2));
    _mm256_storeu_ps(reinterpret_cast<float*>(dst + i * 4), _mm256_cvtph_ps(halves));
  }
  convert_loop<Float16, float>(src + i * 2, dst + i * 4, count - i);
}

__attribute__((target("avx,f16c"))) void float32_to_float16(const std::byte* src, std::byte* dst,
                                                            int64_t count) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 floats = _mm256_loadu_ps(reinterpret_cast<const float*>(src + i * 4));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst + i * 2),
                     _mm256_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT));
  }
  convert_loop<float, Float16>(src + i * 4, dst + i * 2, count - i);
}
#endif

Loop find_loop(DType from, DType to) {
#if defined(__x86_64__)
  // Every processor with AVX2 has it; clang 14 does not know the name "f16c".
  static const bool has_f16c = __builtin_cpu_supports("avx2");
  if (has_f16c && from == DType::kFloat16 && to == DType::kFloat32) return float16_to_float32;
  if (has_f16c && from == DType::kFloat32 && to == DType::kFloat16) return float32_to_float16;
#endif
  return kLoops[static_cast<size_t>(from) * kNumTypes + static_cast<size_t>(to)];
}

}  // namespace

void convert_elements(DType from, const void* src, DType to, void* dst, int64_t count) {
  HORNET_CHECK(count >= 0);
  if (count == 0) return;
  if (from == to) {
    std::memcpy(dst, src, static_cast<size_t>(count) * size_of(from));
    return;
  }
  find_loop(from, to)(static_cast<const std::byte*>(src), static_cast<std::byte*>(dst), count);
}

}  // namespace hornet
