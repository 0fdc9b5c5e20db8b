#include <fmt/format.h>

#include <algorithm>
#include <limits>

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
                         {5, 20, 20, 2, 1, 12, 33}, {5, 9, 150, 2, 1, 6, 130},  // rows are packed
                         {5, 49, 33, 2, 1, 8, 8},   {5, 65, 18, 1, 1, 4, 5}};   // blocks of queries
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

TEST_P(SimdAttention, QueryWithAllHiddenAmongOthers_GivesTheAverage) {
  const Inputs in({3, 37, 19, 2, 1, 8, 5});
  Tensor mask = random_bools({3, 1, 37, 19}, 4, 0.7);
  std::fill_n(mask.mutable_as<bool>() + (37 + 34) * 19, 19, false);  // row 1, query 34
  for (const bool zero : {false, true}) {
    graph::Attention op;
    op.zero_hidden = zero;
    const SimdCase c = {op, {&in.q, &in.k, &in.v, &mask}, {false, false, false, false}};
    expect_like_reference(simd_attention, c, 1e-5);
    expect_same_bits_in_any_batch(simd_attention, c);
    const Tensor scores = run_simd(simd_attention, c)[1];  // [3, 2, 37, 19]
    for (int64_t i = 0; i < 19; ++i) {
      EXPECT_NEAR(scores.as<float>()[(2 * 37 + 34) * 19 + i], zero ? 0.0f : 1 / 19.0f, 1e-6f);
    }
  }
}

// Whether query `t` has a NaN; the tensor is [outer, steps, ...].
bool has_nan(const Tensor& tensor, int64_t outer, int64_t steps, int64_t t) {
  const int64_t inner = tensor.num_elements() / (outer * steps);
  for (int64_t i = 0; i < outer; ++i) {
    const float* const at = tensor.as<float>() + (i * steps + t) * inner;
    if (std::any_of(at, at + inner, [](float value) { return std::isnan(value); })) return true;
  }
  return false;
}

TEST_P(SimdAttention, KeyThatIsNotFinite_ShowsOnlyWhereItIsSeen) {
  constexpr int64_t kSteps = 21, kSources = 23, kBad = 17;
  Inputs in({2, kSteps, kSources, 2, 1, 8, 8});
  in.q = random_floats({2, kSteps, 2, 8}, 1, 0.5, 2);  // an infinity keeps its sign
  Tensor hides_it = random_bools({2, 1, 1, kSources}, 4, 1.0);
  for (const int64_t row : {0, 1}) hides_it.mutable_as<bool>()[row * kSources + kBad] = false;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    Tensor k = rows_of(in.k, 0, 2);
    for (const int64_t row : {0, 1}) {
      k.mutable_as<float>()[(row * kSources + kBad) * 8 + 3] = bad;
    }
    enum Hidden { kNowhere, kByMask, kToEarlier, kBeyondWindow };
    for (const Hidden hidden : {kNowhere, kByMask, kToEarlier, kBeyondWindow}) {
      SCOPED_TRACE(fmt::format("{}, hidden in way {}", bad, static_cast<int>(hidden)));
      graph::Attention op;
      op.scale = 0.3f;
      op.causal = hidden == kToEarlier;
      op.window = hidden == kBeyondWindow ? 3 : 0;
      const SimdCase c = {op,
                          {&in.q, &k, &in.v, hidden == kByMask ? &hides_it : nullptr},
                          {false, false, false, false}};
      expect_like_reference(simd_attention, c, 1e-5);
      const std::vector<Tensor> got = run_simd(simd_attention, c);
      for (int64_t t = 0; t < kSteps; ++t) {
        const bool seen = hidden == kNowhere || (hidden == kToEarlier && t >= kBad) ||
                          (hidden == kBeyondWindow && std::abs(t - kBad) < 3);
        const bool spoils = seen && bad != -kInfinity;  // that key counts nothing
        EXPECT_EQ(has_nan(got[0], 2, kSteps, t), spoils) << "query " << t;
        EXPECT_EQ(has_nan(got[1], 4, kSteps, t), spoils) << "query " << t;
      }
    }
  }
}

