#include "data/picture.h"

#include "hornet/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hornet;
  if (size == 0) return 0;
  SourceOptions options;
  options.crop_to_aspect_ratio = (data[0] & 1) != 0;
  options.scaled_decoding = (data[0] & 2) != 0;
  if ((data[0] & 4) != 0) options.interpolation = SourceOptions::Interpolation::kNearest;
  const int64_t channels[] = {1, 3, 4, 3};
  const PictureRow row({5, 7, channels[data[0] / 8 % 4]}, options, "picture");
  std::vector<std::byte> to(row.bytes());
  Picture picture;
  // A few bytes may claim millions of pixels, which is no finding.
  try {
    row.read(std::as_bytes(std::span(data + 1, size - 1)), "picture", picture, to.data());
  } catch (const Error&) {
  }
  return 0;
}
