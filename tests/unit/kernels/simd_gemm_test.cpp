#include "kernels/simd/gemm.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::UnaryFunction;
using graph::UnaryKind;

class SimdGemm : public SimdTest {};
HORNET_SIMD_TESTS(SimdGemm);

// Packs w, given as [k, n], or as [n, k] where transposed.
struct Packed {
  Packed(const Tensor& w, int64_t k, int64_t n, bool transposed)
      : functions(gemm_functions()),
        data(DType::kFloat32, {static_cast<int64_t>(functions.packed_floats(k, n))}) {
    functions.pack(w.as<float>(), nullptr, transposed ? 1 : n, transposed ? k : 1, k, n,
                   data.mutable_as<float>());
    matrix = {&functions, k, n, data.as<float>()};
  }
  const GemmFunctions& functions;
  Tensor data;
  PackedB matrix;
};

// Scratch memory of just the bytes that are asked for.
Tensor scratch_for(const PackedB& b, int64_t m) {
  return Tensor(DType::kUInt8, {static_cast<int64_t>(gemm_scratch_bytes(b, m))});
}

// Tiles differ between processors: for its life those of one kind are taken.
class AssumedProcessor {
 public:
  explicit AssumedProcessor(bool reads_as_it_multiplies) {
    assume_reads_as_it_multiplies(reads_as_it_multiplies);
  }
  AssumedProcessor(const AssumedProcessor&) = delete;
  AssumedProcessor& operator=(const AssumedProcessor&) = delete;
  ~AssumedProcessor() { assume_reads_as_it_multiplies(std::nullopt); }
};

double tolerance(int64_t k) { return 1e-6 * (1 + static_cast<double>(k) / 16); }

TEST_P(SimdGemm, AnyShape_GivesTheSumsOfProducts) {
  for (const int64_t k : {1, 2, 7, 64, 131}) {
    for (const int64_t n : {1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65, 80, 130}) {
      const Tensor w = random_floats({k, n}, 1), bias = random_floats({n}, 2);
      const Packed packed(w, k, n, false);
      for (const int64_t m : {0, 1, 2, 3, 5, 6, 7, 13, 14, 15, 29, 300}) {
        const Tensor x = random_floats({m, k}, 3), residual = random_floats({m, n}, 4);
        const graph::Contraction op;
        const Tensor expected = evaluate(op, {&x, &w, &bias, &residual}, true)[0];
        Tensor y(DType::kFloat32, {m, n});
        gemm(packed.matrix, x.as<float>(), k, m, y.mutable_as<float>(), n,
             {bias.as<float>(), residual.as<float>(), n, {}});
        SCOPED_TRACE(fmt::format("k {}, n {}, m {}", k, n, m));
        expect_near(y, expected, tolerance(k));
      }
    }
  }
}

TEST_P(SimdGemm, RowsApart_LeaveWhatLiesBetweenThem) {
  const int64_t k = 21, m = 17, ldx = 30;
  for (const int64_t n : {1, 3, 19, 32, 70}) {
    const int64_t ldy = n + 5;
    const Tensor w = random_floats({k, n}, 1), x = random_floats({m, ldx}, 2);
    const Packed packed(w, k, n, false);
    Tensor y(DType::kFloat32, {m, ldy});
    std::fill_n(y.mutable_as<float>(), m * ldy, 7.0f);
    gemm(packed.matrix, x.as<float>(), ldx, m, y.mutable_as<float>(), ldy, {});
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < ldy; ++j) {
        double expected = j < n ? 0 : 7;
        for (int64_t l = 0; j < n && l < k; ++l) {
          expected += static_cast<double>(x.as<float>()[i * ldx + l]) *
                      static_cast<double>(w.as<float>()[l * n + j]);
        }
        ASSERT_NEAR(static_cast<double>(y.as<float>()[i * ldy + j]), expected, 1e-5);
      }
    }
  }
}

