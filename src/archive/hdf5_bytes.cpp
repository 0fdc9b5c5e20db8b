#include "archive/hdf5_bytes.h"

#include <bit>

namespace hornet {

Hdf5Cursor::Hdf5Cursor(const Hdf5Bytes& file, uint64_t address) : file_(&file) {
  const Bytes& image = file.image;
  file.require_sound(
      !file.is_undefined(address) && file.base <= image.size && address <= image.size - file.base,
      "an address lies outside the file");
  at_ = image.data + file.base + address;
  end_ = image.data + image.size;
}

Hdf5Cursor::Hdf5Cursor(const Hdf5Bytes& file, uint64_t address, uint64_t size)
    : Hdf5Cursor(file, address) {
  file.require_sound(size <= remaining(), "a block reaches beyond the end of the file");
  end_ = at_ + size;
}

const std::byte* Hdf5Cursor::take(uint64_t size) {
  file_->require_sound(size <= remaining(), "a structure is cut");
  const std::byte* taken = at_;
  at_ += size;
  return taken;
}

uint64_t Hdf5Cursor::number(int num_bytes) {
  const std::byte* bytes = take(static_cast<uint64_t>(num_bytes));
  uint64_t value = 0;
  for (int i = num_bytes; i-- > 0;) value = value << 8 | static_cast<uint64_t>(bytes[i]);
  return value;
}

std::string_view Hdf5Cursor::text(uint64_t size) {
  return {reinterpret_cast<const char*>(take(size)), size};
}

Hdf5Cursor Hdf5Cursor::part(uint64_t size) {
  Hdf5Cursor piece = *this;
  take(size);
  piece.end_ = at_;
  return piece;
}

void Hdf5Cursor::require_signature(std::string_view signature) {
  file_->require_sound(text(signature.size()) == signature, "a structure lacks its signature");
}

int bytes_for(uint64_t limit) { return limit == 0 ? 1 : (std::bit_width(limit) - 1) / 8 + 1; }

bool is_set(const std::byte* bitmap, uint64_t number) {
  return (bitmap[number / 8] & std::byte{0x80} >> (number % 8)) != std::byte{0};
}

}  // namespace hornet
