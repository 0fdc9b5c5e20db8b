// Bounds-checked reading of an HDF5 file's bytes. Nothing else in archive/ touches them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/bytes.h"
#include "base/check.h"

namespace hornet {

// The file, and what its superblock says about the sizes and the origin of addresses.
struct Hdf5Bytes {
  Bytes image;
  std::string label;  // names the file in messages
  uint64_t base = 0;  // added to every address
  int address_size = 8;
  int length_size = 8;

  // An address of all ones stands for "nowhere".
  bool is_undefined(uint64_t address) const {
    return address == (address_size == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * address_size)) - 1);
  }
  [[noreturn]] void damaged(std::string_view what) const {
    fail(ErrorCode::kInvalidModel, "{} is damaged or incomplete: {}", label, what);
  }
  void require_sound(bool condition, std::string_view what) const {
    if (!condition) damaged(what);
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    fail(ErrorCode::kUnsupported, "{} uses {}, which Hornet does not read", label, what);
  }
};

// Reads numbers, little-endian, from a stretch of the file; throws Error(kInvalidModel) at its end.
class Hdf5Cursor {
 public:
  // The stretch [address, address + size) of the file; all that follows where no size is given.
  Hdf5Cursor(const Hdf5Bytes& file, uint64_t address);
  Hdf5Cursor(const Hdf5Bytes& file, uint64_t address, uint64_t size);

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  uint64_t address() { return number(file_->address_size); }
  uint64_t length() { return number(file_->length_size); }
  uint64_t number(int num_bytes);  // at most 8
  std::string_view text(uint64_t size);
  // The next `size` bytes as a stretch of their own.
  Hdf5Cursor part(uint64_t size);
  void skip(uint64_t size) { take(size); }
  void require_signature(std::string_view signature);

  uint64_t remaining() const { return static_cast<uint64_t>(end_ - at_); }
  const std::byte* data() const { return at_; }
  const Hdf5Bytes& file() const { return *file_; }

 private:
  const std::byte* take(uint64_t size);

  const Hdf5Bytes* file_;
  const std::byte* at_;
  const std::byte* end_;
};

// Bytes that hold `limit`, as HDF5 sizes fields by the largest value they may get.
int bytes_for(uint64_t limit);

// Bit `number` of a bitmap, which counts from the highest bit of each byte.
bool is_set(const std::byte* bitmap, uint64_t number);

}  // namespace hornet
