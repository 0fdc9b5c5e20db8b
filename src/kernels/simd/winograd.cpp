// Convolutions 3x3 by Winograd's F(2x2, 3x3): 16 products over tiles of 4 x 4 cells of x give 2 x 2
// cells of y, with 2.25 times fewer multiply-adds than the window has. All factors of the
// transforms are 0, 1 and 1/2, so the error is about that of the direct sum (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016).
#include <algorithm>

#include "base/check.h"
#include "graph/ops/convolution.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/plane_window.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/winograd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

#ifndef HORNET_WINOGRAD
#define HORNET_WINOGRAD
namespace hornet::kernels {
namespace {

constexpr int kTileIn = 4, kTileOut = 2, kPoints = kTileIn * kTileIn;

// Tiles are counted over all images that are computed at once.
struct WinogradShape : PlaneWindow {
  int64_t tiles_y, tiles_x;
  int64_t ld_in, ld_out;        // floats from tile to tile of the transformed input and output
  int64_t plane_in, plane_out;  // from point to point

  int64_t tiles() const { return tiles_y * tiles_x; }  // of an image
};

struct WinogradOutput {
  const float* bias;      // null: none
  const float* residual;  // of the first image, null: none
  bool relu, relu6;
  float* y;  // of the first image
};

struct WinogradFunctions {
  // Tiles [first, first + count) of images, the first at x, to points [kPoints][count][channels].
  void (*input)(const WinogradShape&, const float* x, int64_t first, int64_t count, float* points);
  // Points [kPoints][count][filters] to the cells of y that the tiles are for.
  void (*output)(const WinogradShape&, const float* points, int64_t first, int64_t count,
                 const WinogradOutput&);
};

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

#define HORNET_UNROLL _Pragma("GCC unroll 16")

// points = B^T d B for one vector of channels; d(i, j) loads a cell.
template <class Part, class Load>
HWY_INLINE void transform_input(const Load& d, const Part& part, int64_t plane, float* points) {
  V rows[kTileIn][kTileIn];
  HORNET_UNROLL
  for (int j = 0; j < kTileIn; ++j) {
    const V a = d(0, j), b = d(1, j), c = d(2, j), e = d(3, j);
    rows[0][j] = hn::Sub(a, c);
    rows[1][j] = hn::Add(b, c);
    rows[2][j] = hn::Sub(c, b);
    rows[3][j] = hn::Sub(b, e);
  }
  HORNET_UNROLL
  for (int i = 0; i < kTileIn; ++i) {
    float* to = points + i * kTileIn * plane;
    part.store(hn::Sub(rows[i][0], rows[i][2]), to);
    part.store(hn::Add(rows[i][1], rows[i][2]), to + plane);
    part.store(hn::Sub(rows[i][2], rows[i][1]), to + 2 * plane);
    part.store(hn::Sub(rows[i][1], rows[i][3]), to + 3 * plane);
  }
}

void input(const WinogradShape& s, const float* x, int64_t first, int64_t count, float* points) {
  const int64_t line = s.input_width * s.channels, image = s.input_height * line;
  for (int64_t t = 0; t < count; ++t, points += s.ld_in) {
    const int64_t tile = (first + t) % s.tiles();
    const int64_t top = tile / s.tiles_x * kTileOut - s.pad_y;
    const int64_t left = tile % s.tiles_x * kTileOut - s.pad_left;
    const bool inside =
        top >= 0 && left >= 0 && top + kTileIn <= s.input_height && left + kTileIn <= s.input_width;
    const float* corner = x + (first + t) / s.tiles() * image + top * line + left * s.channels;
    if (inside) {
      for_each_vector(s.channels, [&](auto part, int64_t c) HWY_ATTR {
        const auto load = [&](int i, int j) HWY_ATTR {
          return part.load(corner + i * line + j * s.channels + c);
        };
        transform_input(load, part, s.plane_in, points + c);
      });
      continue;
    }
    for_each_vector(s.channels, [&](auto part, int64_t c) HWY_ATTR {
      const auto load = [&](int i, int j) HWY_ATTR {
        const bool there =
            top + i >= 0 && top + i < s.input_height && left + j >= 0 && left + j < s.input_width;
        return there ? part.load(corner + i * line + j * s.channels + c) : hn::Zero(D());
      };
      transform_input(load, part, s.plane_in, points + c);
    });
  }
}

void output(const WinogradShape& s, const float* points, int64_t first, int64_t count,
            const WinogradOutput& out) {
  const int64_t line = s.output_width * s.filters, image = s.output_height * line;
  for (int64_t t = 0; t < count; ++t, points += s.ld_out) {
    const int64_t tile = (first + t) % s.tiles();
    const int64_t top = tile / s.tiles_x * kTileOut;
    const int64_t left = tile % s.tiles_x * kTileOut;
    const int64_t corner = (first + t) / s.tiles() * image + top * line + left * s.filters;
    const bool two_lines = top + 1 < s.output_height, two_cells = left + 1 < s.output_width;
    for_each_vector(s.filters, [&](auto part, int64_t c) HWY_ATTR {
      // A^T m A.
      V rows[kTileOut][kTileIn];
      HORNET_UNROLL
      for (int j = 0; j < kTileIn; ++j) {
        const float* m = points + j * s.plane_out + c;
        const V b = part.load(m + kTileIn * s.plane_out);
        const V e = part.load(m + 2 * kTileIn * s.plane_out);
        rows[0][j] = hn::Add(hn::Add(part.load(m), b), e);
        rows[1][j] = hn::Sub(hn::Sub(b, e), part.load(m + 3 * kTileIn * s.plane_out));
      }
      const V bias = out.bias == nullptr ? hn::Zero(D()) : part.load(out.bias + c);
      const auto finish = [&](V v, int64_t at) HWY_ATTR {
        v = hn::Add(v, bias);
        if (out.residual != nullptr) v = hn::Add(v, part.load(out.residual + at));
        if (out.relu) v = relu(v);
        if (out.relu6) v = relu6(v);
        part.store(v, out.y + at);
      };
      HORNET_UNROLL
      for (int i = 0; i < kTileOut; ++i) {
        if (i == 1 && !two_lines) break;
        const int64_t at = corner + i * line + c;
        finish(hn::Add(hn::Add(rows[i][0], rows[i][1]), rows[i][2]), at);
        if (two_cells) {
          finish(hn::Sub(hn::Sub(rows[i][1], rows[i][2]), rows[i][3]), at + s.filters);
        }
      }
    });
  }
}

#undef HORNET_UNROLL

}  // namespace

const WinogradFunctions* winograd_functions() {
  static constexpr WinogradFunctions kFunctions = {input, output};
  return &kFunctions;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

size_t aligned(size_t floats) { return (floats + 15) / 16 * 16; }

// (G g)[i] for three numbers or lines g, with G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1].
struct Transformed {
  float at[kTileIn];
};
inline Transformed transform(float a, float b, float c) {
  const float ends = a + c;
  return {{a, 0.5f * (ends + b), 0.5f * (ends - b), c}};
}

// G g G^T for `count` neighbours of each of the 9 cells of a kernel, `plane` floats apart, times
// their factors, to points [kPoints][count], `distance` floats apart.
void transform_cells(const float* __restrict w, const float* __restrict factors, int64_t plane,
                     int64_t count, float* __restrict points, int64_t distance) {
#pragma GCC ivdep
  for (int64_t k = 0; k < count; ++k) {
    Transformed columns[3];
    for (int j = 0; j < 3; ++j) {
      const float* g = w + j * plane + k;
      const float f = factors[k];
      columns[j] = transform(g[0] * f, g[3 * plane] * f, g[6 * plane] * f);
    }
    for (int i = 0; i < kTileIn; ++i) {
      const Transformed row = transform(columns[0].at[i], columns[1].at[i], columns[2].at[i]);
      for (int j = 0; j < kTileIn; ++j) points[(i * kTileIn + j) * distance + k] = row.at[j];
    }
  }
}

// The 16 matrices [channels, filters] of the kernel [3, 3, channels, filters], one behind the
// other; some channels at a time, which stay in the cache.
void transform_weights(const graph::ScaledColumns& w, int64_t channels, int64_t filters,
                       const GemmFunctions& gemm, float* packed) {
  const size_t packed_floats = aligned(gemm.panels_floats(channels, filters));
  constexpr int64_t kFloatsOfPoint = 2 << 10;
  const int64_t most = std::clamp<int64_t>(kFloatsOfPoint / filters, 1, channels);
  // 16 more: at a power of two the points of a cell would fall on the same lines of the cache.
  const int64_t distance = static_cast<int64_t>(aligned(static_cast<size_t>(most * filters))) + 16;
  Tensor points(DType::kFloat32, {kPoints, distance});
  std::vector<float> factors;  // of `most` channels
  for (int64_t i = 0; i < most; ++i) {
    for (int64_t j = 0; j < filters; ++j) {
      factors.push_back(w.factors == nullptr ? 1.0f : w.factors[j]);
    }
  }
  for (int64_t first = 0; first < channels; first += most) {
    const int64_t count = std::min(most, channels - first);
    float* const from = points.mutable_as<float>();
    transform_cells(w.data + first * filters, factors.data(), channels * filters, count * filters,
                    from, distance);
    for (int p = 0; p < kPoints; ++p) {
      gemm.pack_rows_of_panels(from + p * distance, filters, 1, first, count, channels, filters,
                               packed + static_cast<size_t>(p) * packed_floats);
    }
  }
}

class WinogradKernel final : public Kernel {
 public:
  WinogradKernel(const WinogradShape& shape, int64_t rows, Activation activation,
                 PackedWeights::Buffer weights)
      : s_(shape),
        rows_(rows),
        activation_(activation),
        weights_(std::move(weights)),
        functions_(*HORNET_DISPATCH(winograd_functions)()) {
    const auto padded = [](int64_t n) { return n % 64 == 0 ? n + 16 : n; };
    s_.ld_in = padded(s_.channels);
    s_.ld_out = padded(s_.filters);
    // Blocks of tiles that stay in the second cache level, but enough of them for the products,
    // of several small images where there are, and all alike.
    constexpr int64_t kBlockFloats = 96 << 10, kFewest = 56;
    images_ = std::clamp<int64_t>(kFewest / s_.tiles(), 1, std::max<int64_t>(rows_, 1));
    const int64_t tiles = images_ * s_.tiles();
    const int64_t fits = kBlockFloats / (kPoints * (s_.ld_in + s_.ld_out));
    const int64_t most = std::min(tiles, std::max(fits, kFewest));
    const int64_t blocks = (tiles + most - 1) / most;
    block_ = (tiles + blocks - 1) / blocks;
    // 16 more: planes whose distance is a power of two would fall on the same lines of the cache.
    s_.plane_in = static_cast<int64_t>(aligned(static_cast<size_t>(block_ * s_.ld_in))) + 16;
    s_.plane_out = static_cast<int64_t>(aligned(static_cast<size_t>(block_ * s_.ld_out))) + 16;
    packed_floats_ = aligned(gemm_.panels_floats(s_.channels, s_.filters));
  }

  std::string describe() const override { return fmt::format("simd {} winograd", gemm_.name); }
  bool needs_input(size_t i) const override { return i != 1; }
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }

  void run(const KernelArgs& args, KernelState*) const override {
    const float* x = simd::input(args, 0);
    WinogradOutput out = {simd::input(args, 2), simd::input(args, 3), activation_.is_relu(),
                          activation_.is_relu6(), simd::output(args, 0)};
    simd::ScratchArena arena(args.scratch);
    const Scratch scratch = take(arena);
    for (int64_t row = 0; row < rows_; row += images_) {
      const int64_t images = std::min(images_, rows_ - row);
      const int64_t cells = images * s_.output_height * s_.output_width;
      run_images(x, images, out, scratch);
      if (!activation_.is_in_registers()) {
        activation_(out.y, s_.filters, out.y, s_.filters, cells, s_.filters);
      }
      x += images * s_.input_height * s_.input_width * s_.channels;
      out.y += cells * s_.filters;
      if (out.residual != nullptr) out.residual += cells * s_.filters;
    }
  }

 private:
  struct Scratch {
    float *in, *out;  // points
    void* product;
  };
  Scratch take(simd::ScratchArena& arena) const {
    float* in = arena.take(kPoints * s_.plane_in);
    float* out = arena.take(kPoints * s_.plane_out);
    return {in, out, arena.take_for({matrix(0)}, block_)};
  }

  PackedB matrix(int p) const {
    return {&gemm_, s_.channels, s_.filters,
            static_cast<const float*>(weights_.get()) + static_cast<size_t>(p) * packed_floats_};
  }

  void run_images(const float* x, int64_t images, const WinogradOutput& out,
                  const Scratch& scratch) const {
    const int64_t tiles = images * s_.tiles();
    for (int64_t first = 0; first < tiles; first += block_) {
      const int64_t count = std::min(block_, tiles - first);
      functions_.input(s_, x, first, count, scratch.in);
      for (int p = 0; p < kPoints; ++p) {
        gemm(matrix(p), scratch.in + p * s_.plane_in, s_.ld_in, count,
             scratch.out + p * s_.plane_out, s_.ld_out, {}, scratch.product);
      }
      functions_.output(s_, scratch.out, first, count, out);
    }
  }

  const GemmFunctions& gemm_ = gemm_functions();
  WinogradShape s_;
  const int64_t rows_;
  const Activation activation_;
  const PackedWeights::Buffer weights_;
  const WinogradFunctions& functions_;
  int64_t images_;  // at once
  int64_t block_;   // tiles
  size_t packed_floats_;
};

}  // namespace

