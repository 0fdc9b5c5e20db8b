// Spectrograms of sound: STFTSpectrogram and MelSpectrogram. The Fourier transform of a frame is a
// product with a constant matrix; a convolution does it for all frames.
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "layers/family.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

constexpr double kPi = std::numbers::pi;
constexpr double kLeastPower = 1e-7;

// [N, time, 1] with a kernel [frame, 1, frequencies] -> [N, frames, frequencies]
ValueId transform_frames(const Builder& b, ValueId x, ValueId kernel, int64_t step,
                         graph::Padding padding) {
  auto conv = std::make_shared<graph::Conv>();
  conv->window.size = {b.shape(kernel)[0]};
  conv->window.strides = {step};
  conv->window.dilations = {1};
  conv->window.padding = padding;
  return b.add1(std::move(conv), {x, kernel, kNoValue});
}

// Longer frames would be longer than their sound, and their transform is a matrix.
constexpr int64_t kMostSamples = 1 << 14;

// The smallest power of two that is not below `length`.
int64_t next_power(int64_t length) {
  int64_t power = 1;
  while (power < length) power *= 2;
  return power;
}

ValueId power_of(const Builder& b, ValueId real, ValueId imaginary) {
  return b.binary(BinaryKind::add, b.unary(UnaryKind::square, real),
                  b.unary(UnaryKind::square, imaginary));
}

// All but the first and the last of the frequencies, the last dimension, twice.
ValueId double_inner_frequencies(const Builder& b, ValueId power, int64_t frequencies) {
  std::vector<double> factors(static_cast<size_t>(frequencies), 2.0);
  factors.front() = factors.back() = 1.0;
  return b.binary(BinaryKind::multiply, power, b.floats(factors, {frequencies}));
}

// --- MelSpectrogram

// numbers of a window function over one period.
std::vector<double> window_of(const LayerContext& layer, int64_t length) {
  const Attributes& attributes = layer.attributes();
  const auto size = static_cast<size_t>(length);
  std::vector<double> window(size, 1.0);
  const keras::Value* given = attributes.find("window");
  if (given == nullptr) return window;
  if (const auto* array = given->get_if<Tensor>()) {
    if (array->num_elements() != length) attributes.fail_key("window", "sequence_length numbers");
    convert_elements(array->dtype(), array->data(), DType::kFloat64, window.data(), length);
    return window;
  }
  if (given->get_if<std::string>() == nullptr) {
    window = attributes.numbers("window");
    if (window.size() != size) attributes.fail_key("window", "sequence_length numbers");
    return window;
  }
  const double constant =
      attributes.choice("window", "hann", {"hann", "hamming"}) == "hann" ? 0.5 : 0.54;
  for (size_t i = 0; i < size; ++i) {
    const double phase = 2 * kPi * static_cast<double>(i) / static_cast<double>(length);
    window[i] = constant - (1 - constant) * std::cos(phase);
  }
  return window;
}

// The window in the middle of `length` numbers, times cosine or sine: [length, 1, frequencies].
ValueId fourier_kernel(const Builder& b, const std::vector<double>& window, int64_t length,
                       bool imaginary) {
  const int64_t frequencies = length / 2 + 1;
  const auto size = static_cast<int64_t>(window.size());
  const int64_t first = (length - size) / 2;
  std::vector<double> kernel(static_cast<size_t>(length * frequencies), 0.0);
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t f = 0; f < frequencies; ++f) {
      // The product modulo the period, so that the angle stays exact.
      const double phase =
          2 * kPi * static_cast<double>((first + i) * f % length) / static_cast<double>(length);
      const double value = imaginary ? -std::sin(phase) : std::cos(phase);
      kernel[static_cast<size_t>((first + i) * frequencies + f)] =
          window[static_cast<size_t>(i)] * value;
    }
  }
  return b.floats(kernel, {length, 1, frequencies});
}

double to_mel(double hertz) { return 1127.0 * std::log(1.0 + hertz / 700.0); }

