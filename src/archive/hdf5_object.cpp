#include "archive/hdf5_object.h"

#include <algorithm>

namespace hornet {
namespace {

constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
constexpr size_t kMaxRank = 32;
// Far more than any file needs; a chain of blocks that runs in a circle ends here.
constexpr size_t kMaxBlocks = 4096;
constexpr size_t kMaxMessages = 1 << 20;
constexpr uint8_t kSharedFlag = 0x02;

uint64_t superblock_offset(const Bytes& image, const Hdf5Bytes& file) {
  // Behind a user block of 512 bytes, twice that, and so on, or of none.
  for (uint64_t at = 0; image.contains(at, kSignature.size()); at = at == 0 ? 512 : at * 2) {
    Hdf5Cursor cursor(file, at);
    if (cursor.text(kSignature.size()) == kSignature) return at;
  }
  file.damaged("it has no HDF5 signature");
}

void read_sizes(Hdf5Cursor& cursor, Hdf5Bytes& file) {
  file.address_size = cursor.u8();
  file.length_size = cursor.u8();
  for (const int size : {file.address_size, file.length_size}) {
    file.require_sound(size == 2 || size == 4 || size == 8, "its address sizes are odd");
  }
}

void set_base(uint64_t base, uint64_t end_of_file, Hdf5Bytes& file) {
  file.require_sound(!file.is_undefined(base) && base <= file.image.size,
                     "its base address lies outside the file");
  file.require_sound(end_of_file <= file.image.size, "it is shorter than it says");
  file.base = base;
}

uint64_t read_old_superblock(Hdf5Cursor cursor, int version, Hdf5Bytes& file) {
  cursor.skip(4);  // versions of parts that have one version only
  read_sizes(cursor, file);
  cursor.skip(1 + 2 + 2 + 4);        // reserved, tree ranks, flags
  if (version == 1) cursor.skip(4);  // rank of chunk trees, reserved
  const uint64_t base = cursor.address();
  cursor.address();  // free space
  const uint64_t end_of_file = cursor.address();
  cursor.address();  // driver information
  cursor.address();  // root entry: name
  const uint64_t root = cursor.address();
  set_base(base, end_of_file, file);
  return root;
}

uint64_t read_new_superblock(Hdf5Cursor cursor, Hdf5Bytes& file) {
  read_sizes(cursor, file);
  cursor.skip(1);  // flags
  const uint64_t base = cursor.address();
  cursor.address();  // extension
  const uint64_t end_of_file = cursor.address();
  const uint64_t root = cursor.address();
  set_base(base, end_of_file, file);
  return root;
}

// --- object headers

// Collects the messages of a header and its continuation blocks.
class HeaderReader {
 public:
  explicit HeaderReader(const Hdf5Bytes& file) : file_(file) {}

  std::vector<Hdf5Message> read(uint64_t address) {
    Hdf5Cursor cursor(file_, address);
    const bool modern = cursor.remaining() >= 4 && Hdf5Cursor(cursor).text(4) == "OHDR";
    modern ? read_modern(cursor) : read_classic(cursor);
    return std::move(messages_);
  }

 private:
  void read_classic(Hdf5Cursor cursor) {
    file_.require_sound(cursor.u8() == 1, "an object header has an unknown version");
    cursor.skip(1 + 2 + 4);  // reserved, number of messages, references
    const uint64_t size = cursor.u32();
    cursor.skip(4);  // to a multiple of 8
    pending_.push_back(cursor.part(size));
    for (size_t i = 0; i < pending_.size(); ++i) read_classic_block(pending_[i]);
  }

  void read_classic_block(Hdf5Cursor block) {
    while (block.remaining() >= 8) {
      const uint16_t type = block.u16();
      const uint16_t size = block.u16();
      const uint8_t flags = block.u8();
      block.skip(3);
      add(type, flags, block.part(size), 0);
    }
  }

  void read_modern(Hdf5Cursor cursor) {
    cursor.require_signature("OHDR");
    file_.require_sound(cursor.u8() == 2, "an object header has an unknown version");
    const uint8_t flags = cursor.u8();
    if (flags & 0x20) cursor.skip(16);  // times
    if (flags & 0x10) cursor.skip(4);   // attribute limits
    const bool ordered = flags & 0x04;
    pending_.push_back(cursor.part(cursor.number(1 << (flags & 3))));
    for (size_t i = 0; i < pending_.size(); ++i) read_modern_block(pending_[i], ordered);
  }

  void read_modern_block(Hdf5Cursor block, bool ordered) {
    const uint64_t header = ordered ? 6 : 4;
    while (block.remaining() >= header) {
      const uint8_t type = block.u8();
      const uint16_t size = block.u16();
      const uint8_t flags = block.u8();
      if (ordered) block.skip(2);
      // Signature in front and checksum behind belong to a continuation block.
      add(type, flags, block.part(size), 4);
    }
  }

  void add(uint16_t type, uint8_t flags, Hdf5Cursor data, uint64_t block_frame) {
    if (static_cast<Hdf5MessageType>(type) == Hdf5MessageType::kContinuation) {
      file_.require_sound(pending_.size() < kMaxBlocks, "an object header runs in a circle");
      const uint64_t address = data.address();
      Hdf5Cursor block(file_, address, data.length());
      if (block_frame > 0) {
        block.require_signature("OCHK");
        file_.require_sound(block.remaining() >= block_frame, "an object header is cut");
        block = block.part(block.remaining() - block_frame);
      }
      pending_.push_back(block);
      return;
    }
    file_.require_sound(messages_.size() < kMaxMessages, "an object header has too many messages");
    messages_.push_back({static_cast<Hdf5MessageType>(type), (flags & kSharedFlag) != 0, data});
  }

