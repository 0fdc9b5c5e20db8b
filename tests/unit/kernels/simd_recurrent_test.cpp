#include "graph/ops/recurrent.h"

#include <fmt/format.h>

#include "graph/ops/contraction.h"

#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::UnaryFunction;
using graph::UnaryKind;

// An operator over x [batch, steps, gates * units] with all its inputs, of which some are taken.
struct Inputs {
  Inputs(int64_t batch, int64_t steps, int64_t units, int64_t gates)
      : x(random_floats({batch, steps, gates * units}, 1, -2, 2)),
        kernel(random_floats({units, gates * units}, 2, -0.5f, 0.5f)),
        h(random_floats({batch, units}, 3)),
        c(random_floats({batch, units}, 4)),
        bias(random_floats({gates * units}, 5)),
        mask(random_bools({batch, steps}, 6, 0.6)) {}
  Tensor x, kernel, h, c, bias, mask;
};

struct Options {
  bool states, mask;
};
constexpr Options kOptions[] = {{false, false}, {true, false}, {false, true}, {true, true}};

graph::RecurrentOptions options(int variant) {
  graph::RecurrentOptions result;
  result.go_backwards = variant == 1;
  result.zero_output_for_mask = variant == 2;
  if (variant == 2) result.activation = {UnaryKind::relu};
  if (variant == 3) {
    result.activation = {};
    result.recurrent_activation = {UnaryKind::hard_sigmoid, 0.2f, 0.5f};
  }
  return result;
}

struct Sizes {
  int64_t batch, steps, units;
};
// With the last one states are packed.
constexpr Sizes kSizes[] = {{9, 5, 7}, {1, 3, 1}, {3, 4, 33},  {2, 1, 64},
                            {0, 2, 3}, {4, 0, 5}, {13, 2, 130}};

void check(KernelFactory factory, const SimdCase& c, bool batches) {
  expect_like_reference(factory, c, 1e-5);
  if (batches) expect_same_bits_in_any_batch(factory, c);
}

// A projection of three features into what `in` holds as projected input.
struct Projection {
  Projection(const Inputs& in, bool has_bias)
      : x(random_floats({in.x.shape()[0], in.x.shape()[1], 3}, 11)),
        kernel(random_floats({3, in.x.shape()[2]}, 12)),
        bias(random_floats({in.x.shape()[2]}, 13)),
        bias_or_none(has_bias ? &bias : nullptr) {}
  // The case with this in front of it.
  SimdCase before(SimdCase c) const {
    c.inputs.resize(graph::kProjectionInput);
    c.is_constant.resize(graph::kProjectionInput);
    c.inputs[0] = &x;
    c.inputs.insert(c.inputs.end(), {&kernel, bias_or_none});
    c.is_constant.insert(c.is_constant.end(), {true, true});
    return c;
  }
  Tensor x, kernel, bias;
  const Tensor* bias_or_none;
};

class SimdRecurrent : public SimdTest {
 protected:
  // With a projection of its own a kernel gives the bits that it gives for projected input.
  static void expect_same_bits_with_projection(KernelFactory factory, const SimdCase& c,
                                               const Inputs& in) {
    for (const bool has_bias : {false, true}) {
      const Projection projection(in, has_bias);
      const graph::Contraction product;
      const std::vector<Tensor> projected =
          run_simd(simd_contraction, {product,
                                      {&projection.x, &projection.kernel, projection.bias_or_none},
                                      {false, true, true}});
      SimdCase separate = c;
      separate.inputs[0] = &projected[0];
      const std::vector<Tensor> expected = run_simd(factory, separate);
      const std::vector<Tensor> got = run_simd(factory, projection.before(c));
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got[i].shape(), expected[i].shape());
        EXPECT_EQ(std::memcmp(got[i].data(), expected[i].data(), got[i].num_bytes()), 0)
            << "output " << i << ", bias " << has_bias;
      }
    }
  }
};
HORNET_SIMD_TESTS(SimdRecurrent);

