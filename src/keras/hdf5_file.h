// The part of HDF5 that Keras's files use: groups, string attributes and arrays, read from memory.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hornet/tensor.h"
#include "keras/bytes.h"

namespace hornet::keras {

// Whether the bytes start like an HDF5 file (also one that has a user block before it).
bool is_hdf5(const Bytes& bytes);

// An open array. Must not outlive its Hdf5File.
class Hdf5Array {
 public:
  ~Hdf5Array();
  Hdf5Array(Hdf5Array&&) noexcept;

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  // The elements in native byte order: the file's own bytes where they lie together, aligned and in
  // this machine's format, else a copy. Claims are checked against the file before memory is taken.
  Tensor read() const;

 private:
  friend class Hdf5File;
  Hdf5Array(int64_t id, std::string label, Bytes image);
  Tensor read_contiguous() const;
  Tensor read_converted() const;
  void require_plausible_chunks() const;

  int64_t id_;
  std::string label_;
  Bytes image_;
  Shape shape_;
  DType dtype_ = DType::kFloat32;
};

// An HDF5 file in memory. Paths are relative to the root, "" is the root; only hard links are
// followed: soft and external ones are refused.
//
// HDF5 is not thread-safe: each Hdf5File holds the one lock of the library as long as it lives, so
// a thread may have one at a time. While it lives HDF5 does not print its errors.
class Hdf5File {
 public:
  // `label` names the file in messages. Throws Error(kInvalidModel) where HDF5 cannot open it.
  Hdf5File(Bytes image, std::string label);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  bool exists(const std::string& path) const;
  bool is_group(const std::string& path) const;
  // Number of members of the group; 0 where there is no such group.
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
  class Silence;
  class Id;
  // The object at the path; an empty Id where there is none.
  Id open_object(const std::string& path) const;
  Id open_attribute(const std::string& path, const std::string& name) const;

  std::unique_lock<std::mutex> lock_;
  std::unique_ptr<Silence> silence_;
  Bytes image_;
  std::string label_;
  int64_t file_ = -1;
};

}  // namespace hornet::keras
