#include "graph/ops/linear_algebra.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

// Matrices are computed in double precision, one at a time, by the textbook algorithms.

namespace hornet::kernels::reference {
namespace {

using graph::LinalgKind;

// A dense matrix, row by row.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t columns)
      : rows_(rows), columns_(columns), data_(static_cast<size_t>(rows * columns)) {}
  Matrix(int64_t rows, int64_t columns, const float* from) : Matrix(rows, columns) {
    std::copy_n(from, data_.size(), data_.begin());
  }
  static Matrix identity(int64_t n) {
    Matrix result(n, n);
    for (int64_t i = 0; i < n; ++i) result(i, i) = 1;
    return result;
  }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  double& operator()(int64_t i, int64_t j) { return data_[static_cast<size_t>(i * columns_ + j)]; }
  double operator()(int64_t i, int64_t j) const {
    return data_[static_cast<size_t>(i * columns_ + j)];
  }
  void fill(double value) { std::fill(data_.begin(), data_.end(), value); }
  void swap_rows(int64_t i, int64_t k) {
    for (int64_t j = 0; j < columns_; ++j) std::swap((*this)(i, j), (*this)(k, j));
  }
  Matrix transposed() const {
    Matrix result(columns_, rows_);
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t j = 0; j < columns_; ++j) result(j, i) = (*this)(i, j);
    }
    return result;
  }
  Matrix times(const Matrix& other) const {
    Matrix result(rows_, other.columns_);
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t k = 0; k < columns_; ++k) {
        for (int64_t j = 0; j < other.columns_; ++j) {
          result(i, j) += (*this)(i, k) * other(k, j);
        }
      }
    }
    return result;
  }
  // The first rows and columns.
  Matrix part(int64_t rows, int64_t columns) const {
    Matrix result(rows, columns);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) result(i, j) = (*this)(i, j);
    }
    return result;
  }
  void store(float* to) const {
    for (const double value : data_) *to++ = static_cast<float>(value);
  }

 private:
  int64_t rows_, columns_;
  std::vector<double> data_;
};

// The lower factor; all NaN where the matrix is not positive definite.
Matrix cholesky_factor(const Matrix& a) {
  const int64_t n = a.rows();
  Matrix l(n, n);
  for (int64_t j = 0; j < n; ++j) {
    double diagonal = a(j, j);
    for (int64_t k = 0; k < j; ++k) diagonal -= l(j, k) * l(j, k);
    if (!(diagonal > 0)) {
      l.fill(std::numeric_limits<double>::quiet_NaN());
      return l;
    }
    l(j, j) = std::sqrt(diagonal);
    for (int64_t i = j + 1; i < n; ++i) {
      double sum = a(i, j);
      for (int64_t k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
      l(i, j) = sum / l(j, j);
    }
  }
  return l;
}

// L below the diagonal and U in place of `a`; pivots[i] is the row exchanged with row i.
struct Lu {
  Matrix factors;
  std::vector<int64_t> pivots;
  double sign = 1;
};

Lu factorize(Matrix a) {
  const int64_t steps = std::min(a.rows(), a.columns());
  Lu result{std::move(a), {}, 1};
  Matrix& lu = result.factors;
  for (int64_t k = 0; k < steps; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < lu.rows(); ++i) {
      if (std::abs(lu(i, k)) > std::abs(lu(pivot, k))) pivot = i;
    }
    result.pivots.push_back(pivot);
    if (pivot != k) {
      lu.swap_rows(k, pivot);
      result.sign = -result.sign;
    }
    if (lu(k, k) == 0) continue;
    for (int64_t i = k + 1; i < lu.rows(); ++i) {
      lu(i, k) /= lu(k, k);
      for (int64_t j = k + 1; j < lu.columns(); ++j) lu(i, j) -= lu(i, k) * lu(k, j);
    }
  }
  return result;
}

enum class Diagonal { kStored, kOnes };

void solve_lower(const Matrix& l, Diagonal diagonal, Matrix& b) {
  for (int64_t i = 0; i < l.rows(); ++i) {
    for (int64_t j = 0; j < b.columns(); ++j) {
      double sum = b(i, j);
      for (int64_t k = 0; k < i; ++k) sum -= l(i, k) * b(k, j);
      b(i, j) = diagonal == Diagonal::kOnes ? sum : sum / l(i, i);
    }
  }
}

