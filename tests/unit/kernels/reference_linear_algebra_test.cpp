#include <gtest/gtest.h>

#include <random>

#include "graph/ops/linear_algebra.h"
#include "tensors.h"
#include "unit/base/expect_error.h"

namespace hornet::kernels {
namespace {

using graph::Einsum;
using graph::Linalg;
using graph::LinalgKind;
using testing::ElementsAre;

std::vector<float> product(const Tensor& a, const Tensor& b) {
  return values(reference_result(Einsum({"ij", "jk"}, "ik"), {&a, &b}));
}

Tensor transposed(const Tensor& a) { return reference_result(Einsum({"ij"}, "ji"), {&a}); }

// Numbers in [-1, 1].
Tensor random_matrix(int64_t rows, int64_t columns) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> number(-1, 1);
  Tensor tensor(DType::kFloat32, {rows, columns});
  for (int64_t i = 0; i < rows * columns; ++i) tensor.mutable_as<float>()[i] = number(random);
  return tensor;
}

// Within 1e-5.
auto about(const Tensor& expected) {
  return testing::Pointwise(testing::FloatNear(1e-5f), values(expected));
}

Tensor identity(int64_t n) {
  Tensor tensor(DType::kFloat32, {n, n});
  for (int64_t i = 0; i < n; ++i) tensor.mutable_as<float>()[i * n + i] = 1;
  return tensor;
}

TEST(ReferenceLinalg, Cholesky_GivesTheLowerFactor) {
  const Tensor a = array({2, 2}, {4, 2, 2, 10});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::cholesky), {&a})), near({2, 0, 1, 3}));
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::cholesky, true), {&a})),
              near({2, 1, 0, 3}));
}

TEST(ReferenceLinalg, CholeskyOfAnIndefiniteMatrix_IsNan) {
  const Tensor a = array({2, 2}, {1, 2, 2, 1});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::cholesky), {&a})),
              near({kNan, kNan, kNan, kNan}));
}

TEST(ReferenceLinalg, CholeskyInverse_InvertsTheProduct) {
  const Tensor lower = array({2, 2}, {2, 0, 1, 3});  // of [4 2; 2 10], determinant 36
  const std::vector<float> expected = {10.0f / 36, -2.0f / 36, -2.0f / 36, 4.0f / 36};
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::cholesky_inverse), {&lower})),
              near(expected));
  const Tensor upper = transposed(lower);
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::cholesky_inverse, true), {&upper})),
              near(expected));
}

TEST(ReferenceLinalg, Determinants_OfSeveralMatrices) {
  const Tensor a = array({3, 2, 2}, {1, 2, 3, 4, 0, 1, 1, 0, 1, 2, 2, 4});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::det), {&a})), near({-2, -1, 0}));
  const std::vector<Tensor> logs = evaluate(Linalg(LinalgKind::slogdet), {&a}, true);
  EXPECT_THAT(values(logs[0]), ElementsAre(-1, -1, 0));
  EXPECT_THAT(values(logs[1]), near({std::log(2.0f), 0, -kInf}));
}

TEST(ReferenceLinalg, Inverse_NeedsPivoting) {
  const Tensor a = array({2, 2}, {0, 2, 4, 0});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::inverse), {&a})),
              near({0, 0.25f, 0.5f, 0}));
}

TEST(ReferenceLinalg, Solve_TakesSeveralRightSides) {
  const Tensor a = array({2, 2}, {2, 1, 1, 3});
  const Tensor b = array({2, 2}, {5, 1, 10, 3});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::solve), {&a, &b})), near({1, 0, 3, 1}));
}

TEST(ReferenceLinalg, SolveTriangular_ReadsOneHalf) {
  const Tensor a = array({2, 2}, {2, 1, 4, 4});
  const Tensor b = array({2, 1}, {4, 12});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::solve_triangular), {&a, &b})),
              near({2, 1}));
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::solve_triangular, true), {&a, &b})),
              near({0.5f, 3}));
}

TEST(ReferenceLinalg, LeastSquares_FitsALine) {
  const Tensor a = array({3, 2}, {1, 0, 1, 1, 1, 2});
  const Tensor b = array({3, 1}, {1, 3, 5});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::least_squares), {&a, &b})), near({1, 2}));
}

TEST(ReferenceLinalg, LeastSquaresOfASingularMatrix_IsTheShortest) {
  const Tensor a = array({2, 2}, {1, 1, 1, 1});
  const Tensor b = array({2, 1}, {2, 2});
  EXPECT_THAT(values(reference_result(Linalg(LinalgKind::least_squares), {&a, &b})), near({1, 1}));
}

TEST(ReferenceLinalg, Lu_CountsPivotsFrom0) {
  const Tensor a = array({2, 2}, {1, 2, 4, 2});
  const std::vector<Tensor> lu = evaluate(Linalg(LinalgKind::lu), {&a}, true);
  EXPECT_THAT(values(lu[0]), near({4, 2, 0.25f, 1.5f}));
  EXPECT_THAT(values<int32_t>(lu[1]), ElementsAre(1, 1));
}