TEST_P(SimdGemm, TransposedMatrix_IsPackedTheSame) {
  for (const int64_t k : {1, 3, 4, 9, 32}) {
    for (const int64_t n : {1, 3, 4, 6, 33, 50}) {
      const Tensor w = random_floats({k, n}, 1);
      Tensor transposed(DType::kFloat32, {n, k});
      for (int64_t i = 0; i < k * n; ++i) {
        transposed.mutable_as<float>()[i % n * k + i / n] = w.as<float>()[i];
      }
      const Packed a(w, k, n, false), b(transposed, k, n, true);
      EXPECT_EQ(std::memcmp(a.data.data(), b.data.data(), a.data.num_bytes()), 0)
          << k << " x " << n;
    }
  }
}

TEST_P(SimdGemm, RowOfAnyBatch_HasTheSameBits) {
  for (const int64_t n : {1, 2, 3, 5, 16, 33, 64, 100, 150, 200}) {
    const int64_t k = 75, all = 260;
    const Tensor w = random_floats({k, n}, 1), bias = random_floats({n}, 2);
    const Tensor x = random_floats({all, k}, 3);
    const Packed packed(w, k, n, false);
    GemmEpilogue epilogue;
    epilogue.bias = bias.as<float>();
    epilogue.activation = *find_activation({UnaryKind::tanh});
    Tensor expected(DType::kFloat32, {all, n});
    for (int64_t row = 0; row < all; ++row) {
      gemm(packed.matrix, x.as<float>() + row * k, k, 1, expected.mutable_as<float>() + row * n, n,
           epilogue);
    }
    for (int64_t m = 2; m <= all; m += m < 40 ? 1 : 37) {
      const int64_t first = m % 3 < all - m ? m % 3 : 0;
      Tensor y(DType::kFloat32, {m, n});
      Tensor scratch = scratch_for(packed.matrix, m);
      gemm(packed.matrix, x.as<float>() + first * k, k, m, y.mutable_as<float>(), n, epilogue,
           scratch.mutable_data());
      ASSERT_EQ(std::memcmp(y.data(), expected.as<float>() + first * n, y.num_bytes()), 0)
          << "n " << n << ", m " << m;
    }
  }
}

TEST_P(SimdGemm, RowsPackedInScratch_GiveTheSameBits) {
  const bool is_plain = std::string(gemm_functions().name) == "plain";  // packs none
  bool packs = false;
  for (const int64_t k : {1, 3, 4, 7, 66, 4100}) {
    for (const int64_t n : {100, 128, 129, 143, 160, 176, 177, 256, 300}) {
      const Tensor w = random_floats({2 * k, n}, 1), bias = random_floats({n}, 2);
      const Packed packed(w, 2 * k, n, false);
      for (const int64_t m : {0, 1, 3, 4, 5, 7, 9, 13, 14, 15, 27, 28, 29, 57, 75}) {
        if (k > 100 && (n > 150 || is_plain)) continue;
        const int64_t ldx = k + 3, ldy = n + 5;
        const Tensor first = random_floats({m, ldx}, 3), second = random_floats({m, ldx}, 4);
        const float* runs[] = {first.as<float>(), second.as<float>()};
        const Tensor residual = random_floats({m, n}, 5);
        GemmEpilogue epilogue = {bias.as<float>(), residual.as<float>(), n, {}};
        if (m % 2 == 1) epilogue.activation = *find_activation({UnaryKind::relu});
        const RowsInRuns x = {runs, 2, k, ldx};
        Tensor expected(DType::kFloat32, {m, ldy}), y(DType::kFloat32, {m, ldy});
        std::fill_n(expected.mutable_as<float>(), m * ldy, 7.0f);
        std::fill_n(y.mutable_as<float>(), m * ldy, 7.0f);
        gemm(packed.matrix, x, m, expected.mutable_as<float>(), ldy, epilogue);
        Tensor scratch = scratch_for(packed.matrix, m);
        packs = packs || scratch.num_bytes() > 0;
        gemm(packed.matrix, x, m, y.mutable_as<float>(), ldy, epilogue, scratch.mutable_data());
        ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.num_bytes()), 0)
            << "k " << k << ", n " << n << ", m " << m;
      }
    }
  }
  EXPECT_EQ(packs, !is_plain);
}