void solve_upper(const Matrix& u, Matrix& b) {
  for (int64_t i = u.rows(); i-- > 0;) {
    for (int64_t j = 0; j < b.columns(); ++j) {
      double sum = b(i, j);
      for (int64_t k = i + 1; k < u.rows(); ++k) sum -= u(i, k) * b(k, j);
      b(i, j) = sum / u(i, i);
    }
  }
}

Matrix solve(const Matrix& a, Matrix b) {
  const Lu lu = factorize(a);
  for (int64_t k = 0; k < a.rows(); ++k) b.swap_rows(k, lu.pivots[static_cast<size_t>(k)]);
  solve_lower(lu.factors, Diagonal::kOnes, b);
  solve_upper(lu.factors, b);
  return b;
}

struct SignAndLog {
  double sign, log;
};

SignAndLog sign_and_log(const Matrix& a) {
  const Lu lu = factorize(a);
  SignAndLog result{lu.sign, 0};
  for (int64_t i = 0; i < a.rows(); ++i) {
    const double pivot = lu.factors(i, i);
    if (pivot == 0) return {0, -std::numeric_limits<double>::infinity()};
    if (pivot < 0) result.sign = -result.sign;
    result.log += std::log(std::abs(pivot));
  }
  return result;
}

double determinant(const Matrix& a) {
  const Lu lu = factorize(a);
  double result = lu.sign;
  for (int64_t i = 0; i < a.rows(); ++i) result *= lu.factors(i, i);
  return result;
}

// Householder's reflections, signed as LAPACK's: Q [m, m], R [m, n].
std::pair<Matrix, Matrix> qr_factors(Matrix a) {
  const int64_t m = a.rows(), n = a.columns();
  Matrix q = Matrix::identity(m);
  std::vector<double> v(static_cast<size_t>(m));
  for (int64_t k = 0; k < std::min(m - 1, n); ++k) {
    double below = 0;
    for (int64_t i = k + 1; i < m; ++i) below += a(i, k) * a(i, k);
    if (below == 0) continue;  // nothing to reflect, and LAPACK keeps the sign
    const double norm = std::sqrt(a(k, k) * a(k, k) + below);
    const double target = a(k, k) >= 0 ? -norm : norm;
    double length = below;
    for (int64_t i = k; i < m; ++i) v[static_cast<size_t>(i)] = a(i, k);
    v[static_cast<size_t>(k)] -= target;
    length += v[static_cast<size_t>(k)] * v[static_cast<size_t>(k)];
    const auto reflect = [&](const auto& at, int64_t count) {
      for (int64_t j = 0; j < count; ++j) {
        double product = 0;
        for (int64_t i = k; i < m; ++i) product += v[static_cast<size_t>(i)] * at(i, j);
        for (int64_t i = k; i < m; ++i) {
          at(i, j) -= 2 * product / length * v[static_cast<size_t>(i)];
        }
      }
    };
    reflect([&](int64_t i, int64_t j) -> double& { return a(i, j); }, n);
    reflect([&](int64_t i, int64_t j) -> double& { return q(j, i); }, m);
    for (int64_t i = k + 1; i < m; ++i) a(i, k) = 0;
  }
  return {q, a};
}

struct Eigen {
  std::vector<double> values;
  Matrix vectors;  // as columns
};

