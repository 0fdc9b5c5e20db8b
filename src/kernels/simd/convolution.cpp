#include "graph/ops/convolution.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "kernels/pair.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"

// Spatial dimensions are filled up in front to 3, with size 1.

namespace hornet::kernels {
namespace {

constexpr size_t kSpatial = 3;
using Cells = std::array<int64_t, kSpatial>;

template <class List>
Cells cells(const List& list, size_t first, size_t count) {
  Cells result = {1, 1, 1};
  for (size_t i = 0; i < count; ++i) result[kSpatial - count + i] = list[first + i];
  return result;
}

class Conv1x1Kernel final : public Kernel {
 public:
  Conv1x1Kernel(PackedConstant weights, Activation activation, int64_t rows, Cells input,
                Cells output, Cells strides)
      : weights_(std::move(weights)),
        activation_(activation),
        rows_(rows),
        input_(input),
        output_(output),
        strides_(strides) {
    // All weights are read for what is gathered at once, which is to stay in the second cache
    // level.
    constexpr int64_t kGatheredFloats = 128 << 10;
    const int64_t line_floats = std::max<int64_t>(output_[2] * weights_.matrix().k, 1);
    lines_at_once_ = std::clamp<int64_t>(kGatheredFloats / line_floats, 1,
                                         std::max<int64_t>(rows_ * output_[0] * output_[1], 1));
  }

  std::string describe() const override {
    return fmt::format("simd {} gemm", weights_.matrix().functions->name);
  }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }
  bool needs_input(size_t i) const override { return i != 1; }
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }

  void run(const KernelArgs& args, KernelState*) const override {
    const PackedB& w = weights_.matrix();
    const float* x = simd::input(args, 0);
    float* y = simd::output(args, 0);
    GemmEpilogue e = {simd::input(args, 2), simd::input(args, 3), w.n, activation_};
    const int64_t num_lines = rows_ * output_[0] * output_[1];
    simd::ScratchArena arena(args.scratch);
    const auto [gathered, scratch] = take(arena);
    if (!is_strided()) {
      gemm(w, x, w.k, num_lines * output_[2], y, w.n, e, scratch);
      return;
    }
    for (int64_t line = 0; line < num_lines; line += lines_at_once_) {
      const int64_t count = std::min(lines_at_once_, num_lines - line);
      for (int64_t i = 0; i < count; ++i) {
        gather(x, line + i, gathered + i * output_[2] * w.k);
      }
      gemm(w, gathered, w.k, count * output_[2], y, w.n, e, scratch);
      y += count * output_[2] * w.n;
      if (e.residual != nullptr) e.residual += count * output_[2] * w.n;
    }
  }

 private:
  bool is_strided() const { return strides_ != Cells{1, 1, 1}; }
  struct Scratch {
    float* gathered;
    void* product;
  };
  Scratch take(simd::ScratchArena& arena) const {
    const PackedB& w = weights_.matrix();
    if (!is_strided()) {
      return {nullptr, arena.take_for({w}, rows_ * output_[0] * output_[1] * output_[2])};
    }
    const int64_t cells = lines_at_once_ * output_[2];
    float* gathered = arena.take(cells * w.k);
    return {gathered, arena.take_for({w}, cells)};
  }

  // The cells of x that line `line` of y is computed from.
  void gather(const float* x, int64_t line, float* to) const {
    const int64_t k = weights_.matrix().k;
    const int64_t row = line / output_[1] / output_[0];
    const int64_t i = line / output_[1] % output_[0] * strides_[0];
    const int64_t j = line % output_[1] * strides_[1];
    x += ((row * input_[0] + i) * input_[1] + j) * input_[2] * k;
    for (int64_t cell = 0; cell < output_[2]; ++cell, x += strides_[2] * k, to += k) {
      std::copy_n(x, k, to);
    }
  }

  const PackedConstant weights_;
  const Activation activation_;
  const int64_t rows_;
  const Cells input_, output_, strides_;
  int64_t lines_at_once_;  // of y, where cells are gathered
};

