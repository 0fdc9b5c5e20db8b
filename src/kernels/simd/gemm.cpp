#include "kernels/simd/gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/gemm.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

// The packed form. For n < kDotColumns: the columns one after the other, each filled up with zeros
// to a multiple of kLanes. Else, and for packed rows, panels: w[:, first .. first + width] with k
// rows of `width` floats, the last panel filled up with zeros. A panel is kPanel vectors wide, the
// last one 1 or 3 where that leaves less to fill up.

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

constexpr int kPanel = 2;
constexpr int64_t kLineFloats = 16;  // of a cache line
constexpr int64_t kDotColumns = kLanes >= 8 ? 4 : 2;

// Who reads the factors of a tile. By each multiply-add it is the fewest instructions, 32 for 28
// multiply-adds of packed rows, by one instruction for all columns the fewest reads, 16 instead of
// 30. AMD's Zen 5 decodes eight instructions a cycle and reads two vectors, as many as it
// multiplies; Intel's cores decode six, and three where another thread has its half. The results
// are the same.
enum Factors { kReadEachTime, kReadOnce };
constexpr bool kHasEmbeddedReads = HWY_TARGET == HWY_AVX3;
// kReadEachTime where it differs.
constexpr Factors kMostReads = kHasEmbeddedReads ? kReadEachTime : kReadOnce;
bool reads_each_time() { return kHasEmbeddedReads && !reads_as_it_multiplies(); }

// The rows of the largest tile, by vectors a panel. g++ 12 keeps a tile in registers only where
// every loop over it is unrolled, and spills what does not fit.
#if HWY_TARGET == HWY_AVX3
template <Factors kFactors>
constexpr int kTileRows[] = {0, 14, kFactors == kReadOnce ? 14 : 13, 9};
constexpr int kPackedTileRows = 14;
#elif HWY_TARGET == HWY_AVX2
template <Factors>
constexpr int kTileRows[] = {0, 12, 6, 4};
constexpr int kPackedTileRows = 6;
#elif HWY_TARGET == HWY_SCALAR
template <Factors>
constexpr int kTileRows[] = {0, 8, 4, 3};
constexpr int kPackedTileRows = 1;
#else
template <Factors>
constexpr int kTileRows[] = {0, 8, 4, 3};
constexpr int kPackedTileRows = 4;
#endif
static_assert(kPackedTileRows <= static_cast<int>(kLanes));

// Panels that a tile of few rows spans, so that there are enough chains to hide the latency.
constexpr int panels_at_once([[maybe_unused]] int rows) {
#if HWY_TARGET == HWY_AVX3
  return rows <= 2 ? 4 : rows <= 6 ? 2 : 1;
#elif HWY_TARGET == HWY_SCALAR
  return 1;
#else
  return rows == 1 ? 4 : rows == 2 ? 2 : 1;
#endif
}

#define HORNET_UNROLL _Pragma("GCC unroll 16")

struct Tile {
  RowsInRuns x;
  int64_t x_offset;     // of the tile's first row
  const float* packed;  // instead of x: element k of row i at packed[k * ld_packed + i]
  int64_t ld_packed;
  int64_t k;                // of all runs
  const float* next_panel;  // what kNextPanel fetches, up to a line for each two k
  const float* w;           // the first panel
  int64_t panel_floats;     // from one panel to the next
  float* y;
  int64_t ldy;
  const float* bias;
  const float* residual;
  int64_t ld_residual;
  int64_t first_column, columns;  // to be written
};

template <int kRows, int kColumns>
HWY_INLINE void set_zero(V (&sum)[kRows][kColumns]) {
  HORNET_UNROLL
  for (int i = 0; i < kRows; ++i) {
    HORNET_UNROLL
    for (int j = 0; j < kColumns; ++j) sum[i][j] = hn::Zero(D());
  }
}

// Panels that come from the third cache level: the hardware alone does not keep up with them.
template <int kVectors>
HWY_INLINE void prefetch_panel(const float* w) {
  HORNET_UNROLL
  for (int j = 0; j < kVectors; ++j) {
    const int64_t column = static_cast<int64_t>(kLanes) * j;
    if (column % kLineFloats == 0) {
      __builtin_prefetch(w + column + static_cast<int64_t>(kLanes) * kVectors * 24);
    }
  }
}

