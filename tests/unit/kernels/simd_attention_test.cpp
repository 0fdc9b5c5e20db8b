#include <fmt/format.h>

#include "graph/ops/contraction.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

class SimdAttention : public SimdTest {};
HORNET_SIMD_TESTS(SimdAttention);

struct Sizes {
  int64_t batch, steps, sources, heads, groups, depth, value_depth;
};

struct Inputs {
  explicit Inputs(const Sizes& s)
      : q(random_floats({s.batch, s.steps, s.heads, s.depth}, 1, -2, 2)),
        k(random_floats({s.batch, s.sources, s.groups, s.depth}, 2, -2, 2)),
        v(random_floats({s.batch, s.sources, s.groups, s.value_depth}, 3)) {}
  Tensor q, k, v;
};

TEST_P(SimdAttention, AnySize_IsAsTheReference) {
  const Sizes sizes[] = {{5, 7, 7, 2, 2, 8, 8},     {5, 1, 9, 4, 2, 5, 3},
                         {2, 33, 17, 3, 1, 16, 20}, {2, 130, 64, 2, 2, 32, 1},
                         {1, 3, 1, 1, 1, 1, 1},     {0, 3, 4, 2, 2, 4, 4},
                         {5, 20, 20, 2, 1, 12, 33}, {5, 9, 150, 2, 1, 6, 130}};  // rows are packed
  for (const Sizes& s : sizes) {
    const Inputs in(s);
    for (int variant = 0; variant < 6; ++variant) {
      graph::Attention op;
      op.scale = 0.3f;
      op.causal = variant & 1;
      op.window = variant == 2 || variant == 3 ? 3 : 0;
      op.zero_hidden = variant == 3;
      const Shape masks[] = {{s.batch, 1, 1, s.sources},
                             {s.batch, s.heads, s.steps, s.sources},
                             {s.steps, s.sources},
                             {s.batch, 1, s.steps, 1}};
      Tensor mask;
      const bool masked = variant >= 2;
      if (masked) mask = random_bools(masks[variant - 2], 4, 0.7);
      SCOPED_TRACE(
          fmt::format("variant {}, {} x {} of depth {}", variant, s.steps, s.sources, s.depth));
      const SimdCase c = {
          op, {&in.q, &in.k, &in.v, masked ? &mask : nullptr}, {false, false, false, false}};
      expect_like_reference(simd_attention, c, 1e-5);
      if (s.batch == 5 && variant != 4) expect_same_bits_in_any_batch(simd_attention, c);
    }
  }
}

TEST_P(SimdAttention, RowWithAllHidden_GivesTheAverage) {
  const Inputs in({1, 2, 5, 1, 1, 4, 3});
  const Tensor mask = random_bools({1, 1, 1, 5}, 1, 0.0);
  for (const bool zero : {false, true}) {
    graph::Attention op;
    op.zero_hidden = zero;
    expect_like_reference(simd_attention,
                          {op, {&in.q, &in.k, &in.v, &mask}, {false, false, false, false}}, 1e-6);
  }
}

TEST_P(SimdAttention, NaN_StaysInItsRow) {
  const Inputs in({7, 6, 18, 2, 2, 8, 8});
  const graph::Attention op;
  expect_nan_stays_in_its_row(simd_attention, {op, {&in.q, &in.k, &in.v}, {false, false, false}});
}

TEST_P(SimdAttention, UnwantedScores_DoNotChangeTheResult) {
  const Inputs in({2, 19, 64, 2, 2, 8, 8});
  const graph::Attention op;
  const std::vector<const Tensor*> inputs = {&in.q, &in.k, &in.v};
  const std::vector<Tensor> both = run_simd(simd_attention, {op, inputs, {false, false, false}});
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs, packed, {false, false, false});
  const KernelOffer offer = simd_attention(request);
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(offer.kernel->scratch_bytes())});
  Tensor y(DType::kFloat32, both[0].shape());
  const void* sources[] = {in.q.data(), in.k.data(), in.v.data()};
  void* destinations[] = {y.mutable_data(), nullptr};
  packed.complete();
  offer.kernel->run({sources, destinations, scratch.mutable_data()}, nullptr);
  EXPECT_EQ(std::memcmp(y.data(), both[0].data(), y.num_bytes()), 0);
}

}  // namespace
}  // namespace hornet::kernels
