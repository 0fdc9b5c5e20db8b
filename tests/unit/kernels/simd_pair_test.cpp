#include <fmt/format.h>

#include <algorithm>

#include "graph/ops/convolution.h"
#include "graph/ops/elementwise.h"
#include "graph/ops/reduction.h"
#include "kernels/pair.h"
#include "unit/kernels/simd_test.h"

namespace hornet::kernels {
namespace {

using graph::BinaryKind;
using graph::UnaryFunction;
using graph::UnaryKind;

class SimdPair : public SimdTest {};
HORNET_SIMD_TESTS(SimdPair);

// Two operators, each with its inputs and which of them are constants; the second has the result of
// the first in front of them.
struct Pair {
  SimdCase first, second;
  bool keeps_first = false;
  std::optional<graph::Constant> first_weights = {};  // in the place of input 1 of the first
};

// The result of the second and, where it is kept, that of the first; nothing without a kernel.
std::vector<Tensor> run_pair(const Pair& pair) {
  PackedWeights packed;
  KernelRequest first =
      make_request(pair.first.op, pair.first.inputs, packed, pair.first.is_constant);
  if (pair.first_weights) first.constants[1] = pair.first_weights;
  const Tensor middle(DType::kFloat32, first.outputs[0].shape);
  std::vector<const Tensor*> second_inputs = {&middle};
  second_inputs.insert(second_inputs.end(), pair.second.inputs.begin(), pair.second.inputs.end());
  std::vector<bool> second_constants = {false};
  second_constants.insert(second_constants.end(), pair.second.is_constant.begin(),
                          pair.second.is_constant.end());
  const KernelRequest second =
      make_request(pair.second.op, second_inputs, packed, second_constants);
  const std::unique_ptr<Kernel> kernel = choose_pair_kernel(first, second, pair.keeps_first, {});
  packed.complete();
  if (kernel == nullptr) return {};
  std::vector<const void*> inputs;
  const auto add = [&](const Tensor* input) {
    const bool read = input != nullptr && kernel->needs_input(inputs.size());
    inputs.push_back(read ? input->data() : nullptr);
  };
  for (size_t i = 0; i < kFirstInputsOfPair; ++i) {
    add(i < pair.first.inputs.size() ? pair.first.inputs[i] : nullptr);
  }
  for (const Tensor* input : pair.second.inputs) add(input);
  std::vector<Tensor> results = {Tensor(DType::kFloat32, second.outputs[0].shape)};
  if (pair.keeps_first) results.emplace_back(DType::kFloat32, first.outputs[0].shape);
  std::vector<void*> outputs;
  for (Tensor& result : results) {
    std::fill_n(result.mutable_as<float>(), result.num_elements(), 7.0f);
    outputs.push_back(result.mutable_data());
  }
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(kernel->scratch_bytes())});
  kernel->run({inputs, outputs, scratch.mutable_data()}, nullptr);
  return results;
}

// As one after the other, and a row of its own has the same bits.
void expect_like_both(const Pair& pair) {
  const std::vector<Tensor> got = run_pair(pair);
  ASSERT_EQ(got.size(), pair.keeps_first ? 2u : 1u);
  const Tensor middle = evaluate(pair.first.op, pair.first.inputs, true)[0];
  std::vector<const Tensor*> second_inputs = {&middle};
  second_inputs.insert(second_inputs.end(), pair.second.inputs.begin(), pair.second.inputs.end());
  expect_near(got[0], evaluate(pair.second.op, second_inputs, true)[0], 1e-5);
  if (pair.keeps_first) expect_near(got[1], middle, 1e-5);

  const int64_t num_rows = pair.first.inputs[0]->shape()[0];
  for (int64_t row = 0; row < num_rows; ++row) {
    Pair alone = pair;
    std::vector<Tensor> parts;
    parts.reserve(pair.first.inputs.size() + pair.second.inputs.size());
    for (SimdCase* side : {&alone.first, &alone.second}) {
      for (size_t i = 0; i < side->inputs.size(); ++i) {
        if (side->inputs[i] == nullptr || side->is_constant[i]) continue;
        parts.push_back(rows_of(*side->inputs[i], row, 1));
        side->inputs[i] = &parts.back();
      }
    }
    const std::vector<Tensor> one = run_pair(alone);
    ASSERT_EQ(one.size(), got.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const Tensor expected = rows_of(got[i], row, 1);
      EXPECT_EQ(std::memcmp(one[i].data(), expected.data(), expected.num_bytes()), 0)
          << "output " << i << ", row " << row;
    }
  }
}