// What the sums of a tile become. The last vector may reach behind the last column.
template <int kRows, int kAll>
HWY_INLINE void finish_tile(const Tile& t, const Activation& activation, V (&sum)[kRows][kAll]) {
  const D d;
  constexpr int64_t kWidth = static_cast<int64_t>(kLanes) * kAll;
  const bool whole = t.columns == kWidth;
  const size_t part = static_cast<size_t>(t.columns - (kWidth - static_cast<int64_t>(kLanes)));
  constexpr int kLast = kAll - 1;
  if (t.bias != nullptr) {
    HORNET_UNROLL
    for (int j = 0; j < kAll; ++j) {
      const float* from = t.bias + j * static_cast<int64_t>(kLanes);
      const V b = j < kLast || whole ? hn::LoadU(d, from) : load_part(from, part);
      HORNET_UNROLL
      for (int i = 0; i < kRows; ++i) sum[i][j] = hn::Add(sum[i][j], b);
    }
  }
  if (t.residual != nullptr) {
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      HORNET_UNROLL
      for (int j = 0; j < kAll; ++j) {
        const float* from = t.residual + i * t.ld_residual + j * static_cast<int64_t>(kLanes);
        const V r = j < kLast || whole ? hn::LoadU(d, from) : load_part(from, part);
        sum[i][j] = hn::Add(sum[i][j], r);
      }
    }
  }
  if (activation.is_relu()) {
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      HORNET_UNROLL
      for (int j = 0; j < kAll; ++j) sum[i][j] = relu(sum[i][j]);
    }
  } else if (activation.is_relu6()) {
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      HORNET_UNROLL
      for (int j = 0; j < kAll; ++j) sum[i][j] = relu6(sum[i][j]);
    }
  }
  if (whole) {
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      HORNET_UNROLL
      for (int j = 0; j < kAll; ++j) {
        hn::StoreU(sum[i][j], d, t.y + i * t.ldy + j * static_cast<int64_t>(kLanes));
      }
    }
  } else {
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      HORNET_UNROLL
      for (int j = 0; j < kLast; ++j) {
        hn::StoreU(sum[i][j], d, t.y + i * t.ldy + j * static_cast<int64_t>(kLanes));
      }
      store_part(sum[i][kLast], t.y + i * t.ldy + kLast * static_cast<int64_t>(kLanes), part);
    }
  }
  if (!activation.is_in_registers()) {
    activation(t.y, t.ldy, t.y, t.ldy, kRows, t.columns);
  }
}

// sum[j] += *a v[j]. With kEmbedded each multiply-add reads *a itself: fewer instructions for more
// reads. g++ would read *a once in any case.
template <bool kEmbedded, int kVectors>
HWY_INLINE void add_products(const float* a, const V (&v)[kVectors], V (&sum)[kVectors]) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kEmbedded) {
    HORNET_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum[j].raw) : "v"(v[j].raw), "m"(*a));
    }
    return;
  }
#endif
  const V factor = hn::Set(D(), *a);
  HORNET_UNROLL
  for (int j = 0; j < kVectors; ++j) sum[j] = hn::MulAdd(factor, v[j], sum[j]);
}

// kRows rows of x with kPanels panels of kVectors vectors.
template <int kRows, int kVectors, int kPanels, Factors kFactors>
void compute_tile(const Tile& t, const Activation& activation) {
  constexpr int kAll = kVectors * kPanels;
  const D d;
  V sum[kRows][kAll];
  set_zero(sum);
  const float* w = t.w;
  const int64_t ldx = t.x.ld, panel_floats = t.panel_floats;
  // An address for every third row: there are too few registers for one each.
  constexpr int kStep = 3, kGroups = (kRows + kStep - 1) / kStep;
  for (int64_t run = 0; run < t.x.num_runs; ++run) {
    const float* x[kGroups];
    HORNET_UNROLL
    for (int g = 0; g < kGroups; ++g) x[g] = t.x.runs[run] + t.x_offset + g * kStep * ldx;
#pragma GCC unroll 4
    for (int64_t k = t.x.run_floats; k > 0; --k) {
      V v[kAll];
      HORNET_UNROLL
      for (int j = 0; j < kAll; ++j) {
        v[j] = hn::Load(
            d, w + (j / kVectors) * panel_floats + static_cast<int64_t>(kLanes) * (j % kVectors));
      }
      HORNET_UNROLL
      for (int p = 0; p < kPanels; ++p) prefetch_panel<kVectors>(w + p * panel_floats);
      w += static_cast<int64_t>(kLanes) * kVectors;
      HORNET_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const float* a = x[i / kStep] + i % kStep * ldx;
        if (kFactors == kReadEachTime && kAll <= 2 && i % kStep == 0) {
          add_products<true>(a, v, sum[i]);
        } else {
          add_products<false>(a, v, sum[i]);
        }
      }
      HORNET_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        ++x[g];
        keep_in_register(x[g]);
      }
    }
  }
  finish_tile(t, activation, sum);
}

// What a tile of packed rows fetches ahead. The first tile of a panel reads it from the third cache
// level or from memory, and takes more than twice the time of the others; so the others fetch the
// next panel into the second level. They ask for each line twice: measured, it is slower at double
// the rate, and g++ keeps no loop over two k in registers.
enum Prefetch { kNothing, kThisPanel, kNextPanel };