TEST_P(SimdGemm, ProcessorOfEitherKind_GivesTheSameBits) {
  for (const int64_t k : {1, 6, 75, 200}) {
    for (const int64_t n : {5, 16, 32, 48, 100, 128, 200}) {
      const Tensor w = random_floats({k, n}, 1), bias = random_floats({n}, 2);
      const Packed packed(w, k, n, false);
      for (int64_t m = 1; m <= 43; m += m < 16 ? 1 : 13) {
        const Tensor x = random_floats({m, k}, 3);
        const auto product = [&](bool reads_as_it_multiplies, bool may_pack) {
          const AssumedProcessor processor(reads_as_it_multiplies);
          Tensor y(DType::kFloat32, {m, n}), scratch = scratch_for(packed.matrix, m);
          gemm(packed.matrix, x.as<float>(), k, m, y.mutable_as<float>(), n,
               {bias.as<float>(), nullptr, 0, {}}, may_pack ? scratch.mutable_data() : nullptr);
          return y;
        };
        const Tensor expected = product(true, false);
        for (const bool may_pack : {false, true}) {
          for (const bool reads_as_it_multiplies : {false, true}) {
            const Tensor y = product(reads_as_it_multiplies, may_pack);
            ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.num_bytes()), 0)
                << "k " << k << ", n " << n << ", m " << m << (may_pack ? ", packed" : "");
          }
        }
      }
    }
  }
}

TEST_P(SimdGemm, RowsInGroups_GiveTheBitsOfRowsInALine) {
  constexpr int64_t kGroups = 4, kOfGroup = 5, kRows = kGroups * kOfGroup;
  for (const int64_t n : {1, 3, 20, 200}) {  // with the last one rows are packed
    for (const bool backwards : {false, true}) {
      const int64_t k = 11, ld = k + 2, ld_group = kOfGroup * ld + 3;
      const Tensor x = random_floats({kGroups * ld_group}, 1), w = random_floats({k, n}, 2);
      const Tensor residual = random_floats({kRows, n}, 3);
      const Packed packed(w, k, n, false);
      const GemmEpilogue epilogue = {nullptr, residual.as<float>(), n, {}};
      const float* first = x.as<float>() + (backwards ? (kOfGroup - 1) * ld : 0);
      const RowsInRuns groups = {&first, 1, k, backwards ? -ld : ld, kOfGroup, ld_group};
      for (const int64_t m : {kRows, kRows - 2, kOfGroup, kOfGroup - 1}) {
        Tensor line(DType::kFloat32, {m, k});
        for (int64_t i = 0; i < m; ++i) {
          std::copy_n(first + groups.offset(i), k, line.mutable_as<float>() + i * k);
        }
        Tensor expected(DType::kFloat32, {m, n}), y(DType::kFloat32, {m, n});
        Tensor scratch = scratch_for(packed.matrix, m);
        gemm(packed.matrix, line.as<float>(), k, m, expected.mutable_as<float>(), n, epilogue,
             scratch.mutable_data());
        gemm(packed.matrix, groups, m, y.mutable_as<float>(), n, epilogue, scratch.mutable_data());
        ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.num_bytes()), 0)
            << "n " << n << ", m " << m << ", backwards " << backwards;
      }
    }
  }
}