void expect_same_bytes(const Tensor& got, const Tensor& expected) {
  ASSERT_EQ(got.shape(), expected.shape());
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), expected.num_bytes()), 0);
}

// One NaN in a row of input `input` of the first goes where it goes one after the other, and to no
// other row.
void expect_nan_like_both(const Pair& pair, size_t input) {
  const std::vector<Tensor> good = run_pair(pair);
  ASSERT_EQ(good.size(), pair.keeps_first ? 2u : 1u);
  const int64_t num_rows = pair.first.inputs[input]->shape()[0], bad = num_rows / 2;
  Tensor with_nan = rows_of(*pair.first.inputs[input], 0, num_rows);
  const int64_t row_floats = with_nan.num_elements() / num_rows;
  with_nan.mutable_as<float>()[bad * row_floats + row_floats / 2] = std::nanf("");
  Pair changed = pair;
  changed.first.inputs[input] = &with_nan;
  const std::vector<Tensor> got = run_pair(changed);
  const Tensor middle = evaluate(pair.first.op, changed.first.inputs, false)[0];
  std::vector<const Tensor*> second_inputs = {&middle};
  second_inputs.insert(second_inputs.end(), pair.second.inputs.begin(), pair.second.inputs.end());
  const Tensor last = evaluate(pair.second.op, second_inputs, false)[0];
  for (size_t i = 0; i < got.size(); ++i) {
    for (int64_t row = 0; row < num_rows; ++row) {
      SCOPED_TRACE(fmt::format("output {}, row {}", i, row));
      const Tensor one = rows_of(got[i], row, 1);
      if (row == bad) {
        const float* const floats = one.as<float>();
        EXPECT_TRUE(std::any_of(floats, floats + one.num_elements(),
                                [](float value) { return std::isnan(value); }));
        expect_near(one, rows_of(i == 0 ? last : middle, row, 1), 1e-6);
      } else {
        expect_same_bytes(one, rows_of(good[i], row, 1));
      }
    }
  }
}

graph::Conv conv(std::vector<int64_t> size, std::vector<int64_t> strides, UnaryFunction f = {}) {
  graph::Conv op;
  op.window.dilations.assign(size.size(), 1);
  op.window.size = std::move(size);
  op.window.strides = std::move(strides);
  op.window.padding = graph::Padding::kSame;
  op.epilogue.activation = f;
  return op;
}

TEST_P(SimdPair, OneByOneAndDepthwise_AreAsOneAfterTheOther) {
  for (const int64_t stride : {1, 2}) {
    const graph::Conv expand = conv({1, 1}, {1, 1}, {UnaryKind::relu6});
    graph::Conv depthwise =
        conv({3, 3}, {stride, stride}, {stride == 1 ? UnaryKind::silu : UnaryKind::relu});
    depthwise.groups = 70;
    const Tensor x = random_floats({2, 83, 91, 5}, 1);
    const Tensor w = random_floats({1, 1, 5, 70}, 2), b = random_floats({70}, 3);
    const Tensor v = random_floats({3, 3, 1, 70}, 4), c = random_floats({70}, 5);
    const Pair pair = {{expand, {&x, &w, &b}, {false, true, true}},
                       {depthwise, {&v, &c}, {true, true}}};
    expect_like_both(pair);
    Pair kept = pair;
    kept.keeps_first = true;
    EXPECT_TRUE(run_pair(kept).empty());
    // Weights that wait for factors.
    const graph::Constant scaled(w, std::vector<float>(b.as<float>(), b.as<float>() + 70));
    Pair products = pair, on_the_way = pair;
    products.first.inputs[1] = on_the_way.first.inputs[1] = &scaled.tensor();
    on_the_way.first_weights = graph::Constant(w, scaled.line());
    expect_same_bytes(run_pair(on_the_way).at(0), run_pair(products).at(0));
  }
}