// Triangles over the frequencies, evenly spaced in mel: [frequencies, bins].
ValueId mel_matrix(const LayerContext& layer, int64_t frequencies) {
  const Attributes& attributes = layer.attributes();
  const int64_t bins = layer.attributes().positive("num_mel_bins");
  if (bins > kMostSamples) {
    attributes.fail_unsupported("num_mel_bins", fmt::format("up to {}", kMostSamples));
  }
  const double rate = attributes.number("sampling_rate", 16000);
  const double low = to_mel(attributes.number("min_freq", 20.0));
  const double high = to_mel(attributes.number("max_freq", std::floor(rate / 2)));
  const auto edge = [&](int64_t i) {
    return low + (high - low) * static_cast<double>(i) / static_cast<double>(bins + 1);
  };
  std::vector<double> matrix(static_cast<size_t>(frequencies * bins), 0.0);
  for (int64_t f = 1; f < frequencies; ++f) {  // the constant part has no share
    const double mel =
        to_mel(rate / 2 * static_cast<double>(f) / static_cast<double>(frequencies - 1));
    for (int64_t k = 0; k < bins; ++k) {
      const double rising = (mel - edge(k)) / (edge(k + 1) - edge(k));
      const double falling = (edge(k + 2) - mel) / (edge(k + 2) - edge(k + 1));
      matrix[static_cast<size_t>(f * bins + k)] = std::max(0.0, std::min(rising, falling));
    }
  }
  return layer.build().floats(matrix, {frequencies, bins});
}

// 10 log10 of the power relative to ref_power, no lower than top_db below the loudest of the row.
ValueId to_decibels(const LayerContext& layer, ValueId power) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const double least = attributes.number("min_power", 1e-10);
  const double reference = std::max(std::abs(attributes.number("ref_power", 1.0)), least);
  const ValueId logarithm =
      b.unary(UnaryKind::log10, b.binary(BinaryKind::maximum, power, b.scalar(least)));
  const ValueId decibels = b.unary(UnaryKind::scale, logarithm, 10, -10 * std::log10(reference));
  if (!attributes.has("top_db")) return decibels;
  std::vector<int64_t> of_row;
  for (int64_t i = 1; i < b.rank(decibels); ++i) of_row.push_back(i);
  const ValueId loudest = b.reduce(graph::ReduceKind::max, decibels, of_row, true);
  const ValueId floor =
      b.binary(BinaryKind::subtract, loudest, b.scalar(attributes.number("top_db")));
  return b.binary(BinaryKind::maximum, decibels, floor);
}

}  // namespace