// In both layouts: as pack_rows() gives them, and all rows side by side.
TEST_P(SimdGemm, RowsPackedOnce_GiveTheSameBits) {
  const GemmFunctions& f = gemm_functions();
  for (const int64_t k : {1, 5, 40}) {
    for (const int64_t n : {1, 3, 4, 16, 17, 32, 33, 48, 70}) {
      const Tensor w = random_floats({k, n}, 1), bias = random_floats({n}, 2);
      Tensor panels(DType::kFloat32, {static_cast<int64_t>(f.panels_floats(k, n))});
      f.pack_panels(w.as<float>(), n, 1, k, n, panels.mutable_as<float>());
      const PackedB matrix = {&f, k, n, panels.as<float>()};
      for (const int64_t m : {0, 1, 6, 14, 15, 16, 61}) {
        const Tensor x = random_floats({m, k}, 3);
        Tensor packed(DType::kFloat32, {static_cast<int64_t>(f.packed_rows_floats(k, m))});
        const float* const rows = x.as<float>();
        f.pack_rows({&rows, 1, k, k}, m, packed.mutable_as<float>());
        const int64_t ld = m + 2, ldy = n + 1;
        Tensor beside(DType::kFloat32, {k, ld});
        for (int64_t i = 0; i < m * k; ++i) {
          beside.mutable_as<float>()[i % k * ld + i / k] = x.as<float>()[i];
        }
        // Row by row, columns as of a wider matrix: none is a dot product.
        const int64_t wide = n + 4;
        Tensor filled(DType::kFloat32, {k, wide});
        std::fill_n(filled.mutable_as<float>(), k * wide, 0.5f);
        for (int64_t i = 0; i < k; ++i) {
          std::copy_n(w.as<float>() + i * n, n, filled.mutable_as<float>() + i * wide);
        }
        const Packed whole(filled, k, wide, false);
        Tensor expected(DType::kFloat32, {m, ldy});
        std::fill_n(expected.mutable_as<float>(), m * ldy, 7.0f);
        for (int64_t i = 0; i < m; ++i) {
          std::vector<float> y(static_cast<size_t>(wide));
          gemm(whole.matrix, x.as<float>() + i * k, k, 1, y.data(), wide, {});
          for (int64_t j = 0; j < n; ++j) {
            expected.mutable_as<float>()[i * ldy + j] =
                y[static_cast<size_t>(j)] + bias.as<float>()[j];
          }
        }
        for (const PackedRows& layout :
             {f.packed_rows(packed.as<float>(), k), PackedRows{beside.as<float>(), ld, 0}}) {
          for (const bool reads_as_it_multiplies : {false, true}) {
            const AssumedProcessor processor(reads_as_it_multiplies);
            Tensor y(DType::kFloat32, {m, ldy});
            std::fill_n(y.mutable_as<float>(), m * ldy, 7.0f);
            f.run_packed(matrix, layout, m, y.mutable_as<float>(), ldy,
                         {bias.as<float>(), nullptr, 0, {}});
            ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.num_bytes()), 0)
                << "k " << k << ", n " << n << ", m " << m << ", tiles " << layout.tile_floats;
          }
        }
      }
    }
  }
}

TEST_P(SimdGemm, ScratchForRows_SufficesForFewer) {
  for (const int64_t k : {5, 700, 9000}) {
    const Tensor w = random_floats({k, 128}, 1);
    const Packed packed(w, k, 128, false);
    size_t before = 0;
    for (int64_t m = 0; m < 400; ++m) {
      const size_t bytes = gemm_scratch_bytes(packed.matrix, m);
      ASSERT_GE(bytes, before);
      before = bytes;
    }
  }
}

class SimdContraction : public SimdTest {};
HORNET_SIMD_TESTS(SimdContraction);

TEST_P(SimdContraction, EpilogueInAnyCombination_IsAsTheReference) {
  const Tensor x = random_floats({3, 5, 20}, 1), w = random_floats({20, 37}, 2);
  const Tensor bias = random_floats({37}, 3), residual = random_floats({3, 5, 37}, 4);
  for (const UnaryFunction f :
       {UnaryFunction{}, UnaryFunction{UnaryKind::relu}, UnaryFunction{UnaryKind::gelu},
        UnaryFunction{UnaryKind::leaky_relu, 0.2f}}) {
    const graph::Contraction op{graph::Epilogue{f}};
    for (int parts = 0; parts < 4; ++parts) {
      const SimdCase c = {op,
                          {&x, &w, parts & 1 ? &bias : nullptr, parts & 2 ? &residual : nullptr},
                          {false, true, true, false}};
      expect_like_reference(simd_contraction, c, 1e-5);
      expect_same_bits_in_any_batch(simd_contraction, c);
    }
  }
}

