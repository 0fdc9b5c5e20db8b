#include "graph/ops/image.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"
#include "kernels/resize_taps.h"

namespace hornet::kernels::reference {
namespace {

using graph::FillMode;
using graph::ResizeImage;

void compute_resize_image(const Call<ResizeImage>& call) {
  const Shape& shape = call.input_shape(0);
  const int64_t images = shape[0], rows = shape[1], columns = shape[2], channels = shape[3];
  const auto [row_window, column_window] = call.op.windows(rows, columns);
  const std::vector<ResizeTaps> row_taps =
      make_resize_taps(call.op, row_window, call.output_shape(0)[1]);
  const std::vector<ResizeTaps> column_taps =
      make_resize_taps(call.op, column_window, call.output_shape(0)[2]);
  const double fill = static_cast<double>(call.op.fill_value);
  const float* x = call.input(0);
  float* y = call.output(0);
  std::vector<double> sums(static_cast<size_t>(channels));
  for (int64_t n = 0; n < images; ++n, x += rows * columns * channels) {
    for (const ResizeTaps& row : row_taps) {
      for (const ResizeTaps& column : column_taps) {
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
