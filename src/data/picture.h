// Pictures: decoding, and resizing as Keras does it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/byte_budget.h"
#include "hornet/source.h"

namespace hornet {

struct Picture {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;  // [height, width, channels]
  // Where the memory for decoding comes from; nullptr for anywhere.
  ByteBudget* budget = nullptr;
};

// What a row made of a picture looks like.
struct PictureRow {
  // Throws Error(kShapeMismatch) unless `shape` is [height, width, channels], with 1 (grey), 3
  // (RGB) or 4 (RGB and alpha) channels. `name` is for messages.
  PictureRow(const Shape& shape, const SourceOptions& options, const std::string& name);

  // Bilinear rows are float32 (0 to 255), nearest ones uint8, as Keras gives them.
  DType dtype() const;
  size_t bytes() const;
  // Decodes `file`, JPEG or PNG by its first bytes, resizes it and puts it at `to`. `name` is for
  // messages; throws Error(kInvalidInput). `picture` keeps its memory between calls, unless there
  // is a bound on it: then it waits until its pixels fit, and throws Error(kInvalidInput) if they
  // never do.
  void read(std::span<const std::byte> file, const std::string& name, Picture& picture,
            std::byte* to) const;

  int64_t height, width, channels;
  SourceOptions::Interpolation interpolation;
  bool crop_to_aspect_ratio, scaled_decoding;
  // Half of SourceOptions::memory_bytes.
  std::shared_ptr<ByteBudget> decoding;
};

bool is_jpeg(std::span<const std::byte> file);
bool is_png(std::span<const std::byte> file);

// Decodes into 1, 3 or 4 channels of 8 bits. JPEG may be decoded at a half, quarter or eighth of
// its size as long as that is not below these; 0 for never. Throws Error(kInvalidInput).
// What it returns stands for the memory of the pixels.
ByteBudget::Lease decode_picture(std::span<const std::byte> file, const std::string& name,
                                 int64_t channels, int64_t least_height, int64_t least_width,
                                 Picture& picture);

// A part of a picture.
struct PictureBox {
  int64_t top = 0, left = 0, height = 0, width = 0;
};
// The largest centred part with the aspect ratio of the target size, as keras.utils' smart_resize
// cuts it, in float32 as there.
PictureBox centred_box(int64_t height, int64_t width, int64_t target_height, int64_t target_width);

// Both as tf.image.resize without antialiasing: pixels have their centres at halves.
// [height, width, channels], float32.
void resize_bilinear(const Picture& picture, const PictureBox& box, int64_t height, int64_t width,
                     float* to);
void resize_nearest(const Picture& picture, const PictureBox& box, int64_t height, int64_t width,
                    uint8_t* to);

}  // namespace hornet
