#include "data/picture.h"

#include <emmintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "data/picture_files.h"

namespace hornet {
namespace {

// Where the pixel of the result lies between pixels of the picture.
struct Between {
  int64_t lower = 0, upper = 0;
  float part = 0;  // of upper
};

std::vector<Between> between(int64_t from, int64_t to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  std::vector<Between> result(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const float at = (static_cast<float>(i) + 0.5f) * scale - 0.5f;
    const float below = std::floor(at);
    Between& each = result[static_cast<size_t>(i)];
    each.lower = std::max<int64_t>(static_cast<int64_t>(below), 0);
    each.upper = std::min<int64_t>(static_cast<int64_t>(std::ceil(at)), from - 1);
    each.part = at - below;
  }
  return result;
}

const uint8_t* pixel(const Picture& picture, const PictureBox& box, int64_t y, int64_t x) {
  return picture.pixels.data() + ((box.top + y) * picture.width + box.left + x) * picture.channels;
}

}  // namespace

bool is_jpeg(std::span<const std::byte> file) {
  return file.size() >= 3 && std::memcmp(file.data(), "\xff\xd8\xff", 3) == 0;
}

bool is_png(std::span<const std::byte> file) {
  return file.size() >= 8 && std::memcmp(file.data(), "\x89PNG\r\n\x1a\n", 8) == 0;
}

ByteBudget::Lease decode_picture(std::span<const std::byte> file, const std::string& name,
                                 int64_t channels, int64_t least_height, int64_t least_width,
                                 Picture& picture) {
  require(!file.empty(), ErrorCode::kInvalidInput, "{} is empty; expected a picture", name);
  if (is_jpeg(file)) return decode_jpeg(file, name, channels, least_height, least_width, picture);
  require(is_png(file), ErrorCode::kInvalidInput, "{} is neither a JPEG nor a PNG picture", name);
  return decode_png(file, name, channels, picture);
}

PictureBox centred_box(int64_t height, int64_t width, int64_t target_height, int64_t target_width) {
  const auto scaled = [](int64_t a, int64_t b, int64_t divisor) {
    return static_cast<int64_t>(static_cast<float>(a * b) / static_cast<float>(divisor));
  };
  PictureBox box;
  box.height = std::max<int64_t>(std::min(height, scaled(width, target_height, target_width)), 1);
  box.width = std::max<int64_t>(std::min(width, scaled(height, target_width, target_height)), 1);
  box.top = static_cast<int64_t>(static_cast<float>(height - box.height) / 2);
  box.left = static_cast<int64_t>(static_cast<float>(width - box.width) / 2);
  return box;
}

namespace {

__m128 load_pixel(const uint8_t* from) {
  int bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  const __m128i zeros = _mm_setzero_si128();
  const __m128i words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), zeros);
  return _mm_cvtepi32_ps(_mm_unpacklo_epi16(words, zeros));
}

// Four channels at a time, of which the last of three is of the next pixel and written over; as
// many columns as can be read so. `to` has room for a float more. The arithmetic is that of
// resize_across(). AVX is not faster here.
template <int kChannels>
size_t resize_vectors_across(const uint8_t* row, int64_t row_pixels,
                             const std::vector<Between>& columns, float* to) {
  size_t i = 0;
  for (; i < columns.size() && columns[i].upper < row_pixels - 1; ++i) {
    const Between& x = columns[i];
    const __m128 from = load_pixel(row + x.lower * kChannels);
    const __m128 step = _mm_sub_ps(load_pixel(row + x.upper * kChannels), from);
    _mm_storeu_ps(to + i * kChannels, _mm_add_ps(from, _mm_mul_ps(step, _mm_set1_ps(x.part))));
  }
  return i;
}

// A row of the picture, resized across: [columns, channels]. Channels are a constant, so that the
// compiler need not loop over them.
template <int kChannels>
void resize_across(const uint8_t* row, int64_t row_pixels, const std::vector<Between>& columns,
                   float* to) {
  size_t i = 0;
  if constexpr (kChannels >= 3) {
    i = resize_vectors_across<kChannels>(row, row_pixels, columns, to);
    to += i * kChannels;
  }
  for (; i < columns.size(); ++i) {
    const Between& x = columns[i];
    const uint8_t* const left = row + x.lower * kChannels;
    const uint8_t* const right = row + x.upper * kChannels;
    for (int c = 0; c < kChannels; ++c) {
      const auto from = static_cast<float>(left[c]);
      *to++ = from + (static_cast<float>(right[c]) - from) * x.part;
    }
  }
}

