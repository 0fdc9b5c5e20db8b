#include "kernels/onednn/kernels.h"

#include <gtest/gtest.h>

#include <cstring>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/pooling.h"
#include "kernels/threads.h"
#include "tensors.h"

namespace hornet::kernels {
namespace {

using graph::Conv;
using graph::MatMul;
using graph::Padding;
using graph::Pool;
using graph::PoolKind;
using graph::UnaryFunction;
using graph::UnaryKind;
using testing::ElementsAre;
using testing::HasSubstr;

// Values in [-1, 1) that look random.
Tensor noise(Shape shape, uint32_t seed = 1) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  uint32_t state = seed * 2654435761u + 12345;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    tensor.mutable_as<float>()[i] = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
  }
  return tensor;
}

Conv conv_2d(int64_t size, int64_t stride = 1, int64_t groups = 1) {
  Conv op;
  op.window = {{size, size}, {stride, stride}, {1, 1}, Padding::kSame, {}, {}};
  op.groups = groups;
  return op;
}

// Inputs of an operator, weights and bias constant.
struct Inputs {
  std::vector<const Tensor*> tensors;
  std::vector<bool> is_constant;
};

Inputs conv_inputs(const Tensor& x, const Tensor& w, const Tensor* bias = nullptr,
                   const Tensor* residual = nullptr) {
  return {{&x, &w, bias, residual}, {false, true, true, false}};
}

std::vector<float> run(KernelFactory factory, const graph::Op& op, const Inputs& inputs) {
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs.tensors, packed, inputs.is_constant);
  const KernelOffer offer = factory(request);
  EXPECT_EQ(offer.refusal, "");
  return offer.kernel == nullptr ? std::vector<float>()
                                 : values(run_kernel(*offer.kernel, request, inputs.tensors)[0]);
}

std::string refusal(KernelFactory factory, const graph::Op& op, const Inputs& inputs) {
  PackedWeights packed;
  return factory(make_request(op, inputs.tensors, packed, inputs.is_constant)).refusal;
}

void expect_close(const std::vector<float>& got, const std::vector<float>& expected,
                  double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const double e = static_cast<double>(expected[i]);
    ASSERT_NEAR(static_cast<double>(got[i]), e, tolerance * std::max(1.0, std::abs(e)))
        << "element " << i;
  }
}

class OneDnnActivation : public testing::TestWithParam<UnaryFunction> {};

