#include "graph/ops/signal.h"

#include <algorithm>
#include <complex>
#include <numbers>
#include <vector>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

using Complex = std::complex<double>;
using Kind = graph::Fft::Kind;

int64_t smallest_factor(int64_t n) {
  for (int64_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

// Cooley and Tukey: the transform of n = p m numbers by p transforms of m numbers. `from` are n
// numbers `stride` apart; `roots` the n_all-th roots of unity, of which every (n_all / n)-th is one
// of order n. `scratch` has room for the largest prime factor.
void transform(const Complex* from, int64_t stride, int64_t n, const std::vector<Complex>& roots,
               Complex* to, Complex* scratch) {
  if (n == 1) {
    *to = *from;
    return;
  }
  const int64_t p = smallest_factor(n), m = n / p;
  const auto all = static_cast<int64_t>(roots.size());
  for (int64_t r = 0; r < p; ++r) {
    transform(from + r * stride, stride * p, m, roots, to + r * m, scratch);
  }
  for (int64_t k = 0; k < m; ++k) {
    for (int64_t q = 0; q < p; ++q) {
      Complex sum = 0;
      for (int64_t r = 0; r < p; ++r) {
        const int64_t power = r * (k + q * m) % n;
        sum += to[r * m + k] * roots[static_cast<size_t>(power * (all / n))];
      }
      scratch[q] = sum;
    }
    for (int64_t q = 0; q < p; ++q) to[q * m + k] = scratch[q];
  }
}

void compute_fft(const Call<graph::Fft>& call) {
  const graph::Fft& op = call.op;
  const int64_t given = call.input_shape(0).back();
  const int64_t n = op.transform_length(given);
  const int64_t needed = op.kind == Kind::kRealInverse ? n / 2 + 1 : n;
  const int64_t written = call.output_shape(0).back();
  const bool inverse = op.kind == Kind::kInverse || op.kind == Kind::kRealInverse;
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < call.input_shape(0).size(); ++i) rows *= call.input_shape(0)[i];

  std::vector<Complex> roots, x(static_cast<size_t>(n)), y(static_cast<size_t>(n)),
      scratch(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
    roots.push_back(std::polar(1.0, inverse ? angle : -angle));
  }
  const float* real = call.input(0);
  const float* imaginary = call.input(1);
  float* real_out = call.output(0);
  float* imaginary_out = call.output(1);
  for (int64_t row = 0; row < rows; ++row) {
    std::fill(x.begin(), x.end(), Complex(0));
    for (int64_t i = 0; i < std::min(given, needed); ++i) {
      const int64_t at = row * given + i;
      x[static_cast<size_t>(i)] = {static_cast<double>(real[at]),
                                   imaginary == nullptr ? 0.0 : static_cast<double>(imaginary[at])};
    }
    if (op.kind == Kind::kRealInverse) {
      // The upper half mirrors the lower one; what is its own mirror image is real.
      x[0] = x[0].real();
      if (n % 2 == 0) x[static_cast<size_t>(n / 2)] = x[static_cast<size_t>(n / 2)].real();
      for (int64_t i = n / 2 + 1; i < n; ++i) {
        x[static_cast<size_t>(i)] = std::conj(x[static_cast<size_t>(n - i)]);
      }
    }
    transform(x.data(), 1, n, roots, y.data(), scratch.data());
    const double scale = inverse ? 1 / static_cast<double>(n) : 1;
    for (int64_t i = 0; i < written; ++i) {
      const Complex value = y[static_cast<size_t>(i)] * scale;
      const int64_t at = row * written + i;
      if (real_out != nullptr) real_out[at] = static_cast<float>(value.real());
      if (imaginary_out != nullptr) {
        imaginary_out[at] = op.kind == Kind::kRealInverse ? 0 : static_cast<float>(value.imag());
      }
    }
  }
}

}  // namespace

KernelOffer fft(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 2)) {
    return refuse("transform of " + graph::to_string(*type));
  }
  return offer<graph::Fft>(request, compute_fft);
}

}  // namespace hornet::kernels::reference
