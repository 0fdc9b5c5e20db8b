#include "graph/ops/normalization.h"

#include <fmt/format.h>

#include "graph/ops/reduction.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::ReduceKind;

constexpr int64_t kLengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 33, 63, 64, 100, 257, 1000};

class SimdNormalization : public SimdTest {};
HORNET_SIMD_TESTS(SimdNormalization);

TEST_P(SimdNormalization, Softmax_IsAsTheReference) {
  for (const int64_t n : kLengths) {
    const Tensor x = random_floats({9, n}, 1, -20, 20);
    for (const bool log : {false, true}) {
      SCOPED_TRACE(fmt::format("{} numbers, log {}", n, log));
      const graph::Softmax op({1}, log);
      const SimdCase c = {op, {&x}, {false}};
      expect_like_reference(simd_softmax, c, 2e-6);
      expect_same_bits_in_any_batch(simd_softmax, c);
      expect_nan_stays_in_its_row(simd_softmax, c);
    }
  }
}

TEST_P(SimdNormalization, Softmax_OfInfinitiesAndHugeNumbers_IsAsTheReference) {
  const float inf = std::numeric_limits<float>::infinity();
  Tensor x = random_floats({6, 20}, 1);
  float* values = x.mutable_as<float>();
  values[3] = -inf;
  values[20 + 7] = inf;
  std::fill_n(values + 40, 20, -inf);
  values[60] = 3e38f;
  values[80] = -3e38f;
  std::fill_n(values + 100, 20, -1e9f);
  const graph::Softmax op({1});
  expect_like_reference(simd_softmax, {op, {&x}, {false}}, 2e-6);
}

TEST_P(SimdNormalization, SoftmaxOverSeveralLastAxes_IsAsTheReference) {
  const Tensor x = random_floats({3, 4, 5}, 1);
  const graph::Softmax last({1, 2}), middle({1});
  expect_like_reference(simd_softmax, {last, {&x}, {false}}, 2e-6);
  EXPECT_EQ(refusal_of(simd_softmax, {middle, {&x}, {false}}),
            "simd: axes that are not the last ones");
}

TEST_P(SimdNormalization, LayerNorm_IsAsTheReference) {
  for (const int64_t n : kLengths) {
    const Tensor x = random_floats({9, n}, 1, -3, 5), gamma = random_floats({n}, 2),
                 beta = random_floats({n}, 3);
    for (const bool rms : {false, true}) {
      graph::LayerNorm op;
      op.axes = {1};
      op.rms = rms;
      for (int parts = 0; parts < 4; ++parts) {
        SCOPED_TRACE(fmt::format("{} numbers, rms {}, parts {}", n, rms, parts));
        const SimdCase c = {op,
                            {&x, parts & 1 ? &gamma : nullptr, parts & 2 ? &beta : nullptr},
                            {false, true, true}};
        expect_like_reference(simd_layer_norm, c, 3e-6);
        if (parts == 3) {
          expect_same_bits_in_any_batch(simd_layer_norm, c);
          expect_nan_stays_in_its_row(simd_layer_norm, c);
        }
      }
    }
  }
}

TEST_P(SimdNormalization, LayerNorm_OfNumbersFarFromZero_KeepsTheirDifferences) {
  const Tensor x = random_floats({4, 500}, 1, 1000, 1000.5f);
  graph::LayerNorm op;
  op.axes = {1};
  op.epsilon = 1e-6f;
  expect_like_reference(simd_layer_norm, {op, {&x}, {false}}, 1e-5);
}

TEST_P(SimdNormalization, LayerNormOverSeveralAxes_IsAsTheReference) {
  const Tensor x = random_floats({2, 3, 4, 5}, 1), gamma = random_floats({4, 5}, 2),
               row = random_floats({5}, 3);
  graph::LayerNorm op;
  op.axes = {2, 3};
  expect_like_reference(simd_layer_norm, {op, {&x, &gamma}, {false, true}}, 3e-6);
  EXPECT_EQ(refusal_of(simd_layer_norm, {op, {&x, &row}, {false, true}}),
            "simd: a parameter that is not one number an element of a row or of all groups");
}