// A 1x1 convolution of images whose channels are first multiplied with a factor each, some cells at
// a time: the products stay in the first cache level.
class GatedConv1x1Kernel final : public Kernel {
 public:
  // Inputs of run(): the two factors, then weights, bias and residual.
  enum Input : size_t { kWeights = kFirstInputsOfPair, kBias, kResidual };

  GatedConv1x1Kernel(PackedConstant weights, Activation activation, size_t gate, int64_t rows,
                     int64_t cells)
      : weights_(std::move(weights)),
        activation_(activation),
        multiply_(find_binary(graph::BinaryKind::multiply).both),
        x_(1 - gate),
        gate_(gate),
        rows_(rows),
        cells_(cells) {
    constexpr int64_t kBlockFloats = 6 << 10, kFewestCells = 28;
    const int64_t most = std::max(kBlockFloats / weights_.matrix().k, kFewestCells);
    const int64_t blocks = (cells_ + most - 1) / most;
    block_ = (cells_ + blocks - 1) / blocks;
  }

  std::string describe() const override {
    return fmt::format("simd multiply + {} gemm", weights_.matrix().functions->name);
  }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }
  bool needs_input(size_t i) const override { return i != kWeights; }
  int in_place_output(size_t i) const override { return i == kResidual ? 0 : -1; }

  void run(const KernelArgs& args, KernelState*) const override {
    const PackedB& w = weights_.matrix();
    const float* x = simd::input(args, x_);
    const float* gate = simd::input(args, gate_);
    float* y = simd::output(args, 0);
    GemmEpilogue e = {simd::input(args, kBias), simd::input(args, kResidual), w.n, activation_};
    simd::ScratchArena arena(args.scratch);
    const auto [products, scratch] = take(arena);
    for (int64_t row = 0; row < rows_; ++row, gate += w.k) {
      for (int64_t first = 0; first < cells_; first += block_) {
        const int64_t count = std::min(block_, cells_ - first);
        for (int64_t i = 0; i < count; ++i, x += w.k) multiply_(x, gate, products + i * w.k, w.k);
        gemm(w, products, w.k, count, y, w.n, e, scratch);
        y += count * w.n;
        if (e.residual != nullptr) e.residual += count * w.n;
      }
    }
  }

 private:
  struct Scratch {
    float* products;
    void* product;
  };
  Scratch take(simd::ScratchArena& arena) const {
    const PackedB& w = weights_.matrix();
    float* products = arena.take(block_ * w.k);
    return {products, arena.take_for({w}, block_)};
  }

  const PackedConstant weights_;
  const Activation activation_;
  const BinaryRun multiply_;
  const size_t x_, gate_;  // inputs
  const int64_t rows_, cells_;
  int64_t block_;  // cells
};

// A window that moves by its own size: cells of y get one product each, and the products of a line
// of x with the kernel cells along the last dimension are a line of y.
class UpscalingKernel final : public Kernel {
 public:
  UpscalingKernel(std::vector<PackedConstant> weights, Activation activation, int64_t rows,
                  Cells input, Cells size, int64_t filters)
      : weights_(std::move(weights)),
        activation_(activation),
        rows_(rows),
        input_(input),
        size_(size),
        filters_(filters) {}

