// Image preprocessing that predicting does: resizing, cropping, contrast. The random layers do
// nothing then.
#include "layers/images.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace hornet::layers {
namespace {

// The images; Keras lets these layers also take labels, boxes or segmentation masks with them.
ValueId only_images(const LayerContext& layer, const CallArguments& call) {
  const Symbols tensors = call.tensors();
  if (tensors.empty()) layer.fail_invalid("it is called without an input");
  if (tensors.size() > 1) {
    layer.fail_unsupported("it is called with more than images; supported: images alone");
  }
  return tensors[0].value;
}

ValueId image_batch(const LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = only_images(layer, call);
  if (b.rank(x) != 4) {
    layer.fail_unsupported(
        fmt::format("its input is {}; expected a batch of images", to_string(b.shape(x))));
  }
  return x;
}

// Whole numbers within the range of an integer type.
ValueId rounded(const Builder& b, ValueId x, DType dtype) {
  const size_t bits = size_of(dtype) * 8;
  const bool is_signed = dtype == DType::kInt8 || dtype == DType::kInt16 ||
                         dtype == DType::kInt32 || dtype == DType::kInt64;
  const double high = std::exp2(static_cast<double>(is_signed ? bits - 1 : bits)) - 1;
  const double low = is_signed ? -high - 1 : 0;
  return b.cast(b.unary(UnaryKind::clip, b.unary(UnaryKind::round, x), low, high), dtype);
}

// x [N, H, W, C] resized; integers stay integers.
ValueId resized(const LayerContext& layer, ValueId x, std::shared_ptr<graph::ResizeImage> op) {
  const Builder& b = layer.build();
  const bool channels_first = is_channels_first(layer);
  const DType dtype = b.type(x).dtype;
  ValueId y = channels_first ? to_channels_last(b, x) : x;
  y = b.add1(std::move(op), {b.as_float(y)});
  if (channels_first) y = to_channels_first(b, y);
  return is_integer(dtype) ? rounded(b, y, dtype) : y;
}

// x scaled from one range of values to another.
ValueId change_range(const Builder& b, ValueId x, double from_low, double from_high, double to_low,
                     double to_high) {
  if (from_low == to_low && from_high == to_high) return x;
  const double scale = (to_high - to_low) / (from_high - from_low);
  return b.unary(UnaryKind::scale, x, scale, to_low - from_low * scale);
}

// The largest window in the middle of x of the shape that the config names, resized to it.
ValueId middle_resized(const LayerContext& layer, ValueId x) {
  auto op = std::make_shared<graph::ResizeImage>();
  op->height = layer.attributes().positive("height");
  op->width = layer.attributes().positive("width");
  op->fit = graph::ResizeImage::Fit::kCrop;
  return resized(layer, x, std::move(op));
}

}  // namespace

graph::Interpolation interpolation_of(const LayerContext& layer, const std::string& name) {
  using graph::Interpolation;
  for (const Interpolation one :
       {Interpolation::kNearest, Interpolation::kBilinear, Interpolation::kBicubic,
        Interpolation::kLanczos3, Interpolation::kLanczos5, Interpolation::kGaussian,
        Interpolation::kMitchellCubic, Interpolation::kArea}) {
    if (graph::to_string(one) == name) return one;
  }
  layer.fail_unsupported(fmt::format("interpolation \"{}\" is not one of Keras's", name));
}

Symbols resizing(LayerContext& layer, const CallArguments& call) {
  const Attributes& attributes = layer.attributes();
  auto op = std::make_shared<graph::ResizeImage>();
  op->height = layer.attributes().positive("height");
  op->width = layer.attributes().positive("width");
  op->interpolation = interpolation_of(layer, attributes.text("interpolation", "bilinear"));
  op->antialias = attributes.boolean("antialias", false);
  if (attributes.boolean("crop_to_aspect_ratio", false)) {
    op->fit = graph::ResizeImage::Fit::kCrop;
  } else if (attributes.boolean("pad_to_aspect_ratio", false)) {
    op->fit = graph::ResizeImage::Fit::kPad;
    attributes.choice("fill_mode", "constant", {"constant"});
    op->fill_value = static_cast<float>(attributes.number("fill_value", 0.0));
  }
  ValueId x = image_batch(layer, call);
  // Keras 2 resizes floats, and gives them (tf_keras/layers/preprocessing/image_preprocessing.py).
  if (layer.lowering().version().major < 3) x = layer.build().as_float(x);
  return one(resized(layer, x, std::move(op)));
}

// The middle of images that are large enough; of others the largest window of the same shape,
// resized.
Symbols center_crop(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId x = b.as_float(image_batch(layer, call));
  const int64_t height = layer.attributes().positive("height"),
                width = layer.attributes().positive("width");
  const int64_t rows = is_channels_first(layer) ? 2 : 1;
  const int64_t extra_rows = b.known_dim(x, rows) - height;
  const int64_t extra_columns = b.known_dim(x, rows + 1) - width;
  if (extra_rows >= 0 && extra_columns >= 0) {
    const ValueId cut = b.slice(x, rows, extra_rows / 2, extra_rows / 2 + height);
    return one(b.slice(cut, rows + 1, extra_columns / 2, extra_columns / 2 + width));
  }
  return one(middle_resized(layer, x));
}

// Random in training alone. For predictions Keras 2.7 to 3.5 resize the middle (smart_resize in
// RandomCrop.call); since the layer is a BaseImagePreprocessingLayer, in 3.6, it does nothing.
Symbols random_crop(LayerContext& layer, const CallArguments& call) {
  const keras::KerasVersion& version = layer.lowering().version();
  if (!version.before(3, 6)) return one(only_images(layer, call));
  if (version.before(2, 7)) {
    layer.fail_unsupported("its rule changed from release to release before Keras 2.7");
  }
  return one(middle_resized(layer, layer.build().as_float(image_batch(layer, call))));
}

// Each channel of each image stretched over the whole range of values; one of a single value stays.
Symbols auto_contrast(LayerContext& layer, const CallArguments& call) {
  const Builder& b = layer.build();
  const ValueId images = b.as_float(image_batch(layer, call));
  std::vector<double> range = {0, 255};
  if (layer.attributes().has("value_range")) range = layer.attributes().numbers("value_range");
  if (range.size() != 2 || range[0] == range[1]) {
    layer.attributes().fail_key("value_range", "two different numbers");
  }
  std::sort(range.begin(), range.end());
  const ValueId x = change_range(b, images, range[0], range[1], 0, 255);
  const ValueId low = b.reduce(graph::ReduceKind::min, x, {1, 2}, true);
  const ValueId high = b.reduce(graph::ReduceKind::max, x, {1, 2}, true);
  const ValueId scale =
      b.binary(BinaryKind::divide, b.scalar(255), b.binary(BinaryKind::subtract, high, low));
  const ValueId offset = b.unary(UnaryKind::negative, b.binary(BinaryKind::multiply, low, scale));
  const ValueId stretched =
      b.binary(BinaryKind::add, b.binary(BinaryKind::multiply, x, scale), offset);
  const ValueId result =
      change_range(b, b.unary(UnaryKind::clip, stretched, 0, 255), 0, 255, range[0], range[1]);
  return one(b.select(b.binary(BinaryKind::equal, high, low), images, result));
}

// Augmentation that only training does. The images become floats.
Symbols random_image_layer(LayerContext& layer, const CallArguments& call) {
  return one(layer.build().as_float(only_images(layer, call)));
}

// The same for layers that leave integers alone.
Symbols training_only_image_layer(LayerContext& layer, const CallArguments& call) {
  return one(only_images(layer, call));
}

}  // namespace hornet::layers
