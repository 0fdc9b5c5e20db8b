// Operations on images: colours, sizes, cuts and geometric transforms.
#include "graph/ops/image.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "graph/dims.h"
#include "graph/ops/convolution.h"
#include "graph/ops/linear_algebra.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

// An image argument as [N, H, W, C], and how to give a result back as it came.
class Images {
 public:
  explicit Images(const Operation& op) : op_(op), channels_first_(op.channels_first()) {
    const Builder& b = op.build();
    value = op.value(0, "images");
    if (b.rank(value) != 3 && b.rank(value) != 4) {
      op.fail_invalid(
          fmt::format("its input is {}; expected 3 or 4 dimensions", to_string(b.shape(value))));
    }
    single_ = b.rank(value) == 3;
    if (single_) value = b.expand_dims(value, 0);
    if (channels_first_) value = to_channels_last(b, value);
  }
  Symbols result(ValueId y) const {
    const Builder& b = op_.build();
    if (channels_first_) y = to_channels_first(b, y);
    return one(single_ ? b.squeeze(y, 0) : y);
  }

  ValueId value;

 private:
  const Operation& op_;
  const bool channels_first_;
  bool single_ = false;
};

// Channel `i` of [..., C].
ValueId channel(const Builder& b, ValueId x, int64_t i) { return pick(b, x, b.rank(x) - 1, i); }

void require_rgb(const Operation& op, ValueId x) {
  const int64_t channels = op.build().known_dim(x, 3);
  if (channels != 3) op.fail_invalid(fmt::format("its input has {} channels", channels));
}

std::optional<int64_t> side(const Operation& op, const char* key) {
  return op.attributes().optional_integer(key);
}

// Of the size of a result and what is added (or taken away) in front and behind, Keras wants two.
struct Margins {
  std::optional<int64_t> before, after, target;
};

Margins margins(const Operation& op, const char* before, const char* after, const char* target) {
  const Margins result = {side(op, before), side(op, after), side(op, target)};
  if (result.before.has_value() + result.after.has_value() + result.target.has_value() < 2) {
    op.fail_invalid(fmt::format("expected two of {}, {}, {}", before, after, target));
  }
  return result;
}

graph::FillMode fill_mode(const Operation& op) {
  const std::string name = op.attributes().choice(
      "fill_mode", "constant", {"constant", "nearest", "wrap", "mirror", "reflect"});
  return name == "nearest"   ? graph::FillMode::kNearest
         : name == "wrap"    ? graph::FillMode::kWrap
         : name == "mirror"  ? graph::FillMode::kMirror
         : name == "reflect" ? graph::FillMode::kReflect
                             : graph::FillMode::kConstant;
}

// Reads images [N, H, W, C] at [rows, columns], both [N or 1, h, w]; integers are rounded.
ValueId sample(const Operation& op, ValueId images, ValueId rows, ValueId columns) {
  const Builder& b = op.build();
  auto map = std::make_shared<graph::MapCoordinates>();
  map->batch_dims = 1;
  const std::string interpolation =
      op.attributes().choice("interpolation", "bilinear", {"nearest", "bilinear"});
  map->order = interpolation == "nearest" ? 0 : 1;
  map->mode = fill_mode(op);
  map->fill_value = static_cast<float>(op.attributes().number("fill_value", 0.0));
  const DType dtype = b.type(images).dtype;
  const ValueId y = b.add1(map, {b.as_float(images), stack(b, {rows, columns}, 0)});
  return is_floating(dtype) ? y : saturate(b, b.unary(UnaryKind::round, y), dtype);
}

// The places of the cells of images along `axis`, as floats that broadcast over [N, H, W].
ValueId places(const Builder& b, ValueId images, int64_t axis) {
  const ValueId numbers = b.cast(b.op<graph::Positions>({images}, axis), DType::kFloat32);
  return axis == 1 ? b.expand_dims(numbers, 1) : numbers;
}

// Number `i` of rows of numbers [N, n], over [N, H, W].
ValueId parameter(const Builder& b, ValueId rows, int64_t i) {
  return expand_all(b, pick(b, rows, 1, i), {1, 2});
}

}  // namespace