  std::string describe() const override {
    return fmt::format("simd {} upscaling gemm", weights_[0].matrix().functions->name);
  }
  bool needs_input(size_t i) const override { return i != 1; }
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    const PackedB& first = weights_[0].matrix();
    const float* x = simd::input(args, 0);
    float* y = simd::output(args, 0);
    const float* residual = simd::input(args, 3);
    GemmEpilogue e = {nullptr, nullptr, first.n, activation_};
    simd::ScratchArena arena(args.scratch);
    const auto [repeated, scratch] = take(arena);
    if (const float* bias = simd::input(args, 2)) {
      for (int64_t i = 0; i < size_[2]; ++i) std::copy_n(bias, filters_, repeated + i * filters_);
      e.bias = repeated;
    }
    const int64_t line = input_[2] * first.n;
    for (int64_t i = 0; i < rows_ * input_[0]; ++i) {
      for (int64_t j = 0; j < input_[1]; ++j) {
        for (int64_t a = 0; a < size_[0]; ++a) {
          for (int64_t b = 0; b < size_[1]; ++b) {
            const int64_t at =
                ((i * size_[0] + a) * input_[1] * size_[1] + j * size_[1] + b) * line;
            if (residual != nullptr) e.residual = residual + at;
            const PackedConstant& w = weights_[static_cast<size_t>(a * size_[1] + b)];
            gemm(w.matrix(), x, first.k, input_[2], y + at, first.n, e, scratch);
          }
        }
        x += input_[2] * first.k;
      }
    }
  }

 private:
  // The bias once for each cell of the window's last dimension, and what the product takes.
  struct Scratch {
    float* bias;
    void* product;
  };
  Scratch take(simd::ScratchArena& arena) const {
    float* bias = arena.take(size_[2] * filters_);
    return {bias, arena.take_for({weights_[0].matrix()}, input_[2])};
  }

  const std::vector<PackedConstant> weights_;  // [size[0] * size[1]] of [channels, size[2] filters]
  const Activation activation_;
  const int64_t rows_;
  const Cells input_, size_;
  const int64_t filters_;
};

// Any other transposed convolution: products are added to y window cell by window cell, to the
// bias and the residual, then comes the activation.
class ConvTransposeKernel final : public Kernel {
 public:
  struct Geometry {
    int64_t rows;
    Cells input, output, size, strides, dilations, crop;
  };
  ConvTransposeKernel(std::vector<PackedConstant> weights, Activation activation, Geometry geometry)
      : weights_(std::move(weights)), activation_(activation), g_(geometry) {}

  std::string describe() const override {
    return fmt::format("simd {} gemm a window cell", weights_[0].matrix().functions->name);
  }
  bool needs_input(size_t i) const override { return i != 1; }
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }

  void run(const KernelArgs& args, KernelState*) const override {
    const int64_t line = g_.output[2] * weights_[0].matrix().n;
    const float* bias = simd::input(args, 2);
    const float* residual = simd::input(args, 3);
    float* y = simd::output(args, 0);
    for (int64_t row = 0; row < g_.rows; ++row) {
      for (int64_t i = 0; i < g_.output[0]; ++i) {
        for (int64_t j = 0; j < g_.output[1]; ++j) {
          start_line(bias, residual, y);
          add_products(simd::input(args, 0), row, i, j, y);
          if (!activation_.is_identity()) activation_(y, 0, y, 0, 1, line);
          y += line;
          if (residual != nullptr) residual += line;
        }
      }
    }
  }

 private:
  void start_line(const float* bias, const float* residual, float* y) const {
    const int64_t filters = weights_[0].matrix().n, line = g_.output[2] * filters;
    if (residual == nullptr) {
      std::fill_n(y, line, 0.0f);
    } else if (residual != y) {
      std::copy_n(residual, line, y);
    }
    if (bias == nullptr) return;
    for (int64_t i = 0; i < line; i += filters) {
      for (int64_t c = 0; c < filters; ++c) y[i + c] += bias[c];
    }
  }

  // The cell of the input that window cell k takes to cell `out` of y along a dimension; -1: none.
  int64_t source(size_t dimension, int64_t out, int64_t k) const {
    const int64_t distance = out + g_.crop[dimension] - k * g_.dilations[dimension];
    if (distance < 0 || distance % g_.strides[dimension] != 0) return -1;
    const int64_t in = distance / g_.strides[dimension];
    return in < g_.input[dimension] ? in : -1;
  }

  void add_products(const float* x, int64_t row, int64_t i, int64_t j, float* y) const {
    size_t tap = 0;
    for (int64_t a = 0; a < g_.size[0]; ++a) {
      for (int64_t b = 0; b < g_.size[1]; ++b) {
        const int64_t in_i = source(0, i, a), in_j = source(1, j, b);
        for (int64_t c = 0; c < g_.size[2]; ++c, ++tap) {
          if (in_i >= 0 && in_j >= 0) {
            const int64_t line = (row * g_.input[0] + in_i) * g_.input[1] + in_j;
            add_line(x + line * g_.input[2] * weights_[tap].matrix().k, weights_[tap].matrix(), c,
                     y);
          }
        }
      }
    }
  }

  // Cell `in` of a line of x goes to cell in * stride + shift of a line of y.
  void add_line(const float* x, const PackedB& w, int64_t c, float* y) const {
    const int64_t stride = g_.strides[2], shift = c * g_.dilations[2] - g_.crop[2];
    const int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    const int64_t room = g_.output[2] - 1 - shift;  // the last cell that may be reached
    if (room < 0) return;
    const int64_t end = std::min(g_.input[2], room / stride + 1);
    if (end <= first) return;
    float* to = y + (first * stride + shift) * w.n;
    gemm(w, x + first * w.k, w.k, end - first, to, stride * w.n,
         {nullptr, to, stride * w.n, Activation{}});
  }

  const std::vector<PackedConstant> weights_;  // a window cell: [channels, filters]
  const Activation activation_;
  const Geometry g_;
};

}  // namespace

