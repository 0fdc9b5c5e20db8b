// The part of HDF5 that Keras's files use: groups, string attributes and arrays, read from memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/bytes.h"
#include "archive/hdf5_array.h"
#include "archive/hdf5_group.h"

namespace hornet {

// Whether the bytes start like an HDF5 file (also one that has a user block before it).
bool is_hdf5(const Bytes& bytes);

// An HDF5 file in memory. Paths are relative to the root, "" is the root; only hard links are
// followed: soft and external ones are refused.
//
// This is a reader of its own because the HDF5 library (1.10.8) crashes on damaged files, prints,
// and may be used by one thread at a time. Every byte is read through a checked cursor. It reads
// superblocks 0-3, both kinds of object headers and groups, and compact, contiguous and chunked
// arrays; written from the file format specification, version 3.0. Not thread-safe: one a thread.
class Hdf5File {
 public:
  // `label` names the file in messages. Throws Error(kInvalidModel) where it is no sound HDF5 file.
  Hdf5File(Bytes image, std::string label);
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  bool exists(const std::string& path) const;
  bool is_group(const std::string& path) const;
  // The names in the group, in no particular order; none where there is no such group.
  std::vector<std::string> members(const std::string& path) const;
  size_t num_members(const std::string& path) const;
  // nullopt where the object has no such attribute; throws where it is not text.
  std::optional<std::string> string_attribute(const std::string& path,
                                              const std::string& name) const;
  std::optional<std::vector<std::string>> string_list_attribute(const std::string& path,
                                                                const std::string& name) const;
  // Throws Error(kInvalidModel) where `path` is no array of numbers, kUnsupported for virtual and
  // external ones.
  Hdf5Array open_array(const std::string& path) const;

 private:
  struct Object {
    std::vector<Hdf5Message> messages;
    bool is_group = false;
    std::unordered_map<std::string, Hdf5Link> links;
  };
  // The object at the path, nullptr where there is none.
  const Object* find(const std::string& path) const;
  const Object& object_at(uint64_t address) const;
  std::string place(const std::string& path) const;

  Hdf5Bytes file_;
  uint64_t root_ = 0;
  mutable std::unordered_map<uint64_t, Object> objects_;  // by address, each read once
};

}  // namespace hornet
