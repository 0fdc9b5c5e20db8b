#include "data/picture.h"

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/nearest_cell.h"
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

// How the columns of a result come from pixels of two rows of the picture, for what is read eight
// bytes at a time.
struct Columns {
  std::vector<Between> all;
  // Of the first ones: the byte at which their two pixels begin, and the part of the second.
  std::vector<int32_t> offsets;
  std::vector<float> parts;
};

// Leaves out what would be read or written behind the row's end.
Columns columns_between(int64_t from, int64_t to, int64_t channels) {
  constexpr int64_t kBytes = 8;
  Columns result;
  result.all = between(from, to);
  for (const Between& x : result.all) {
    const int64_t offset = x.lower * channels;
    const bool is_last = &x == &result.all.back();
    if (is_last || offset + kBytes > from * channels) break;
    result.offsets.push_back(static_cast<int32_t>(offset));
    result.parts.push_back(x.upper == x.lower ? 0.0f : x.part);
  }
  return result;
}

float mixed(float from, float to, float part) { return from + (to - from) * part; }

// A pixel of a row of the picture, resized across.
template <int kChannels>
void resize_across(const uint8_t* row, const Between& x, float* to) {
  const uint8_t* const left = row + x.lower * kChannels;
  const uint8_t* const right = row + x.upper * kChannels;
  for (int c = 0; c < kChannels; ++c) to[c] = mixed(left[c], right[c], x.part);
}

// The pixels of the columns that have offsets: two pixels of both rows in one vector. With three
// channels a fourth is computed, which the next pixel is written over.
template <int kChannels>
__attribute__((target("avx2"))) void resize_pixels(const uint8_t* above, const uint8_t* below,
                                                   const Columns& columns, float part_below,
                                                   float* to) {
  constexpr int c = kChannels;
  const __m128i first = _mm_setr_epi8(0, 1, 2, 3, 8, 9, 10, 11, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i second = _mm_setr_epi8(c, c + 1, c + 2, c + 3, c + 8, c + 9, c + 10, c + 11, -1, -1,
                                       -1, -1, -1, -1, -1, -1);
  const __m128 part = _mm_set1_ps(part_below);
  for (size_t i = 0; i < columns.offsets.size(); ++i) {
    const int32_t offset = columns.offsets[i];
    const __m128i bytes =
        _mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(above + offset)),
                           _mm_loadl_epi64(reinterpret_cast<const __m128i*>(below + offset)));
    const __m256 left = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_shuffle_epi8(bytes, first)));
    const __m256 right = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_shuffle_epi8(bytes, second)));
    const __m256 across = _mm256_add_ps(
        left, _mm256_mul_ps(_mm256_sub_ps(right, left), _mm256_set1_ps(columns.parts[i])));
    const __m128 upper = _mm256_castps256_ps128(across);
    const __m128 lower = _mm256_extractf128_ps(across, 1);
    _mm_storeu_ps(to, _mm_add_ps(upper, _mm_mul_ps(_mm_sub_ps(lower, upper), part)));
    to += kChannels;
  }
}

template <int kChannels>
void resize_bilinear_of(const Picture& picture, const PictureBox& box, int64_t height,
                        int64_t width, float* to) {
  const Columns columns = columns_between(box.width, width, kChannels);
  const bool vectors = kChannels >= 3 && __builtin_cpu_supports("avx2");
  const size_t first = vectors ? columns.offsets.size() : 0;  // of the columns that are left
  const size_t left = (columns.all.size() - first) * kChannels;
  // Of these the rows of the picture that were resized across last: enlarging asks for the same
  // again.
  struct Across {
    int64_t row = -1;
    std::vector<float> pixels;
  };
  Across above, below;
  const auto resize_row = [&](int64_t row, Across& across) {
    if (across.row == row) return;
    across.row = row;
    across.pixels.resize(left);
    const uint8_t* from = pixel(picture, box, row, 0);
    for (size_t i = first; i < columns.all.size(); ++i) {
      resize_across<kChannels>(from, columns.all[i], &across.pixels[(i - first) * kChannels]);
    }
  };
  for (const Between& y : between(box.height, height)) {
    if constexpr (kChannels >= 3) {
      if (vectors) {
        resize_pixels<kChannels>(pixel(picture, box, y.lower, 0), pixel(picture, box, y.upper, 0),
                                 columns, y.part, to);
      }
    }
    if (y.lower == below.row) std::swap(above, below);
    resize_row(y.lower, above);
    resize_row(y.upper, below);
    float* rest = to + first * kChannels;
    for (size_t i = 0; i < left; ++i) rest[i] = mixed(above.pixels[i], below.pixels[i], y.part);
    to += width * kChannels;
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
  for (int64_t y = 0; y < height; ++y) {
    const int64_t from_y = nearest_cell(y, box.height, height);
    for (int64_t x = 0; x < width; ++x) {
      const uint8_t* from = pixel(picture, box, from_y, nearest_cell(x, box.width, width));
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
