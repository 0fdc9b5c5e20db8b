#include "graph/ops/pooling.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::Padding;

class SimdMaxPool : public SimdTest {};
HORNET_SIMD_TESTS(SimdMaxPool);

graph::Pool max_pool(std::vector<int64_t> size, std::vector<int64_t> strides, Padding padding) {
  graph::Pool op;
  op.window.dilations.assign(size.size(), 1);
  op.window.size = std::move(size);
  op.window.strides = std::move(strides);
  op.window.padding = padding;
  return op;
}

TEST_P(SimdMaxPool, AnyRankAndPadding_IsAsTheReference) {
  for (const Padding padding : {Padding::kValid, Padding::kSame}) {
    const Tensor line = random_floats({3, 11, 7}, 1, -2, -1);
    expect_like_reference(simd_max_pool, {max_pool({3}, {2}, padding), {&line}, {false}}, 0);
    const Tensor image = random_floats({2, 9, 8, 33}, 2, -2, -1);
    expect_like_reference(simd_max_pool, {max_pool({3, 2}, {2, 1}, padding), {&image}, {false}}, 0);
    const Tensor volume = random_floats({2, 5, 4, 6, 16}, 3, -2, -1);
    expect_like_reference(simd_max_pool,
                          {max_pool({2, 3, 2}, {1, 2, 3}, padding), {&volume}, {false}}, 0);
  }
}

TEST_P(SimdMaxPool, PaddingOfItsOwn_IsLeftOut) {
  graph::Pool op = max_pool({3, 3}, {2, 2}, Padding::kExplicit);
  op.window.pads_begin = {1, 2};
  op.window.pads_end = {2, 0};
  const Tensor image = random_floats({2, 9, 8, 5}, 2, -2, -1);
  expect_like_reference(simd_max_pool, {op, {&image}, {false}}, 0);
}

TEST_P(SimdMaxPool, NanInAnyCell_IsTheMaximum) {
  const graph::Pool op = max_pool({3, 3}, {3, 3}, Padding::kValid);
  for (int64_t cell = 0; cell < 9; ++cell) {
    Tensor x = random_floats({1, 3, 3, 20}, 1);
    x.mutable_as<float>()[cell * 20 + 17] = std::nanf("");
    const Tensor y = run_simd(simd_max_pool, {op, {&x}, {false}})[0];
    for (int64_t c = 0; c < 20; ++c) EXPECT_EQ(std::isnan(y.as<float>()[c]), c == 17) << cell;
  }
}

TEST_P(SimdMaxPool, Rows_HaveTheSameBitsInAnyBatch) {
  const Tensor x = random_floats({5, 7, 6, 19}, 1);
  expect_same_bits_in_any_batch(simd_max_pool,
                                {max_pool({2, 2}, {2, 2}, Padding::kSame), {&x}, {false}});
}

}  // namespace
}  // namespace hornet::kernels
