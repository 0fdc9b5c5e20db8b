// HDF5 objects: the superblock, object headers and their messages.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "archive/hdf5_bytes.h"
#include "hornet/tensor.h"

namespace hornet {

enum class Hdf5MessageType : uint16_t {
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kFillValue = 0x05,
  kLink = 0x06,
  kExternalFiles = 0x07,
  kLayout = 0x08,
  kFilters = 0x0b,
  kAttribute = 0x0c,
  kContinuation = 0x10,
  kSymbolTable = 0x11,
  kAttributeInfo = 0x15,
};

struct Hdf5Message {
  Hdf5MessageType type;
  bool shared;  // the data tell where the message is, and are not it
  Hdf5Cursor data;
};

// Reads the superblock into `file` and returns the address of the root group.
uint64_t read_superblock(Hdf5Bytes& file);

// All messages of the object at `address`, continuation blocks included.
std::vector<Hdf5Message> read_messages(const Hdf5Bytes& file, uint64_t address);

// The data of the object's message of that kind; nullopt where it has none.
std::optional<Hdf5Cursor> find_message(const std::vector<Hdf5Message>& messages,
                                       Hdf5MessageType type);

struct Hdf5Dataspace {
  bool is_null = false;  // no element, not even a scalar
  std::vector<uint64_t> dims;
  std::vector<uint64_t> max_dims;  // dims where the file gives none
};
Hdf5Dataspace read_dataspace(Hdf5Cursor data);

// As far as Keras's files use types.
struct Hdf5Datatype {
  enum class Kind { kNumber, kOpaque, kFixedText, kVariableText, kOther };
  Kind kind = Kind::kOther;
  DType dtype = DType::kFloat32;  // of a number
  uint64_t size = 0;              // of an element, in bytes
  bool big_endian = false;
  bool blank_padded = false;  // texts: blanks at the end do not count
};
Hdf5Datatype read_datatype(Hdf5Cursor data);

}  // namespace hornet