// How far the elements of packed rows are apart.
enum RowsLayout { kOwnTile, kSideBySide };  // kLanes, and as far as the tile says

// The same for packed rows and one panel.
template <int kRows, int kVectors, Prefetch kPrefetch, RowsLayout kLayout, Factors kFactors>
void compute_packed_tile(const Tile& t, const Activation& activation) {
  const D d;
  V sum[kRows][kVectors];
  set_zero(sum);
  const float* w = t.w;
  const float* a = t.packed;
  const int64_t ld = kLayout == kOwnTile ? static_cast<int64_t>(kLanes) : t.ld_packed;
  [[maybe_unused]] const float* next = t.next_panel;
#pragma GCC unroll 4
  for (int64_t k = t.k; k > 0; --k) {
    V v[kVectors];
    HORNET_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      v[j] = hn::Load(d, w + static_cast<int64_t>(kLanes) * j);
    }
    if constexpr (kPrefetch == kThisPanel) prefetch_panel<kVectors>(w);
    if constexpr (kPrefetch == kNextPanel) {
      __builtin_prefetch(next, 0, 2);
      next += kLineFloats / 2;
    }
    // Measured: where all read their factor themselves, reads are what limits tiles of few rows.
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      if (kVectors == 1 ||
          (kFactors == kReadEachTime && kVectors == 2 && (kRows >= 10 || i % 2 == 0))) {
        add_products<true>(a + i, v, sum[i]);
      } else {
        add_products<false>(a + i, v, sum[i]);
      }
    }
    w += static_cast<int64_t>(kLanes) * kVectors;
    a += ld;
  }
  finish_tile(t, activation, sum);
}

using TileFunction = void (*)(const Tile&, const Activation&);

// kTiles[rows - 1]: the tile over one panel, and that over panels_at_once(rows) panels.
template <int kVectors, Factors kFactors,
          class Indices = std::make_integer_sequence<int, kTileRows<kFactors>[kVectors]>>
struct SinglePanel;
template <int kVectors, Factors kFactors, int... kIndex>
struct SinglePanel<kVectors, kFactors, std::integer_sequence<int, kIndex...>> {
  static constexpr TileFunction kTiles[] = {compute_tile<kIndex + 1, kVectors, 1, kFactors>...};
};
template <Factors kFactors,
          class Indices = std::make_integer_sequence<int, kTileRows<kFactors>[kPanel]>>
struct ManyPanels;
template <Factors kFactors, int... kIndex>
struct ManyPanels<kFactors, std::integer_sequence<int, kIndex...>> {
  static constexpr TileFunction kTiles[] = {
      compute_tile<kIndex + 1, kPanel, panels_at_once(kIndex + 1), kFactors>...};
};

// kTiles[rows - 1]: the tile of packed rows over one panel. Three vectors take a half of a tile.
constexpr int most_packed_rows_of_tile(int vectors) {
  return vectors <= kPanel ? kPackedTileRows : (kPackedTileRows + 1) / 2;
}
template <int kVectors, Prefetch kPrefetch, RowsLayout kLayout, Factors kFactors = kReadOnce,
          class Indices = std::make_integer_sequence<int, most_packed_rows_of_tile(kVectors)>>
struct PackedTiles;
template <int kVectors, Prefetch kPrefetch, RowsLayout kLayout, Factors kFactors, int... kIndex>
struct PackedTiles<kVectors, kPrefetch, kLayout, kFactors, std::integer_sequence<int, kIndex...>> {
  static constexpr TileFunction kTiles[] = {
      compute_packed_tile<kIndex + 1, kVectors, kPrefetch, kLayout, kFactors>...};
};
// Of full panels, by what they fetch.
template <RowsLayout kLayout, Factors kFactors>
constexpr const TileFunction* kFullPanels[] = {
    PackedTiles<kPanel, kNothing, kLayout, kFactors>::kTiles,
    PackedTiles<kPanel, kThisPanel, kLayout, kFactors>::kTiles,
    PackedTiles<kPanel, kNextPanel, kLayout, kFactors>::kTiles};

// How n columns are cut into panels.
struct Panels {
  int64_t num_full;      // kPanel vectors wide
  int last_vectors = 0;  // 0: no other panel
  explicit Panels(int64_t n) {
    const int64_t vectors = (n + static_cast<int64_t>(kLanes) - 1) / static_cast<int64_t>(kLanes);
    num_full = vectors / kPanel;
    if (vectors % kPanel == 1) {
      last_vectors = vectors == 1 ? 1 : kPanel + 1;
      num_full -= vectors == 1 ? 0 : 1;
    }
  }
};
constexpr int64_t kPanelColumns = kPanel * static_cast<int64_t>(kLanes);