TEST_P(SimdPair, OneByOneAndDepthwiseWithGaps_AreAsOneAfterTheOther) {
  struct Gaps {
    int64_t size, dilation, pad;  // -1: "same"
  };
  const graph::Conv expand = conv({1, 1}, {1, 1});
  const Tensor x = random_floats({1, 93, 91, 3}, 1), w = random_floats({1, 1, 3, 64}, 2);
  for (const Gaps& gaps :
       {Gaps{2, 2, -1}, {4, 2, -1}, {3, 2, 1}, {3, 3, 2}, {2, 5, 3}, {3, 2, 40}}) {
    const Tensor v = random_floats({gaps.size, gaps.size, 1, 64}, 3);
    graph::Conv depthwise = conv({gaps.size, gaps.size}, {1, 1});
    depthwise.groups = 64;
    depthwise.window.dilations = {gaps.dilation, gaps.dilation};
    if (gaps.pad >= 0) {
      depthwise.window.padding = graph::Padding::kExplicit;
      depthwise.window.pads_begin = {gaps.pad, 1};
      depthwise.window.pads_end = {1, gaps.pad};
    }
    SCOPED_TRACE(
        fmt::format("size {}, dilation {}, padding {}", gaps.size, gaps.dilation, gaps.pad));
    expect_like_both({{expand, {&x, &w}, {false, true}}, {depthwise, {&v}, {true}}});
  }
}

TEST_P(SimdPair, DepthwiseAndMean_AreAsOneAfterTheOther) {
  const Shape shapes[] = {{2, 9, 13, 35},
                          {3, 1, 1, 5},
                          {2, 40, 41, 16},
                          {2, 7, 7, 130},
                          {2, 40, 41, 130}};  // blocks of 64, 64 and 2 channels
  for (const Shape& shape : shapes) {
    for (const int64_t stride : {1, 2}) {
      for (const UnaryKind f : {UnaryKind::silu, UnaryKind::relu, UnaryKind::identity}) {
        graph::Conv depthwise = conv({3, 3}, {stride, stride}, {f});
        depthwise.groups = shape.back();
        const Tensor x = random_floats(shape, 1), w = random_floats({3, 3, 1, shape.back()}, 2);
        const Tensor b = random_floats({shape.back()}, 3);
        SCOPED_TRACE(fmt::format("{} stride {}", to_string(shape), stride));
        for (const bool keepdims : {false, true}) {
          const graph::Reduce mean(graph::ReduceKind::mean, {1, 2}, keepdims);
          expect_like_both({{depthwise, {&x, &w, &b}, {false, true, true}}, {mean, {}, {}}, true});
        }
      }
    }
  }
  graph::Conv line = conv({3}, {1});
  line.groups = 20;
  const Tensor x = random_floats({3, 11, 20}, 1), w = random_floats({3, 1, 20}, 2);
  const graph::Reduce mean(graph::ReduceKind::mean, {1}, false);
  expect_like_both({{line, {&x, &w}, {false, true}}, {mean, {}, {}}, true});
}

TEST_P(SimdPair, DepthwiseAndMean_GiveTheImagesOfDepthwiseAlone) {
  graph::Conv depthwise = conv({3, 3}, {1, 1}, {UnaryKind::silu});
  depthwise.groups = 130;
  const Tensor x = random_floats({2, 40, 41, 130}, 1), w = random_floats({3, 3, 1, 130}, 2);
  const SimdCase first = {depthwise, {&x, &w}, {false, true}};
  const graph::Reduce mean(graph::ReduceKind::mean, {1, 2}, false);
  const std::vector<Tensor> got = run_pair({first, {mean, {}, {}}, true});
  ASSERT_EQ(got.size(), 2u);
  expect_same_bytes(got[1], evaluate(depthwise, first.inputs, false)[0]);
}

TEST_P(SimdPair, OtherReductionsAndResiduals_AreLeftAlone) {
  graph::Conv depthwise = conv({3, 3}, {1, 1});
  depthwise.groups = 20;
  const Tensor x = random_floats({2, 5, 6, 20}, 1), w = random_floats({3, 3, 1, 20}, 2);
  using graph::Reduce;
  using graph::ReduceKind;
  const SimdCase first = {depthwise, {&x, &w}, {false, true}};
  for (const Reduce& op :
       {Reduce(ReduceKind::max, {1, 2}, false), Reduce(ReduceKind::mean, {1}, false),
        Reduce(ReduceKind::mean, {1, 2, 3}, false)}) {
    EXPECT_TRUE(run_pair({first, {op, {}, {}}, true}).empty()) << op.attributes();
  }
  const Reduce mean(ReduceKind::mean, {1, 2}, false);
  EXPECT_TRUE(run_pair({first, {mean, {}, {}}, false}).empty());
  const SimdCase added = {depthwise, {&x, &w, nullptr, &x}, {false, true, false, false}};
  EXPECT_TRUE(run_pair({added, {mean, {}, {}}, true}).empty());
}

