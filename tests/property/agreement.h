// What the property tests check results with.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "hornet/tensor.h"

namespace hornet::property {

// HORNET_SEED, or a new one for each process.
inline uint64_t base_seed() {
  static const uint64_t seed = [] {
    if (const char* given = std::getenv("HORNET_SEED")) return std::strtoull(given, nullptr, 10);
    return static_cast<unsigned long long>(std::random_device()());
  }();
  return seed;
}

inline Tensor rows(const Tensor& tensor, int64_t first, int64_t count) {
  Shape shape = tensor.shape();
  const size_t row_bytes = tensor.num_bytes() / static_cast<size_t>(shape[0]);
  shape[0] = count;
  Tensor part(tensor.dtype(), shape);
  if (part.num_bytes() > 0) {
    std::memcpy(part.mutable_data(),
                static_cast<const char*>(tensor.data()) + static_cast<size_t>(first) * row_bytes,
                part.num_bytes());
  }
  return part;
}

inline bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() &&
         (a.num_bytes() == 0 || std::memcmp(a.data(), b.data(), a.num_bytes()) == 0);
}

// Integers are equal; floats within 1e-4 of themselves or 1e-5 of the largest.
inline testing::AssertionResult agree(const Tensor& got, const Tensor& expected) {
  if (got.dtype() != DType::kFloat32) {
    return same_bytes(got, expected) ? testing::AssertionSuccess()
                                     : testing::AssertionFailure() << "integers differ";
  }
  if (got.shape() != expected.shape()) return testing::AssertionFailure() << "shapes differ";
  double largest = 1;
  for (int64_t i = 0; i < expected.num_elements(); ++i) {
    const double value = std::abs(static_cast<double>(expected.as<float>()[i]));
    if (std::isfinite(value)) largest = std::max(largest, value);
  }
  for (int64_t i = 0; i < expected.num_elements(); ++i) {
    const double g = static_cast<double>(got.as<float>()[i]);
    const double e = static_cast<double>(expected.as<float>()[i]);
    const bool same = g == e || (std::isnan(g) && std::isnan(e)) ||
                      std::abs(g - e) <= 1e-5 * largest + 1e-4 * std::abs(e);
    if (!same) {
      return testing::AssertionFailure()
             << "element " << i << " is " << g << "; the reference gives " << e;
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace hornet::property
