// A dataset in a new HDF5 file, written as the file format specification, version 3.0, says: the
// structure first, all of it in the header, then the rows in one piece, which workers write in
// place. (The HDF5 library would have to be kept to one thread, and locks the file against our own
// lock.)
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "data/dense_sink.h"
#include "data/hdf5.h"
#include "data/input.h"
#include "data/rows.h"

namespace hornet {
namespace {

constexpr uint64_t kNowhere = ~uint64_t{0};

class Buffer {
 public:
  Buffer& number(uint64_t value, int num_bytes) {
    for (int i = 0; i < num_bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Buffer& u8(uint64_t value) { return number(value, 1); }
  Buffer& u16(uint64_t value) { return number(value, 2); }
  Buffer& u32(uint64_t value) { return number(value, 4); }
  Buffer& u64(uint64_t value) { return number(value, 8); }
  Buffer& text(std::string_view value) { return bytes_ += value, *this; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Bob Jenkins' lookup3, which the format names as its checksum.
uint32_t checksum(std::string_view text) {
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && at + i < text.size(); ++i) {
      value |= static_cast<uint32_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
    }
    return value;
  };
  uint32_t a = 0xdeadbeef + static_cast<uint32_t>(text.size()), b = a, c = a;
  size_t at = 0;
  for (; text.size() - at > 12; at += 12) {
    a += word(at), b += word(at + 4), c += word(at + 8);
    a = (a - c) ^ std::rotl(c, 4), c += b;
    b = (b - a) ^ std::rotl(a, 6), a += c;
    c = (c - b) ^ std::rotl(b, 8), b += a;
    a = (a - c) ^ std::rotl(c, 16), c += b;
    b = (b - a) ^ std::rotl(a, 19), a += c;
    c = (c - b) ^ std::rotl(b, 4), b += a;
  }
  if (at == text.size()) return c;
  a += word(at), b += word(at + 4), c += word(at + 8);
  c = (c ^ b) - std::rotl(b, 14);
  a = (a ^ c) - std::rotl(c, 11);
  b = (b ^ a) - std::rotl(a, 25);
  c = (c ^ b) - std::rotl(b, 16);
  a = (a ^ c) - std::rotl(c, 4);
  b = (b ^ a) - std::rotl(a, 14);
  c = (c ^ b) - std::rotl(b, 24);
  return c;
}

std::string with_checksum(std::string bytes) {
  return bytes + Buffer().u32(checksum(bytes)).bytes();
}

std::string message(int type, const std::string& data) {
  return Buffer().u8(static_cast<uint64_t>(type)).u16(data.size()).u8(0).text(data).bytes();
}

std::string object_header(const std::string& messages) {
  constexpr int kSizeInFourBytes = 2;
  return with_checksum(
      Buffer().text("OHDR").u8(2).u8(kSizeInFourBytes).u32(messages.size()).text(messages).bytes());
}

// A group with one member.
std::string group(const std::string& name, uint64_t member) {
  const std::string info = Buffer().u8(0).u8(0).u64(kNowhere).u64(kNowhere).bytes();
  constexpr int kLengthInTwoBytes = 1;
  const std::string link =
      Buffer().u8(1).u8(kLengthInTwoBytes).u16(name.size()).text(name).u64(member).bytes();
  return object_header(message(0x02, info) + message(0x0a, Buffer().u16(0).bytes()) +
                       message(0x06, link));
}

std::string integer_type(size_t bytes, bool is_signed) {
  return Buffer().u8(0x10).number(is_signed ? 0x08 : 0, 3).u32(bytes).u16(0).u16(8 * bytes).bytes();
}

std::string float_type(size_t bytes, uint64_t exponent_bits, uint64_t mantissa_bits,
                       uint64_t bias) {
  constexpr uint64_t kLeadingOneImplied = 0x20;
  return Buffer()
      .u8(0x11)
      .u8(kLeadingOneImplied)
      .u8(8 * bytes - 1)  // the sign
      .u8(0)
      .u32(bytes)
      .u16(0)
      .u16(8 * bytes)
      .u8(mantissa_bits)
      .u8(exponent_bits)
      .u8(0)
      .u8(mantissa_bits)
      .u32(bias)
      .bytes();
}

std::string datatype(DType dtype, const std::string& path) {
  switch (dtype) {
    case DType::kFloat16:
      return float_type(2, 5, 10, 15);
    case DType::kFloat32:
      return float_type(4, 8, 23, 127);
    case DType::kFloat64:
      return float_type(8, 11, 52, 1023);
    case DType::kBool: {  // as h5py has it
      const std::string names("FALSE\0TRUE\0\0\1", 13);
      return Buffer().u8(0x38).number(2, 3).u32(1).text(integer_type(1, true)).text(names).bytes();
    }
    case DType::kBFloat16:
      fail(ErrorCode::kUnsupported, "{}: HDF5 has no type for bfloat16", path);
    default:
      return integer_type(size_of(dtype), dtype == DType::kInt8 || dtype == DType::kInt16 ||
                                              dtype == DType::kInt32 || dtype == DType::kInt64);
  }
}

std::string dataset(DType dtype, const Shape& shape, uint64_t address, const std::string& path) {
  Buffer space;
  space.u8(2).u8(shape.size()).u8(0).u8(1);
  for (const int64_t dim : shape) space.u64(static_cast<uint64_t>(dim));
  constexpr int kSpaceEarly = 1, kNeverFilled = 1 << 2;
  const std::string fill = Buffer().u8(3).u8(kSpaceEarly | kNeverFilled).bytes();
  constexpr int kContiguous = 1;
  const std::string layout = Buffer()
                                 .u8(3)
                                 .u8(kContiguous)
                                 .u64(num_bytes(dtype, shape) == 0 ? kNowhere : address)
                                 .u64(num_bytes(dtype, shape))
                                 .bytes();
  return object_header(message(0x01, space.bytes()) + message(0x03, datatype(dtype, path)) +
                       message(0x05, fill) + message(0x08, layout));
}

std::vector<std::string> path_parts(const std::string& member) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < member.size();) {
    const size_t end = std::min(member.find('/', begin), member.size());
    if (end > begin) parts.push_back(member.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// All before the rows: the superblock, a group for each part of the path, the dataset.
std::string header(const std::string& path, const std::vector<std::string>& parts, DType dtype,
                   const Shape& shape) {
  constexpr size_t kSuperblockBytes = 48, kAlignment = 64;
  std::vector<uint64_t> addresses;
  uint64_t at = kSuperblockBytes;
  for (const std::string& part : parts) {
    addresses.push_back(at);
    at += group(part, 0).size();
  }
  addresses.push_back(at);
  at += dataset(dtype, shape, 0, path).size();
  const uint64_t rows_at = (at + kAlignment - 1) / kAlignment * kAlignment;
  const uint64_t end = rows_at + num_bytes(dtype, shape);
  Buffer superblock;
  superblock.text("\x89HDF\r\n\x1a\n").u8(2).u8(8).u8(8).u8(0);
  superblock.u64(0).u64(kNowhere).u64(end).u64(addresses[0]);
  std::string bytes = with_checksum(superblock.bytes());
  for (size_t i = 0; i < parts.size(); ++i) bytes += group(parts[i], addresses[i + 1]);
  bytes += dataset(dtype, shape, rows_at, path);
  bytes.resize(rows_at);
  return bytes;
}

}  // namespace

std::unique_ptr<Sink> open_hdf5_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                     int64_t num_rows, Overwrite overwrite,
                                     const SinkOptions& options, FileSystem& fs) {
  const MemberPath place = split_member(path);
  const std::vector<std::string> parts = path_parts(place.member.value_or("/predictions"));
  require(!parts.empty(), ErrorCode::kInvalidArgument, "{}: the dataset has no name", path);
  constexpr size_t kMostBytes = 1024;
  for (const std::string& part : parts) {
    require(part.size() <= kMostBytes && part != "." && part.find('\0') == std::string::npos,
            ErrorCode::kInvalidArgument, "{}: \"{}\" is no name for HDF5", path, part);
  }
  DenseOutput output;
  output.path = place.file;
  output.header = header(path, parts, dtype, batched(num_rows, row_shape));
  output.dtype = dtype;
  output.row_shape = row_shape;
  output.num_rows = num_rows;
  output.memory_bytes = options.memory_bytes;
  return dense_sink(std::move(output), overwrite, fs);
}

}  // namespace hornet
