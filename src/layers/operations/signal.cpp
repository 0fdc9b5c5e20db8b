// Fourier transforms of rows, whole and in frames. Complex arrays are pairs of real ones.
#include "graph/ops/signal.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "graph/dims.h"
#include "graph/ops/convolution.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::Fft;
using graph::TargetDim;

struct Complex {
  ValueId real, imaginary;
};

Complex complex_of(const Operation& op) {
  const Builder& b = op.build();
  const std::vector<Operand> parts = op.operands(0, "x");
  if (parts.size() != 2) op.fail_invalid("its input is no pair of real and imaginary parts");
  return {b.as_float(parts[0].value), b.as_float(parts[1].value)};
}

Complex transform(const Builder& b, const Complex& x, Fft::Kind kind, int64_t length = 0) {
  const auto y = b.add(std::make_shared<Fft>(kind, length), {x.real, x.imaginary});
  return {y[0], y[1]};
}

Symbols both(const Complex& x) { return {{x.real, kNoValue}, {x.imaginary, kNoValue}}; }

// Over the last two dimensions.
Complex transform2(const Builder& b, Complex x, Fft::Kind kind) {
  const int64_t last = b.rank(x.real) - 1;
  const auto swapped = [&](const Complex& z) {
    return Complex{swap_axes(b, z.real, last - 1, last), swap_axes(b, z.imaginary, last - 1, last)};
  };
  return swapped(transform(b, swapped(transform(b, x, kind)), kind));
}

// [..., n] -> [..., frames, length]
ValueId frames(const Operation& op, ValueId x, int64_t length, int64_t stride) {
  const Builder& b = op.build();
  const int64_t axis = b.axis(-1, b.rank(x));
  const int64_t size = b.known_dim(x, axis);
  if (length <= 0 || stride <= 0 || size < length) {
    op.fail_invalid(fmt::format("frames of {} every {} of {} numbers", length, stride, size));
  }
  const int64_t count = 1 + (size - length) / stride;
  if ((graph::Size(count) * length).value() > kMostNumbers) {
    op.fail_unsupported(fmt::format("{} frames of {} numbers each", count, length));
  }
  Tensor places(DType::kInt32, {count, length});
  auto* place = places.mutable_as<int32_t>();
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < length; ++j) *place++ = static_cast<int32_t>(i * stride + j);
  }
  return b.op<graph::Gather>({x, b.constant(std::move(places))}, axis);
}

// The window of a short-time transform, in the middle of fft_length numbers; empty for none.
std::vector<double> window_of(const Operation& op, int64_t length, int64_t fft_length) {
  const keras::Value* given = op.attributes().find("window");
  if (given == nullptr) return {};
  std::vector<double> window;
  if (const auto* name = given->get_if<std::string>()) {
    if (*name != "hann" && *name != "hamming") {
      op.attributes().fail_key("window", "hann, hamming, numbers or null");
    }
    const double base = *name == "hann" ? 0.5 : 0.54;
    for (int64_t i = 0; i < length; ++i) {
      const double phase =
          2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(length);
      window.push_back(base - (1 - base) * std::cos(phase));
    }
  } else if (const auto* tensor = given->get_if<Tensor>()) {
    window.resize(static_cast<size_t>(tensor->num_elements()));
    convert_elements(tensor->dtype(), tensor->data(), DType::kFloat64, window.data(),
                     tensor->num_elements());
  } else {
    window = op.attributes().numbers("window");
  }
  if (static_cast<int64_t>(window.size()) != length) {
    op.attributes().fail_key("window", fmt::format("{} numbers", length));
  }
  const auto before = static_cast<size_t>((fft_length - length) / 2);
  window.insert(window.begin(), before, 0);
  window.resize(static_cast<size_t>(fft_length), 0);
  return window;
}

struct FrameSizes {
  int64_t length, stride, fft_length;
};

FrameSizes frame_sizes(const Operation& op) {
  const Attributes& attributes = op.attributes();
  const FrameSizes sizes = {attributes.integer("sequence_length"),
                            attributes.integer("sequence_stride"),
                            attributes.integer("fft_length")};
  if (sizes.length <= 0 || sizes.stride <= 0 || sizes.fft_length < sizes.length) {
    op.fail_invalid(fmt::format("frames of {} every {}, transformed as {}", sizes.length,
                                sizes.stride, sizes.fft_length));
  }
  return sizes;
}