// Jacobi's rotations. Values rise.
Eigen symmetric_eigen(const Matrix& given) {
  const int64_t n = given.rows();
  Matrix a(n, n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) a(i, j) = a(j, i) = given(i, j);
  }
  Matrix v = Matrix::identity(n);
  constexpr int kMaxSweeps = 60;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    double off = 0, all = 0;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) (i == j ? all : off) += a(i, j) * a(i, j);
    }
    if (!(off > 1e-30 * (all + off))) break;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) {
        if (a(p, q) == 0) continue;
        const double theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int64_t k = 0; k < n; ++k) {
          const double x = a(k, p), y = a(k, q);
          a(k, p) = c * x - s * y;
          a(k, q) = s * x + c * y;
        }
        for (int64_t k = 0; k < n; ++k) {
          const double x = a(p, k), y = a(q, k);
          a(p, k) = c * x - s * y;
          a(q, k) = s * x + c * y;
        }
        for (int64_t k = 0; k < n; ++k) {
          const double x = v(k, p), y = v(k, q);
          v(k, p) = c * x - s * y;
          v(k, q) = s * x + c * y;
        }
      }
    }
  }
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t i, int64_t j) { return a(i, i) < a(j, j); });
  Eigen result{{}, Matrix(n, n)};
  for (int64_t j = 0; j < n; ++j) {
    const int64_t from = order[static_cast<size_t>(j)];
    result.values.push_back(a(from, from));
    for (int64_t i = 0; i < n; ++i) result.vectors(i, j) = v(i, from);
  }
  return result;
}

struct Svd {
  Matrix u;                    // [m, m]
  std::vector<double> values;  // min(m, n), falling
  Matrix v;                    // [n, n], vectors as columns
};

// Completes the first `count` columns, which are orthonormal, to a basis.
void complete_basis(Matrix& q, int64_t count) {
  const int64_t n = q.rows();
  for (int64_t axis = 0; axis < n && count < n; ++axis) {
    std::vector<double> column(static_cast<size_t>(n));
    column[static_cast<size_t>(axis)] = 1;
    // Twice: the first subtraction may leave rounding errors behind.
    for (int round = 0; round < 2; ++round) {
      for (int64_t j = 0; j < count; ++j) {
        double product = 0;
        for (int64_t i = 0; i < n; ++i) product += column[static_cast<size_t>(i)] * q(i, j);
        for (int64_t i = 0; i < n; ++i) column[static_cast<size_t>(i)] -= product * q(i, j);
      }
    }
    double norm = 0;
    for (const double x : column) norm += x * x;
    norm = std::sqrt(norm);
    if (norm < 1e-8) continue;
    for (int64_t i = 0; i < n; ++i) q(i, count) = column[static_cast<size_t>(i)] / norm;
    ++count;
  }
}

// One-sided Jacobi rotations (Hestenes) of the columns of a tall matrix.
Svd singular_values(const Matrix& a) {
  if (a.rows() < a.columns()) {
    Svd other = singular_values(a.transposed());
    return {std::move(other.v), std::move(other.values), std::move(other.u)};
  }
  const int64_t m = a.rows(), n = a.columns();
  Matrix work = a, v = Matrix::identity(n);
  constexpr int kMaxSweeps = 60;
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < kMaxSweeps; ++sweep) {
    rotated = false;
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t q = p + 1; q < n; ++q) {
        double alpha = 0, beta = 0, gamma = 0;
        for (int64_t i = 0; i < m; ++i) {
          alpha += work(i, p) * work(i, p);
          beta += work(i, q) * work(i, q);
          gamma += work(i, p) * work(i, q);
        }
        if (!(std::abs(gamma) > 1e-15 * std::sqrt(alpha * beta))) continue;
        rotated = true;
        const double zeta = (beta - alpha) / (2 * gamma);
        const double t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(zeta * zeta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        const auto rotate = [&](Matrix& matrix) {
          for (int64_t i = 0; i < matrix.rows(); ++i) {
            const double x = matrix(i, p), y = matrix(i, q);
            matrix(i, p) = c * x - s * y;
            matrix(i, q) = s * x + c * y;
          }
        };
        rotate(work);
        rotate(v);
      }
    }
  }
  std::vector<double> norms(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < m; ++i) sum += work(i, j) * work(i, j);
    norms[static_cast<size_t>(j)] = std::sqrt(sum);
  }
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
    return norms[static_cast<size_t>(i)] > norms[static_cast<size_t>(j)];
  });
  Svd result{Matrix(m, m), {}, Matrix(n, n)};
  int64_t rank = 0;
  const double smallest = n > 0 ? norms[static_cast<size_t>(order[0])] * 1e-14 : 0;
  for (int64_t j = 0; j < n; ++j) {
    const int64_t from = order[static_cast<size_t>(j)];
    const double norm = norms[static_cast<size_t>(from)];
    result.values.push_back(norm);
    for (int64_t i = 0; i < n; ++i) result.v(i, j) = v(i, from);
    if (!(norm > smallest)) continue;
    for (int64_t i = 0; i < m; ++i) result.u(i, j) = work(i, from) / norm;
    ++rank;
  }
  complete_basis(result.u, rank);
  return result;
}