TEST_P(SimdPair, FactorsAndOneByOne_AreAsOneAfterTheOther) {
  const graph::Binary multiply(BinaryKind::multiply);
  for (const Shape& shape : {Shape{2, 57, 61, 20}, Shape{2, 1700, 40}, Shape{1, 260, 260, 1}}) {
    Shape factors(shape.size(), 1);
    factors.front() = shape.front();
    factors.back() = shape.back();
    const Tensor x = random_floats(shape, 1), gate = random_floats(factors, 2);
    for (const int64_t filters : {3, 37}) {
      Shape weights(shape.size() - 2, 1);
      const graph::Conv project = conv(weights, weights, {UnaryKind::relu});
      weights.insert(weights.end(), {shape.back(), filters});
      const Tensor w = random_floats(weights, 3), b = random_floats({filters}, 4);
      Shape y = shape;
      y.back() = filters;
      const Tensor residual = random_floats(y, 5);
      SCOPED_TRACE(fmt::format("{} to {}", to_string(shape), filters));
      const SimdCase second = {project, {&w, &b, &residual}, {true, true, false}};
      expect_like_both({{multiply, {&x, &gate}, {false, false}}, second});
      expect_like_both({{multiply, {&gate, &x}, {false, false}}, second});
      expect_like_both({{multiply, {&x, &gate}, {false, false}}, {project, {&w}, {true}}});
    }
  }
}

// So many that the cells at once are those of the floor.
TEST_P(SimdPair, FactorsOfManyChannelsAndOneByOne_AreAsOneAfterTheOther) {
  const graph::Binary multiply(BinaryKind::multiply);
  const struct {
    Shape x;
    int64_t filters;
  } cases[] = {{{2, 18, 17, 220}, 148}, {{2, 9, 8, 1024}, 31}, {{3, 29, 6500}, 5}};
  for (const auto& [shape, filters] : cases) {
    Shape factors(shape.size(), 1), y = shape;
    factors.front() = shape.front();
    factors.back() = shape.back();
    y.back() = filters;
    Shape weights(shape.size() - 2, 1);
    const graph::Conv project = conv(weights, weights);
    weights.insert(weights.end(), {shape.back(), filters});
    const Tensor x = random_floats(shape, 1), gate = random_floats(factors, 2);
    const Tensor w = random_floats(weights, 3, -0.1f, 0.1f), residual = random_floats(y, 4);
    SCOPED_TRACE(fmt::format("{} to {}", to_string(shape), filters));
    expect_like_both({{multiply, {&x, &gate}, {false, false}},
                      {project, {&w, nullptr, &residual}, {true, false, false}}});
  }
}

TEST_P(SimdPair, NaN_StaysInItsRow) {
  graph::Conv depthwise = conv({3, 3}, {1, 1}, {UnaryKind::relu6});
  depthwise.groups = 70;
  const Tensor v = random_floats({3, 3, 1, 70}, 1);
  {
    SCOPED_TRACE("1x1 and depthwise");
    const graph::Conv expand = conv({1, 1}, {1, 1}, {UnaryKind::relu});
    const Tensor x = random_floats({3, 83, 91, 5}, 2), w = random_floats({1, 1, 5, 70}, 3);
    expect_nan_like_both({{expand, {&x, &w}, {false, true}}, {depthwise, {&v}, {true}}}, 0);
  }
  {
    SCOPED_TRACE("depthwise and mean");
    const Tensor x = random_floats({3, 11, 12, 70}, 2);
    const graph::Reduce mean(graph::ReduceKind::mean, {1, 2}, false);
    expect_nan_like_both({{depthwise, {&x, &v}, {false, true}}, {mean, {}, {}}, true}, 0);
  }
  const graph::Binary multiply(BinaryKind::multiply);
  const graph::Conv project = conv({1, 1}, {1, 1}, {UnaryKind::silu});
  const Tensor x = random_floats({3, 57, 61, 20}, 2), gate = random_floats({3, 1, 1, 20}, 3);
  const Tensor w = random_floats({1, 1, 20, 37}, 4), residual = random_floats({3, 57, 61, 37}, 5);
  for (const size_t input : {0, 1}) {
    SCOPED_TRACE(fmt::format("factors and 1x1, NaN in factor {}", input));
    expect_nan_like_both({{multiply, {&x, &gate}, {false, false}},
                          {project, {&w, nullptr, &residual}, {true, false, false}}},
                         input);
  }
}

