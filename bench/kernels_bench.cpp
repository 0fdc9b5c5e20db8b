// Speed of Hornet's own kernels, one thread, best instruction set of the machine. GFLOP/s count a
// multiply-add as 2; the first benchmark is what the machine can do at most. Each kernel is first
// compared with the reference kernel.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>

#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/ops/normalization.h"
#include "graph/ops/recurrent.h"
#include "graph/ops/reduction.h"
#include "kernels/evaluate.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"

namespace hornet::kernels {
namespace {

Tensor random_tensor(Shape shape, float scale = 1) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-scale, scale);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.mutable_as<float>()[i] = distribution(generator);
  }
  return tensor;
}

bool agrees(const Tensor& got, const Tensor& expected) {
  for (int64_t i = 0; i < got.num_elements(); ++i) {
    const float e = expected.as<float>()[i];
    if (!(std::abs(got.as<float>()[i] - e) <= 1e-4f * (1 + std::abs(e)))) return false;
  }
  return true;
}

// Inputs after `num_computed` are constants. Outputs in `unwanted` stay null.
void run(benchmark::State& state, KernelFactory factory, const graph::Op& op,
         const std::vector<Tensor>& inputs, size_t num_computed,
         std::vector<size_t> unwanted = {}) {
  std::vector<const Tensor*> pointers;
  std::vector<bool> is_constant;
  for (const Tensor& input : inputs) {
    is_constant.push_back(pointers.size() >= num_computed);
    pointers.push_back(&input);
  }
  PackedWeights packed;
  const KernelRequest request = make_request(op, pointers, packed, is_constant);
  const KernelOffer offer = factory(request);
  if (offer.kernel == nullptr) return state.SkipWithError(offer.refusal.c_str());
  packed.complete();
  const double flops = op.flops(request.inputs, request.outputs);
  if (flops < 1e8) {
    const Tensor got = run_kernel(*offer.kernel, request, pointers)[0];
    if (!agrees(got, evaluate(op, pointers, true)[0])) {
      return state.SkipWithError("differs from the reference");
    }
  }
  std::vector<Tensor> outputs;
  std::vector<const void*> sources;
  std::vector<void*> destinations;
  for (const Tensor& input : inputs) sources.push_back(input.data());
  for (const graph::TensorType& type : request.outputs) {
    outputs.emplace_back(type.dtype, type.shape);
    destinations.push_back(outputs.back().mutable_data());
  }
  for (const size_t i : unwanted) destinations[i] = nullptr;
  Tensor scratch(DType::kUInt8, {static_cast<int64_t>(offer.kernel->scratch_bytes())});
  const KernelArgs args = {sources, destinations, scratch.mutable_data()};
  for (auto _ : state) {
    offer.kernel->run(args, nullptr);
    benchmark::ClobberMemory();
  }
  state.counters["FLOP/s"] = benchmark::Counter(flops * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
  state.SetLabel(offer.kernel->describe());
}

// A product whose operands stay in the first cache level: the peak that can be reached.
void peak(benchmark::State& state) {
  run(state, simd_contraction, graph::Contraction{},
      {random_tensor({28, 64}), random_tensor({64, 128})}, 1);
}

void contraction(benchmark::State& state, int64_t m, int64_t k, int64_t n) {
  const graph::Contraction op{graph::Epilogue{{graph::UnaryKind::relu}}};
  run(state, simd_contraction, op,
      {random_tensor({m, k}), random_tensor({k, n}, 0.1f), random_tensor({n})}, 1);
}

graph::Conv square_conv(int64_t size, int64_t stride, int64_t groups) {
  graph::Conv op;
  op.window.size = {size, size};
  op.window.strides = {stride, stride};
  op.window.dilations = {1, 1};
  op.window.padding = graph::Padding::kSame;
  op.groups = groups;
  return op;
}

void conv_1x1(benchmark::State& state, int64_t image, int64_t stride, int64_t c, int64_t filters) {
  run(state, simd_conv_1x1, square_conv(1, stride, 1),
      {random_tensor({1, image, image, c}), random_tensor({1, 1, c, filters}, 0.1f)}, 1);
}

void depthwise(benchmark::State& state, int64_t image, int64_t size, int64_t stride, int64_t c) {
  run(state, simd_depthwise_conv, square_conv(size, stride, c),
      {random_tensor({1, image, image, c}), random_tensor({size, size, 1, c})}, 1);
}

void conv_transpose(benchmark::State& state, int64_t image, int64_t size, int64_t c,
                    int64_t filters) {
  graph::ConvTranspose op;
  op.window = square_conv(size, 2, 1).window;
  run(state, simd_conv_transpose, op,
      {random_tensor({1, image, image, c}), random_tensor({size, size, filters, c}, 0.1f)}, 1);
}

void lstm(benchmark::State& state, int64_t batch, int64_t units) {
  run(state, simd_lstm, graph::Lstm{},
      {random_tensor({batch, 64, 4 * units}), random_tensor({units, 4 * units}, 0.1f)}, 1,
      {1, 2, 3});
}

void gru(benchmark::State& state, int64_t batch, int64_t units) {
  run(state, simd_gru, graph::Gru{},
      {random_tensor({batch, 64, 3 * units}), random_tensor({units, 3 * units}, 0.1f)}, 1, {1, 2});
}

void attention(benchmark::State& state, int64_t batch, int64_t steps, int64_t heads,
               int64_t depth) {
  const Shape shape = {batch, steps, heads, depth};
  graph::Attention op;
  op.scale = 0.2f;
  run(state, simd_attention, op, {random_tensor(shape), random_tensor(shape), random_tensor(shape)},
      3, {1});
}

void softmax(benchmark::State& state, int64_t rows, int64_t n) {
  run(state, simd_softmax, graph::Softmax({1}), {random_tensor({rows, n}, 5)}, 1);
}

void layer_norm(benchmark::State& state, int64_t rows, int64_t n) {
  graph::LayerNorm op;
  op.axes = {1};
  run(state, simd_layer_norm, op, {random_tensor({rows, n})}, 1);
}

void global_mean(benchmark::State& state, int64_t image, int64_t c) {
  run(state, simd_reduce, graph::Reduce(graph::ReduceKind::mean, {1, 2}, false),
      {random_tensor({1, image, image, c})}, 1);
}

void unary(benchmark::State& state, graph::UnaryKind kind) {
  run(state, simd_unary, graph::Unary({kind}), {random_tensor({8192}, 3)}, 1);
}

template <class... Args>
void add(const std::string& name, void (*f)(benchmark::State&, Args...),
         std::type_identity_t<Args>... args) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { f(state, args...); });
}

