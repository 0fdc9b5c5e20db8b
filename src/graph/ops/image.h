// Operators that read images between their cells.
#pragma once

#include "graph/op.h"

namespace hornet::graph {

enum class Interpolation {
  kNearest,
  kBilinear,
  kBicubic,
  kLanczos3,
  kLanczos5,
  kGaussian,  // of standard deviation 0.5 cells, 1.5 cells wide on each side
  kMitchellCubic,
  kArea,  // the mean over the part of the image that a cell of the result covers
};
std::string_view to_string(Interpolation interpolation);

// x [N, H, W, C] float -> [N, height, width, C]. Cell centres lie at halves; the weights of cells
// outside the image go to those inside; the bicubic coefficient is -0.5. The nearest cell of a
// place between two is the later one.
struct ResizeImage final : Op {
  // What happens where the shape of the result has another aspect ratio.
  enum class Fit {
    kStretch,
    kCrop,  // the largest window of that ratio in the middle of the image is resized
    kPad,   // the image is first filled up with `fill_value` on both sides
  };
  // The part of a dimension that is resized, as Keras rounds it: `size` cells, of which the first
  // is cell `begin` of the image. Cells outside the image hold fill_value.
  struct Window {
    int64_t begin, size;
  };

  int64_t height = 0, width = 0;
  // Where above 0 (kStretch only): the result has so many times the rows and columns of the image
  // instead.
  int64_t row_factor = 0, column_factor = 0;
  Interpolation interpolation = Interpolation::kBilinear;
  bool antialias = false;  // wider windows when shrinking; not for kNearest
  // As TensorFlow 1 had it: cell i of the result is read at cell i * scale of the image, whereby
  // the corners of the first cells meet, not the edges of the images. For kBilinear.
  bool from_corner = false;
  Fit fit = Fit::kStretch;
  float fill_value = 0;

  // The windows over the rows and columns of an image of these sizes.
  std::pair<Window, Window> windows(int64_t rows, int64_t columns) const;
  std::string_view name() const override { return "resize_image"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

// What lies outside an array, by the example of a b c d.
enum class FillMode {
  kConstant,  // k k k k | a b c d | k k k k
  kNearest,   // a a a a | a b c d | d d d d
  kWrap,      // a b c d | a b c d | a b c d
  kMirror,    // d c b   | a b c d |   c b a
  kReflect,   // d c b a | a b c d | d c b a
};

// Input 0, float [batch dimensions..., n dimensions that are read between cells..., others...];
// input 1, float coordinates [n, batch dimensions (or 1)..., places...] in cells, cell centres at
// whole numbers -> [batch dimensions..., places..., others...].
struct MapCoordinates final : Op {
  int64_t batch_dims = 0;
  int64_t order = 1;  // 0: nearest cell, halves to even; 1: linear between cells
  FillMode mode = FillMode::kConstant;
  float fill_value = 0;
  std::string_view name() const override { return "map_coordinates"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override;
  std::string attributes() const override;
};

}  // namespace hornet::graph