// So many columns that rows are packed.
TEST_P(SimdContraction, ManyColumnsWithTheResidualInPlace_AreAsTheReference) {
  const Tensor x = random_floats({2, 31, 20}, 1), w = random_floats({20, 150}, 2);
  const Tensor bias = random_floats({150}, 3), residual = random_floats({2, 31, 150}, 4);
  const graph::Contraction op{graph::Epilogue{{UnaryKind::relu}}};
  const SimdCase c = {op, {&x, &w, &bias, &residual}, {false, true, true, false}};
  expect_like_reference(simd_contraction, c, 1e-5);
  expect_same_bits_in_any_batch(simd_contraction, c);
  // The same where the residual becomes the result.
  const Packed packed(w, 20, 150, false);
  const Tensor expected = evaluate(op, c.inputs, true)[0];
  Tensor y(DType::kFloat32, residual.shape());
  std::memcpy(y.mutable_data(), residual.data(), y.num_bytes());
  Tensor scratch = scratch_for(packed.matrix, 62);
  gemm(packed.matrix, x.as<float>(), 20, 62, y.mutable_as<float>(), 150,
       {bias.as<float>(), y.as<float>(), 150, *find_activation({UnaryKind::relu})},
       scratch.mutable_data());
  expect_near(y, expected, 1e-5);
}

TEST_P(SimdContraction, NaN_StaysInItsRow) {
  const graph::Contraction op{graph::Epilogue{{UnaryKind::relu}}};
  for (const int64_t n : {1, 3, 40}) {
    const Tensor x = random_floats({31, 18}, 1), w = random_floats({18, n}, 2);
    expect_nan_stays_in_its_row(simd_contraction, {op, {&x, &w}, {false, true}});
  }
}

TEST_P(SimdContraction, NoRows_GivesNone) {
  const graph::Contraction op;
  const Tensor x(DType::kFloat32, {0, 4}), w = random_floats({4, 3}, 1);
  EXPECT_EQ(run_simd(simd_contraction, {op, {&x, &w}, {false, true}})[0].shape(), (Shape{0, 3}));
}

TEST_P(SimdContraction, WhatItDoesNotTake_IsRefusedWithTheReason) {
  const Tensor x = random_floats({2, 4}, 1), w = random_floats({4, 3}, 2);
  const graph::Contraction plain, sine{graph::Epilogue{{UnaryKind::sin}}};
  EXPECT_EQ(refusal_of(simd_contraction, {plain, {&x, &w}, {false, false}}),
            "simd: weights that are computed");
  EXPECT_EQ(refusal_of(simd_contraction, {sine, {&x, &w}, {false, true}}), "simd: activation sin");
}

class SimdConvolution : public SimdTest {};
HORNET_SIMD_TESTS(SimdConvolution);

graph::Conv conv(std::vector<int64_t> size, std::vector<int64_t> strides, UnaryFunction f = {}) {
  graph::Conv op;
  op.window.dilations.assign(size.size(), 1);
  op.window.size = std::move(size);
  op.window.strides = std::move(strides);
  op.epilogue.activation = f;
  return op;
}