TEST(ReferenceLinalg, Qr_HasOrthonormalColumnsAndTheProduct) {
  for (const bool complete : {false, true}) {
    const Tensor a = random_matrix(4, 3);
    const std::vector<Tensor> qr = evaluate(Linalg(LinalgKind::qr, complete), {&a}, true);
    EXPECT_EQ(qr[0].shape(), (Shape{4, complete ? 4 : 3}));
    EXPECT_EQ(qr[1].shape(), (Shape{complete ? 4 : 3, 3}));
    EXPECT_THAT(product(qr[0], qr[1]), about(a));
    EXPECT_THAT(product(transposed(qr[0]), qr[0]), about(identity(complete ? 4 : 3)));
  }
}

// LAPACK's signs: of [3; 4] r is -5.
TEST(ReferenceLinalg, Qr_HasNegativeDiagonal) {
  const Tensor a = array({2, 1}, {3, 4});
  const std::vector<Tensor> qr = evaluate(Linalg(LinalgKind::qr), {&a}, true);
  EXPECT_THAT(values(qr[0]), near({-0.6f, -0.8f}));
  EXPECT_THAT(values(qr[1]), near({-5}));
}

TEST(ReferenceLinalg, Eigh_RebuildsTheMatrix) {
  const Tensor a = random_matrix(4, 4);
  const Tensor symmetric = array({4, 4}, product(a, transposed(a)));
  const std::vector<Tensor> eigen = evaluate(Linalg(LinalgKind::eigh), {&symmetric}, true);
  const std::vector<float> eigenvalues = values(eigen[0]);
  EXPECT_TRUE(std::is_sorted(eigenvalues.begin(), eigenvalues.end()));
  const Tensor scaled = reference_result(Einsum({"ij", "j"}, "ij"), {&eigen[1], &eigen[0]});
  EXPECT_THAT(product(scaled, transposed(eigen[1])), about(symmetric));
}

TEST(ReferenceLinalg, Svd_RebuildsTallAndWideMatrices) {
  for (const auto& [rows, columns] : {std::pair{4, 3}, std::pair{3, 4}}) {
    const Tensor a = random_matrix(rows, columns);
    const std::vector<Tensor> svd = evaluate(Linalg(LinalgKind::svd), {&a}, true);
    EXPECT_EQ(svd[0].shape(), (Shape{rows, 3}));
    EXPECT_EQ(svd[2].shape(), (Shape{3, columns}));
    const Tensor scaled = reference_result(Einsum({"ij", "j"}, "ij"), {&svd[0], &svd[1]});
    EXPECT_THAT(product(scaled, svd[2]), about(a));
    const Tensor alone = reference_result(Linalg(LinalgKind::singular_values), {&a});
    EXPECT_THAT(values(alone), near(values(svd[1])));
  }
}

TEST(ReferenceLinalg, FullSvd_CompletesTheBasis) {
  const Tensor a = array({3, 2}, {1, 1, 1, 1, 1, 1});  // of rank 1
  const std::vector<Tensor> svd = evaluate(Linalg(LinalgKind::svd, true), {&a}, true);
  EXPECT_THAT(product(transposed(svd[0]), svd[0]), about(identity(3)));
  EXPECT_THAT(product(svd[2], transposed(svd[2])), about(identity(2)));
  EXPECT_THAT(values(svd[1]), testing::Pointwise(testing::FloatNear(1e-6f),
                                                 std::vector<float>{std::sqrt(6.0f), 0}));
}

TEST(ReferenceEinsum, Labels_SumRepeatAndPermute) {
  const Tensor a = counting({2, 3}), square = counting({3, 3}), b = counting({3, 2}, 1);
  EXPECT_THAT(values(reference_result(Einsum({"ij", "jk"}, "ki"), {&a, &b})),
              ElementsAre(13, 40, 16, 52));
  EXPECT_THAT(values(reference_result(Einsum({"ij"}, "j"), {&a})), ElementsAre(3, 5, 7));
  EXPECT_THAT(values(reference_result(Einsum({"ii"}, ""), {&square})), ElementsAre(12));
  EXPECT_THAT(values(reference_result(Einsum({"ii"}, "i"), {&square})), ElementsAre(0, 4, 8));
}

TEST(ReferenceEinsum, SizeOne_IsBroadcast) {
  const Tensor a = array({1, 2}, {1, 2}), b = counting({3, 2});
  EXPECT_THAT(values(reference_result(Einsum({"bi", "bi"}, "b"), {&a, &b})), ElementsAre(2, 8, 14));
}

TEST(ReferenceEinsum, DifferentSizes_AreAnError) {
  const Tensor a = counting({2, 3}), b = counting({2, 2});
  EXPECT_ERROR(reference_result(Einsum({"ij", "jk"}, "ik"), {&a, &b}), ErrorCode::kShapeMismatch,
               "broadcast");
}

}  // namespace
}  // namespace hornet::kernels