TEST_P(SimdRecurrent, Lstm_IsAsTheReference) {
  for (const Sizes& s : kSizes) {
    const Inputs in(s.batch, s.steps, s.units, 4);
    for (int variant = 0; variant < 4; ++variant) {
      graph::Lstm op;
      op.options = options(variant);
      for (const Options& o : kOptions) {
        SCOPED_TRACE(fmt::format("variant {}, states {}, mask {}, {} units", variant, o.states,
                                 o.mask, s.units));
        check(simd_lstm,
              {op,
               {&in.x, &in.kernel, o.states ? &in.h : nullptr, o.states ? &in.c : nullptr,
                o.mask ? &in.mask : nullptr},
               {false, true, false, false, false}},
              s.batch == 9);
      }
    }
  }
}

TEST_P(SimdRecurrent, Gru_IsAsTheReference) {
  for (const Sizes& s : kSizes) {
    const Inputs in(s.batch, s.steps, s.units, 3);
    for (int variant = 0; variant < 4; ++variant) {
      for (const bool reset_after : {false, true}) {
        graph::Gru op;
        op.options = options(variant);
        op.reset_after = reset_after;
        for (const Options& o : kOptions) {
          SCOPED_TRACE(fmt::format("variant {}, states {}, mask {}, {} units, reset_after {}",
                                   variant, o.states, o.mask, s.units, reset_after));
          check(simd_gru,
                {op,
                 {&in.x, &in.kernel, o.states ? &in.h : nullptr, o.mask ? &in.mask : nullptr,
                  reset_after && o.states ? &in.bias : nullptr},
                 {false, true, false, false, true}},
                s.batch == 9);
        }
      }
    }
  }
}

TEST_P(SimdRecurrent, SimpleRnn_IsAsTheReference) {
  for (const Sizes& s : kSizes) {
    const Inputs in(s.batch, s.steps, s.units, 1);
    for (int variant = 0; variant < 4; ++variant) {
      graph::SimpleRnn op;
      op.options = options(variant);
      for (const Options& o : kOptions) {
        SCOPED_TRACE(fmt::format("variant {}, states {}, mask {}, {} units", variant, o.states,
                                 o.mask, s.units));
        check(simd_simple_rnn,
              {op,
               {&in.x, &in.kernel, o.states ? &in.h : nullptr, o.mask ? &in.mask : nullptr},
               {false, true, false, false}},
              s.batch == 9);
      }
    }
  }
}

TEST_P(SimdRecurrent, ProjectionOfTheInput_IsAsTheReferenceInAnyBatch) {
  const Inputs lstm_inputs(9, 5, 7, 4), gru_inputs(9, 5, 7, 3), rnn_inputs(9, 5, 7, 1);
  for (int variant = 0; variant < 4; ++variant) {
    for (const bool has_bias : {false, true}) {
      SCOPED_TRACE(fmt::format("variant {}, bias {}", variant, has_bias));
      graph::Lstm lstm;
      graph::Gru gru;
      graph::SimpleRnn rnn;
      lstm.options = gru.options = rnn.options = options(variant);
      check(simd_lstm,
            Projection(lstm_inputs, has_bias)
                .before({lstm,
                         {&lstm_inputs.x, &lstm_inputs.kernel, &lstm_inputs.h, &lstm_inputs.c,
                          &lstm_inputs.mask},
                         {false, true, false, false, false}}),
            true);
      check(simd_gru,
            Projection(gru_inputs, has_bias)
                .before({gru,
                         {&gru_inputs.x, &gru_inputs.kernel, &gru_inputs.h, &gru_inputs.mask,
                          &gru_inputs.bias},
                         {false, true, false, false, true}}),
            true);
      check(simd_simple_rnn,
            Projection(rnn_inputs, has_bias)
                .before({rnn,
                         {&rnn_inputs.x, &rnn_inputs.kernel, &rnn_inputs.h, &rnn_inputs.mask},
                         {false, true, false, false}}),
            true);
    }
  }
}

