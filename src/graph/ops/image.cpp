#include "graph/ops/image.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

constexpr std::string_view kInterpolationNames[] = {
    "nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic", "area"};
constexpr std::string_view kModeNames[] = {"constant", "nearest", "wrap", "mirror", "reflect"};

}  // namespace

std::string_view to_string(Interpolation interpolation) {
  return kInterpolationNames[static_cast<size_t>(interpolation)];
}

std::pair<ResizeImage::Window, ResizeImage::Window> ResizeImage::windows(int64_t rows,
                                                                         int64_t columns) const {
  if (fit == Fit::kStretch) return {{0, rows}, {0, columns}};
  // The size of one dimension in the ratio of the target, for a given size of the other.
  const auto in_ratio = [](int64_t other, int64_t target, int64_t other_target) {
    return static_cast<int64_t>(static_cast<double>(other * target) /
                                static_cast<double>(other_target));
  };
  const auto crop = [](int64_t size, int64_t wanted) {
    const int64_t kept = std::max<int64_t>(std::min(size, wanted), 1);
    return Window{(size - kept) / 2, kept};
  };
  // Both sides get the same number of cells.
  const auto pad = [](int64_t size, int64_t wanted) {
    const int64_t before = (std::max(size, wanted) - size) / 2;
    return Window{-before, size + 2 * before};
  };
  const int64_t ratio_rows = in_ratio(columns, height, width);
  const int64_t ratio_columns = in_ratio(rows, width, height);
  if (fit == Fit::kCrop) return {crop(rows, ratio_rows), crop(columns, ratio_columns)};
  return {pad(rows, ratio_rows), pad(columns, ratio_columns)};
}

std::vector<TensorType> ResizeImage::infer(std::span<const TensorType> inputs) const {
  TensorType out = input_of_rank(inputs, 0, 4, "the image");
  if (row_factor > 0 && column_factor > 0) {
    for (const auto& [axis, factor] : {std::pair{1, row_factor}, std::pair{2, column_factor}}) {
      int64_t& size = out.shape[static_cast<size_t>(axis)];
      if (size != kUnknownDim) size *= factor;
    }
    return {out};
  }
  require(height > 0 && width > 0, ErrorCode::kShapeMismatch,
          "images are resized to {} x {} cells; expected sizes above 0", height, width);
  require(out.shape[1] != 0 && out.shape[2] != 0, ErrorCode::kShapeMismatch,
          "the image is {}; expected cells", hornet::to_string(out.shape));
  out.shape[1] = height;
  out.shape[2] = width;
  return {out};
}

std::string ResizeImage::attributes() const {
  constexpr std::string_view kFitNames[] = {"", " crop", " pad"};
  const std::string size = row_factor > 0 ? fmt::format("times {}x{}", row_factor, column_factor)
                                          : fmt::format("{}x{}", height, width);
  return fmt::format("{} {}{}{}{}", size, graph::to_string(interpolation),
                     antialias ? " antialias" : "", from_corner ? " from_corner" : "",
                     kFitNames[static_cast<size_t>(fit)]);
}

std::vector<TensorType> MapCoordinates::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  const Shape& coordinates = inputs[1].shape;
  const auto batch = static_cast<size_t>(batch_dims);
  require(coordinates.size() >= 1 + batch && coordinates[0] != kUnknownDim &&
              static_cast<size_t>(coordinates[0]) + batch <= x.size(),
          ErrorCode::kShapeMismatch, "coordinates are {} for {}", hornet::to_string(coordinates),
          hornet::to_string(x));
  const size_t read = static_cast<size_t>(coordinates[0]);
  Shape out;
  for (size_t i = 0; i < batch; ++i) {
    require(coordinates[1 + i] == 1 || may_equal(x[i], coordinates[1 + i]),
            ErrorCode::kShapeMismatch, "coordinates are {} for {}", hornet::to_string(coordinates),
            hornet::to_string(x));
    out.push_back(x[i]);
  }
  out.insert(out.end(), coordinates.begin() + static_cast<std::ptrdiff_t>(1 + batch),
             coordinates.end());
  out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(batch + read), x.end());
  return {{inputs[0].dtype, out}};
}

std::string MapCoordinates::attributes() const {
  return fmt::format("order={} {}{}", order, kModeNames[static_cast<size_t>(mode)],
                     batch_dims > 0 ? fmt::format(" batch_dims={}", batch_dims) : "");
}

}  // namespace hornet::graph