template <int kChannels>
void resize_bilinear_of(const Picture& picture, const PictureBox& box, int64_t height,
                        int64_t width, float* to) {
  const std::vector<Between> rows = between(box.height, height);
  const std::vector<Between> columns = between(box.width, width);
  const auto count = static_cast<size_t>(width) * kChannels;
  // The rows of the picture that were resized last: enlarging asks for the same again.
  std::vector<float> above(count + 1), below(count + 1);
  int64_t row_above = -1, row_below = -1;
  for (const Between& y : rows) {
    if (y.lower == row_below) {
      above.swap(below);
      std::swap(row_above, row_below);
    }
    if (y.lower != row_above) {
      resize_across<kChannels>(pixel(picture, box, y.lower, 0), box.width, columns, above.data());
      row_above = y.lower;
    }
    if (y.upper != row_below) {
      resize_across<kChannels>(pixel(picture, box, y.upper, 0), box.width, columns, below.data());
      row_below = y.upper;
    }
    for (size_t i = 0; i < count; ++i) to[i] = above[i] + (below[i] - above[i]) * y.part;
    to += count;
  }
}

}  // namespace

void resize_bilinear(const Picture& picture, const PictureBox& box, int64_t height, int64_t width,
                     float* to) {
  switch (picture.channels) {
    case 1:
      return resize_bilinear_of<1>(picture, box, height, width, to);
    case 3:
      return resize_bilinear_of<3>(picture, box, height, width, to);
    default:
      HORNET_CHECK(picture.channels == 4);
      return resize_bilinear_of<4>(picture, box, height, width, to);
  }
}

void resize_nearest(const Picture& picture, const PictureBox& box, int64_t height, int64_t width,
                    uint8_t* to) {
  const auto nearest = [](int64_t i, int64_t from, int64_t size) {
    const float scale = static_cast<float>(from) / static_cast<float>(size);
    const float at = (static_cast<float>(i) + 0.5f) * scale;
    return std::min<int64_t>(static_cast<int64_t>(std::floor(at)), from - 1);
  };
  for (int64_t y = 0; y < height; ++y) {
    const int64_t from_y = nearest(y, box.height, height);
    for (int64_t x = 0; x < width; ++x) {
      const uint8_t* from = pixel(picture, box, from_y, nearest(x, box.width, width));
      to = std::copy_n(from, picture.channels, to);
    }
  }
}

PictureRow::PictureRow(const Shape& shape, const SourceOptions& options, const std::string& name)
    : interpolation(options.interpolation),
      crop_to_aspect_ratio(options.crop_to_aspect_ratio),
      scaled_decoding(options.scaled_decoding),
      decoding(std::make_shared<ByteBudget>(options.memory_bytes / 2)) {
  constexpr int64_t kLargest = 1 << 15;
  const bool sound = shape.size() == 3 && shape[0] > 0 && shape[0] <= kLargest && shape[1] > 0 &&
                     shape[1] <= kLargest && (shape[2] == 1 || shape[2] == 3 || shape[2] == 4);
  require(sound, ErrorCode::kShapeMismatch,
          "{}: pictures make rows of shape [height, width, 1, 3 or 4]; expected {} (--shape)", name,
          to_string(shape));
  height = shape[0];
  width = shape[1];
  channels = shape[2];
}

DType PictureRow::dtype() const {
  return interpolation == SourceOptions::Interpolation::kNearest ? DType::kUInt8 : DType::kFloat32;
}

size_t PictureRow::bytes() const { return num_bytes(dtype(), {height, width, channels}); }

void PictureRow::read(std::span<const std::byte> file, const std::string& name, Picture& picture,
                      std::byte* to) const {
  picture.budget = decoding.get();
  const ByteBudget::Lease lease = decode_picture(file, name, channels, scaled_decoding ? height : 0,
                                                 scaled_decoding ? width : 0, picture);
  PictureBox box = {0, 0, picture.height, picture.width};
  if (crop_to_aspect_ratio) box = centred_box(picture.height, picture.width, height, width);
  if (interpolation == SourceOptions::Interpolation::kNearest) {
    resize_nearest(picture, box, height, width, reinterpret_cast<uint8_t*>(to));
  } else {
    resize_bilinear(picture, box, height, width, reinterpret_cast<float*>(to));
  }
  if (decoding->is_bounded()) std::vector<uint8_t>().swap(picture.pixels);
}

}  // namespace hornet
