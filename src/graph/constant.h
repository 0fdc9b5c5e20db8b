// The numbers of a constant, which may wait for a factor.
#pragma once

#include <memory>
#include <vector>

#include "hornet/tensor.h"

namespace hornet::graph {

// Columns of weights and what is to become of them on the way into a packed form: element i is
// data[i] * factors[i mod the size of the last axis]; without factors, data[i].
struct ScaledColumns {
  const float* data;
  const float* factors;  // null: none

  ScaledColumns from(int64_t column) const {
    return {data + column, factors == nullptr ? nullptr : factors + column};
  }
};

// A tensor, or one times a line of factors that is multiplied by when somebody wants the numbers:
// kernels that pack weights multiply on the way, so that weights which only they read are neither
// written twice nor, where they lie in a mapped file, copied. Immutable and thread-safe; copies
// share all.
class Constant {
 public:
  Constant(Tensor data);  // NOLINT(google-explicit-constructor): a tensor is a constant
  // Element i of float32 `data` times line[i mod the size of line], which divides their number.
  Constant(Tensor data, std::vector<float> line);

  DType dtype() const { return unscaled().dtype(); }
  const Shape& shape() const { return unscaled().shape(); }
  int64_t num_elements() const { return unscaled().num_elements(); }
  size_t num_bytes() const { return unscaled().num_bytes(); }

  // The numbers; where there is a line the products are computed once, and kept. Throws
  // Error(kOutOfMemory).
  const Tensor& tensor() const;
  const void* data() const { return tensor().data(); }
  template <class T>
  const T* as() const {
    return tensor().as<T>();
  }
  // The same numbers of float32 by columns, without computing products where the line is one of
  // columns. Valid as long as a copy of this.
  ScaledColumns columns() const;
  // The same numbers as tensor(), for who needs them once: products are not kept.
  Tensor computed() const;

  const Tensor& unscaled() const;
  const std::vector<float>& line() const;  // empty: no factors
  // The numbers that this would have if unscaled() was at another place.
  Constant moved_to(Tensor data) const { return {std::move(data), line()}; }

 private:
  struct Content;
  std::shared_ptr<const Content> content_;
};

}  // namespace hornet::graph
