#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
// It needs cstdio before it.
#include <jpeglib.h>
// And this one jpeglib.h.
#include <jerror.h>

#include "base/check.h"
#include "data/picture_files.h"

namespace hornet {
namespace {

struct ErrorManager {
  jpeg_error_mgr base;  // first: libjpeg hands out its address
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void give_up(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Pictures that are cut or damaged are warnings for libjpeg, which goes on with grey.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // a trace
  const int code = info->err->msg_code;
  if (code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF || code == JWRN_HUFF_BAD_CODE) {
    give_up(info);
  }
}

// Each step is a function without objects that a jump would pass by.
class JpegReader {
 public:
  explicit JpegReader(std::span<const std::byte> file) : file_(file) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = give_up;
    errors_.base.emit_message = on_message;
    errors_.message[0] = '\0';
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool start() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&info_);
    return true;
  }
  bool read_rows(uint8_t* to, size_t row_bytes) {
    if (setjmp(errors_.jump) != 0) return false;
    constexpr JDIMENSION kMostRows = 16;  // it gives as many as it has at a time
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW rows[kMostRows];
      const JDIMENSION count = std::min(kMostRows, info_.output_height - info_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) rows[i] = to + (info_.output_scanline + i) * row_bytes;
      jpeg_read_scanlines(&info_, rows, count);
    }
    return true;
  }
  jpeg_decompress_struct& info() { return info_; }
  const char* message() const { return errors_.message; }

 private:
  const std::span<const std::byte> file_;
  jpeg_decompress_struct info_ = {};
  ErrorManager errors_ = {};
};

// Inks as Adobe stores them, inverted; products as PIL rounds them.
void cmyk_to_rgb(const uint8_t* inks, int64_t num_pixels, std::vector<uint8_t>& rgb) {
  const auto without = [](unsigned black, unsigned ink) {
    const unsigned product = (255 - ink) * black + 128;
    const unsigned taken = ((product >> 8) + product) >> 8;
    return static_cast<uint8_t>(black - taken);
  };
  for (int64_t i = 0; i < num_pixels; ++i, inks += 4) {
    for (int c = 0; c < 3; ++c) rgb[static_cast<size_t>(3 * i + c)] = without(inks[3], inks[c]);
  }
}

void from_rgb(const std::vector<uint8_t>& rgb, Picture& picture) {
  const int64_t num_pixels = picture.height * picture.width;
  uint8_t* to = picture.pixels.data();
  for (int64_t i = 0; i < num_pixels; ++i) {
    const uint8_t* from = rgb.data() + 3 * i;
    if (picture.channels == 1) {
      *to++ = luma(from[0], from[1], from[2]);
      continue;
    }
    for (int c = 0; c < 3; ++c) *to++ = from[c];
    if (picture.channels == 4) *to++ = 255;
  }
}

void choose_scale(jpeg_decompress_struct& info, int64_t least_height, int64_t least_width) {
  if (least_height == 0 || least_width == 0) return;
  for (const unsigned eighths : {1u, 2u, 4u}) {
    if (int64_t{info.image_height} * eighths / 8 < least_height ||
        int64_t{info.image_width} * eighths / 8 < least_width) {
      continue;
    }
    info.scale_num = eighths;
    info.scale_denom = 8;
    return;
  }
}

}  // namespace

void check_size(const std::string& name, uint64_t height, uint64_t width) {
  constexpr uint64_t kMostPixels = 178'956'970;  // PIL's
  require(height > 0 && width > 0 && width <= kMostPixels && height <= kMostPixels / width,
          ErrorCode::kInvalidInput, "{} claims {} x {} pixels; at most {} are read", name, width,
          height, kMostPixels);
}

void make_room(Picture& picture, uint64_t height, uint64_t width, int64_t channels) {
  picture.height = static_cast<int64_t>(height);
  picture.width = static_cast<int64_t>(width);
  picture.channels = channels;
  picture.pixels.resize(height * width * static_cast<uint64_t>(channels));
}

ByteBudget::Lease lease_memory(const Picture& picture, const std::string& name, uint64_t height,
                               uint64_t width, uint64_t bytes_a_pixel) {
  if (picture.budget == nullptr) return {};
  return picture.budget->take(height * width * bytes_a_pixel, name);
}

ByteBudget::Lease decode_jpeg(std::span<const std::byte> file, const std::string& name,
                              int64_t channels, int64_t least_height, int64_t least_width,
                              Picture& picture) {
  JpegReader reader(file);
  const auto check = [&](bool done) {
    require(done, ErrorCode::kInvalidInput, "{} is a damaged JPEG picture: {}", name,
            reader.message());
  };
  check(reader.read_header());
  jpeg_decompress_struct& info = reader.info();
  const bool inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = inks            ? JCS_CMYK
                         : channels == 1 ? JCS_GRAYSCALE
                         : channels == 3 ? JCS_RGB
                                         : JCS_EXT_RGBA;
  choose_scale(info, least_height, least_width);
  check_size(name, info.image_height, info.image_width);  // before libjpeg takes memory
  // A block of 64 pixels takes a bit at least, unless arithmetic is what codes it.
  constexpr uint64_t kMostPixelsAByte = 8 * 64;
  require(info.arith_code != 0 ||
              uint64_t{info.image_height} * info.image_width / kMostPixelsAByte <= file.size(),
          ErrorCode::kInvalidInput, "{} is a damaged JPEG picture: {} x {} pixels in {} bytes",
          name, info.image_width, info.image_height, file.size());
  // Of a progressive picture libjpeg keeps all coefficients, 2 bytes each.
  const auto coefficients = jpeg_has_multiple_scans(&info) ? 2 * info.num_components : 0;
  constexpr int64_t kInkBytes = 4 + 3;
  ByteBudget::Lease lease =
      lease_memory(picture, name, info.image_height, info.image_width,
                   static_cast<uint64_t>(channels + coefficients + (inks ? kInkBytes : 0)));
  check(reader.start());
  make_room(picture, info.output_height, info.output_width, channels);
  const auto num_pixels = static_cast<size_t>(picture.height * picture.width);
  if (!inks) {
    check(reader.read_rows(picture.pixels.data(), static_cast<size_t>(picture.width * channels)));
    return lease;
  }
  std::vector<uint8_t> stored(4 * num_pixels), rgb(3 * num_pixels);
  check(reader.read_rows(stored.data(), static_cast<size_t>(picture.width) * 4));
  cmyk_to_rgb(stored.data(), picture.height * picture.width, rgb);
  from_rgb(rgb, picture);
  return lease;
}

}  // namespace hornet
