#include "graph/dims.h"

#include <algorithm>

#include "base/check.h"

namespace hornet::graph {
namespace {

[[noreturn]] void fail_overflow(int64_t a, std::string_view operation, int64_t b) {
  fail(ErrorCode::kShapeMismatch, "a size of {} {} {} is beyond all memory", a, operation, b);
}

}  // namespace

Size operator+(Size a, Size b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a.value_, b.value_, &sum)) fail_overflow(a.value_, "+", b.value_);
  return sum;
}

Size operator-(Size a, Size b) {
  int64_t difference = 0;
  if (__builtin_sub_overflow(a.value_, b.value_, &difference)) {
    fail_overflow(a.value_, "-", b.value_);
  }
  return difference;
}

Size operator*(Size a, Size b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a.value_, b.value_, &product)) fail_overflow(a.value_, "*", b.value_);
  return product;
}

int64_t normalize_axis(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  require(axis >= -signed_rank && axis < signed_rank, ErrorCode::kShapeMismatch,
          "axis {} of an array with {} dimensions", axis, rank);
  return axis < 0 ? axis + signed_rank : axis;
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    int64_t& out = result[result.size() - 1 - i];
    if (x == y || y == 1) {
      out = x;
    } else if (x == 1) {
      out = y;
    } else if (x == kUnknownDim || y == kUnknownDim) {
      out = std::max(x, y);
    } else {
      fail(ErrorCode::kShapeMismatch, "shapes {} and {} cannot be broadcast together",
           hornet::to_string(a), hornet::to_string(b));
    }
  }
  return result;
}

bool may_equal(int64_t a, int64_t b) { return a == b || a == kUnknownDim || b == kUnknownDim; }

int64_t product(const Shape& dims, size_t begin, size_t end) {
  int64_t result = 1;
  for (size_t i = begin; i < end; ++i) {
    if (dims[i] == kUnknownDim) return kUnknownDim;
    require(!__builtin_mul_overflow(result, dims[i], &result), ErrorCode::kShapeMismatch,
            "shape {} has more elements than memory can hold", hornet::to_string(dims));
  }
  return result;
}

const TensorType& input_of_rank(std::span<const TensorType> inputs, size_t index, size_t rank,
                                std::string_view what) {
  HORNET_CHECK(index < inputs.size());
  const TensorType& type = inputs[index];
  require(type.shape.size() == rank, ErrorCode::kShapeMismatch,
          "{} has shape {}; expected {} dimensions", what, hornet::to_string(type.shape), rank);
  return type;
}

}  // namespace hornet::graph
