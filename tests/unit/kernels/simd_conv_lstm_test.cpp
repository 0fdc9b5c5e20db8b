#include <fmt/format.h>

#include "graph/ops/recurrent.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::UnaryKind;

// x [batch, steps, image..., 4 filters] with all that a ConvLstm may have besides.
struct ConvLstmInputs {
  ConvLstmInputs(int64_t batch, int64_t steps, const Shape& image, const Shape& window,
                 int64_t filters)
      : x(random_floats(join({{batch, steps}, image, {4 * filters}}), 1, -2, 2)),
        kernel(random_floats(join({window, {filters, 4 * filters}}), 2, -0.3f, 0.3f)),
        h(random_floats(join({{batch}, image, {filters}}), 3)),
        c(random_floats(join({{batch}, image, {filters}}), 4)),
        mask(random_bools({batch, steps}, 5, 0.6)) {}

  static Shape join(const std::vector<Shape>& parts) {
    Shape all;
    for (const Shape& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  }
  SimdCase with(const graph::Op& op, bool states, bool masked) const {
    return {op,
            {&x, &kernel, states ? &h : nullptr, states ? &c : nullptr, masked ? &mask : nullptr},
            {false, true, false, false, false}};
  }
  Tensor x, kernel, h, c, mask;
};

struct ConvLstmSizes {
  Shape image, window;
  int64_t filters;
};
// One, two and three dimensions; by Winograd's products, by runs of lines and by oneDNN; windows of
// even sizes and larger than the image.
const ConvLstmSizes kSizes[] = {
    {{9}, {3}, 5},       {{20, 17}, {3, 3}, 17},    {{5, 16}, {2, 5}, 6}, {{3, 4}, {5, 5}, 3},
    {{1, 1}, {1, 1}, 2}, {{4, 3, 5}, {3, 2, 1}, 4}, {{40, 3}, {1, 3}, 33}};

class SimdConvLstm : public SimdTest {};
HORNET_SIMD_TESTS(SimdConvLstm);

TEST_P(SimdConvLstm, AnyImage_IsAsTheReference) {
  for (const ConvLstmSizes& s : kSizes) {
    for (const int64_t steps : {1, 3}) {
      const ConvLstmInputs in(2, steps, s.image, s.window, s.filters);
      for (const bool states : {false, true}) {
        SCOPED_TRACE(
            fmt::format("image {}, {} steps, states {}", to_string(s.image), steps, states));
        expect_like_reference(simd_conv_lstm, in.with(graph::ConvLstm(), states, false), 1e-5);
      }
    }
  }
}

TEST_P(SimdConvLstm, MasksDirectionsAndActivations_AreAsInTheReference) {
  const ConvLstmInputs in(4, 5, {6, 5}, {3, 3}, 7);
  for (const bool masked : {false, true}) {
    for (int variant = 0; variant < 8; ++variant) {
      SCOPED_TRACE(fmt::format("masked {}, variant {}", masked, variant));
      graph::ConvLstm op;
      op.options.go_backwards = (variant & 1) != 0;
      op.options.zero_output_for_mask = (variant & 2) != 0;
      if ((variant & 4) != 0) {
        op.options.activation = {};
        op.options.recurrent_activation = {UnaryKind::hard_sigmoid, 0.2f, 0.5f};
      }
      expect_like_reference(simd_conv_lstm, in.with(op, true, masked), 1e-5);
      expect_like_reference(simd_conv_lstm, in.with(op, false, masked), 1e-5);
    }
  }
}

TEST_P(SimdConvLstm, NoRowsOrSteps_GiveInitialStates) {
  for (const auto& [batch, steps] : {std::pair<int64_t, int64_t>{0, 3}, {2, 0}}) {
    const ConvLstmInputs in(batch, steps, {6, 5}, {3, 3}, 7);
    expect_like_reference(simd_conv_lstm, in.with(graph::ConvLstm(), true, false), 0);
  }
}

TEST_P(SimdConvLstm, RowOfAnyBatch_HasTheSameBits) {
  for (const ConvLstmSizes& s : kSizes) {
    const ConvLstmInputs in(5, 3, s.image, s.window, s.filters);
    expect_same_bits_in_any_batch(simd_conv_lstm, in.with(graph::ConvLstm(), true, true));
  }
}

TEST_P(SimdConvLstm, Nan_StaysInItsRow) {
  const ConvLstmInputs in(3, 2, {8, 16}, {3, 3}, 16);
  expect_nan_stays_in_its_row(simd_conv_lstm, in.with(graph::ConvLstm(), false, false));
}

TEST_P(SimdConvLstm, WhatItDoesNotTake_IsRefused) {
  const ConvLstmInputs in(1, 2, {4, 4}, {3, 3}, 2);
  const graph::ConvLstm op;
  SimdCase computed = in.with(op, false, false);
  computed.is_constant[1] = false;
  EXPECT_EQ(refusal_of(simd_conv_lstm, computed), "simd: weights that are computed");
  graph::ConvLstm shrink;
  shrink.options.activation = {UnaryKind::tanh_shrink};
  EXPECT_EQ(refusal_of(simd_conv_lstm, in.with(shrink, false, false)),
            "simd: activations without a vector form");
}

}  // namespace
}  // namespace hornet::kernels