TEST_P(SimdNormalization, LayerNormOfGroups_IsAsTheReference) {
  struct Case {
    Shape x;
    std::vector<int64_t> axes;
    Shape parameter;
  };
  const Case cases[] = {
      {{5, 6, 7, 4, 8}, {1, 2, 4}, {4, 8}}, {{5, 40, 3, 1}, {1, 3}, {3, 1}},
      {{5, 6, 7, 33}, {1, 2}, {33}},        {{5, 100, 16}, {1}, {16}},
      {{5, 3, 2, 17}, {1, 3}, {1, 2, 17}},  {{5, 6, 7, 1, 8}, {1, 2, 4}, {1, 8}},
  };
  for (const Case& c : cases) {
    for (const bool rms : {false, true}) {
      const Tensor x = random_floats(c.x, 1, -3, 5), gamma = random_floats(c.parameter, 2),
                   beta = random_floats(c.parameter, 3);
      graph::LayerNorm op;
      op.axes = c.axes;
      op.rms = rms;
      SCOPED_TRACE(fmt::format("{}, rms {}", to_string(c.x), rms));
      const SimdCase with = {op, {&x, &gamma, &beta}, {false, true, true}};
      expect_like_reference(simd_layer_norm, with, 3e-6);
      expect_same_bits_in_any_batch(simd_layer_norm, with);
      expect_nan_stays_in_its_row(simd_layer_norm, with);
      expect_like_reference(simd_layer_norm, {op, {&x}, {false}}, 3e-6);
    }
  }
}

TEST_P(SimdNormalization, LayerNormWithScatteredAxes_IsRefused) {
  const Tensor x = random_floats({2, 3, 4, 5, 6}, 1), line = random_floats({3, 1, 1, 1}, 2);
  graph::LayerNorm op;
  op.axes = {1, 3};
  EXPECT_EQ(refusal_of(simd_layer_norm, {op, {&x}, {false}}), "simd: axes in more than two places");
  op.axes = {1};
  EXPECT_EQ(refusal_of(simd_layer_norm, {op, {&x, &line}, {false, true}}),
            "simd: a parameter that is not one number an element of a row or of all groups");
}

class SimdReduce : public SimdTest {};
HORNET_SIMD_TESTS(SimdReduce);

TEST_P(SimdReduce, EveryKind_IsAsTheReference) {
  const std::pair<Shape, std::vector<int64_t>> cases[] = {
      {{5, 100}, {1}},         {{5, 1}, {1}},       {{5, 33}, {1}},       {{5, 6, 7, 20}, {1, 2}},
      {{5, 6, 7, 70}, {1, 2}}, {{5, 49, 130}, {1}}, {{5, 3, 40}, {1, 2}}, {{40}, {0}},
      {{5, 6, 1}, {1}},        {{5, 6, 7}, {}},     {{0, 6, 7}, {1}},
  };
  for (const auto& [shape, axes] : cases) {
    for (const ReduceKind kind :
         {ReduceKind::sum, ReduceKind::mean, ReduceKind::max, ReduceKind::min}) {
      SCOPED_TRACE(fmt::format("{} of {}", to_string(kind), to_string(shape)));
      const Tensor x = random_floats(shape, 1);
      const graph::Reduce op(kind, axes, false);
      const SimdCase c = {op, {&x}, {false}};
      expect_like_reference(simd_reduce, c, 1e-6);
      if (shape[0] == 5) {
        expect_same_bits_in_any_batch(simd_reduce, c);
        expect_nan_stays_in_its_row(simd_reduce, c);
      }
    }
  }
}

TEST_P(SimdReduce, LongSums_AreExactToAFewUnits) {
  for (const Shape& shape : {Shape{2, 100000, 3}, Shape{2, 300001}}) {
    const Tensor x = random_floats(shape, 1, 0, 1);
    const graph::Reduce op(ReduceKind::mean, {1}, false);
    expect_like_reference(simd_reduce, {op, {&x}, {false}}, 2e-7);
  }
}

TEST_P(SimdReduce, OneNaN_IsTheResult) {
  for (const Shape& shape : {Shape{1, 50}, Shape{1, 50, 2}}) {
    for (const ReduceKind kind :
         {ReduceKind::sum, ReduceKind::mean, ReduceKind::max, ReduceKind::min}) {
      for (const int64_t at : {0, 3, 17, 49}) {
        Tensor x = random_floats(shape, 1);
        x.mutable_as<float>()[at] = std::nanf("");
        const graph::Reduce op(kind, {1}, false);
        expect_like_reference(simd_reduce, {op, {&x}, {false}}, 1e-6);
      }
    }
  }
}

TEST_P(SimdReduce, WhatItDoesNotTake_IsRefused) {
  const Tensor x = random_floats({2, 3, 4}, 1);
  EXPECT_EQ(refusal_of(simd_reduce, {graph::Reduce(ReduceKind::sum, {0, 2}, false), {&x}, {false}}),
            "simd: axes that are not neighbours");
  EXPECT_EQ(refusal_of(simd_reduce, {graph::Reduce(ReduceKind::prod, {1}, false), {&x}, {false}}),
            "simd: reduction prod");
}

}  // namespace
}  // namespace hornet::kernels