Matrix least_squares(const Matrix& a, const Matrix& b, double tolerance) {
  const Svd svd = singular_values(a);
  const double precision = static_cast<double>(std::numeric_limits<float>::epsilon()) *
                           static_cast<double>(std::max(a.rows(), a.columns()));
  const double share = tolerance < 0 ? precision : tolerance;
  const double cutoff = svd.values.empty() ? 0 : share * svd.values[0];
  Matrix x(a.columns(), b.columns());
  for (size_t k = 0; k < svd.values.size(); ++k) {
    if (!(svd.values[k] > cutoff)) continue;
    const auto column = static_cast<int64_t>(k);
    for (int64_t j = 0; j < b.columns(); ++j) {
      double product = 0;
      for (int64_t i = 0; i < a.rows(); ++i) product += svd.u(i, column) * b(i, j);
      for (int64_t i = 0; i < a.columns(); ++i) {
        x(i, j) += svd.v(i, column) * product / svd.values[k];
      }
    }
  }
  return x;
}

// The matrices of one run, and where the results of one of them go.
class LinalgRun {
 public:
  explicit LinalgRun(const Call<graph::Linalg>& call) : call_(call), flag_(call.op.flag) {
    const Shape& a = call.input_shape(0);
    rows_ = a[a.size() - 2];
    columns_ = a[a.size() - 1];
    count_ = 1;
    for (size_t i = 0; i + 2 < a.size(); ++i) count_ *= a[i];
  }

  void run() {
    for (at_ = 0; at_ < count_; ++at_) run_one(input(0));
  }

 private:
  Matrix input(size_t i) const {
    const Shape& shape = call_.input_shape(i);
    const int64_t rows = shape[shape.size() - 2], columns = shape[shape.size() - 1];
    return Matrix(rows, columns, call_.input(i) + at_ * rows * columns);
  }
  void store(size_t output, const Matrix& matrix) const {
    if (float* to = call_.output(output)) matrix.store(to + at_ * matrix.rows() * matrix.columns());
  }
  template <class T = float, class U>
  void store(size_t output, const std::vector<U>& values) const {
    T* to = call_.template output<T>(output);
    if (to == nullptr) return;
    to += at_ * static_cast<int64_t>(values.size());
    for (const U value : values) *to++ = static_cast<T>(value);
  }

  void run_one(const Matrix& a) const {
    switch (call_.op.kind) {
      case LinalgKind::cholesky: {
        const Matrix lower = cholesky_factor(a);
        return store(0, flag_ ? lower.transposed() : lower);
      }
      case LinalgKind::cholesky_inverse: {
        const Matrix lower = flag_ ? a.transposed() : a;
        Matrix inverse = Matrix::identity(rows_);
        solve_lower(lower, Diagonal::kStored, inverse);
        return store(0, inverse.transposed().times(inverse));
      }
      case LinalgKind::det:
        return store(0, std::vector<double>{determinant(a)});
      case LinalgKind::slogdet: {
        const SignAndLog result = sign_and_log(a);
        store(0, std::vector<double>{result.sign});
        return store(1, std::vector<double>{result.log});
      }
      case LinalgKind::inverse:
        return store(0, solve(a, Matrix::identity(rows_)));
      case LinalgKind::solve:
        return store(0, solve(a, input(1)));
      case LinalgKind::solve_triangular: {
        Matrix b = input(1);
        flag_ ? solve_upper(a, b) : solve_lower(a, Diagonal::kStored, b);
        return store(0, b);
      }
      case LinalgKind::least_squares:
        return store(0, least_squares(a, input(1), call_.op.tolerance));
      case LinalgKind::lu: {
        const Lu lu = factorize(a);
        store(0, lu.factors);
        return store<int32_t>(1, lu.pivots);
      }
      case LinalgKind::qr: {
        const auto [q, r] = qr_factors(a);
        const int64_t k = flag_ ? rows_ : std::min(rows_, columns_);
        store(0, q.part(rows_, k));
        return store(1, r.part(k, columns_));
      }
      case LinalgKind::eigh: {
        const Eigen eigen = symmetric_eigen(a);
        store(0, eigen.values);
        return store(1, eigen.vectors);
      }
      case LinalgKind::svd: {
        const Svd svd = singular_values(a);
        const int64_t k = std::min(rows_, columns_);
        store(0, svd.u.part(rows_, flag_ ? rows_ : k));
        store(1, svd.values);
        return store(2, svd.v.transposed().part(flag_ ? columns_ : k, columns_));
      }
      case LinalgKind::singular_values:
        return store(0, singular_values(a).values);
    }
  }

