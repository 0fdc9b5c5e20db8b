// Decompositions of matrices, and sums of products by Einstein's notation.
#pragma once

#include "graph/op.h"

namespace hornet::graph {

#define HORNET_LINALG_KINDS(X)                                                            \
  X(cholesky)         /* flag: the upper factor. A -> L with A = L L^T */                 \
  X(cholesky_inverse) /* L -> inverse of L L^T; flag: of U^T U */                         \
  X(det)              /* A -> determinant */                                              \
  X(slogdet)          /* A -> sign and logarithm of the absolute value of it */           \
  X(inverse)          /* A -> A^-1 */                                                     \
  X(solve)            /* A, B -> A^-1 B */                                                \
  X(solve_triangular) /* the same, A lower triangular; flag: upper. The rest is unread */ \
  X(least_squares)    /* A, B -> X with the least |A X - B|, of these the least |X| */    \
  X(lu)               /* A -> L below U; pivots as int32, counted from 0 */               \
  X(qr)               /* A -> Q, R, as LAPACK signs them; flag: complete */               \
  X(eigh)             /* A, its lower half read -> values rising, vectors as columns */   \
  X(svd)              /* A -> U, values falling, V^T; flag: full matrices */              \
  X(singular_values)  /* A -> values falling */

enum class LinalgKind {
#define X(name) name,
  HORNET_LINALG_KINDS(X)
#undef X
};
std::string_view to_string(LinalgKind kind);

// Over the last two dimensions of a [..., m, n], float; leading dimensions of two inputs are equal.
// A matrix that has no result (not positive definite, singular) gives NaN or infinities.
struct Linalg final : Op {
  explicit Linalg(LinalgKind k, bool f = false) : kind(k), flag(f) {}
  LinalgKind kind;
  bool flag;
  double tolerance = -1;  // least_squares: singular values below it times the largest are 0; < 0:
                          // the type's precision times the larger dimension
  std::string_view name() const override { return "linalg"; }
  bool mixes(size_t input, size_t along, std::span<const TensorType> inputs) const override {
    return along + 2 >= inputs[input].shape.size();
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// Sum of products of one or more arrays of one type: operand i has the dimensions that operands[i]
// labels, one character each; equal labels run together (one of them may have size 1: it is
// broadcast), and labels that `output` lacks are summed over.
struct Einsum final : Op {
  Einsum(std::vector<std::string> in, std::string out)
      : operands(std::move(in)), output(std::move(out)) {}
  std::vector<std::string> operands;
  std::string output;
  std::string_view name() const override { return "einsum"; }
  bool mixes(size_t input, size_t axis, std::span<const TensorType>) const override {
    return output.find(operands[input][axis]) == std::string::npos;
  }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
  double flops(std::span<const TensorType> inputs,
               std::span<const TensorType> outputs) const override;
};

}  // namespace hornet::graph