TEST_P(SimdConvolution, OneCellWindow_IsAsTheReference) {
  const Tensor line = random_floats({6, 9, 10}, 1), plane = random_floats({6, 5, 7, 10}, 2),
               space = random_floats({6, 3, 4, 5, 10}, 3);
  for (const int64_t stride : {1, 2, 3}) {
    for (const Tensor* x : {&line, &plane, &space}) {
      const size_t rank = x->shape().size() - 2;
      const graph::Conv op = conv(std::vector<int64_t>(rank, 1), std::vector<int64_t>(rank, stride),
                                  {UnaryKind::relu6});
      Shape kernel(rank, 1);
      kernel.insert(kernel.end(), {10, 21});
      const Tensor w = random_floats(kernel, 4), bias = random_floats({21}, 5);
      const graph::TensorType types[] = {{DType::kFloat32, x->shape()}, {DType::kFloat32, kernel}};
      const Tensor residual = random_floats(op.infer(types)[0].shape, 6);
      const SimdCase c = {op, {x, &w, &bias, &residual}, {false, true, true, false}};
      expect_like_reference(simd_conv_1x1, c, 1e-5);
      expect_same_bits_in_any_batch(simd_conv_1x1, c);
      expect_nan_stays_in_its_row(simd_conv_1x1, {op, {x, &w}, {false, true}});
    }
  }
}

TEST_P(SimdConvolution, OneCellWindowToManyFilters_IsAsTheReference) {
  const Tensor x = random_floats({5, 9, 8, 6}, 1), w = random_floats({1, 1, 6, 130}, 2);
  const Tensor bias = random_floats({130}, 3);
  for (const int64_t stride : {1, 2}) {
    const graph::Conv op = conv({1, 1}, {stride, stride}, {UnaryKind::silu});
    const SimdCase c = {op, {&x, &w, &bias}, {false, true, true}};
    expect_like_reference(simd_conv_1x1, c, 1e-5);
    expect_same_bits_in_any_batch(simd_conv_1x1, c);
  }
}

TEST_P(SimdConvolution, LargerWindowOrPadding_IsRefused) {
  const Tensor x = random_floats({1, 4, 4, 2}, 1);
  const Tensor w3 = random_floats({3, 3, 2, 2}, 2), w1 = random_floats({1, 1, 2, 2}, 2);
  graph::Conv padded = conv({1, 1}, {1, 1});
  padded.window.padding = graph::Padding::kExplicit;
  padded.window.pads_begin = {0, 0};
  padded.window.pads_end = {0, 1};
  EXPECT_NE(refusal_of(simd_conv_1x1, {conv({3, 3}, {1, 1}), {&x, &w3}, {false, true}}), "");
  EXPECT_NE(refusal_of(simd_conv_1x1, {padded, {&x, &w1}, {false, true}}), "");
}

TEST_P(SimdConvolution, Depthwise_IsAsTheReference) {
  using enum graph::Padding;
  for (const int64_t size : {1, 2, 3, 5, 7}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const graph::Padding padding : {kSame, kValid, kCausal}) {
        for (const int64_t channels : {1, 8, 19, 33, 48, 64}) {
          const bool has_gaps = channels % 2 == 1 || channels == 64;
          const int64_t dilation = stride == 1 && size < 5 && has_gaps ? 2 : 1;
          graph::Conv op = conv({size, size}, {stride, stride}, {UnaryKind::silu});
          op.groups = channels;
          op.window.padding = padding;
          op.window.dilations = {dilation, dilation};
          const Tensor x = random_floats({3, 7, 17 + channels % 5, channels}, 1);
          const Tensor w = random_floats({size, size, 1, channels}, 2);
          const Tensor bias = random_floats({channels}, 3);
          const graph::TensorType types[] = {{DType::kFloat32, x.shape()},
                                             {DType::kFloat32, w.shape()}};
          const Tensor residual = random_floats(op.infer(types)[0].shape, 4);
          SCOPED_TRACE(op.attributes() + " " + to_string(x.shape()));
          const SimdCase c = {op, {&x, &w, &bias, &residual}, {false, true, true, false}};
          expect_like_reference(simd_depthwise_conv, c, 1e-5);
          if (channels == 19) expect_same_bits_in_any_batch(simd_depthwise_conv, c);
        }
      }
    }
  }
}

