// The members of HDF5 groups, in the classic and the newer storage.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "archive/hdf5_object.h"

namespace hornet {

struct Hdf5Link {
  std::string name;
  bool hard = true;  // else a soft, external or user-defined link, which has no address
  uint64_t address = 0;
};

// nullopt where the object with these messages is no group.
std::optional<std::vector<Hdf5Link>> read_links(const Hdf5Bytes& file,
                                                const std::vector<Hdf5Message>& messages);

struct Hdf5Attribute {
  Hdf5Datatype type;
  Hdf5Dataspace space;
  Hdf5Cursor data;
};

std::optional<Hdf5Attribute> find_attribute(const Hdf5Bytes& file,
                                            const std::vector<Hdf5Message>& messages,
                                            std::string_view name);

// The texts of an attribute. `what` names it in messages.
std::vector<std::string> read_texts(const Hdf5Bytes& file, const Hdf5Attribute& attribute,
                                    const std::string& what);

// Calls `visit` with the leaf entries of the version 1 B-tree at `address`: a key and the address
// that goes with it. Keys have `key_size` bytes.
void for_each_entry(const Hdf5Bytes& file, uint64_t address, uint8_t type, uint64_t key_size,
                    const std::function<void(Hdf5Cursor key, uint64_t child)>& visit);

}  // namespace hornet