// Products of one number each: `queries` of 1, and keys that are the scores.
struct GivenScores {
  GivenScores(int64_t queries, const std::vector<float>& scores)
      : q(random_floats({1, queries, 1, 1}, 1, 1, 1)),
        k(DType::kFloat32, {1, static_cast<int64_t>(scores.size()), 1, 1}),
        v(random_floats({1, static_cast<int64_t>(scores.size()), 1, 3}, 2)) {
    std::copy(scores.begin(), scores.end(), k.mutable_as<float>());
  }
  SimdCase with(const graph::Attention& op, const Tensor* mask = nullptr) const {
    return {op, {&q, &k, &v, mask}, {false, false, false, false}};
  }
  Tensor q, k, v;
};

TEST_P(SimdAttention, ScoresFarApart_GiveAllToTheLargest) {
  const GivenScores given(19, {-200, 90, 0, 300, -3e38f, 299, 211.5f, 300, 3, -1000});
  const graph::Attention op;
  expect_like_reference(simd_attention, given.with(op), 1e-6);
  const GivenScores low(19, {-4000, -3000, -3e38f, -3100, -3001});
  expect_like_reference(simd_attention, low.with(op), 1e-6);
}

TEST_P(SimdAttention, ScoresThatAreAllMinusInfinity_GiveNaN) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const GivenScores given(19, std::vector<float>(7, -kInfinity));
  graph::Attention op;
  expect_like_reference(simd_attention, given.with(op), 0);
  EXPECT_TRUE(std::isnan(run_simd(simd_attention, given.with(op))[0].as<float>()[0]));
  // A hidden one counts as much as its score.
  Tensor mask = random_bools({1, 1, 1, 7}, 3, 1.0);
  mask.mutable_as<bool>()[4] = false;
  expect_like_reference(simd_attention, given.with(op, &mask), 1e-6);
  op.hidden_score = -kInfinity;
  expect_like_reference(simd_attention, given.with(op, &mask), 0);
  const GivenScores some(19, {1, -kInfinity, 2, -kInfinity, 3});
  expect_like_reference(simd_attention, some.with(op), 1e-6);
}

TEST_P(SimdAttention, NaN_StaysInItsRow) {
  const Inputs in({7, 6, 18, 2, 2, 8, 8});
  const graph::Attention op;
  expect_nan_stays_in_its_row(simd_attention, {op, {&in.q, &in.k, &in.v}, {false, false, false}});
}

TEST_P(SimdAttention, UnwantedOutput_DoesNotChangeTheOther) {
  const Inputs in({2, 19, 64, 2, 2, 8, 8});
  const graph::Attention op;
  const std::vector<const Tensor*> inputs = {&in.q, &in.k, &in.v};
  const std::vector<Tensor> both = run_simd(simd_attention, {op, inputs, {false, false, false}});
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs, packed, {false, false, false});
  const KernelOffer offer = simd_attention(request);
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(offer.kernel->scratch_bytes())});
  packed.complete();
  for (const size_t wanted : {0, 1}) {
    Tensor result(DType::kFloat32, both[wanted].shape());
    std::fill_n(result.mutable_as<float>(), result.num_elements(), 7.0f);
    const void* sources[] = {in.q.data(), in.k.data(), in.v.data()};
    void* destinations[] = {nullptr, nullptr};
    destinations[wanted] = result.mutable_data();
    offer.kernel->run({sources, destinations, scratch.mutable_data()}, nullptr);
    EXPECT_EQ(std::memcmp(result.data(), both[wanted].data(), result.num_bytes()), 0)
        << "output " << wanted;
  }
}

}  // namespace
}  // namespace hornet::kernels