int64_t round_up(int64_t n) {
  const int64_t lanes = static_cast<int64_t>(kLanes);
  return (n + lanes - 1) / lanes * lanes;
}

// `count` rows of a panel: `columns` elements that lie side by side, times factors where there are
// any, and zeros up to `width`.
template <bool kHasFactors>
void copy_to_panel(const float* w, const float* factors, int64_t stride, int64_t count,
                   int64_t columns, int64_t width, float* packed) {
  const D d;
  const auto lanes = static_cast<int64_t>(kLanes);
  for (int64_t i = 0; i < count; ++i, w += stride, packed += width) {
    int64_t j = 0;
    for (; j + lanes <= columns; j += lanes) {
      V v = hn::LoadU(d, w + j);
      if constexpr (kHasFactors) v = hn::Mul(v, hn::LoadU(d, factors + j));
      hn::Store(v, d, packed + j);
    }
    for (; j < columns; ++j) packed[j] = kHasFactors ? w[j] * factors[j] : w[j];
    for (; j < width; ++j) packed[j] = 0.0f;
  }
}

// The first `columns` of `count` rows of a panel times their factors.
void multiply_panel(const float* factors, int64_t count, int64_t columns, int64_t width,
                    float* packed) {
  for (int64_t i = 0; i < count; ++i, packed += width) {
    for (int64_t j = 0; j < columns; ++j) packed[j] *= factors[j];
  }
}

void gather_to_panel(const float* w, int64_t stride_k, int64_t stride_n, int64_t count,
                     int64_t columns, int64_t width, float* packed) {
  for (int64_t i = 0; i < count; ++i, w += stride_k, packed += width) {
    for (int64_t j = 0; j < columns; ++j) packed[j] = w[j * stride_n];
    std::fill(packed + columns, packed + width, 0.0f);
  }
}

// `count` elements of `rows` rows, at most kLanes: element k of row[i] to packed[k * width + i],
// and zeros for rows up to kLanes, whose pointers are valid too. `width` is a multiple of kLanes.
void transpose_rows(const float* const (&row)[kLanes], int64_t rows, int64_t count, int64_t width,
                    float* packed) {
  int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
  const D d;
  constexpr int kBlocks = kLanes / 4;  // of 128 bits
  const hn::Repartition<double, D> d2;
  const auto there = hn::FirstN(d, static_cast<size_t>(rows));
  for (; k + 4 <= count; k += 4) {
    // Block b of r[j]: four elements of row 4 b + j.
    V r[4];
    HORNET_UNROLL
    for (int j = 0; j < 4; ++j) {
      r[j] = hn::LoadDup128(d, row[j] + k);
      HORNET_UNROLL
      for (int b = 1; b < kBlocks; ++b) {
        const auto later = hn::Not(hn::FirstN(d, static_cast<size_t>(4 * b)));
        r[j] = hn::IfThenElse(later, hn::LoadDup128(d, row[4 * b + j] + k), r[j]);
      }
    }
    const auto a = hn::BitCast(d2, hn::InterleaveLower(d, r[0], r[1]));
    const auto b = hn::BitCast(d2, hn::InterleaveLower(d, r[2], r[3]));
    const auto c = hn::BitCast(d2, hn::InterleaveUpper(d, r[0], r[1]));
    const auto e = hn::BitCast(d2, hn::InterleaveUpper(d, r[2], r[3]));
    const V columns[4] = {hn::BitCast(d, hn::InterleaveLower(d2, a, b)),
                          hn::BitCast(d, hn::InterleaveUpper(d2, a, b)),
                          hn::BitCast(d, hn::InterleaveLower(d2, c, e)),
                          hn::BitCast(d, hn::InterleaveUpper(d2, c, e))};
    HORNET_UNROLL
    for (int j = 0; j < 4; ++j) {
      hn::Store(hn::IfThenElseZero(there, columns[j]), d, packed + (k + j) * width);
    }
  }
#endif
  for (; k < count; ++k) {
    for (int64_t i = 0; i < static_cast<int64_t>(kLanes); ++i) {
      packed[k * width + i] = i < rows ? row[i][k] : 0.0f;
    }
  }
}

// The same for rows i at address(i), 0 <= i < rows.
template <class Address>
void transpose_rows(int64_t rows, int64_t count, int64_t width, float* packed, Address&& address) {
  const float* row[kLanes];
  for (int64_t i = 0; i < static_cast<int64_t>(kLanes); ++i)
    row[i] = address(std::min(i, rows - 1));
  transpose_rows(row, rows, count, width, packed);
}

size_t panels_floats(int64_t k, int64_t n) { return static_cast<size_t>(k * round_up(n)); }