// call(signal [B, time, channels]); each channel is transformed on its own, by kernels that are
// weights.
Symbols stft_spectrogram(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const std::string mode = attributes.choice(
      "mode", "log", {"log", "magnitude", "psd", "real", "imag", "angle", "stft"});
  const int64_t frame = attributes.count("frame_length");
  if (frame == 0) attributes.fail_key("frame_length", "a number above 0");
  const int64_t step = attributes.integer("frame_step", frame / 2);
  if (step <= 0) attributes.fail_key("frame_step", "a number above 0");
  const int64_t frequencies = attributes.integer("fft_length", next_power(frame)) / 2 + 1;
  const graph::Padding padding = attributes.choice("padding", "valid", {"valid", "same"}) == "same"
                                     ? graph::Padding::kSame
                                     : graph::Padding::kValid;
  const bool channels_first = is_channels_first(layer);
  const ValueId signal = b.as_float(input_of(layer, call).value);
  if (b.rank(signal) != 3) {
    layer.fail_invalid(
        fmt::format("its input is {}; expected 3 dimensions", to_string(b.shape(signal))));
  }
  // [B, channels, time], then each channel as a row of its own.
  const ValueId by_channel = channels_first ? signal : b.transpose(signal, {0, 2, 1});
  const int64_t channels = b.known_dim(by_channel, 1);
  const ValueId rows =
      b.reshape(by_channel, {TargetDim::inferred(), TargetDim::copied(2), TargetDim::fixed(1)});
  const auto transform = [&](const char* name) {
    const ValueId kernel = layer.weight(name, {frame, 1, frequencies});
    return transform_frames(b, rows, kernel, step, padding);
  };
  const ValueId real = mode == "imag" ? kNoValue : transform("real_kernel");
  const ValueId imaginary = mode == "real" ? kNoValue : transform("imag_kernel");
  ValueId y = kNoValue;  // [B channels, frames, frequencies]
  if (mode == "real" || mode == "imag") {
    y = mode == "real" ? real : imaginary;
  } else if (mode == "angle") {
    y = b.binary(BinaryKind::arctan2, imaginary, real);
  } else if (mode == "stft") {
    y = b.concat({real, imaginary}, 2);
  } else if (mode == "psd") {
    y = double_inner_frequencies(b, power_of(b, real, imaginary), frequencies);
  } else {
    y = b.unary(UnaryKind::sqrt,
                b.binary(BinaryKind::maximum, power_of(b, real, imaginary), b.scalar(kLeastPower)));
    if (mode == "log") {
      y = b.unary(UnaryKind::log, b.binary(BinaryKind::maximum, y, b.scalar(kLeastPower)));
    }
  }
  // [B, channels, frames, frequencies]
  y = b.reshape(y,
                {TargetDim::copied(0, 1), TargetDim::fixed(channels), TargetDim::copied(1),
                 TargetDim::copied(2)},
                by_channel);
  if (attributes.boolean("expand_dims", false)) {
    return one(channels_first ? y : b.transpose(y, {0, 2, 3, 1}));
  }
  const int64_t width = channels * b.known_dim(y, 3);
  if (channels_first) {
    return one(b.reshape(b.transpose(y, {0, 1, 3, 2}),
                         {TargetDim::copied(0), TargetDim::fixed(width), TargetDim::copied(3)}));
  }
  return one(b.reshape_keeping(b.transpose(y, {0, 2, 1, 3}), 2, {width}));
}

// call(signal [B, time]) -> [B, mel bins, frames]
Symbols mel_spectrogram(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const Attributes& attributes = layer.attributes();
  const int64_t length = attributes.integer("fft_length", 2048);
  const int64_t window_length = attributes.integer("sequence_length", length);
  const int64_t step = attributes.integer("sequence_stride", 512);
  if (length > kMostSamples) {
    attributes.fail_unsupported("fft_length", fmt::format("up to {}", kMostSamples));
  }
  if (length <= 0 || step <= 0 || window_length <= 0 || window_length > length) {
    attributes.fail_key("sequence_length", fmt::format("1 to fft_length, {}", length));
  }
  const ValueId signal = b.as_float(input_of(layer, call).value);
  if (b.rank(signal) != 2) {
    layer.fail_unsupported(
        fmt::format("its input is {}; expected [batch, time]", to_string(b.shape(signal))));
  }
  auto pad = std::make_shared<graph::Pad>();
  pad->mode = graph::PadMode::kReflect;
  pad->before = pad->after = {0, length / 2};
  const ValueId padded = b.expand_dims(b.add1(std::move(pad), {signal}), 2);
  const std::vector<double> window = window_of(layer, window_length);
  const auto transform = [&](bool imaginary) {
    return transform_frames(b, padded, fourier_kernel(b, window, length, imaginary), step,
                            graph::Padding::kValid);
  };
  ValueId spectrum = power_of(b, transform(false), transform(true));
  const double exponent = attributes.number("mag_exp", 2.0);
  if (exponent != 2) {
    spectrum = b.unary(UnaryKind::sqrt, spectrum);
    if (exponent != 1) spectrum = b.binary(BinaryKind::power, spectrum, b.scalar(exponent));
  }
  ValueId mel = b.op<graph::Contraction>({spectrum, mel_matrix(layer, length / 2 + 1), kNoValue});
  if (attributes.boolean("power_to_db", true)) mel = to_decibels(layer, mel);
  return one(b.transpose(mel, {0, 2, 1}));
}

}  // namespace hornet::layers
