// Walking over arrays of any number of dimensions without allocating.
#pragma once

#include <array>
#include <cstdint>

#include "base/check.h"
#include "hornet/tensor.h"

namespace hornet::kernels::reference {

// Reference kernels take arrays of up to so many dimensions.
inline constexpr size_t kMaxRank = 12;

// One number a dimension: sizes or strides (in elements).
struct Dims {
  size_t rank = 0;
  std::array<int64_t, kMaxRank> values{};
  Dims() = default;
  explicit Dims(const Shape& shape) : rank(shape.size()) {
    HORNET_CHECK(rank <= kMaxRank);
    for (size_t i = 0; i < rank; ++i) values[i] = shape[i];
  }
  int64_t& operator[](size_t i) { return values[i]; }
  int64_t operator[](size_t i) const { return values[i]; }
  void push_back(int64_t value) {
    HORNET_CHECK(rank < kMaxRank);
    values[rank++] = value;
  }
};

inline int64_t num_elements(const Dims& sizes) {
  int64_t count = 1;
  for (size_t i = 0; i < sizes.rank; ++i) count *= sizes[i];
  return count;
}

// Strides of a dense row-major array.
inline Dims row_major_strides(const Dims& sizes) {
  Dims strides = sizes;
  int64_t stride = 1;
  for (size_t i = sizes.rank; i-- > 0;) {
    strides[i] = stride;
    stride *= sizes[i];
  }
  return strides;
}

// Strides that read an array of `shape` as if it were broadcast to `out`: 0 where it repeats.
inline Dims broadcast_strides(const Shape& shape, const Shape& out) {
  const Dims dense = row_major_strides(Dims(shape));
  Dims strides;
  strides.rank = out.size();
  const size_t missing = out.size() - shape.size();
  for (size_t i = missing; i < out.size(); ++i) {
    strides[i] = shape[i - missing] == 1 ? 0 : dense[i - missing];
  }
  return strides;
}

// Calls f(offsets) for each index of an array with these sizes, in row-major order; offsets[k] is
// the sum of index * strides[k].
template <size_t N, class F>
void for_each_index(const Dims& sizes, const std::array<Dims, N>& strides, F&& f) {
  if (num_elements(sizes) == 0) return;
  std::array<int64_t, N> offsets{};
  if (sizes.rank == 0) {
    f(offsets);
    return;
  }
  const size_t last = sizes.rank - 1;
  std::array<int64_t, kMaxRank> index{};
  while (true) {
    std::array<int64_t, N> inner = offsets;
    for (int64_t i = 0; i < sizes[last]; ++i) {
      f(static_cast<const std::array<int64_t, N>&>(inner));
      for (size_t k = 0; k < N; ++k) inner[k] += strides[k][last];
    }
    size_t d = last;
    while (true) {
      if (d == 0) return;
      --d;
      for (size_t k = 0; k < N; ++k) offsets[k] += strides[k][d];
      if (++index[d] < sizes[d]) break;
      for (size_t k = 0; k < N; ++k) offsets[k] -= strides[k][d] * sizes[d];
      index[d] = 0;
    }
  }
}

// Splits an index space in two: the dimensions in `axes` and the others, each with the strides of
// a dense array of `shape`.
struct SplitDims {
  Dims kept_sizes, kept_strides, axis_sizes, axis_strides;
};

inline SplitDims split(const Shape& shape, const std::vector<int64_t>& axes) {
  const Dims sizes(shape);
  const Dims strides = row_major_strides(sizes);
  SplitDims result;
  for (size_t i = 0; i < sizes.rank; ++i) {
    bool inside = false;
    for (const int64_t axis : axes) inside = inside || axis == static_cast<int64_t>(i);
    (inside ? result.axis_sizes : result.kept_sizes).push_back(sizes[i]);
    (inside ? result.axis_strides : result.kept_strides).push_back(strides[i]);
  }
  return result;
}

}  // namespace hornet::kernels::reference