// Rows [first, first + count) of a matrix [k, n], the first of them at w, times the factors of its
// columns where there are any.
void pack_scaled_rows_of_panels(const float* w, const float* factors, int64_t stride_k,
                                int64_t stride_n, int64_t first, int64_t count, int64_t k,
                                int64_t n, float* packed) {
  const Panels panels(n);
  // Some rows for all panels, then the next: columns side by side are read line after line.
  const int64_t rows_a_time = stride_n == 1 ? 8 : count;
  for (int64_t i = 0; i < count; i += rows_a_time) {
    const int64_t rows = std::min(rows_a_time, count - i);
    float* panel = packed;
    for (int64_t column = 0, p = 0; column < n; ++p) {
      const int64_t width =
          p < panels.num_full ? kPanelColumns : panels.last_vectors * static_cast<int64_t>(kLanes);
      const int64_t columns = std::min(width, n - column);
      const float* from = w + i * stride_k + column * stride_n;
      float* const to = panel + (first + i) * width;
      const bool copies = stride_n == 1;
      if (copies && factors == nullptr) {
        copy_to_panel<false>(from, nullptr, stride_k, rows, columns, width, to);
      } else if (copies) {
        copy_to_panel<true>(from, factors + column, stride_k, rows, columns, width, to);
      } else if (stride_k == 1) {
        for (int64_t j = 0; j < width; j += static_cast<int64_t>(kLanes)) {
          transpose_rows(std::min<int64_t>(columns - j, static_cast<int64_t>(kLanes)), rows, width,
                         to + j, [&](int64_t row) { return from + (j + row) * stride_n; });
        }
      } else {
        gather_to_panel(from, stride_k, stride_n, rows, columns, width, to);
      }
      if (!copies && factors != nullptr) {
        multiply_panel(factors + column, rows, columns, width, to);
      }
      panel += k * width;
      column += columns;
    }
  }
}

void pack_rows_of_panels(const float* w, int64_t stride_k, int64_t stride_n, int64_t first,
                         int64_t count, int64_t k, int64_t n, float* packed) {
  pack_scaled_rows_of_panels(w, nullptr, stride_k, stride_n, first, count, k, n, packed);
}

void pack_panels(const float* w, int64_t stride_k, int64_t stride_n, int64_t k, int64_t n,
                 float* packed) {
  pack_rows_of_panels(w, stride_k, stride_n, 0, k, k, n, packed);
}

size_t packed_floats(int64_t k, int64_t n) {
  return n < kDotColumns ? static_cast<size_t>(round_up(k) * n) : panels_floats(k, n);
}

void pack(const float* w, const float* factors, int64_t stride_k, int64_t stride_n, int64_t k,
          int64_t n, float* packed) {
  if (n >= kDotColumns) {
    pack_scaled_rows_of_panels(w, factors, stride_k, stride_n, 0, k, k, n, packed);
    return;
  }
  for (int64_t j = 0; j < n; ++j) {
    const float factor = factors == nullptr ? 1.0f : factors[j];
    for (int64_t i = 0; i < k; ++i) packed[i] = w[i * stride_k + j * stride_n] * factor;
    std::fill(packed + k, packed + round_up(k), 0.0f);
    packed += round_up(k);
  }
}

// Dot products of kRows rows with kColumns columns.
template <int kRows, int kColumns>
HWY_INLINE void compute_dots(const float* x, int64_t ldx, const float* w, int64_t k, float* y,
                             int64_t ldy, const GemmEpilogue& e) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(kLanes), column_floats = round_up(k);
  V sum[kRows][kColumns];
  set_zero(sum);
  int64_t i0 = 0;
  for (; i0 + lanes <= k; i0 += lanes) {
    V v[kColumns];
    HORNET_UNROLL
    for (int j = 0; j < kColumns; ++j) v[j] = hn::Load(d, w + j * column_floats + i0);
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V a = hn::LoadU(d, x + i * ldx + i0);
      HORNET_UNROLL
      for (int j = 0; j < kColumns; ++j) sum[i][j] = hn::MulAdd(a, v[j], sum[i][j]);
    }
  }
  if (i0 < k) {
    HORNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V a = load_part(x + i * ldx + i0, static_cast<size_t>(k - i0));
      HORNET_UNROLL
      for (int j = 0; j < kColumns; ++j) {
        sum[i][j] = hn::MulAdd(a, hn::Load(d, w + j * column_floats + i0), sum[i][j]);
      }
    }
  }
  HORNET_UNROLL
  for (int i = 0; i < kRows; ++i) {
    HORNET_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      float value = hn::GetLane(hn::SumOfLanes(d, sum[i][j]));
      if (e.bias != nullptr) value += e.bias[j];
      if (e.residual != nullptr) value += e.residual[i * e.ld_residual + j];
      y[i * ldy + j] = value;
    }
  }
}

