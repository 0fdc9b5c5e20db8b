// Small arrays for tests.
#pragma once

#include <gmock/gmock.h>

#include <limits>
#include <vector>

#include "hornet/tensor.h"
#include "kernels/evaluate.h"

namespace hornet::kernels {

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<bool>() {
  return DType::kBool;
}
template <>
constexpr DType dtype_of<int8_t>() {
  return DType::kInt8;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::kUInt8;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::kInt32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::kInt64;
}
template <>
constexpr DType dtype_of<uint64_t>() {
  return DType::kUInt64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::kFloat32;
}

template <class T = float>
Tensor array(Shape shape, const std::vector<T>& values) {
  Tensor tensor(dtype_of<T>(), std::move(shape));
  EXPECT_EQ(tensor.num_elements(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) tensor.mutable_as<T>()[i] = values[i];
  return tensor;
}

// 0, 1, 2, ...
inline Tensor counting(Shape shape, float first = 0) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.mutable_as<float>()[i] = first + static_cast<float>(i);
  }
  return tensor;
}

template <class T = float>
std::vector<T> values(const Tensor& tensor) {
  EXPECT_EQ(tensor.dtype(), dtype_of<T>());
  return std::vector<T>(tensor.as<T>(), tensor.as<T>() + tensor.num_elements());
}

// The first output of the reference kernel.
inline Tensor reference_result(const graph::Op& op, const std::vector<const Tensor*>& inputs) {
  return evaluate(op, inputs, true).at(0);
}

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Element by element within 1e-6 relative and absolute; NaN equals NaN.
inline auto near(const std::vector<float>& expected) {
  std::vector<testing::Matcher<float>> matchers;
  for (const float value : expected) {
    if (!std::isfinite(value)) {
      matchers.push_back(testing::NanSensitiveFloatEq(value));
    } else {
      matchers.push_back(testing::NanSensitiveFloatNear(value, 1e-6f * (1 + std::abs(value))));
    }
  }
  return testing::ElementsAreArray(matchers);
}

}  // namespace hornet::kernels