TEST_P(SimdPair, TwoBinaries_GiveTheBitsOfOneAfterTheOther) {
  const BinaryKind kinds[] = {BinaryKind::multiply, BinaryKind::add, BinaryKind::subtract,
                              BinaryKind::divide};
  for (const int64_t channels : {1, 3, 17, 64, 2048, 3000}) {
    const Tensor x = random_floats({3, 5, channels}, 1);
    const Tensor each = random_floats({channels}, 2, 0.5f, 2),
                 shift = random_floats({1, 1, channels}, 3);
    const Tensor one = random_floats({}, 4, 0.5f, 2);
    for (const BinaryKind kind : kinds) {
      for (const UnaryKind f : {UnaryKind::identity, UnaryKind::relu, UnaryKind::silu}) {
        for (const Tensor* other : {&each, &one}) {
          for (const bool backwards : {false, true}) {
            const graph::Binary first(kind, UnaryFunction{f}), second(BinaryKind::add, {f});
            const std::vector<const Tensor*> operands =
                backwards ? std::vector<const Tensor*>{other, &x} : std::vector{&x, other};
            const std::vector<bool> constants = {backwards, !backwards};
            SCOPED_TRACE(fmt::format("{} channels, {} backwards {}", channels,
                                     graph::to_string(kind), backwards));
            const std::vector<Tensor> got =
                run_pair({{first, operands, constants}, {second, {&shift}, {true}}});
            ASSERT_EQ(got.size(), 1u);
            const Tensor middle = evaluate(first, operands, false)[0];
            expect_same_bytes(got[0], evaluate(second, {&middle, &shift}, false)[0]);
          }
        }
      }
    }
  }
}

TEST_P(SimdPair, OtherBinaries_AreLeftAlone) {
  const graph::Binary multiply(BinaryKind::multiply), add(BinaryKind::add);
  const Tensor x = random_floats({3, 5, 4}, 1), each = random_floats({4}, 2);
  const Tensor line = random_floats({5, 1}, 3), none = random_floats({0, 5, 4}, 4);
  const SimdCase shift = {add, {&each}, {true}};
  EXPECT_EQ(run_pair({{multiply, {&x, &each}, {false, true}}, shift}).size(), 1u);
  EXPECT_TRUE(run_pair({{multiply, {&x, &each}, {false, true}}, shift, true}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&x, &x}, {false, false}}, shift}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&x, &line}, {false, true}}, shift}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&x, &each}, {false, true}}, {add, {&line}, {true}}}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&each, &each}, {false, true}}, {add, {&x}, {false}}}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&none, &each}, {false, true}}, shift}).empty());
}

TEST_P(SimdPair, OtherProducts_AreLeftAlone) {
  const Tensor x = random_floats({2, 60, 60, 20}, 1), w = random_floats({1, 1, 20, 8}, 2);
  const Tensor gate = random_floats({2, 1, 1, 20}, 3), one = random_floats({1, 1, 1, 20}, 4);
  const Tensor w3 = random_floats({3, 3, 20, 8}, 5);
  const graph::Conv project = conv({1, 1}, {1, 1});
  const SimdCase second = {project, {&w}, {true}};
  const graph::Binary multiply(BinaryKind::multiply), add(BinaryKind::add);
  const std::vector<bool> computed = {false, false};
  EXPECT_EQ(run_pair({{multiply, {&x, &gate}, computed}, second}).size(), 1u);
  EXPECT_TRUE(run_pair({{multiply, {&x, &gate}, computed}, second, true}).empty());
  EXPECT_TRUE(run_pair({{add, {&x, &gate}, computed}, second}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&x, &x}, computed}, second}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&x, &one}, computed}, second}).empty());
  const graph::Conv strided = conv({1, 1}, {2, 2}), window = conv({3, 3}, {1, 1});
  EXPECT_TRUE(run_pair({{multiply, {&x, &gate}, computed}, {strided, {&w}, {true}}}).empty());
  EXPECT_TRUE(run_pair({{multiply, {&x, &gate}, computed}, {window, {&w3}, {true}}}).empty());
  const graph::Binary squashed(BinaryKind::multiply, UnaryFunction{UnaryKind::tanh});
  EXPECT_TRUE(run_pair({{squashed, {&x, &gate}, computed}, second}).empty());
}

}  // namespace
}  // namespace hornet::kernels