template <int kColumns>
void multiply_dots(const PackedB& b, const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy,
                   GemmEpilogue e) {
  constexpr int kRows = kColumns == 1 ? 8 : 4;
  const float* first = y;
  const auto advance = [&](int64_t rows) {
    x += rows * ldx;
    y += rows * ldy;
    if (e.residual != nullptr) e.residual += rows * e.ld_residual;
  };
  int64_t row = 0;
  for (; row + kRows <= m; row += kRows) {
    compute_dots<kRows, kColumns>(x, ldx, b.data, b.k, y, ldy, e);
    advance(kRows);
  }
  for (; row < m; ++row) {
    compute_dots<1, kColumns>(x, ldx, b.data, b.k, y, ldy, e);
    advance(1);
  }
  if (!e.activation.is_identity()) {
    float* all = const_cast<float*>(first);
    // Dense results are one long row.
    if (ldy == kColumns) {
      e.activation(all, 0, all, 0, 1, m * kColumns);
    } else {
      e.activation(all, ldy, all, ldy, m, kColumns);
    }
  }
}

// Rows of x that are multiplied with all panels before the next ones: with what they give they stay
// in the second cache level, and a big matrix is not read too often.
int64_t rows_of_block(int64_t k) {
  constexpr int64_t kBlockFloats = 96 << 10;
  return std::max<int64_t>(kBlockFloats / std::max<int64_t>(k, 1),
                           16 * kTileRows<kReadOnce>[kPanel]);
}

// The same for rows that are packed; 0 where that does not pay: packing takes the time
// of 10 columns or so.
int64_t most_packed_rows([[maybe_unused]] int64_t k, [[maybe_unused]] int64_t n,
                         [[maybe_unused]] int64_t m) {
#if HWY_TARGET == HWY_SCALAR
  return 0;
#else
  constexpr int64_t kFewestColumns = 128, kFewestRows = kLanes >= 16 ? 7 : 4;
  if (n < kFewestColumns || m < kFewestRows || k == 0) return 0;
  // Where instructions are not what limits a tile, packing does not pay for short rows (Zen 5).
  constexpr int64_t kMostAsTheyAre = 128;
  if (kHasEmbeddedReads && reads_as_it_multiplies() && k <= kMostAsTheyAre) return 0;
  // Packed rows stay in the first or at least the second cache level; the larger part of the second
  // is theirs where the matrix does not stay in it, and is better not read too often.
  constexpr int64_t kCachedFloats = 128 << 10;
  const int64_t floats = k * n <= kCachedFloats ? 32 << 10 : 96 << 10;
  return std::max<int64_t>(floats / k, 2 * kPackedTileRows);
#endif
}

size_t packed_rows_floats(int64_t k, int64_t m) {
  return static_cast<size_t>((m + kPackedTileRows - 1) / kPackedTileRows * k) * kLanes;
}

size_t scratch_floats(int64_t k, int64_t n, int64_t m) {
  return packed_rows_floats(k, std::min(most_packed_rows(k, n, m), m));
}

// `rows` rows in parts of at most `most`, equal but for a row.
class Parts {
 public:
  Parts(int64_t rows, int64_t most) : count_((rows + most - 1) / most) {
    if (count_ == 0) return;
    base_ = rows / count_;
    larger_ = rows % count_;
  }
  // visit(first row, rows)
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (int64_t q = 0, row = 0; q < count_; ++q) {
      const int64_t rows = base_ + (q < larger_ ? 1 : 0);
      visit(row, rows);
      row += rows;
    }
  }

 private:
  int64_t count_, base_ = 0, larger_ = 0;
};

// One product: what tiles and panels are taken from.
struct Product {
  const PackedB& b;
  RowsInRuns x;
  float* y;
  int64_t ldy;
  const GemmEpilogue& e;
  Panels panels = Panels(b.n);

  // Of `count` panels from panel p on, without rows.
  Tile tile(int64_t p, int64_t count) const {
    Tile t = {};
    t.x = x;
    t.k = b.k;
    t.panel_floats = b.k * kPanelColumns;
    t.w = b.data + p * t.panel_floats;
    const int64_t column = p * kPanelColumns;
    const int64_t width = p < panels.num_full ? count * kPanelColumns : b.n;
    t.columns = std::min(width, b.n - column);
    t.bias = e.bias == nullptr ? nullptr : e.bias + column;
    t.ldy = ldy;
    t.ld_residual = e.ld_residual;
    t.first_column = column;
    return t;
  }

  // What it writes; where it reads depends on whether rows are packed.
  void move_to_row(Tile& t, int64_t row) const {
    t.y = y + row * ldy + t.first_column;
    if (e.residual != nullptr) t.residual = e.residual + row * e.ld_residual + t.first_column;
  }
};

