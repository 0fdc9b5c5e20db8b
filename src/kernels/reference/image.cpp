#include "graph/ops/image.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

using graph::FillMode;
using graph::Interpolation;
using graph::ResizeImage;

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

// Cells of one dimension of the image that make up one cell of the result.
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;
};

// `window`: the cells that are resized to `out` cells.
std::vector<Taps> make_taps(const ResizeImage& op, const ResizeImage::Window& window, int64_t out) {
  const double scale = static_cast<double>(window.size) / static_cast<double>(out);
  const double stretch = op.antialias ? std::max(scale, 1.0) : 1.0;
  std::vector<Taps> all(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    Taps& taps = all[static_cast<size_t>(i)];
    const double center = op.from_corner ? static_cast<double>(i) * scale + 0.5
                                         : (static_cast<double>(i) + 0.5) * scale;
    if (op.interpolation == Interpolation::kNearest) {
      const auto cell = static_cast<int64_t>(std::floor(center));
      taps.first = window.begin + std::clamp<int64_t>(cell, 0, window.size - 1);
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

void compute_resize_image(const Call<ResizeImage>& call) {
  const Shape& shape = call.input_shape(0);
  const int64_t images = shape[0], rows = shape[1], columns = shape[2], channels = shape[3];
  const auto [row_window, column_window] = call.op.windows(rows, columns);
  const std::vector<Taps> row_taps = make_taps(call.op, row_window, call.output_shape(0)[1]);
  const std::vector<Taps> column_taps = make_taps(call.op, column_window, call.output_shape(0)[2]);
  const double fill = static_cast<double>(call.op.fill_value);
  const float* x = call.input(0);
  float* y = call.output(0);
  std::vector<double> sums(static_cast<size_t>(channels));
  for (int64_t n = 0; n < images; ++n, x += rows * columns * channels) {
    for (const Taps& row : row_taps) {
      for (const Taps& column : column_taps) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (size_t i = 0; i < row.weights.size(); ++i) {
          const int64_t r = row.first + static_cast<int64_t>(i);
          for (size_t j = 0; j < column.weights.size(); ++j) {
            const int64_t c = column.first + static_cast<int64_t>(j);
            const bool inside = r >= 0 && r < rows && c >= 0 && c < columns;
            const double w = row.weights[i] * column.weights[j];
            const float* cell = inside ? x + (r * columns + c) * channels : nullptr;
            for (int64_t k = 0; k < channels; ++k) {
              sums[static_cast<size_t>(k)] += w * (inside ? static_cast<double>(cell[k]) : fill);
            }
          }
        }
        for (const double sum : sums) *y++ = static_cast<float>(sum);
      }
    }
  }
}

// The cell of a dimension of `size` cells that stands at place i, which may lie outside; -1: none.
int64_t filled_cell(FillMode mode, int64_t i, int64_t size) {
  const auto modulo = [](int64_t value, int64_t n) { return (value % n + n) % n; };
  switch (mode) {
    case FillMode::kConstant:
      return i >= 0 && i < size ? i : -1;
    case FillMode::kNearest:
      return std::clamp<int64_t>(i, 0, size - 1);
    case FillMode::kWrap:
      return modulo(i, size);
    case FillMode::kMirror: {
      if (size == 1) return 0;
      const int64_t at = modulo(i, 2 * size - 2);
      return at < size ? at : 2 * size - 2 - at;
    }
    case FillMode::kReflect: {
      const int64_t at = modulo(i, 2 * size);
      return at < size ? at : 2 * size - 1 - at;
    }
  }
  return -1;
}

void compute_map_coordinates(const Call<graph::MapCoordinates>& call) {
  const graph::MapCoordinates& op = call.op;
  const Shape& x_shape = call.input_shape(0);
  const Shape& c_shape = call.input_shape(1);
  const auto batch_dims = static_cast<size_t>(op.batch_dims);
  const auto read = static_cast<size_t>(c_shape[0]);
  const Dims strides = row_major_strides(Dims(x_shape));
  int64_t inner = 1, places = 1, coordinates_apart = 1;
  for (size_t i = batch_dims + read; i < x_shape.size(); ++i) inner *= x_shape[i];
  for (size_t i = 1 + batch_dims; i < c_shape.size(); ++i) places *= c_shape[i];
  for (size_t i = 1; i < c_shape.size(); ++i) coordinates_apart *= c_shape[i];
  // Batches: the offset into the array, and into the coordinates, where a batch of 1 repeats.
  Dims batch_sizes, x_batch, c_batch;
  const Dims c_strides = row_major_strides(Dims(c_shape));
  for (size_t i = 0; i < batch_dims; ++i) {
    batch_sizes.push_back(x_shape[i]);
    x_batch.push_back(strides[i]);
    c_batch.push_back(c_shape[1 + i] == 1 ? 0 : c_strides[1 + i]);
  }
  const float* x = call.input(0);
  const float* coordinates = call.input(1);
  float* y = call.output(0);
  std::vector<double> sums(static_cast<size_t>(inner));
  const size_t corners = op.order == 0 ? 1 : size_t{1} << read;
  for_each_index<2>(batch_sizes, {x_batch, c_batch}, [&](const auto& batch) {
    for (int64_t place = 0; place < places; ++place) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (size_t corner = 0; corner < corners; ++corner) {
        double w = 1;
        int64_t offset = batch[0];
        bool inside = true;
        for (size_t d = 0; d < read; ++d) {
          const double at = static_cast<double>(
              coordinates[static_cast<int64_t>(d) * coordinates_apart + batch[1] + place]);
          // Cells beyond this are the same everywhere, and conversion would overflow.
          constexpr double kFar = 1e15;
          const double clamped = std::isnan(at) ? -kFar : std::clamp(at, -kFar, kFar);
          double cell = std::nearbyint(clamped);
          if (op.order != 0) {
            const double low = std::floor(clamped), share = clamped - low;
            const bool upper = (corner >> d & 1) != 0;
            cell = upper ? low + 1 : low;
            w *= upper ? share : 1 - share;
          }
          const int64_t source =
              filled_cell(op.mode, static_cast<int64_t>(cell), x_shape[batch_dims + d]);
          inside = inside && source >= 0;
          offset += source * strides[batch_dims + d];
        }
        if (w == 0) continue;
        for (int64_t k = 0; k < inner; ++k) {
          const float value = inside ? x[offset + k] : op.fill_value;
          sums[static_cast<size_t>(k)] += w * static_cast<double>(value);
        }
      }
      for (const double sum : sums) *y++ = static_cast<float>(sum);
    }
  });
}

}  // namespace

KernelOffer resize_image(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 1)) {
    return refuse("resizing of " + graph::to_string(*type));
  }
  return offer<ResizeImage>(request, compute_resize_image);
}

KernelOffer map_coordinates(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 2)) {
    return refuse("reading between cells of " + graph::to_string(*type));
  }
  const auto& op = static_cast<const graph::MapCoordinates&>(request.op);
  const auto read = static_cast<size_t>(request.inputs[1].shape[0]);
  if (read > kMaxRank) return refuse("coordinates of too many dimensions");
  for (size_t i = 0; i < read; ++i) {
    if (request.inputs[0].shape[static_cast<size_t>(op.batch_dims) + i] == 0) {
      return refuse("no cell to read");
    }
  }
  return offer<graph::MapCoordinates>(request, compute_map_coordinates);
}

}  // namespace hornet::kernels::reference