void add_all() {
  add("peak", peak);
  for (const auto& [k, n] : {std::pair<int64_t, int64_t>{30, 128},
                             {128, 64},
                             {64, 1},
                             {64, 3},
                             {32, 96},
                             {128, 512},
                             {512, 512},
                             {1024, 256},
                             {1280, 1000},
                             {2048, 2048}}) {
    for (const int64_t m : {1, 4, 8, 32, 128, 512}) {
      add(fmt::format("gemm/{}x{}x{}", m, k, n), contraction, m, k, n);
    }
  }
  add("conv_1x1/56/1/64-256", conv_1x1, 56, 1, 64, 256);
  add("conv_1x1/14/1/1024-256", conv_1x1, 14, 1, 1024, 256);
  add("conv_1x1/56/2/256-512", conv_1x1, 56, 2, 256, 512);
  add("conv_1x1/7/1/960-160", conv_1x1, 7, 1, 960, 160);
  for (const int64_t size : {3, 5}) {
    add(fmt::format("depthwise/112/{}/1/32", size), depthwise, 112, size, 1, 32);
    add(fmt::format("depthwise/56/{}/1/144", size), depthwise, 56, size, 1, 144);
    add(fmt::format("depthwise/56/{}/2/144", size), depthwise, 56, size, 2, 144);
    add(fmt::format("depthwise/28/{}/1/192", size), depthwise, 28, size, 1, 192);
    add(fmt::format("depthwise/14/{}/1/576", size), depthwise, 14, size, 1, 576);
    add(fmt::format("depthwise/7/{}/1/960", size), depthwise, 7, size, 1, 960);
  }
  add("conv_transpose/28/2/256-128", conv_transpose, 28, 2, 256, 128);
  add("conv_transpose/28/3/128-64", conv_transpose, 28, 3, 128, 64);
  add("conv_transpose/64/4/64-3", conv_transpose, 64, 4, 64, 3);
  for (const int64_t units : {32, 64, 128, 256}) {
    for (const int64_t batch : {1, 8, 32}) {
      add(fmt::format("lstm/{}/{}", batch, units), lstm, batch, units);
      add(fmt::format("gru/{}/{}", batch, units), gru, batch, units);
    }
  }
  add("attention/4/128/8/32", attention, 4, 128, 8, 32);
  add("attention/4/64/8/64", attention, 4, 64, 8, 64);
  add("attention/1/512/8/64", attention, 1, 512, 8, 64);
  add("softmax/256/128", softmax, 256, 128);
  add("softmax/256/1000", softmax, 256, 1000);
  add("layer_norm/128/256", layer_norm, 128, 256);
  add("global_mean/7/1280", global_mean, 7, 1280);
  for (const graph::UnaryKind kind :
       {graph::UnaryKind::relu, graph::UnaryKind::exponential, graph::UnaryKind::sigmoid,
        graph::UnaryKind::tanh, graph::UnaryKind::silu, graph::UnaryKind::gelu,
        graph::UnaryKind::gelu_tanh, graph::UnaryKind::softplus, graph::UnaryKind::mish}) {
    add(fmt::format("unary/8192/{}", graph::to_string(kind)), unary, kind);
  }
}

}  // namespace
}  // namespace hornet::kernels

int main(int argc, char** argv) {
  hornet::kernels::add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