// Rows of one group.
template <Factors kFactors>
void multiply_rows(const Product& product, int64_t first, int64_t rows) {
  static constexpr const TileFunction* kSingle[] = {nullptr, SinglePanel<1, kFactors>::kTiles,
                                                    SinglePanel<2, kFactors>::kTiles,
                                                    SinglePanel<3, kFactors>::kTiles};
  const Panels& panels = product.panels;
  const int64_t first_offset = product.x.offset(first);
  const auto multiply_panels = [&](int64_t p, int64_t count, int max_rows,
                                   const TileFunction* tiles) {
    Tile t = product.tile(p, count);
    Parts(rows, max_rows).for_each([&](int64_t row, int64_t tile_rows) {
      product.move_to_row(t, first + row);
      t.x_offset = first_offset + row * product.x.ld;
      tiles[tile_rows - 1](t, product.e.activation);
    });
  };
  constexpr int kMaxRows = kTileRows<kFactors>[kPanel];
  int64_t p = 0;
  // The last full panel may reach behind the last column: it is taken on its own.
  const int64_t num_whole =
      product.b.n / kPanelColumns < panels.num_full ? panels.num_full - 1 : panels.num_full;
  const int at_once = rows <= kMaxRows ? panels_at_once(static_cast<int>(rows)) : 1;
  for (; p + at_once <= num_whole; p += at_once) {
    multiply_panels(p, at_once, kMaxRows,
                    at_once > 1 ? ManyPanels<kFactors>::kTiles : kSingle[kPanel]);
  }
  for (; p < panels.num_full; ++p) multiply_panels(p, 1, kMaxRows, kSingle[kPanel]);
  if (panels.last_vectors > 0) {
    multiply_panels(p, 1, kTileRows<kFactors>[panels.last_vectors], kSingle[panels.last_vectors]);
  }
}

// Rows [first, first + rows), tile by tile.
void pack_rows(const RowsInRuns& x, int64_t first, int64_t rows, float* packed) {
  Parts(rows, kPackedTileRows).for_each([&](int64_t row, int64_t count) {
    for (int64_t run = 0; run < x.num_runs; ++run) {
      transpose_rows(count, x.run_floats, static_cast<int64_t>(kLanes), packed,
                     [&](int64_t i) { return x.runs[run] + x.offset(first + row + i); });
      packed += x.run_floats * static_cast<int64_t>(kLanes);
    }
  });
}

void pack_all_rows(const RowsInRuns& x, int64_t m, float* packed) { pack_rows(x, 0, m, packed); }

PackedRows packed_rows(const float* packed, int64_t k) {
  const int64_t lanes = static_cast<int64_t>(kLanes);
  return {packed, lanes, k * lanes};
}

// Rows [first, first + rows) of the product, which are all of `x`, by tiles of them.
template <RowsLayout kLayout>
void multiply_packed_rows(const Product& product, int64_t first, int64_t rows,
                          const PackedRows& x) {
  const TileFunction* const* const full =
      reads_each_time() ? kFullPanels<kLayout, kMostReads> : kFullPanels<kLayout, kReadOnce>;
  const Panels& panels = product.panels;
  const Parts tiles(rows, kPackedTileRows);
  const auto advance = [&](const float*& packed, int64_t count) {
    packed += kLayout == kOwnTile ? x.tile_floats : count;
  };
  for (int64_t p = 0; p < panels.num_full; ++p) {
    Tile t = product.tile(p, 1);
    t.packed = x.data;
    t.ld_packed = x.ld;
    t.next_panel = t.w + t.panel_floats;
    const int64_t next_vectors = p + 1 < panels.num_full ? kPanel : panels.last_vectors;
    const float* const end = t.next_panel + t.k * next_vectors * static_cast<int64_t>(kLanes);
    tiles.for_each([&](int64_t row, int64_t count) {
      product.move_to_row(t, first + row);
      const Prefetch prefetch = row == 0 ? kThisPanel : t.next_panel < end ? kNextPanel : kNothing;
      full[prefetch][count - 1](t, product.e.activation);
      advance(t.packed, count);
      if (prefetch == kNextPanel) t.next_panel += t.k * kLineFloats / 2;
    });
  }
  if (panels.last_vectors == 0) return;
  static constexpr const TileFunction* kOne = PackedTiles<1, kNothing, kLayout>::kTiles;
  static constexpr const TileFunction* kThree[] = {
      PackedTiles<kPanel + 1, kNothing, kLayout>::kTiles,
      PackedTiles<kPanel + 1, kThisPanel, kLayout>::kTiles};
  Tile t = product.tile(panels.num_full, 1);
  t.ld_packed = x.ld;
  const float* from = x.data;
  tiles.for_each([&](int64_t row, int64_t count) {
    const int64_t most = panels.last_vectors == 1 ? count : (count + 1) / 2;
    for (int64_t i = 0; i < count; i += most) {
      product.move_to_row(t, first + row + i);
      t.packed = from + i;
      const Prefetch prefetch = row == 0 && i == 0 ? kThisPanel : kNothing;
      const TileFunction* functions = panels.last_vectors == 1 ? kOne : kThree[prefetch];
      functions[std::min(most, count - i) - 1](t, product.e.activation);
    }
    advance(from, count);
  });
}