KernelOffer simd_conv_winograd(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Conv&>(request.op);
  const Epilogue epilogue = find_epilogue(request, op.epilogue.activation);
  if (!epilogue.refusal.empty()) return refuse(epilogue.refusal);
  if (!is_constant(request, 1)) return refuse("weights that are computed");
  const graph::Window& window = op.window;
  const std::vector<int64_t> three = {3, 3}, one = {1, 1};
  if (window.size != three || window.strides != one || window.dilations != one || op.groups != 1) {
    return refuse("a window that is not 3x3, without strides, dilations and groups");
  }
  const Shape &x = request.inputs[0].shape, &y = request.outputs[0].shape;
  WinogradShape s = {{window, x, y}, 0, 0, 0, 0, 0, 0};
  s.tiles_y = (y[1] + 1) / kTileOut;
  s.tiles_x = (y[2] + 1) / kTileOut;
  // Measured: with fewer channels the transforms cost more than the products save; with fewer
  // tiles the 16 matrices are loaded for too little work.
  constexpr int64_t kFewestChannels = 16, kFewestTiles = 16;
  if (s.channels < kFewestChannels || s.filters < kFewestChannels) return refuse("few channels");
  if (s.tiles() < kFewestTiles) return refuse("a small image");
  const GemmFunctions& gemm = gemm_functions();
  const size_t bytes = kPoints * aligned(gemm.panels_floats(s.channels, s.filters)) * sizeof(float);
  PackedWeights::Buffer weights = request.packed.get(
      fmt::format("{} winograd {}", key_of(request, 1), gemm.name), bytes,
      [w = request.constants[1]->columns(), &gemm, channels = s.channels,
       filters = s.filters](void* packed) {
        transform_weights(w, channels, filters, gemm, static_cast<float*>(packed));
      });
  return {std::make_unique<WinogradKernel>(s, x[0], epilogue.activation, std::move(weights)), ""};
}

}  // namespace hornet::kernels
#endif
