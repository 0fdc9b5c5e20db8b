// Products with a packed matrix: y[m, n] = activation(x[m, k] w[k, n] + bias[n] + residual[m, n]).
//
// An element of y is one chain of multiply-adds in the order of k that starts at 0 (for n below
// kDotColumns: a fixed number of such chains, added in a fixed order); then bias, residual and
// activation. So its bits depend on its row of x alone, and not on m or on the row's place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/kernel.h"
#include "kernels/simd/elementwise.h"

namespace hornet::kernels {

struct GemmEpilogue {
  const float* bias = nullptr;
  const float* residual = nullptr;  // may be y itself, with ld_residual = ldy
  int64_t ld_residual = 0;
  Activation activation;
};

struct PackedB;

// Rows whose elements lie in runs of `run_floats`, one behind the other in a row: run r of row i is
// at runs[r] + offset(i).
struct RowsInRuns {
  const float* const* runs;
  int64_t num_runs, run_floats, ld;
  // 0: all rows are ld apart. Else those of a group are, and the groups ld_group.
  int64_t rows_of_group = 0, ld_group = 0;

  int64_t offset(int64_t i) const {
    if (rows_of_group == 0) return i * ld;
    return i / rows_of_group * ld_group + i % rows_of_group * ld;
  }
};

// Packed rows: element k of row i of a tile is at data[k * ld + i]. Tiles have
// `tile_floats` from one to the next; 0: they lie side by side, as one tile of all rows would.
struct PackedRows {
  const float* data;
  int64_t ld, tile_floats;
};

// The code for one instruction set.
struct GemmFunctions {
  const char* name;  // "avx512", "avx2", "sse4", "plain"
  int64_t lanes;     // floats of a vector
  // Floats of a packed matrix. It is to be 64-byte aligned.
  size_t (*packed_floats)(int64_t k, int64_t n);
  // Packs a matrix whose element (i, j) is w[i * stride_k + j * stride_n], times factors[j] where
  // there are factors.
  void (*pack)(const float* w, const float* factors, int64_t stride_k, int64_t stride_n, int64_t k,
               int64_t n, float* packed);
  // Floats of scratch memory that make a product faster: its rows are packed there.
  size_t (*scratch_floats)(int64_t k, int64_t n, int64_t m);
  void (*run)(const PackedB& b, const RowsInRuns& x, int64_t m, float* y, int64_t ldy,
              const GemmEpilogue& epilogue, float* scratch);

  // The parts of a product, for those that pack once and multiply often. Matrices are packed in
  // panels, whose columns may be filled up with zeros to a multiple of `lanes`: b.n may count
  // these.
  size_t (*panels_floats)(int64_t k, int64_t n);
  void (*pack_panels)(const float* w, int64_t stride_k, int64_t stride_n, int64_t k, int64_t n,
                      float* packed);
  // The same for rows [first, first + count) of w, which begin at `rows`.
  void (*pack_rows_of_panels)(const float* rows, int64_t stride_k, int64_t stride_n, int64_t first,
                              int64_t count, int64_t k, int64_t n, float* packed);
  // Packs m rows of k. `packed` is to be 64-byte aligned, and has packed_rows_floats(k, m).
  size_t (*packed_rows_floats)(int64_t k, int64_t m);
  void (*pack_rows)(const RowsInRuns& x, int64_t m, float* packed);
  PackedRows (*packed_rows)(const float* packed, int64_t k);
  // y, each element one chain whatever n, for a matrix in panels and m rows, which are all that `x`
  // has.
  void (*run_packed)(const PackedB& b, const PackedRows& x, int64_t m, float* y, int64_t ldy,
                     const GemmEpilogue& epilogue);
};

// The best code for this machine. Not for the hot path.
const GemmFunctions& gemm_functions();

// A packed matrix. Does not own its data.
struct PackedB {
  const GemmFunctions* functions = nullptr;
  int64_t k = 0, n = 0;
  const float* data = nullptr;
};

// Packed columns that several runs may be multiplied with; with fewer, a row is one run.
constexpr int64_t kFewestColumnsOfRuns = 4;

// x [m, k] in runs, y [m, n] with rows ldy apart; m may be 0. y must not overlap x. `scratch` is
// 64-byte aligned and has gemm_scratch_bytes() for m rows or more, or is null: then rows are read
// where they are, with the same bits.
inline void gemm(const PackedB& b, const RowsInRuns& x, int64_t m, float* y, int64_t ldy,
                 const GemmEpilogue& epilogue, void* scratch = nullptr) {
  b.functions->run(b, x, m, y, ldy, epilogue, static_cast<float*>(scratch));
}
// The same for rows ldx apart.
inline void gemm(const PackedB& b, const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy,
                 const GemmEpilogue& epilogue, void* scratch = nullptr) {
  gemm(b, RowsInRuns{&x, 1, b.k, ldx}, m, y, ldy, epilogue, scratch);
}
// `bytes` of scratch memory, so that what follows is aligned.
constexpr size_t aligned_bytes(size_t bytes) { return (bytes + 63) / 64 * 64; }
// Whole lines of 64 bytes, for products of at most m rows.
inline size_t gemm_scratch_bytes(const PackedB& b, int64_t m) {
  return aligned_bytes(b.functions->scratch_floats(b.k, b.n, m) * sizeof(float));
}

// A constant matrix packed once a model.
class PackedConstant {
 public:
  PackedConstant() = default;
  // `key` names the constant and what is taken from it; element (i, j) of the [k, n] matrix is at
  // w[i * stride_k + j * stride_n].
  PackedConstant(const StepWeights& packed, const std::string& key, const float* w,
                 int64_t stride_k, int64_t stride_n, int64_t k, int64_t n)
      : PackedConstant(packed, key, {w, nullptr}, stride_k, stride_n, k, n) {}
  // n columns of a constant that has `stride` of them, the first one w.
  PackedConstant(const StepWeights& packed, const std::string& key, graph::ScaledColumns w,
                 int64_t stride, int64_t k, int64_t n)
      : PackedConstant(packed, key, w, stride, 1, k, n) {}
  // The same as the first, each element (i, j) times factors[j].
  PackedConstant(const StepWeights& packed, const std::string& key, const float* w,
                 std::shared_ptr<const std::vector<float>> factors, int64_t stride_k,
                 int64_t stride_n, int64_t k, int64_t n)
      : PackedConstant(packed, key, {w, factors->empty() ? nullptr : factors->data()}, stride_k,
                       stride_n, k, n, factors) {}
  const PackedB& matrix() const { return matrix_; }

 private:
  // `owner` keeps what w points to, where nobody else does.
  PackedConstant(const StepWeights& packed, const std::string& key, graph::ScaledColumns w,
                 int64_t stride_k, int64_t stride_n, int64_t k, int64_t n,
                 std::shared_ptr<const void> owner = nullptr);

  PackedWeights::Buffer buffer_;
  PackedB matrix_;
};

}  // namespace hornet::kernels