namespace {

struct OneByOne {
  std::string refusal;  // "" where it is one
  Activation activation;
};
OneByOne find_one_by_one(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Conv&>(request.op);
  const graph::Window& window = op.window;
  const Epilogue epilogue = find_epilogue(request, op.epilogue.activation);
  if (!epilogue.refusal.empty()) return {epilogue.refusal, {}};
  if (window.size.size() > kSpatial) return {"more than 3 spatial dimensions", {}};
  if (!is_constant(request, 1)) return {"weights that are computed", {}};
  if (op.groups != 1) return {"a convolution in groups", {}};
  const Shape& x = request.inputs[0].shape;
  for (size_t i = 0; i < window.size.size(); ++i) {
    const graph::Window::Axis axis = window.resolve(i, x[i + 1]);
    if (window.size[i] != 1 || axis.pad_begin != 0 || axis.pad_end != 0) {
      return {"a window of more than one cell, or padding", {}};
    }
  }
  return {"", epilogue.activation};
}

PackedConstant pack_one_by_one(const KernelRequest& request) {
  const int64_t channels = request.inputs[0].shape.back();
  const int64_t filters = request.outputs[0].shape.back();
  return {
      request.packed, simd::key_of(request, 1), request.constants[1]->columns(), filters, channels,
      filters};
}

// The factors of `columns` columns, the filters one after the other, for weights [..., filters,
// channels]; none where `constant` has none.
std::vector<float> factors_of_columns(const graph::Constant& constant, int64_t columns,
                                      int64_t filters, int64_t channels) {
  const std::vector<float>& line = constant.line();
  if (line.empty()) return {};
  HORNET_CHECK(static_cast<int64_t>(line.size()) == filters * channels);
  std::vector<float> factors;
  for (int64_t j = 0; j < columns; ++j) {
    factors.push_back(line[static_cast<size_t>(j % filters * channels)]);
  }
  return factors;
}

}  // namespace

KernelOffer simd_conv_1x1(const KernelRequest& request) {
  const OneByOne found = find_one_by_one(request);
  if (!found.refusal.empty()) return simd::refuse(found.refusal);
  const graph::Window& window = static_cast<const graph::Conv&>(request.op).window;
  const size_t count = window.size.size();
  const Shape& x = request.inputs[0].shape;
  return {std::make_unique<Conv1x1Kernel>(
              pack_one_by_one(request), found.activation, x[0], cells(x, 1, count),
              cells(request.outputs[0].shape, 1, count), cells(window.strides, 0, count)),
          ""};
}

