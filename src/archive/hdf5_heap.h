// Where HDF5 keeps names, texts of variable length and the members of large groups.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>

#include "archive/hdf5_bytes.h"

namespace hornet {

// The name at `offset` of the local heap at `heap_address`.
std::string local_heap_name(const Hdf5Bytes& file, uint64_t heap_address, uint64_t offset);

// The collections of texts of variable length, each read once.
class GlobalHeaps {
 public:
  explicit GlobalHeaps(const Hdf5Bytes& file) : file_(file) {}
  // Object `index` of the collection at `address`.
  Hdf5Cursor object(uint64_t address, uint32_t index);

 private:
  using Objects = std::unordered_map<uint32_t, Hdf5Cursor>;
  Objects read(uint64_t address) const;

  const Hdf5Bytes& file_;
  std::unordered_map<uint64_t, Objects> heaps_;
};

// Calls `visit` with each record of the version 2 B-tree at `address`.
void for_each_record(const Hdf5Bytes& file, uint64_t address,
                     const std::function<void(Hdf5Cursor)>& visit);

// A fractal heap, that is one that grows by blocks of doubling size.
class FractalHeap {
 public:
  FractalHeap(const Hdf5Bytes& file, uint64_t address);
  // The object with the id that `id` starts at. Its length is id_size().
  Hdf5Cursor object(Hdf5Cursor id) const;
  int id_size() const { return id_size_; }

 private:
  // The address of the byte at `offset` of the heap's space.
  uint64_t locate(uint64_t offset) const;
  uint64_t row_block_size(size_t row) const;

  const Hdf5Bytes& file_;
  int id_size_ = 0;
  uint64_t max_managed_size_ = 0;
  uint64_t width_ = 0;
  uint64_t start_block_size_ = 0;
  uint64_t max_direct_size_ = 0;
  int max_heap_bits_ = 0;
  uint64_t root_ = 0;
  size_t root_rows_ = 0;
};

}  // namespace hornet