// One channel and the kernel 1, so that the sum of products is exactly x and what is left is the
// function.
TEST_P(OneDnnActivation, AgreesWithTheReference) {
  constexpr int64_t kCells = 4001;
  Tensor x(DType::kFloat32, {1, kCells, 1});
  for (int64_t i = 0; i < kCells; ++i) {
    x.mutable_as<float>()[i] = static_cast<float>(i - kCells / 2) * 0.01f;
  }
  const Tensor w = array({1, 1, 1}, {1});
  Conv op;
  op.window = {{1}, {1}, {1}, Padding::kValid, {}, {}};
  op.epilogue.activation = GetParam();
  const Inputs inputs = conv_inputs(x, w);
  expect_close(run(onednn_conv, op, inputs), values(reference_result(op, inputs.tensors)), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(
    , OneDnnActivation,
    testing::Values(UnaryFunction{UnaryKind::relu}, UnaryFunction{UnaryKind::relu6},
                    UnaryFunction{UnaryKind::relu_general, 0.25f, kInf, 0},
                    UnaryFunction{UnaryKind::relu_general, 0, 2, 0},
                    UnaryFunction{UnaryKind::relu_general, 0.25f, 2, 1},
                    UnaryFunction{UnaryKind::leaky_relu, 0.3f}, UnaryFunction{UnaryKind::elu, 2},
                    UnaryFunction{UnaryKind::sigmoid}, UnaryFunction{UnaryKind::tanh},
                    UnaryFunction{UnaryKind::hard_sigmoid, 0.2f, 0.5f},
                    UnaryFunction{UnaryKind::hard_silu}, UnaryFunction{UnaryKind::silu},
                    UnaryFunction{UnaryKind::hard_tanh}, UnaryFunction{UnaryKind::gelu},
                    UnaryFunction{UnaryKind::gelu_tanh}, UnaryFunction{UnaryKind::softplus},
                    UnaryFunction{UnaryKind::mish}, UnaryFunction{UnaryKind::selu},
                    UnaryFunction{UnaryKind::abs}, UnaryFunction{UnaryKind::square},
                    UnaryFunction{UnaryKind::negative}, UnaryFunction{UnaryKind::scale, 2, 1},
                    UnaryFunction{UnaryKind::clip, -1, 2}),
    [](const testing::TestParamInfo<UnaryFunction>& function) {
      return std::string(graph::to_string(function.param.kind)) + std::to_string(function.index);
    });

// As in Keras: a row with a NaN must not look like one with a good prediction.
TEST(OneDnnConv, NanInTheImage_IsNanAfterTheActivation) {
  for (const UnaryFunction f :
       {UnaryFunction{UnaryKind::relu}, UnaryFunction{UnaryKind::relu6},
        UnaryFunction{UnaryKind::tanh}, UnaryFunction{UnaryKind::hard_sigmoid, 0.2f, 0.5f},
        UnaryFunction{UnaryKind::silu}}) {
    Conv op = conv_2d(3);
    op.epilogue.activation = f;
    Tensor x = noise({1, 3, 3, 2});
    x.mutable_as<float>()[8] = std::nanf("");  // in the middle: every window covers it
    const Tensor w = noise({3, 3, 2, 4}, 2);
    for (const float value : run(onednn_conv, op, conv_inputs(x, w))) {
      EXPECT_TRUE(std::isnan(value)) << f.to_string();
    }
  }
}

TEST(OneDnnConv, WindowsThatCoverPaddingAlone_AreRefused) {
  Conv op;
  op.window = {{1, 1}, {2, 2}, {1, 1}, Padding::kExplicit, {1, 0}, {0, 0}};
  const Tensor x = noise({8, 9, 1, 15}), w = noise({1, 1, 15, 30}, 2);
  EXPECT_THAT(refusal(onednn_conv, op, conv_inputs(x, w)),
              HasSubstr("a window that covers padding alone"));
}

TEST(OneDnnConv, Residual_IsAddedBeforeTheActivationWhereverItLies) {
  Conv op = conv_2d(3);
  op.epilogue.activation = {UnaryKind::relu};
  const Tensor x = noise({2, 5, 5, 3}), w = noise({3, 3, 3, 4}, 2), bias = noise({4}, 3);
  const Tensor residual = noise({2, 5, 5, 4}, 4);
  const Inputs inputs = conv_inputs(x, w, &bias, &residual);
  const std::vector<float> expected = values(reference_result(op, inputs.tensors));
  expect_close(run(onednn_conv, op, inputs), expected, 1e-5);

  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs.tensors, packed, inputs.is_constant);
  const auto kernel = onednn_conv(request).kernel;
  ASSERT_EQ(kernel->in_place_output(3), 0);
  Tensor shared = noise({2, 5, 5, 4}, 4), scratch(DType::kUInt8, {1 << 20});
  ASSERT_LE(kernel->scratch_bytes(), scratch.num_bytes());
  const std::vector<const void*> sources = {x.data(), nullptr, bias.data(), shared.data()};
  void* destination = shared.mutable_data();
  const auto state = kernel->make_state();
  packed.complete();
  kernel->run({sources, {&destination, 1}, scratch.mutable_data()}, state.get());
  expect_close(values(shared), expected, 1e-5);
}

TEST(OneDnnConv, ActivationWithoutPostOperation_FollowsTheResidual) {
  Conv op = conv_2d(3);
  op.epilogue.activation = {UnaryKind::softplus};
  const Tensor x = noise({2, 5, 5, 3}), w = noise({3, 3, 3, 4}, 2), residual = noise({2, 5, 5, 4});
  const Inputs inputs = conv_inputs(x, w, nullptr, &residual);
  expect_close(run(onednn_conv, op, inputs), values(reference_result(op, inputs.tensors)), 1e-5);
}

TEST(OneDnnConv, State_FollowsNewAddresses) {
  const Conv op = conv_2d(3);
  const Tensor first = noise({1, 6, 6, 8}, 1), second = noise({1, 6, 6, 8}, 2);
  const Tensor w = noise({3, 3, 8, 8}, 3);
  const Inputs inputs = conv_inputs(first, w);
  PackedWeights packed;
  const KernelRequest request = make_request(op, inputs.tensors, packed, inputs.is_constant);
  const auto kernel = onednn_conv(request).kernel;
  const auto state = kernel->make_state();
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(kernel->scratch_bytes())});
  for (const Tensor* x : {&first, &second, &first}) {
    Tensor y(DType::kFloat32, {1, 6, 6, 8});
    const std::vector<const void*> sources = {x->data(), nullptr, nullptr, nullptr};
    void* destination = y.mutable_data();
    packed.complete();
    kernel->run({sources, {&destination, 1}, scratch.mutable_data()}, state.get());
    expect_close(values(y), values(reference_result(op, {x, &w, nullptr, nullptr})), 1e-5);
  }
}