// Lines are cut into pieces of cells that do not go into every width.
TEST_P(SimdConvolution, DepthwiseOfAnyWidth_IsAsTheReference) {
  for (const int64_t size : {3, 5}) {
    for (const int64_t stride : {1, 2}) {
      for (int64_t width = 1; width <= 25; ++width) {
        graph::Conv op = conv({size, size}, {stride, stride}, {UnaryKind::relu6});
        op.groups = width % 2 == 0 ? 35 : 48;
        op.window.padding =
            width < size || width % 3 > 0 ? graph::Padding::kSame : graph::Padding::kValid;
        const Tensor x = random_floats({2, 6, width, op.groups}, 1);
        const Tensor w = random_floats({size, size, 1, op.groups}, 2);
        const Tensor bias = random_floats({op.groups}, 3);
        const graph::TensorType types[] = {{DType::kFloat32, x.shape()},
                                           {DType::kFloat32, w.shape()}};
        const Tensor residual = random_floats(op.infer(types)[0].shape, 4);
        SCOPED_TRACE(op.attributes() + " " + to_string(x.shape()));
        expect_like_reference(simd_depthwise_conv, {op, {&x, &w, &bias}, {false, true, true}},
                              1e-5);
        expect_like_reference(simd_depthwise_conv,
                              {op, {&x, &w, &bias, &residual}, {false, true, true, false}}, 1e-5);
      }
    }
  }
}

// Windows that are not square, and more of their lines than the image has.
TEST_P(SimdConvolution, DepthwiseOfAnyHeight_IsAsTheReference) {
  for (const auto& [lines, size] :
       {std::pair(1, 3), std::pair(2, 3), std::pair(5, 3), std::pair(3, 5), std::pair(4, 5)}) {
    for (int64_t height = 1; height <= 9; ++height) {
      graph::Conv op = conv({lines, size}, {1, 1}, {UnaryKind::gelu});
      op.groups = height % 2 == 0 ? 37 : 32;
      op.window.padding = graph::Padding::kSame;
      const Tensor x = random_floats({2, height, 11, op.groups}, 1);
      const Tensor w = random_floats({lines, size, 1, op.groups}, 2);
      const Tensor residual = random_floats(x.shape(), 3);
      SCOPED_TRACE(op.attributes() + " " + to_string(x.shape()));
      const SimdCase c = {op, {&x, &w, nullptr, &residual}, {false, true, false, false}};
      expect_like_reference(simd_depthwise_conv, c, 1e-5);
      expect_same_bits_in_any_batch(simd_depthwise_conv, c);
    }
  }
}

// Several blocks of channels, and images that are computed in one piece.
TEST_P(SimdConvolution, DepthwiseInThePlaceOfItsInput_GivesTheSameBits) {
  for (const int64_t size : {1, 3, 5}) {
    for (const int64_t stride : {1, 2}) {
      for (const Shape& shape : {Shape{3, 14, 15, 160}, Shape{1, 56, 60, 96}}) {
        graph::Conv op = conv({size, size}, {stride, stride}, {UnaryKind::silu});
        op.groups = shape.back();
        op.window.padding = graph::Padding::kSame;
        const Tensor x = random_floats(shape, 1);
        const Tensor w = random_floats({size, size, 1, op.groups}, 2);
        const SimdCase c = {op, {&x, &w}, {false, true}};
        SCOPED_TRACE(op.attributes() + " " + to_string(x.shape()));
        const std::vector<Tensor> apart = run_simd(simd_depthwise_conv, c);
        EXPECT_EQ(expect_same_bits_overlapping(simd_depthwise_conv, c, apart), 1);
      }
    }
  }
}

TEST_P(SimdConvolution, DepthwiseOfLinesOrWithPaddingLargerThanTheWindow_IsAsTheReference) {
  graph::Conv line = conv({3}, {1});
  line.groups = 20;
  line.window.padding = graph::Padding::kCausal;
  const Tensor x = random_floats({3, 11, 20}, 1), w = random_floats({3, 1, 20}, 2);
  expect_like_reference(simd_depthwise_conv, {line, {&x, &w}, {false, true}}, 1e-5);
  graph::Conv padded = conv({3, 3}, {2, 1});
  padded.groups = 20;
  padded.window.padding = graph::Padding::kExplicit;
  padded.window.pads_begin = {5, 4};
  padded.window.pads_end = {6, 9};
  const Tensor image = random_floats({2, 4, 3, 20}, 1), v = random_floats({3, 3, 1, 20}, 2);
  expect_like_reference(simd_depthwise_conv, {padded, {&image, &v}, {false, true}}, 1e-5);
}

