// Weights that kernels multiply by a factor a column while they pack them: the bytes are those of
// weights that were multiplied before.
#include <fmt/format.h>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "kernels/onednn/kernels.h"
#include "kernels/simd/kernels.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

class SimdScaledWeights : public SimdTest {};
HORNET_SIMD_TESTS(SimdScaledWeights);

// A factor for each of `count` filters, whose weights are `inner` neighbours.
void expect_bytes_of_products(KernelFactory factory, const graph::Op& op, const Tensor& x,
                              const Tensor& w, int64_t count, int64_t inner = 1) {
  const Tensor factors = random_floats({count}, 3, 0.5f, 2);
  std::vector<float> line;
  for (int64_t i = 0; i < count * inner; ++i) line.push_back(factors.as<float>()[i / inner]);
  const graph::Constant scaled(w, line);
  const SimdCase products = {op, {&x, &scaled.tensor()}, {false, true}};
  const Tensor expected = run_simd(factory, products).at(0);
  PackedWeights packed;
  KernelRequest request = make_request(op, products.inputs, packed, products.is_constant);
  request.constants[1] = graph::Constant(w, scaled.line());
  const KernelOffer offer = factory(request);
  ASSERT_NE(offer.kernel, nullptr) << offer.refusal;
  const Tensor got = run_kernel(*offer.kernel, request, products.inputs).at(0);
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), expected.num_bytes()), 0)
      << op.name() << " " << op.attributes() << ", weights " << to_string(w.shape());
}

TEST_P(SimdScaledWeights, OfProducts_AreMultipliedOnTheWay) {
  for (const int64_t k : {1, 9, 70}) {
    for (const int64_t n : {1, 2, 3, 4, 16, 31, 33, 80}) {
      expect_bytes_of_products(simd_contraction, graph::Contraction(), random_floats({5, k}, 1),
                               random_floats({k, n}, 2), n);
    }
  }
}

graph::Conv convolution(int64_t size) {
  graph::Conv op;
  op.window.size = {size, size};
  op.window.strides = op.window.dilations = {1, 1};
  op.window.padding = graph::Padding::kSame;
  return op;
}

TEST_P(SimdScaledWeights, OfConvolutions_AreMultipliedOnTheWay) {
  for (const int64_t channels : {16, 19, 40}) {
    for (const int64_t filters : {16, 21, 70}) {
      const Tensor x = random_floats({2, 18, 15, channels}, 1);
      const Tensor one = random_floats({1, 1, channels, filters}, 2);
      const Tensor three = random_floats({3, 3, channels, filters}, 2);
      expect_bytes_of_products(simd_conv_1x1, convolution(1), x, one, filters);
      expect_bytes_of_products(simd_conv_winograd, convolution(3), x, three, filters);
      expect_bytes_of_products(simd_conv_direct, convolution(3), x, three, filters);
    }
  }
}

TEST_P(SimdScaledWeights, OfTransposedConvolutions_AreMultipliedOnTheWay) {
  constexpr int64_t kChannels = 21, kFilters = 35;
  for (const int64_t stride : {1, 2}) {
    graph::ConvTranspose op;
    op.window.size = {2, 2};
    op.window.strides = {stride, stride};
    op.window.dilations = {1, 1};
    expect_bytes_of_products(simd_conv_transpose, op, random_floats({2, 5, 7, kChannels}, 1),
                             random_floats({2, 2, kFilters, kChannels}, 2), kFilters, kChannels);
  }
}

TEST_P(SimdScaledWeights, OfGroups_AreMultipliedBefore) {
  graph::Conv op = convolution(3);
  op.groups = 4;
  expect_bytes_of_products(onednn_conv, op, random_floats({2, 9, 9, 32}, 1),
                           random_floats({3, 3, 8, 32}, 2), 32);
}

}  // namespace
}  // namespace hornet::kernels