TEST(OneDnnConv, BatchSizes_ShareThePackedKernel) {
  const Conv op = conv_2d(3);
  const Tensor w = noise({3, 3, 17, 40});
  PackedWeights packed;
  size_t bytes = 0;
  for (const int64_t rows : {1, 2, 8, 32}) {
    const Tensor x = noise({rows, 14, 14, 17});
    const Inputs inputs = conv_inputs(x, w);
    ASSERT_EQ(onednn_conv(make_request(op, inputs.tensors, packed, inputs.is_constant)).refusal,
              "");
    if (bytes == 0) bytes = packed.total_bytes();
    EXPECT_EQ(packed.total_bytes(), bytes) << rows << " rows";
  }
  EXPECT_FALSE(onednn_conv(make_request(op, conv_inputs(noise({1, 14, 14, 17}), w).tensors, packed,
                                        {false, true, true, false}))
                   .kernel->needs_input(1));
}

// Without AVX-512 oneDNN takes these for several rows and not for one.
TEST(OneDnnConv, BatchSizes_AreTakenAlike) {
  Conv op;
  op.window = {{5, 5}, {1, 1}, {2, 3}, Padding::kExplicit, {1, 8}, {8, 10}};
  const Tensor w = noise({5, 5, 19, 7}, 2);
  const auto is_taken = [&](int64_t rows) {
    const Tensor x = noise({rows, 17, 16, 19});
    PackedWeights packed;
    const Inputs inputs = conv_inputs(x, w);
    return onednn_conv(make_request(op, inputs.tensors, packed, inputs.is_constant)).kernel !=
           nullptr;
  };
  for (const int64_t rows : {2, 3, 8, 32}) EXPECT_EQ(is_taken(rows), is_taken(1)) << rows;
}

TEST(OneDnnConv, ComputedKernelOrNoRows_AreRefused) {
  const Tensor x = noise({1, 4, 4, 2}), w = noise({3, 3, 2, 2}), none = noise({0, 4, 4, 2});
  EXPECT_THAT(refusal(onednn_conv, conv_2d(3), {{&x, &w}, {false, false}}),
              HasSubstr("the kernel is not a constant"));
  EXPECT_THAT(refusal(onednn_conv, conv_2d(3), conv_inputs(none, w)), HasSubstr("no elements"));
}

TEST(OneDnnPool, SamePadding_DoesNotCount) {
  Pool op;
  op.kind = PoolKind::kAverage;
  op.window = {{3, 2}, {2, 2}, {1, 1}, Padding::kSame, {}, {}};
  const Tensor x = noise({2, 6, 7, 5});
  const Inputs inputs = {{&x}, {false}};
  expect_close(run(onednn_pool, op, inputs), values(reference_result(op, {&x})), 1e-6);
}

TEST(OneDnnPool, Maxima_AreRefused) {
  Pool op;
  op.window = {{2}, {1}, {1}, Padding::kValid, {}, {}};
  const Tensor x = noise({1, 4, 1});
  EXPECT_THAT(refusal(onednn_pool, op, {{&x}, {false}}), HasSubstr("they leave NaN out"));
}

TEST(OneDnnPool, WindowsInThePadding_AreRefused) {
  Pool op;
  op.kind = PoolKind::kAverage;
  op.window = {{2}, {1}, {1}, Padding::kExplicit, {2}, {0}};
  const Tensor x = noise({1, 4, 1});
  EXPECT_THAT(refusal(onednn_pool, op, {{&x}, {false}}), HasSubstr("without a real cell"));
}

TEST(OneDnnMatMul, BatchAsADimensionOfTheProduct_IsRefused) {
  const Tensor a = noise({4, 3}), b = noise({3, 5}), c = noise({2, 3, 5});
  EXPECT_THAT(refusal(onednn_matmul, MatMul(false, false), {{&a, &b}, {false, false}}),
              HasSubstr("the batch is a dimension"));
  EXPECT_THAT(refusal(onednn_matmul, MatMul(false, false), {{&a, &c}, {false, false}}),
              HasSubstr("the batch is a dimension"));
  EXPECT_EQ(refusal(onednn_matmul, MatMul(false, false), {{&a, &c}, {true, false}}), "");
}