// [B, frames, length] -> [B, numbers]: each frame `stride` behind the one before, sums where they
// overlap. A transposed convolution whose filter n is cell n.
ValueId overlap(const Builder& b, ValueId x, int64_t length, int64_t stride) {
  std::vector<double> identity(static_cast<size_t>(length * length), 0);
  for (int64_t i = 0; i < length; ++i) identity[static_cast<size_t>(i * length + i)] = 1;
  auto conv = std::make_shared<graph::ConvTranspose>();
  conv->window.size = {length};
  conv->window.strides = {stride};
  conv->window.dilations = {1};
  const ValueId y = b.add1(conv, {x, b.floats(identity, {length, 1, length}), kNoValue});
  // A stride longer than a frame leaves a gap behind the last one, too.
  const ValueId row = b.squeeze(y, 2);
  return stride > length ? slice(b, row, 1, 0, length - stride) : row;
}

}  // namespace

// FFT, FFT2, IFFT2, RFFT, IRFFT.
Symbols op_fft(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const std::string& name = op.class_name();
  const int64_t length = op.attributes().integer("fft_length", 0);
  if (length < 0) op.attributes().fail_key("fft_length", "a number above 0");
  if (name == "RFFT") {
    const ValueId x = b.as_float(op.value(0, "x"));
    return both(transform(b, {x, kNoValue}, Fft::Kind::kReal, length));
  }
  const Complex x = complex_of(op);
  if (name == "IRFFT") return one(transform(b, x, Fft::Kind::kRealInverse, length).real);
  if (name == "FFT") return both(transform(b, x, Fft::Kind::kForward));
  if (b.rank(x.real) < 2) op.fail_invalid("its input has fewer than 2 dimensions");
  return both(transform2(b, x, name == "FFT2" ? Fft::Kind::kForward : Fft::Kind::kInverse));
}

Symbols op_extract_sequences(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  return one(frames(op, op.value(0, "x"), op.attributes().integer("sequence_length"),
                    op.attributes().integer("sequence_stride")));
}

Symbols op_stft(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [length, stride, fft_length] = frame_sizes(op);
  ValueId x = b.as_float(op.value(0, "x"));
  if (op.attributes().boolean("center", true)) {
    auto pad = std::make_shared<graph::Pad>();
    pad->before.assign(b.shape(x).size(), 0);
    pad->before.back() = fft_length / 2;
    pad->after = pad->before;
    pad->mode = graph::PadMode::kReflect;
    x = b.add1(pad, {x});
  }
  ValueId rows = frames(op, x, fft_length, stride);
  const std::vector<double> window = window_of(op, length, fft_length);
  if (!window.empty()) rows = multiply(b, rows, b.floats(window, {fft_length}));
  return both(transform(b, {rows, kNoValue}, Fft::Kind::kReal, fft_length));
}

Symbols op_istft(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [length, stride, fft_length] = frame_sizes(op);
  if ((graph::Size(fft_length) * fft_length).value() > kMostNumbers) {
    op.attributes().fail_unsupported("fft_length", "up to 8192");
  }
  ValueId rows = transform(b, complex_of(op), Fft::Kind::kRealInverse, fft_length).real;
  std::vector<double> window = window_of(op, length, fft_length);
  if (!window.empty()) {
    // Each number is divided by the sum of the squared windows over its place within a stride.
    std::vector<double> sums(static_cast<size_t>(stride), 0);
    for (size_t i = 0; i < window.size(); ++i) sums[i % sums.size()] += window[i] * window[i];
    for (size_t i = 0; i < window.size(); ++i) window[i] /= sums[i % sums.size()];
    rows = multiply(b, rows, b.floats(window, {fft_length}));
  }
  // The dimensions in front of the frames are one while they overlap.
  const int64_t rank = b.rank(rows);
  if (rank < 2) op.fail_invalid("its input has fewer than 2 dimensions");
  ValueId like = rank > 3 ? pick(b, pick(b, rows, rank - 1, 0), rank - 2, 0) : kNoValue;
  if (rank == 2) rows = b.expand_dims(rows, 0);
  while (b.rank(rows) > 3) rows = join_dims(b, rows, 0);
  ValueId y = overlap(b, rows, fft_length, stride);
  const bool center = op.attributes().boolean("center", true);
  const int64_t start = center ? fft_length / 2 : 0;
  std::optional<int64_t> stop;
  if (op.attributes().has("length")) {
    stop = start + op.attributes().integer("length");
  } else if (center && fft_length >= 2) {
    stop = -(fft_length / 2);
  }
  y = slice(b, y, 1, start, stop);
  if (rank == 2) return one(b.squeeze(y, 0));
  if (rank == 3) return one(y);
  std::vector<TargetDim> target;
  for (int64_t i = 0; i < rank - 2; ++i) target.push_back(TargetDim::copied(i, 1));
  target.push_back(TargetDim::inferred());
  return one(b.reshape(y, std::move(target), like));
}

}  // namespace hornet::layers
