// From a storage dtype to the C++ type of its elements.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/check.h"
#include "hornet/tensor.h"

namespace hornet::kernels::reference {

template <class T>
struct TypeTag {
  using type = T;
};

// f(TypeTag<T>{}) for the storage dtype `dtype` (graph::storage_dtype).
template <class F>
decltype(auto) with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kBool:
      return f(TypeTag<bool>{});
    case DType::kInt8:
      return f(TypeTag<int8_t>{});
    case DType::kUInt8:
      return f(TypeTag<uint8_t>{});
    case DType::kInt16:
      return f(TypeTag<int16_t>{});
    case DType::kUInt16:
      return f(TypeTag<uint16_t>{});
    case DType::kInt32:
      return f(TypeTag<int32_t>{});
    case DType::kUInt32:
      return f(TypeTag<uint32_t>{});
    case DType::kInt64:
      return f(TypeTag<int64_t>{});
    case DType::kUInt64:
      return f(TypeTag<uint64_t>{});
    case DType::kFloat32:
      return f(TypeTag<float>{});
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kFloat64:
      break;
  }
  fail(ErrorCode::kInternal, "{} is not a storage type", to_string(dtype));
}

// Integers that arithmetic is defined for; bool is not one.
template <class T>
inline constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// In which sums are accumulated: integers wrap around, which unsigned arithmetic defines.
template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, float>, double, uint64_t>;

}  // namespace hornet::kernels::reference
