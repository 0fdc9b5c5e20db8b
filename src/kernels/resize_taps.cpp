#include "kernels/resize_taps.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/nearest_cell.h"

namespace hornet::kernels {

using graph::Interpolation;
using graph::ResizeImage;

namespace {

// Weight of a cell at distance x of the place that is read.
double weight(Interpolation interpolation, double x) {
  x = std::abs(x);
  const auto lanczos = [x](double radius) {
    if (x == 0) return 1.0;
    if (x >= radius) return 0.0;
    const double t = std::numbers::pi * x;
    return radius * std::sin(t) * std::sin(t / radius) / (t * t);
  };
  switch (interpolation) {
    case Interpolation::kNearest:
    case Interpolation::kArea:
      break;
    case Interpolation::kBilinear:
      return std::max(1 - x, 0.0);
    case Interpolation::kBicubic:
      return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    case Interpolation::kLanczos3:
      return lanczos(3);
    case Interpolation::kLanczos5:
      return lanczos(5);
    case Interpolation::kGaussian:
      return x < 1.5 ? std::exp(-2 * x * x) : 0;
    case Interpolation::kMitchellCubic:
      return x < 1   ? ((7 * x - 12) * x * x + 16.0 / 3) / 6
             : x < 2 ? (((-7.0 / 3 * x + 12) * x - 20) * x + 32.0 / 3) / 6
                     : 0;
  }
  return 0;
}

double radius(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::kNearest:
    case Interpolation::kArea:
      return 0;
    case Interpolation::kBilinear:
      return 1;
    case Interpolation::kBicubic:
      return 2;
    case Interpolation::kLanczos3:
      return 3;
    case Interpolation::kLanczos5:
      return 5;
    case Interpolation::kGaussian:
      return 1.5;
    case Interpolation::kMitchellCubic:
      return 2;
  }
  return 0;
}

}  // namespace

std::vector<ResizeTaps> make_resize_taps(const ResizeImage& op, const ResizeImage::Window& window,
                                         int64_t out) {
  const double scale = static_cast<double>(window.size) / static_cast<double>(out);
  const double stretch = op.antialias ? std::max(scale, 1.0) : 1.0;
  std::vector<ResizeTaps> all(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    ResizeTaps& taps = all[static_cast<size_t>(i)];
    const double center = op.from_corner ? static_cast<double>(i) * scale + 0.5
                                         : (static_cast<double>(i) + 0.5) * scale;
    if (op.interpolation == Interpolation::kNearest) {
      taps.first = window.begin + nearest_cell(i, window.size, out);
      taps.weights = {1};
      continue;
    }
    if (op.interpolation == Interpolation::kArea) {
      const double begin = static_cast<double>(i) * scale, end = begin + scale;
      taps.first = std::min(static_cast<int64_t>(begin), window.size - 1);
      for (int64_t cell = taps.first; cell < window.size; ++cell) {
        const auto at = static_cast<double>(cell);
        const double covered = std::min(at + 1, end) - std::max(at, begin);
        if (covered <= 0 && cell > taps.first) break;
        taps.weights.push_back(covered / scale);
      }
      taps.first += window.begin;
      continue;
    }
    const double reach = radius(op.interpolation) * stretch;
    const int64_t begin =
        std::clamp<int64_t>(static_cast<int64_t>(std::floor(center - reach)), 0, window.size - 1);
    const int64_t end = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(center + reach)),
                                            begin + 1, window.size);
    double sum = 0;
    for (int64_t cell = begin; cell < end; ++cell) {
      const double distance = (static_cast<double>(cell) + 0.5 - center) / stretch;
      taps.weights.push_back(weight(op.interpolation, distance));
      sum += taps.weights.back();
    }
    for (double& w : taps.weights) w /= sum;
    taps.first = window.begin + begin;
  }
  return all;
}

}  // namespace hornet::kernels
