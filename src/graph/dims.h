// Arithmetic on dimensions that may be unknown.
#pragma once

#include <span>
#include <string_view>

#include "graph/op.h"

namespace hornet::graph {

// An array has at most so many; those of files come from Python, where 64 is the most.
constexpr size_t kMostDimensions = 64;

// -1 based axes to 0..rank-1; throws Error(kShapeMismatch) when outside.
int64_t normalize_axis(int64_t axis, size_t rank);

// A size, or a sum or product of sizes. Throws Error(kShapeMismatch) beyond what 64 bits hold:
// sizes come from files.
class Size {
 public:
  constexpr Size(int64_t value) : value_(value) {}  // NOLINT: a number is a Size
  friend Size operator+(Size a, Size b);
  friend Size operator-(Size a, Size b);
  friend Size operator*(Size a, Size b);
  int64_t value() const { return value_; }

 private:
  int64_t value_;
};

// NumPy's broadcasting; throws Error(kShapeMismatch). An unknown dimension gives way to a known one
// above 1.
Shape broadcast(const Shape& a, const Shape& b);

// a == b, or one of them unknown.
bool may_equal(int64_t a, int64_t b);

// Product of dims[begin, end), kUnknownDim when one is unknown.
int64_t product(const Shape& dims, size_t begin, size_t end);

// Throws Error(kShapeMismatch) unless input `index` is there and has `rank` dimensions.
const TensorType& input_of_rank(std::span<const TensorType> inputs, size_t index, size_t rank,
                                std::string_view what);

}  // namespace hornet::graph