Symbols op_rgb_to_grayscale(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  if (b.known_dim(images.value, 3) == 1) return images.result(images.value);
  require_rgb(op, images.value);
  const ValueId weights = b.floats({0.2989, 0.587, 0.114}, {3, 1});
  const ValueId y = b.op<graph::Contraction>({b.as_float(images.value), weights, kNoValue});
  return images.result(b.cast(y, b.type(images.value).dtype));
}

Symbols op_rgb_to_hsv(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  require_rgb(op, images.value);
  const ValueId given = b.as_float(images.value);
  const auto constant = [&](double value) { return number(b, value, given); };
  // Next to nothing is nothing.
  const ValueId tiny =
      b.binary(BinaryKind::less, b.unary(UnaryKind::abs, given), constant(1.1920928955078125e-07));
  const ValueId x = b.select(tiny, constant(0), given);
  const ValueId red = channel(b, x, 0), green = channel(b, x, 1), blue = channel(b, x, 2);
  const ValueId value = b.reduce(graph::ReduceKind::max, x, {-1}, false);
  const ValueId range = subtract(b, value, b.reduce(graph::ReduceKind::min, x, {-1}, false));
  const ValueId shown = b.binary(BinaryKind::greater, value, constant(0));
  const ValueId coloured = b.binary(BinaryKind::greater, range, constant(0));
  const ValueId saturation =
      b.select(shown, divide(b, range, b.select(shown, value, constant(1))), constant(0));
  const ValueId sixths = divide(b, constant(1.0 / 6.0), b.select(coloured, range, constant(1)));
  // The hue counts from the largest of the three.
  const auto hue_from = [&](ValueId first, ValueId second, double start) {
    return add(b, multiply(b, sixths, subtract(b, first, second)), constant(start));
  };
  ValueId hue = b.select(b.binary(BinaryKind::equal, value, green), hue_from(blue, red, 2.0 / 6.0),
                         hue_from(red, green, 4.0 / 6.0));
  hue = b.select(b.binary(BinaryKind::equal, value, red), hue_from(green, blue, 0), hue);
  const ValueId wrapped = b.cast(b.binary(BinaryKind::less, hue, constant(0)), b.type(hue).dtype);
  hue = add(b, b.select(coloured, hue, constant(0)), wrapped);
  return images.result(stack(b, {hue, saturation, value}, 3));
}

Symbols op_hsv_to_rgb(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  require_rgb(op, images.value);
  const ValueId x = b.as_float(images.value);
  const auto constant = [&](double value) { return number(b, value, x); };
  const ValueId hue = channel(b, x, 0), saturation = channel(b, x, 1), value = channel(b, x, 2);
  const ValueId angle = multiply(b, b.binary(BinaryKind::mod, hue, constant(1)), constant(6));
  const auto distance = [&](double from) {
    return b.unary(UnaryKind::abs, subtract(b, angle, constant(from)));
  };
  const auto colour = [&](ValueId share) {
    const ValueId bounded = clamp(b, share, 0, 1);
    const ValueId grey = subtract(b, constant(1), saturation);
    return multiply(b, value, add(b, grey, multiply(b, saturation, bounded)));
  };
  return images.result(stack(
      b,
      {colour(subtract(b, distance(3), constant(1))), colour(subtract(b, constant(2), distance(2))),
       colour(subtract(b, constant(2), distance(4)))},
      3));
}