KernelOffer simd_gated_conv_1x1(const KernelRequest& product, const KernelRequest& conv,
                                bool keeps_first) {
  using simd::refuse;
  if (keeps_first) return refuse("a product that others read");
  const auto& binary = static_cast<const graph::Binary&>(product.op);
  if (binary.kind != graph::BinaryKind::multiply || !binary.activation.is_identity() ||
      !simd::is_float(product, 0) || !simd::is_float(product, 1)) {
    return refuse("another operator than a product of float32");
  }
  const OneByOne found = find_one_by_one(conv);
  if (!found.refusal.empty()) return refuse(found.refusal);
  const Shape &x = product.outputs[0].shape, &y = conv.outputs[0].shape;
  if (!std::equal(x.begin(), x.end() - 1, y.begin())) return refuse("strides");
  Shape a_factor_each(x.size(), 1);
  a_factor_each.front() = x.front();
  a_factor_each.back() = x.back();
  const size_t gate = product.inputs[0].shape == x ? 1 : 0;
  if (product.inputs[gate].shape != a_factor_each || product.inputs[1 - gate].shape != x) {
    return refuse("other factors than one for each channel of a row");
  }
  // All weights are read for a block of cells; a small image stays in the cache as a whole.
  constexpr int64_t kMostWeights = 32 << 10, kFewestFloats = 64 << 10;
  const int64_t image = num_elements(x) / std::max<int64_t>(x[0], 1);
  if (x.back() * y.back() > kMostWeights || image < kFewestFloats) {
    return refuse("an image for the cache, or many weights");
  }
  return {std::make_unique<GatedConv1x1Kernel>(pack_one_by_one(conv), found.activation, gate, x[0],
                                               image / x.back()),
          ""};
}

KernelOffer simd_conv_transpose(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::ConvTranspose&>(request.op);
  const graph::Window& window = op.window;
  const Epilogue epilogue = find_epilogue(request, op.epilogue.activation);
  if (!epilogue.refusal.empty()) return refuse(epilogue.refusal);
  if (window.size.size() > kSpatial) return refuse("more than 3 spatial dimensions");
  if (!is_constant(request, 1)) return refuse("weights that are computed");

  const size_t count = window.size.size();
  const Shape& x = request.inputs[0].shape;
  ConvTransposeKernel::Geometry g = {x[0],
                                     cells(x, 1, count),
                                     cells(request.outputs[0].shape, 1, count),
                                     cells(window.size, 0, count),
                                     cells(window.strides, 0, count),
                                     cells(window.dilations, 0, count),
                                     {0, 0, 0}};
  bool upscales = true;
  for (size_t i = 0; i < count; ++i) {
    g.crop[kSpatial - count + i] = op.resolve(i, x[i + 1]).crop;
  }
  for (size_t i = 0; i < kSpatial; ++i) {
    upscales = upscales && g.size[i] == g.strides[i] && g.dilations[i] == 1 && g.crop[i] == 0 &&
               g.output[i] == g.input[i] * g.strides[i];
  }
  const int64_t channels = x.back(), filters = request.outputs[0].shape.back();
  // One matrix [channels, columns] a window cell, or a line of window cells.
  const int64_t num_cells = g.size[0] * g.size[1] * g.size[2];
  const int64_t columns = upscales ? g.size[2] * filters : filters;
  const graph::Constant& w = *request.constants[1];
  const auto factors =
      std::make_shared<const std::vector<float>>(factors_of_columns(w, columns, filters, channels));
  std::vector<PackedConstant> weights;
  for (int64_t i = 0; i < num_cells * filters; i += columns) {
    weights.emplace_back(request.packed, fmt::format("{} from {}", key_of(request, 1), i),
                         w.unscaled().as<float>() + i * channels, factors, 1, channels, channels,
                         columns);
  }
  if (upscales) {
    return {std::make_unique<UpscalingKernel>(std::move(weights), epilogue.activation, g.rows,
                                              g.input, g.size, filters),
            ""};
  }
  return {std::make_unique<ConvTransposeKernel>(std::move(weights), epilogue.activation, g), ""};
}

}  // namespace hornet::kernels