  const Hdf5Bytes& file_;
  std::vector<Hdf5Cursor> pending_;
  std::vector<Hdf5Message> messages_;
};

// --- datatypes

enum TypeClass { kInteger = 0, kFloat = 1, kText = 3, kOpaque = 5, kEnum = 8, kVariable = 9 };

std::optional<DType> integer_dtype(uint64_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? DType::kInt8 : DType::kUInt8;
    case 2:
      return is_signed ? DType::kInt16 : DType::kUInt16;
    case 4:
      return is_signed ? DType::kInt32 : DType::kUInt32;
    case 8:
      return is_signed ? DType::kInt64 : DType::kUInt64;
    default:
      return std::nullopt;
  }
}

// Integers that fill their bytes; others are of kind kOther.
void read_integer(uint32_t bits, Hdf5Cursor& data, Hdf5Datatype& type) {
  const uint16_t bit_offset = data.u16(), precision = data.u16();
  const auto dtype = integer_dtype(type.size, (bits & 0x08) != 0);
  if (!dtype || bit_offset != 0 || precision != 8 * type.size) return;
  type.kind = Hdf5Datatype::Kind::kNumber;
  type.dtype = *dtype;
  type.big_endian = bits & 0x01;
}

struct FloatFormat {
  DType dtype;
  uint64_t size;
  int exponent_at, exponent_bits, mantissa_bits;
  uint32_t bias;
};
constexpr FloatFormat kFloatFormats[] = {
    {DType::kFloat16, 2, 10, 5, 10, 15},
    {DType::kBFloat16, 2, 7, 8, 7, 127},
    {DType::kFloat32, 4, 23, 8, 23, 127},
    {DType::kFloat64, 8, 52, 11, 52, 1023},
};

void read_float(uint32_t bits, Hdf5Cursor& data, Hdf5Datatype& type) {
  const uint16_t bit_offset = data.u16(), precision = data.u16();
  const int exponent_at = data.u8(), exponent_bits = data.u8();
  const int mantissa_at = data.u8(), mantissa_bits = data.u8();
  const uint32_t bias = data.u32();
  for (const FloatFormat& format : kFloatFormats) {
    const bool same = format.size == type.size && format.exponent_at == exponent_at &&
                      format.exponent_bits == exponent_bits &&
                      format.mantissa_bits == mantissa_bits && format.bias == bias;
    if (!same || mantissa_at != 0 || bit_offset != 0 || precision != 8 * type.size) continue;
    // Bit 6 marks the byte order of the VAX.
    if (bits & 0x40) return;
    type.kind = Hdf5Datatype::Kind::kNumber;
    type.dtype = format.dtype;
    type.big_endian = bits & 0x01;
  }
}

}  // namespace

uint64_t read_superblock(Hdf5Bytes& file) {
  const uint64_t start = superblock_offset(file.image, file);
  Hdf5Cursor cursor(file, start);
  cursor.skip(kSignature.size());
  const int version = cursor.u8();
  file.require_sound(version <= 3, "its superblock has an unknown version");
  return version < 2 ? read_old_superblock(cursor, version, file)
                     : read_new_superblock(cursor, file);
}

std::vector<Hdf5Message> read_messages(const Hdf5Bytes& file, uint64_t address) {
  return HeaderReader(file).read(address);
}

std::optional<Hdf5Cursor> find_message(const std::vector<Hdf5Message>& messages,
                                       Hdf5MessageType type) {
  for (const Hdf5Message& message : messages) {
    if (message.type != type) continue;
    if (message.shared) message.data.file().unsupported("types or attributes shared by objects");
    return message.data;
  }
  return std::nullopt;
}

Hdf5Dataspace read_dataspace(Hdf5Cursor data) {
  const int version = data.u8();
  const size_t rank = data.u8();
  const uint8_t flags = data.u8();
  const Hdf5Bytes& file = data.file();
  file.require_sound((version == 1 || version == 2) && rank <= kMaxRank, "a shape is unreadable");
  Hdf5Dataspace space;
  const uint8_t kind = data.u8();  // reserved before version 2
  if (version == 1) data.skip(4);
  space.is_null = version == 2 && kind == 2;
  for (size_t i = 0; i < rank; ++i) space.dims.push_back(data.length());
  space.max_dims = space.dims;
  for (size_t i = 0; i < rank && (flags & 1); ++i) space.max_dims[i] = data.length();
  return space;
}

Hdf5Datatype read_datatype(Hdf5Cursor data) {
  const uint8_t class_and_version = data.u8();
  const auto bits = static_cast<uint32_t>(data.number(3));
  Hdf5Datatype type;
  type.size = data.u32();
  const Hdf5Bytes& file = data.file();
  file.require_sound(type.size > 0, "a type has no size");
  switch (class_and_version & 0x0f) {
    case kInteger:
      read_integer(bits, data, type);
      break;
    case kFloat:
      read_float(bits, data, type);
      break;
    case kOpaque:
      type.kind = Hdf5Datatype::Kind::kOpaque;
      break;
    case kText:
      type.kind = Hdf5Datatype::Kind::kFixedText;
      type.blank_padded = (bits & 0x0f) == 2;
      break;
    case kVariable:
      if ((bits & 0x0f) == 1) type.kind = Hdf5Datatype::Kind::kVariableText;
      break;
    case kEnum:
      // h5py stores booleans as an enumeration of FALSE and TRUE.
      if ((bits & 0xffff) == 2 && type.size == 1) {
        type.kind = Hdf5Datatype::Kind::kNumber;
        type.dtype = DType::kBool;
      }
      break;
    default:
      break;
  }
  return type;
}

}  // namespace hornet