// Rows of one group with fewer than kDotColumns columns.
void multiply_dots(const Product& product, int64_t first, int64_t rows) {
  static_assert(kDotColumns <= kFewestColumnsOfRuns);
  const PackedB& b = product.b;
  const float* x = product.x.runs[0] + product.x.offset(first);
  const int64_t ldx = product.x.ld, ldy = product.ldy;
  float* y = product.y + first * ldy;
  GemmEpilogue e = product.e;
  if (e.residual != nullptr) e.residual += first * e.ld_residual;
  if (b.n == 1) multiply_dots<1>(b, x, ldx, rows, y, ldy, e);
  if constexpr (kDotColumns > 2) {
    if (b.n == 2) multiply_dots<2>(b, x, ldx, rows, y, ldy, e);
    if (b.n == 3) multiply_dots<3>(b, x, ldx, rows, y, ldy, e);
  }
}

void multiply(const PackedB& b, const RowsInRuns& x, int64_t m, float* y, int64_t ldy,
              const GemmEpilogue& e, float* scratch) {
  const Product product = {b, x, y, ldy, e};
  const int64_t most_rows = scratch == nullptr ? 0 : most_packed_rows(b.k, b.n, m);
  if (most_rows > 0) {
    Parts(m, most_rows).for_each([&](int64_t first, int64_t rows) {
      pack_rows(x, first, rows, scratch);
      multiply_packed_rows<kOwnTile>(product, first, rows, packed_rows(scratch, b.k));
    });
    return;
  }
  const int64_t group = x.rows_of_group > 0 ? x.rows_of_group : m;
  for (int64_t first = 0; first < m; first += group) {
    const int64_t rows = std::min(group, m - first);
    if (b.n < kDotColumns) {
      multiply_dots(product, first, rows);
      continue;
    }
    Parts(rows, rows_of_block(b.k)).for_each([&](int64_t row, int64_t count) {
      if (reads_each_time()) {
        multiply_rows<kMostReads>(product, first + row, count);
      } else {
        multiply_rows<kReadOnce>(product, first + row, count);
      }
    });
  }
}

void multiply_packed(const PackedB& b, const PackedRows& x, int64_t m, float* y, int64_t ldy,
                     const GemmEpilogue& e) {
  const Product product = {b, {}, y, ldy, e};
  if (x.tile_floats > 0) {
    multiply_packed_rows<kOwnTile>(product, 0, m, x);
  } else {
    multiply_packed_rows<kSideBySide>(product, 0, m, x);
  }
}

}  // namespace

const GemmFunctions* functions() {
#if HWY_TARGET == HWY_AVX3
  constexpr const char* kName = "avx512";
#elif HWY_TARGET == HWY_AVX2
  constexpr const char* kName = "avx2";
#elif HWY_TARGET == HWY_SSE4
  constexpr const char* kName = "sse4";
#else
  constexpr const char* kName = "plain";
#endif
  static constexpr GemmFunctions kFunctions = {
      .name = kName,
      .lanes = static_cast<int64_t>(kLanes),
      .packed_floats = packed_floats,
      .pack = pack,
      .scratch_floats = scratch_floats,
      .run = multiply,
      .panels_floats = panels_floats,
      .pack_panels = pack_panels,
      .pack_rows_of_panels = pack_rows_of_panels,
      .packed_rows_floats = packed_rows_floats,
      .pack_rows = pack_all_rows,
      .packed_rows = packed_rows,
      .run_packed = multiply_packed,
  };
  return &kFunctions;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {

const GemmFunctions& gemm_functions() { return *HORNET_DISPATCH(functions)(); }

PackedConstant::PackedConstant(const StepWeights& packed, const std::string& key,
                               graph::ScaledColumns w, int64_t stride_k, int64_t stride_n,
                               int64_t k, int64_t n, std::shared_ptr<const void> owner) {
  const GemmFunctions& f = gemm_functions();
  buffer_ =
      packed.get(fmt::format("{} gemm {}", key, f.name), f.packed_floats(k, n) * sizeof(float),
                 [=, &f, owner = std::move(owner)](void* data) {
                   f.pack(w.data, w.factors, stride_k, stride_n, k, n, static_cast<float*>(data));
                 });
  matrix_ = {&f, k, n, static_cast<const float*>(buffer_.get())};
}

}  // namespace hornet::kernels
#endif
