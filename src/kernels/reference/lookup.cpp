#include "graph/ops/lookup.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

namespace hornet::kernels::reference {
namespace {

void compute_lookup(const Call<graph::Lookup>& call) {
  const auto* keys = call.input<int64_t>(1);
  const auto* values = call.input<int64_t>(2);
  const auto* end = keys + call.input_shape(1)[0];
  auto* y = call.output<int64_t>(0);
  const int64_t count = hornet::num_elements(call.input_shape(0));
  const int64_t buckets = std::max<int64_t>(call.op.num_absent, 1);
  with_type(call.input_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    for (int64_t i = 0; i < count; ++i) {
      const auto key = static_cast<int64_t>(x[i]);
      const auto* found = std::lower_bound(keys, end, key);
      const int64_t bucket = (key % buckets + buckets) % buckets;
      y[i] = found != end && *found == key ? values[found - keys] : call.op.absent + bucket;
    }
  });
}

// --- FarmHash's Fingerprint64 for texts of at most 32 bytes; decimal digits have at most 20.

constexpr uint64_t kPrime0 = 0xc3a5c85c97cb3127, kPrime1 = 0xb492b66fbe98f273,
                   kPrime2 = 0x9ae16a3b2f90404f;

uint64_t fetch64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

uint64_t fetch32(const char* from) {
  uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

uint64_t byte(char c) { return static_cast<uint8_t>(c); }

uint64_t mix(uint64_t value) { return value ^ (value >> 47); }

uint64_t hash_16(uint64_t u, uint64_t v, uint64_t multiplier) {
  return mix((v ^ mix((u ^ v) * multiplier)) * multiplier) * multiplier;
}

uint64_t fingerprint64(const char* text, size_t length) {
  const uint64_t multiplier = kPrime2 + length * 2;
  if (length > 16) {
    const uint64_t a = fetch64(text) * kPrime1, b = fetch64(text + 8);
    const uint64_t c = fetch64(text + length - 8) * multiplier;
    const uint64_t d = fetch64(text + length - 16) * kPrime2;
    return hash_16(std::rotr(a + b, 43) + std::rotr(c, 30) + d, a + std::rotr(b + kPrime2, 18) + c,
                   multiplier);
  }
  if (length >= 8) {
    const uint64_t a = fetch64(text) + kPrime2, b = fetch64(text + length - 8);
    const uint64_t c = std::rotr(b, 37) * multiplier + a;
    const uint64_t d = (std::rotr(a, 25) + b) * multiplier;
    return hash_16(c, d, multiplier);
  }
  if (length >= 4) {
    return hash_16(length + (fetch32(text) << 3), fetch32(text + length - 4), multiplier);
  }
  if (length == 0) return kPrime2;
  const uint64_t y = byte(text[0]) + (byte(text[length >> 1]) << 8);
  const uint64_t z = length + (byte(text[length - 1]) << 2);
  return mix(y * kPrime2 ^ z * kPrime0) * kPrime2;
}

// --- SipHash-2-4.

struct SipState {
  uint64_t v0, v1, v2, v3;
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void add(uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
};

uint64_t sip_hash(const std::array<uint64_t, 2>& key, const char* text, size_t length) {
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  size_t at = 0;
  for (; at + 8 <= length; at += 8) state.add(fetch64(text + at));
  uint64_t last = static_cast<uint64_t>(length) << 56;
  for (size_t i = at; i < length; ++i) last |= byte(text[i]) << (8 * (i - at));
  state.add(last);
  state.v2 ^= 0xff;
  state.rounds(4);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

void compute_hash(const Call<graph::HashIntegers>& call) {
  const int64_t count = hornet::num_elements(call.input_shape(0));
  const auto bins = static_cast<uint64_t>(call.op.num_bins);
  auto* y = call.output<int64_t>(0);
  with_type(call.input_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    for (int64_t i = 0; i < count; ++i) {
      std::array<char, 24> text;
      const char* end = std::to_chars(text.begin(), text.end(), static_cast<int64_t>(x[i])).ptr;
      const auto length = static_cast<size_t>(end - text.data());
      const uint64_t hash = call.op.key ? sip_hash(*call.op.key, text.data(), length)
                                        : fingerprint64(text.data(), length);
      y[i] = static_cast<int64_t>(hash % bins);
    }
  });
}

}  // namespace

KernelOffer lookup(const KernelRequest& request) {
  return offer<graph::Lookup>(request, compute_lookup);
}

KernelOffer hash_integers(const KernelRequest& request) {
  if (static_cast<const graph::HashIntegers&>(request.op).num_bins <= 0) {
    return refuse("a hash into no bins");
  }
  return offer<graph::HashIntegers>(request, compute_hash);
}

}  // namespace hornet::kernels::reference
