// Arrays of HDF5 files: how they are stored, and how to get at their elements.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/hdf5_object.h"
#include "hornet/tensor.h"

namespace hornet {

// An array of numbers. Must not outlive its Hdf5File. Const and thread-safe.
class Hdf5Array {
 public:
  // `label` names the array in messages: "\"/layers/dense/vars/0\" in net.keras". Throws
  // Error(kInvalidModel) where the object with these messages is no array of numbers.
  Hdf5Array(const Hdf5Bytes& file, const std::vector<Hdf5Message>& messages, std::string label);

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  bool big_endian() const { return big_endian_; }
  // The elements as the file has them, where they lie together; nullptr for chunked arrays and
  // those without elements. Throws Error(kInvalidModel) where they do not lie within the file.
  const std::byte* stored() const;
  // Of an array that is not chunked: whether the file has its elements. Where it has not, all of
  // them are the fill value.
  bool is_written() const {
    return layout_ != Layout::kContiguous || !file_.is_undefined(address_);
  }
  // An element as stored; empty for zero.
  const std::vector<std::byte>& fill_value() const { return fill_value_; }

  // A chunk, where the file has it: address 0 where it was never written.
  struct StoredChunk {
    uint64_t address = 0;
    uint32_t size = 0;  // no larger ones are supported: a file may have millions of chunks
    uint32_t skipped_filters = 0;
  };
  bool is_chunked() const { return layout_ == Layout::kChunked; }
  // Elements of a chunk in each dimension, for arrays of at least one.
  const std::vector<uint64_t>& chunk_shape() const { return chunk_dims_; }
  uint64_t chunk_bytes() const;
  // All chunks of a chunked array, in row-major order of their places. Throws Error(kInvalidModel)
  // where the index is damaged.
  // `forget_pages` is called every now and then, so that what was read of a mapped file to find
  // them does not stay in memory.
  std::vector<StoredChunk> stored_chunks(const std::function<void()>& forget_pages = [] {}) const;
  // Where the bytes of a chunk are in the map of the file; none of one that was never written.
  std::span<const std::byte> stored_bytes(const StoredChunk& chunk) const;
  // The elements of a chunk, as stored but for its filters, into `out`, which keeps its memory.
  // Throws Error(kInvalidModel) where the chunk is damaged.
  void decode(const StoredChunk& chunk, std::vector<std::byte>& out) const;

  // The elements in native byte order: the file's own bytes where they lie together, aligned and in
  // this machine's format, else a copy. Claims are checked against the file before memory is taken.
  // Throws Error(kInvalidModel), and kUnsupported for virtual and external arrays and for filters
  // beside deflate, shuffle, fletcher32 and lzf.
  Tensor read() const;

 private:
  enum class Layout { kCompact, kContiguous, kChunked };
  enum class ChunkIndex { kClassicTree, kSingle, kImplicit, kFixedArray, kExtensibleArray, kTree };
  struct Filter {
    uint16_t id = 0;
    uint32_t element_size = 0;  // shuffle
  };
  struct Chunk {
    std::vector<uint64_t> offset;  // of its first element
    StoredChunk stored;
  };

  void read_type(const std::vector<Hdf5Message>& messages);
  void read_shape(Hdf5Cursor data);
  void read_layout(Hdf5Cursor data);
  void read_chunked_layout(int version, Hdf5Cursor& data);
  void read_chunk_index(uint8_t flags, Hdf5Cursor& data);
  void read_filters(Hdf5Cursor data);
  void read_fill_value(Hdf5Cursor data);

  Tensor read_plain(const std::byte* bytes) const;
  Tensor read_chunked() const;
  Tensor to_native(Tensor stored) const;
  using ChunkVisitor = std::function<void(const Chunk&)>;
  void visit_chunks(const ChunkVisitor& visit) const;
  void visit_tree_chunks(const ChunkVisitor& visit) const;
  void visit_array_chunks(const ChunkVisitor& visit) const;
  void visit_growing_chunks(const ChunkVisitor& visit) const;
  void visit_tree2_chunks(const ChunkVisitor& visit) const;
  bool is_inside(const Chunk& chunk) const;
  uint32_t stored_size(uint64_t bytes) const;
  StoredChunk indexed_chunk(Hdf5Cursor entry, uint64_t rest_bytes) const;
  std::vector<uint64_t> growing_chunk_offset(uint64_t index) const;
  std::vector<uint64_t> chunk_offset(uint64_t index, bool of_maximum) const;
  uint64_t num_chunks(bool of_maximum) const;
  void check_inside(const Chunk& chunk) const;
  void fill(std::vector<std::byte>& out) const;
  void copy_chunk(const Chunk& chunk, const std::byte* elements, std::byte* to) const;
  [[noreturn]] void damaged(std::string_view what) const;

  const Hdf5Bytes& file_;
  std::string label_;
  Shape shape_;
  std::vector<uint64_t> max_dims_;
  DType dtype_ = DType::kFloat32;
  bool big_endian_ = false;
  Layout layout_ = Layout::kContiguous;
  std::optional<Hdf5Cursor> compact_;
  uint64_t address_ = 0;
  uint64_t size_ = 0;  // contiguous: bytes the file says there are
  std::vector<uint64_t> chunk_dims_;
  ChunkIndex chunk_index_ = ChunkIndex::kClassicTree;
  StoredChunk single_chunk_;
  std::vector<Filter> filters_;
  std::vector<std::byte> fill_value_;  // an element as stored; empty: zeros
};

}  // namespace hornet
