// The doors to libjpeg-turbo and libpng.
#pragma once

#include <span>
#include <string>

#include "data/picture.h"

namespace hornet {

// See decode_picture.
ByteBudget::Lease decode_jpeg(std::span<const std::byte> file, const std::string& name,
                              int64_t channels, int64_t least_height, int64_t least_width,
                              Picture& picture);
ByteBudget::Lease decode_png(std::span<const std::byte> file, const std::string& name,
                             int64_t channels, Picture& picture);

// Memory to decode a picture of this size, `bytes_a_pixel` in all. Waits for it where the picture
// has a budget.
ByteBudget::Lease lease_memory(const Picture& picture, const std::string& name, uint64_t height,
                               uint64_t width, uint64_t bytes_a_pixel);

// Throws Error(kInvalidInput) for a picture that is larger than any of use: a small file may claim
// a huge one.
void check_size(const std::string& name, uint64_t height, uint64_t width);
void make_room(Picture& picture, uint64_t height, uint64_t width, int64_t channels);

// ITU-R 601-2 luma in 16 bits, as PIL has it.
inline uint8_t luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

}  // namespace hornet