TEST_P(SimdRecurrent, ProjectionOfAFewStepsAtATime_GivesTheBitsOfAProductBeforehand) {
  // With the last three steps are projected in several blocks, for LSTM and GRU with packed rows
  // too, the last block being shorter, or a step at a time.
  constexpr Sizes kSizesOfBlocks[] = {{0, 2, 3},     {3, 0, 5},    {1, 7, 2},   {5, 6, 33},
                                      {13, 25, 130}, {900, 9, 24}, {9000, 3, 2}};
  for (const Sizes& s : kSizesOfBlocks) {
    SCOPED_TRACE(fmt::format("{} rows, {} steps, {} units", s.batch, s.steps, s.units));
    for (int variant = 0; variant < 2; ++variant) {
      const Inputs four(s.batch, s.steps, s.units, 4), three(s.batch, s.steps, s.units, 3),
          one(s.batch, s.steps, s.units, 1);
      graph::Lstm lstm;
      graph::Gru gru;
      graph::SimpleRnn rnn;
      lstm.options = gru.options = rnn.options = options(variant);
      expect_same_bits_with_projection(simd_lstm,
                                       {lstm,
                                        {&four.x, &four.kernel, nullptr, nullptr, &four.mask},
                                        {false, true, false, false, false}},
                                       four);
      expect_same_bits_with_projection(simd_gru,
                                       {gru,
                                        {&three.x, &three.kernel, &three.h, nullptr, &three.bias},
                                        {false, true, false, false, true}},
                                       three);
      expect_same_bits_with_projection(simd_simple_rnn, {rnn, {&one.x, &one.kernel}, {false, true}},
                                       one);
    }
  }
}

TEST_P(SimdRecurrent, ProjectionOfNoFeatures_IsTheBias) {
  const Inputs in(3, 2, 4, 4);
  Projection projection(in, true);
  projection.x = Tensor(DType::kFloat32, {3, 2, 0});
  projection.kernel = Tensor(DType::kFloat32, {0, 16});
  const graph::Lstm op;
  check(simd_lstm, projection.before({op, {&in.x, &in.kernel}, {false, true}}), true);
}

TEST_P(SimdRecurrent, UnwantedOutputs_MayBeNull) {
  const Inputs in(3, 4, 6, 4);
  const graph::Lstm op;
  const std::vector<const Tensor*> inputs = {&in.x, &in.kernel};
  const std::vector<Tensor> expected = evaluate(op, inputs, true);
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs, packed);
  const KernelOffer offer = simd_lstm(request);
  ASSERT_NE(offer.kernel, nullptr);
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(offer.kernel->scratch_bytes())});
  for (size_t wanted = 0; wanted < expected.size(); ++wanted) {
    Tensor got(DType::kFloat32, expected[wanted].shape());
    const void* sources[] = {in.x.data(), nullptr};
    void* destinations[] = {nullptr, nullptr, nullptr, nullptr};
    destinations[wanted] = got.mutable_data();
    packed.complete();
    offer.kernel->run({sources, destinations, scratch.mutable_data()}, nullptr);
    expect_near(got, expected[wanted], 1e-5);
  }
}

TEST_P(SimdRecurrent, NaN_StaysInItsRow) {
  const Inputs in(7, 3, 20, 4);
  const graph::Lstm op;
  expect_nan_stays_in_its_row(simd_lstm, {op, {&in.x, &in.kernel}, {false, true}});
}

TEST_P(SimdRecurrent, ComputedKernelOrUnknownActivation_IsRefused) {
  const Inputs in(2, 3, 4, 1);
  graph::SimpleRnn op;
  EXPECT_EQ(refusal_of(simd_simple_rnn, {op, {&in.x, &in.kernel}, {false, false}}),
            "simd: a recurrent kernel that is computed");
  const Projection projection(in, false);
  SimdCase computed = projection.before({op, {&in.x, &in.kernel}, {false, true}});
  computed.is_constant[graph::kProjectionInput] = false;
  EXPECT_EQ(refusal_of(simd_simple_rnn, computed), "simd: a projection kernel that is computed");
  op.options.activation = {UnaryKind::sin};
  EXPECT_EQ(refusal_of(simd_simple_rnn, {op, {&in.x, &in.kernel}, {false, true}}),
            "simd: activation sin");
}

}  // namespace
}  // namespace hornet::kernels