Symbols op_resize(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Attributes& attributes = op.attributes();
  const Images images(op);
  auto resize = std::make_shared<graph::ResizeImage>();
  const std::vector<int64_t> size = attributes.integers("size", 2);
  resize->height = size[0];
  resize->width = size[1];
  const std::string name = attributes.choice(
      "interpolation", "bilinear", {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"});
  using graph::Interpolation;
  resize->interpolation = name == "nearest"    ? Interpolation::kNearest
                          : name == "bicubic"  ? Interpolation::kBicubic
                          : name == "lanczos3" ? Interpolation::kLanczos3
                          : name == "lanczos5" ? Interpolation::kLanczos5
                                               : Interpolation::kBilinear;
  resize->antialias = attributes.boolean("antialias", false);
  attributes.choice("fill_mode", "constant", {"constant"});
  resize->fill_value = static_cast<float>(attributes.number("fill_value", 0.0));
  const bool crops = attributes.boolean("crop_to_aspect_ratio", false);
  const bool pads = attributes.boolean("pad_to_aspect_ratio", false);
  if (crops && pads) attributes.fail_key("pad_to_aspect_ratio", "false where it crops");
  resize->fit = crops  ? graph::ResizeImage::Fit::kCrop
                : pads ? graph::ResizeImage::Fit::kPad
                       : graph::ResizeImage::Fit::kStretch;
  const DType dtype = b.type(images.value).dtype;
  const ValueId y = b.add1(resize, {b.as_float(images.value)});
  // TensorFlow's own, in files of Keras 2, gives floats unless it takes cells as they are.
  if (layer.lowering().version().major < 3 && name != "nearest") {
    return images.result(b.cast(y, DType::kFloat32));
  }
  const bool rounds = !is_floating(dtype) && name != "nearest";
  return images.result(rounds ? saturate(b, b.unary(UnaryKind::round, y), dtype)
                              : b.cast(y, dtype));
}

Symbols op_crop_images(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  ValueId x = images.value;
  const auto crop = [&](int64_t axis, const Margins& cut) {
    if (cut.before && cut.target) {
      x = slice(b, x, axis, *cut.before, *cut.before + *cut.target);
    } else if (cut.after && *cut.after > 0) {
      const auto start = cut.before ? *cut.before : -(*cut.after + *cut.target);
      x = slice(b, x, axis, start, -*cut.after);
    } else {
      const auto start = cut.before ? *cut.before : -*cut.target;
      x = slice(b, x, axis, start, std::nullopt);
    }
  };
  crop(1, margins(op, "top_cropping", "bottom_cropping", "target_height"));
  crop(2, margins(op, "left_cropping", "right_cropping", "target_width"));
  return images.result(x);
}

Symbols op_pad_images(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  auto pad = std::make_shared<graph::Pad>();
  pad->before = pad->after = {0, 0, 0, 0};
  const auto set = [&](int64_t axis, const Margins& added) {
    const auto missing = [&](int64_t known) {
      return *added.target - b.known_dim(images.value, axis) - known;
    };
    const int64_t before = added.before ? *added.before : missing(*added.after);
    const int64_t after = added.after ? *added.after : missing(before);
    if (before < 0 || after < 0) {
      op.fail_invalid(fmt::format("it would add {} cells in front and {} behind", before, after));
    }
    pad->before[static_cast<size_t>(axis)] = before;
    pad->after[static_cast<size_t>(axis)] = after;
  };
  set(1, margins(op, "top_padding", "bottom_padding", "target_height"));
  set(2, margins(op, "left_padding", "right_padding", "target_width"));
  return images.result(b.add1(pad, {images.value}));
}

// A convolution of each channel with a normal distribution.
Symbols op_gaussian_blur(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  const std::vector<int64_t> size = op.attributes().integers("kernel_size", 2, 3);
  std::vector<double> sigma = {1, 1};
  if (op.attributes().has("sigma")) sigma = op.attributes().numbers("sigma");
  if (sigma.size() == 1) sigma.push_back(sigma[0]);
  if (sigma.size() != 2) op.attributes().fail_key("sigma", "two numbers");
  std::vector<double> weights[2];
  const int64_t channels = b.known_dim(images.value, 3);
  if ((graph::Size(size[0]) * size[1] * channels).value() > Attributes::kMostCount) {
    op.attributes().fail_key("kernel_size",
                             fmt::format("a window of {} numbers at most", Attributes::kMostCount));
  }
  for (size_t d = 0; d < 2; ++d) {
    if (size[d] <= 0) op.attributes().fail_key("kernel_size", "numbers above 0");
    double sum = 0;
    for (int64_t i = 0; i < size[d]; ++i) {
      const double x = (static_cast<double>(i) - static_cast<double>(size[d] - 1) / 2) / sigma[d];
      weights[d].push_back(std::exp(-0.5 * x * x));
      sum += weights[d].back();
    }
    for (double& weight : weights[d]) weight /= sum;
  }
  std::vector<double> kernel;
  for (const double row : weights[0]) {
    for (const double column : weights[1]) {
      kernel.insert(kernel.end(), static_cast<size_t>(channels), row * column);
    }
  }
  auto conv = std::make_shared<graph::Conv>();
  conv->window.size = size;
  conv->window.strides = conv->window.dilations = {1, 1};
  conv->window.padding = graph::Padding::kSame;
  conv->groups = channels;
  const ValueId filter = b.floats(kernel, {size[0], size[1], 1, channels});
  const ValueId y = b.add1(conv, {b.as_float(images.value), filter, kNoValue});
  return images.result(b.cast(y, b.type(images.value).dtype));
}

// Output cell (x, y) shows (a0 x + a1 y + a2, b0 x + b1 y + b2); c0 and c1 count for TensorFlow
// alone and are taken as 0.
Symbols op_affine_transform(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  ValueId transform = b.as_float(op.value(1, "transform"));
  if (b.rank(transform) == 1) transform = b.expand_dims(transform, 0);
  if (b.rank(transform) != 2) op.fail_invalid("its transform has other than 1 or 2 dimensions");
  const ValueId rows = places(b, images.value, 1), columns = places(b, images.value, 2);
  const auto source = [&](int64_t first) {
    const ValueId x = multiply(b, parameter(b, transform, first), columns);
    const ValueId y = multiply(b, parameter(b, transform, first + 1), rows);
    return add(b, add(b, x, y), parameter(b, transform, first + 2));
  };
  return images.result(sample(op, images.value, source(3), source(0)));
}

// The projection that moves four corners: output cell (x, y) shows (u, v) with
// u = (a x + b y + c) / (g x + h y + 1), v = (d x + e y + f) / (g x + h y + 1).
Symbols op_perspective_transform(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const Images images(op);
  ValueId starts = b.as_float(op.value(1, "start_points"));
  ValueId ends = b.as_float(op.value(2, "end_points"));
  for (ValueId* points : {&starts, &ends}) {
    if (b.rank(*points) == 2) *points = b.expand_dims(*points, 0);
    if (b.rank(*points) != 3) op.fail_invalid("its points have other than 2 or 3 dimensions");
  }
  // Two equations for each corner: end (x, y) shows start (u, v).
  const ValueId x = b.slice(ends, 2, 0, 1), y = b.slice(ends, 2, 1, 2);
  const ValueId u = b.slice(starts, 2, 0, 1), v = b.slice(starts, 2, 1, 2);
  const ValueId zero = full_like(b, number(b, 0, x), x), unit = full_like(b, number(b, 1, x), x);
  const auto negative = [&](ValueId a, ValueId c) {
    return b.unary(UnaryKind::negative, multiply(b, a, c));
  };
  const ValueId of_u = b.concat({x, y, unit, zero, zero, zero, negative(x, u), negative(y, u)}, 2);
  const ValueId of_v = b.concat({zero, zero, zero, x, y, unit, negative(x, v), negative(y, v)}, 2);
  const ValueId solution = b.op<graph::Linalg>({b.concat({of_u, of_v}, 1), b.concat({u, v}, 1)},
                                               graph::LinalgKind::solve);
  const ValueId h = b.squeeze(solution, 2);
  const ValueId rows = places(b, images.value, 1), columns = places(b, images.value, 2);
  const auto linear = [&](int64_t first) {
    return add(b, multiply(b, parameter(b, h, first), columns),
               multiply(b, parameter(b, h, first + 1), rows));
  };
  const ValueId scale = add(b, linear(6), number(b, 1, h));
  const auto source = [&](int64_t first) {
    return divide(b, add(b, linear(first), parameter(b, h, first + 2)), scale);
  };
  return images.result(sample(op, images.value, source(3), source(0)));
}

Symbols op_map_coordinates(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = op.value(0, "inputs");
  const ValueId coordinates = op.value(1, "coordinates");
  auto map = std::make_shared<graph::MapCoordinates>();
  map->order = op.attributes().integer("order");
  if (map->order != 0 && map->order != 1) op.attributes().fail_key("order", "0 or 1");
  map->mode = fill_mode(op);
  map->fill_value = static_cast<float>(op.attributes().number("fill_value", 0.0));
  if (b.known_dim(coordinates, 0) != b.rank(x)) {
    op.fail_invalid(fmt::format("its coordinates are {} for {}", to_string(b.shape(coordinates)),
                                to_string(b.shape(x))));
  }
  const DType dtype = b.type(x).dtype;
  const ValueId y = b.add1(map, {b.as_float(x), b.as_float(coordinates)});
  return one(is_floating(dtype) ? y : b.cast(b.unary(UnaryKind::round, y), dtype));
}

}  // namespace hornet::layers