TEST_P(SimdConvolution, SeveralFiltersAChannel_AreRefused) {
  graph::Conv op = conv({3, 3}, {1, 1});
  op.groups = 2;
  const Tensor x = random_floats({1, 4, 4, 2}, 1), w = random_floats({3, 3, 1, 4}, 2);
  EXPECT_EQ(refusal_of(simd_depthwise_conv, {op, {&x, &w}, {false, true}}),
            "simd: a convolution that is not of each channel to one filter");
}

struct TransposeCase {
  Shape x;
  std::vector<int64_t> size, strides;
  graph::Padding padding;
  std::vector<int64_t> dilations = {}, output_padding = {};
};

TEST_P(SimdConvolution, Transposed_IsAsTheReference) {
  using enum graph::Padding;
  const TransposeCase cases[] = {
      {{5, 4, 3, 6}, {2, 2}, {2, 2}, kSame},
      {{5, 2, 9, 6}, {2, 2}, {2, 2}, kValid},
      {{5, 4, 6}, {3}, {3}, kValid},
      {{5, 2, 3, 4, 6}, {2, 2, 3}, {2, 2, 3}, kSame},
      {{5, 4, 3, 6}, {1, 1}, {1, 1}, kSame},
      {{5, 4, 3, 6}, {3, 3}, {2, 2}, kSame},
      {{5, 4, 3, 6}, {3, 3}, {2, 2}, kValid},
      {{5, 4, 5, 6}, {4, 4}, {2, 2}, kSame},
      {{5, 7, 6}, {5}, {1}, kSame},
      {{5, 7, 6}, {2}, {3}, kSame},
      {{5, 7, 6}, {2}, {3}, kValid},
      {{5, 4, 6, 6}, {3, 3}, {1, 1}, kSame, {2, 2}},
      {{5, 2, 3, 4, 6}, {3, 3, 3}, {2, 2, 2}, kSame},
      {{5, 4, 6, 6}, {3, 3}, {2, 2}, kSame, {}, {1, 1}},
      {{5, 4, 6, 6}, {2, 2}, {2, 2}, kValid, {}, {1, 0}},
  };
  for (const TransposeCase& t : cases) {
    for (const int64_t filters : {1, 11, 67}) {
      graph::ConvTranspose op;
      op.window.size = t.size;
      op.window.strides = t.strides;
      op.window.dilations =
          t.dilations.empty() ? std::vector<int64_t>(t.size.size(), 1) : t.dilations;
      op.window.padding = t.padding;
      op.output_padding = t.output_padding;
      op.epilogue.activation = {UnaryKind::sigmoid};
      Shape kernel = t.size;
      kernel.insert(kernel.end(), {filters, t.x.back()});
      const Tensor x = random_floats(t.x, 1), w = random_floats(kernel, 2),
                   bias = random_floats({filters}, 3);
      const graph::TensorType types[] = {{DType::kFloat32, t.x}, {DType::kFloat32, kernel}};
      const Tensor residual = random_floats(op.infer(types)[0].shape, 4);
      SCOPED_TRACE(op.attributes() + " " + to_string(t.x));
      const SimdCase c = {op, {&x, &w, &bias, &residual}, {false, true, true, false}};
      expect_like_reference(simd_conv_transpose, c, 1e-5);
      expect_like_reference(simd_conv_transpose, {op, {&x, &w}, {false, true}}, 1e-5);
      expect_same_bits_in_any_batch(simd_conv_transpose, c);
    }
  }
}

}  // namespace
}  // namespace hornet::kernels