TEST(OneDnnMatMul, BroadcastSlices_AreMultipliedOneByOne) {
  const Tensor a = noise({3, 1, 4, 5}), b = noise({2, 6, 5}, 2);
  const MatMul op(false, true);
  const Inputs inputs = {{&a, &b}, {false, true}};
  expect_close(run(onednn_matmul, op, inputs), values(reference_result(op, inputs.tensors)), 1e-6);
}

// What design.md builds on: the bits of a row do not depend on its batch. True for the oneDNN and
// the processor at hand, or these fail.
class OneDnnFacts : public testing::Test {
 protected:
  static void expect_same_rows(KernelFactory factory, const graph::Op& op, const Tensor& x,
                               const Tensor* w, bool constant) {
    const Inputs all = {{&x, w}, {false, constant}};
    const std::vector<float> expected = run(factory, op, all);
    const int64_t num_rows = x.shape()[0];
    const size_t row = expected.size() / static_cast<size_t>(num_rows);
    for (const int64_t count : {1, 2, 3, 8}) {
      for (int64_t first = 0; first + count <= num_rows; first += count) {
        const Tensor part = rows(x, first, count);
        const Tensor other = constant || w == nullptr ? Tensor() : rows(*w, first, count);
        const Inputs some = {{&part, w == nullptr ? nullptr
                                     : constant   ? w
                                                  : &other},
                             {false, constant}};
        const std::vector<float> got = run(factory, op, some);
        ASSERT_EQ(0, std::memcmp(got.data(), expected.data() + static_cast<size_t>(first) * row,
                                 got.size() * sizeof(float)))
            << count << " rows from row " << first;
      }
    }
  }
  static Tensor rows(const Tensor& tensor, int64_t first, int64_t count) {
    Shape shape = tensor.shape();
    const int64_t row = tensor.num_elements() / shape[0];
    shape[0] = count;
    Tensor part(DType::kFloat32, shape);
    std::memcpy(part.mutable_data(), tensor.as<float>() + first * row, part.num_bytes());
    return part;
  }
};

TEST_F(OneDnnFacts, ConvolutionRows_HaveTheSameBitsInAnyBatch) {
  struct Sizes {
    int64_t size, stride, groups, in, out, cells;
  };
  for (const Sizes& s :
       {Sizes{3, 1, 1, 64, 64, 14}, Sizes{3, 2, 1, 17, 40, 15}, Sizes{7, 2, 1, 3, 64, 33},
        Sizes{1, 1, 1, 96, 24, 7}, Sizes{3, 1, 40, 40, 40, 14}, Sizes{5, 2, 17, 17, 17, 13},
        Sizes{3, 1, 2, 34, 80, 7}, Sizes{3, 1, 1, 512, 64, 7}, Sizes{3, 1, 5, 5, 15, 9},
        Sizes{3, 1, 1, 3, 5, 8}}) {
    SCOPED_TRACE(testing::Message() << s.size << "x" << s.size << " " << s.in << "->" << s.out);
    const Tensor w = noise({s.size, s.size, s.in / s.groups, s.out}, 2);
    expect_same_rows(onednn_conv, conv_2d(s.size, s.stride, s.groups),
                     noise({8, s.cells, s.cells, s.in}), &w, true);
  }
}

TEST_F(OneDnnFacts, OneDimensionalConvolutionRows_HaveTheSameBitsInAnyBatch) {
  for (const int64_t size : {1, 3, 5}) {
    Conv op;
    op.window = {{size}, {1}, {1}, Padding::kCausal, {}, {}};
    const Tensor w = noise({size, 17, 40}, 2);
    expect_same_rows(onednn_conv, op, noise({8, 50, 17}), &w, true);
  }
}

TEST_F(OneDnnFacts, MatMulSlices_HaveTheSameBitsInAnyBatch) {
  struct Sizes {
    int64_t heads, m, k, n;
  };
  for (const Sizes& s : {Sizes{1, 1, 64, 64}, Sizes{4, 50, 32, 50}, Sizes{8, 128, 64, 128},
                         Sizes{3, 17, 9, 1}, Sizes{2, 33, 100, 5}}) {
    SCOPED_TRACE(testing::Message() << s.m << "x" << s.k << "x" << s.n);
    const Tensor b = noise({8, s.heads, s.n, s.k}, 2);
    expect_same_rows(onednn_matmul, MatMul(false, true), noise({8, s.heads, s.m, s.k}), &b, false);
  }
}

}  // namespace
}  // namespace hornet::kernels
