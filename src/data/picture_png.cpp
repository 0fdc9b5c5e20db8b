#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "data/picture_files.h"

namespace hornet {
namespace {

// Each step is a function without objects that a jump would pass by.
class PngReader {
 public:
  explicit PngReader(std::span<const std::byte> file) : left_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    require(info_ != nullptr, ErrorCode::kOutOfMemory, "no memory to read a PNG picture");
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    png_set_read_fn(png_, this, read_bytes);
    png_read_info(png_, info_);
    return true;
  }
  // Sets up 8 bits a channel, and `channels` of them; 3 where 1 is asked of a coloured picture.
  bool choose_channels(int64_t channels) {
    if (setjmp(jump_) != 0) return false;
    png_set_expand(png_);
    png_set_strip_16(png_);
    if (channels != 1) png_set_gray_to_rgb(png_);
    if (channels == 4) {
      png_set_add_alpha(png_, 0xff, PNG_FILLER_AFTER);
    } else {
      png_set_strip_alpha(png_);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  bool read_rows(png_bytep* rows) {
    if (setjmp(jump_) != 0) return false;
    png_read_image(png_, rows);
    return true;
  }

  bool is_coloured() const { return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) != 0; }
  uint64_t height() const { return png_get_image_height(png_, info_); }
  uint64_t width() const { return png_get_image_width(png_, info_); }
  size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  const char* message() const { return message_; }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(reader->message_, message, sizeof(reader->message_) - 1);
    std::longjmp(reader->jump_, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void read_bytes(png_structp png, png_bytep to, size_t size) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > reader->left_.size()) png_error(png, "it ends too early");
    std::memcpy(to, reader->left_.data(), size);
    reader->left_ = reader->left_.subspan(size);
  }

  std::span<const std::byte> left_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf jump_;
  char message_[128] = {};
};

}  // namespace

ByteBudget::Lease decode_png(std::span<const std::byte> file, const std::string& name,
                             int64_t channels, Picture& picture) {
  PngReader reader(file);
  const auto check = [&](bool done) {
    require(done, ErrorCode::kInvalidInput, "{} is a damaged PNG picture: {}", name,
            reader.message());
  };
  check(reader.read_header());
  const bool to_grey = channels == 1 && reader.is_coloured();
  const int64_t read = to_grey ? 3 : channels;
  check_size(name, reader.height(), reader.width());
  constexpr uint64_t kMaxDeflateRatio = 1032;
  require(reader.height() * reader.row_bytes() / kMaxDeflateRatio <= file.size(),
          ErrorCode::kInvalidInput, "{} is a damaged PNG picture: {} x {} pixels in {} bytes", name,
          reader.width(), reader.height(), file.size());
  ByteBudget::Lease lease =
      lease_memory(picture, name, reader.height(), reader.width(), static_cast<uint64_t>(read));
  make_room(picture, reader.height(), reader.width(), read);
  check(reader.choose_channels(channels));
  const auto row_bytes = static_cast<size_t>(picture.width * read);
  require(reader.row_bytes() == row_bytes, ErrorCode::kInvalidInput,
          "{} is a PNG picture of an unknown kind", name);
  std::vector<png_bytep> rows(static_cast<size_t>(picture.height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = picture.pixels.data() + y * row_bytes;
  check(reader.read_rows(rows.data()));
  if (!to_grey) return lease;
  const auto num_pixels = static_cast<size_t>(picture.height * picture.width);
  for (size_t i = 0; i < num_pixels; ++i) {
    const uint8_t* from = picture.pixels.data() + 3 * i;
    picture.pixels[i] = luma(from[0], from[1], from[2]);
  }
  picture.channels = 1;
  picture.pixels.resize(num_pixels);
  return lease;
}

}  // namespace hornet