  const Call<graph::Linalg>& call_;
  const bool flag_;
  int64_t rows_, columns_, count_, at_ = 0;
};

void compute_linalg(const Call<graph::Linalg>& call) { LinalgRun(call).run(); }

// The index space of an einsum: the dimensions of the output, then those summed over.
struct EinsumSpace {
  Dims out_sizes, sum_sizes;
  std::vector<Dims> out_strides, sum_strides;  // one an operand

  explicit EinsumSpace(const Call<graph::Einsum>& call) {
    std::map<char, int64_t> sizes;
    for (size_t i = 0; i < call.op.operands.size(); ++i) {
      const Shape& shape = call.input_shape(i);
      for (size_t d = 0; d < shape.size(); ++d) {
        int64_t& size = sizes.emplace(call.op.operands[i][d], 1).first->second;
        if (shape[d] != 1) size = shape[d];
      }
    }
    std::string labels = call.op.output;
    for (const auto& [label, size] : sizes) {
      if (labels.find(label) == std::string::npos) labels += label;
    }
    const size_t num_out = call.op.output.size();
    for (size_t i = 0; i < labels.size(); ++i) {
      (i < num_out ? out_sizes : sum_sizes).push_back(sizes[labels[i]]);
    }
    for (size_t i = 0; i < call.op.operands.size(); ++i) {
      const Dims shape(call.input_shape(i));
      const Dims dense = row_major_strides(shape);
      Dims all;
      all.rank = labels.size();
      for (size_t d = 0; d < shape.rank; ++d) {
        // A label that occurs twice runs along the diagonal.
        if (shape[d] != 1) all[labels.find(call.op.operands[i][d])] += dense[d];
      }
      Dims out, sum;
      for (size_t d = 0; d < labels.size(); ++d) (d < num_out ? out : sum).push_back(all[d]);
      out_strides.push_back(out);
      sum_strides.push_back(sum);
    }
  }
};

template <size_t N>
void compute_einsum_of(const Call<graph::Einsum>& call) {
  const EinsumSpace space(call);
  std::array<Dims, N> out_strides, sum_strides;
  std::copy_n(space.out_strides.begin(), N, out_strides.begin());
  std::copy_n(space.sum_strides.begin(), N, sum_strides.begin());
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    T* y = call.template output<T>(0);
    for_each_index<N>(space.out_sizes, out_strides, [&](const auto& first) {
      Accumulator<T> sum = 0;
      for_each_index<N>(space.sum_sizes, sum_strides, [&](const auto& at) {
        Accumulator<T> product = 1;
        for (size_t i = 0; i < N; ++i) {
          product *= static_cast<Accumulator<T>>(call.template input<T>(i)[first[i] + at[i]]);
        }
        sum += product;
      });
      *y++ = static_cast<T>(sum);
    });
  });
}

}  // namespace

KernelOffer linalg(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 2)) {
    return refuse("decomposition of " + graph::to_string(*type));
  }
  return offer<graph::Linalg>(request, compute_linalg);
}

KernelOffer einsum(const KernelRequest& request) {
  if (request.inputs[0].dtype == DType::kBool) return refuse("sums of bool");
  switch (request.inputs.size()) {
    case 1:
      return offer<graph::Einsum>(request, compute_einsum_of<1>);
    case 2:
      return offer<graph::Einsum>(request, compute_einsum_of<2>);
    default:
      return refuse("a sum of products of more than 2 arrays");
  }
}

}  // namespace hornet::kernels::reference
