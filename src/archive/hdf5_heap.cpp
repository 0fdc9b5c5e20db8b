#include "archive/hdf5_heap.h"

#include <algorithm>
#include <bit>

namespace hornet {
namespace {

constexpr size_t kMaxTreeDepth = 32;

// The fields of a version 2 B-tree's header, and sizes that follow from them.
struct Tree {
  uint8_t type = 0;
  uint64_t node_size = 0;
  uint64_t record_size = 0;
  size_t depth = 0;
  uint64_t root = 0;
  uint64_t root_records = 0;
  // For nodes of depth d: bytes that hold the number of records below them, all levels.
  std::vector<int> total_size;
  int count_size = 1;
};

// Signature, version and type in front of a node, checksum behind it.
constexpr uint64_t kNodeFrame = 4 + 1 + 1 + 4;

Tree read_tree(const Hdf5Bytes& file, uint64_t address) {
  Hdf5Cursor cursor(file, address);
  cursor.require_signature("BTHD");
  file.require_sound(cursor.u8() == 0, "a B-tree has an unknown version");
  Tree tree;
  tree.type = cursor.u8();
  tree.node_size = cursor.u32();
  tree.record_size = cursor.u16();
  tree.depth = cursor.u16();
  cursor.skip(2);  // when to split and merge
  tree.root = cursor.address();
  tree.root_records = cursor.u16();
  file.require_sound(tree.record_size > 0 && tree.node_size > kNodeFrame + tree.record_size &&
                         tree.depth <= kMaxTreeDepth,
                     "a B-tree is unreadable");
  uint64_t max_records = (tree.node_size - kNodeFrame) / tree.record_size, total = max_records;
  tree.count_size = bytes_for(max_records);
  tree.total_size = {0};
  for (size_t depth = 1; depth <= tree.depth; ++depth) {
    const auto pointer =
        static_cast<uint64_t>(file.address_size + tree.count_size + tree.total_size[depth - 1]);
    file.require_sound(tree.node_size > kNodeFrame + pointer, "a B-tree is unreadable");
    max_records = (tree.node_size - kNodeFrame - pointer) / (tree.record_size + pointer);
    const bool overflows = __builtin_mul_overflow(max_records + 1, total, &total) ||
                           __builtin_add_overflow(total, max_records, &total);
    file.require_sound(!overflows, "a B-tree is unreadable");
    tree.total_size.push_back(bytes_for(total));
  }
  return tree;
}

class TreeWalker {
 public:
  TreeWalker(const Hdf5Bytes& file, const Tree& tree, const std::function<void(Hdf5Cursor)>& visit)
      // Sound trees have no more nodes than fit into the file.
      : file_(file),
        tree_(tree),
        visit_(visit),
        nodes_left_(file.image.size / tree.node_size + 1) {}

  void walk(uint64_t address, uint64_t num_records, size_t depth) {
    file_.require_sound(nodes_left_-- > 0, "a B-tree runs in a circle");
    Hdf5Cursor node(file_, address, tree_.node_size);
    node.require_signature(depth == 0 ? "BTLF" : "BTIN");
    file_.require_sound(node.u8() == 0 && node.u8() == tree_.type, "a B-tree node is unreadable");
    for (uint64_t i = 0; i < num_records; ++i) visit_(node.part(tree_.record_size));
    if (depth == 0) return;
    for (uint64_t i = 0; i <= num_records; ++i) {
      const uint64_t child = node.address();
      const uint64_t child_records = node.number(tree_.count_size);
      if (depth > 1) node.skip(static_cast<uint64_t>(tree_.total_size[depth - 1]));
      walk(child, child_records, depth - 1);
    }
  }

 private:
  const Hdf5Bytes& file_;
  const Tree& tree_;
  const std::function<void(Hdf5Cursor)>& visit_;
  uint64_t nodes_left_;
};

}  // namespace

std::string local_heap_name(const Hdf5Bytes& file, uint64_t heap_address, uint64_t offset) {
  Hdf5Cursor heap(file, heap_address);
  heap.require_signature("HEAP");
  heap.skip(4);  // version, reserved
  const uint64_t size = heap.length();
  heap.length();  // free list
  Hdf5Cursor segment(file, heap.address(), size);
  segment.skip(offset);
  const std::string_view rest = Hdf5Cursor(segment).text(segment.remaining());
  const size_t end = rest.find('\0');
  file.require_sound(end != rest.npos, "a name does not end");
  return std::string(rest.substr(0, end));
}

Hdf5Cursor GlobalHeaps::object(uint64_t address, uint32_t index) {
  auto heap = heaps_.find(address);
  if (heap == heaps_.end()) heap = heaps_.emplace(address, read(address)).first;
  const auto found = heap->second.find(index);
  file_.require_sound(found != heap->second.end(), "a text is missing");
  return found->second;
}

GlobalHeaps::Objects GlobalHeaps::read(uint64_t address) const {
  Hdf5Cursor heap(file_, address);
  heap.require_signature("GCOL");
  heap.skip(4);  // version, reserved
  const uint64_t size = heap.length();
  const uint64_t header = 8 + static_cast<uint64_t>(file_.length_size);
  file_.require_sound(size >= header, "a heap is unreadable");
  Hdf5Cursor rest = heap.part(size - header);
  Objects objects;
  while (rest.remaining() >= header) {
    const uint16_t index = rest.u16();
    rest.skip(2 + 4);  // references, reserved
    const uint64_t object_size = rest.length();
    if (index == 0) break;  // what follows is free
    objects.emplace(index, rest.part(object_size));
    rest.skip(std::min(rest.remaining(), (8 - object_size % 8) % 8));
  }
  return objects;
}

void for_each_record(const Hdf5Bytes& file, uint64_t address,
                     const std::function<void(Hdf5Cursor)>& visit) {
  const Tree tree = read_tree(file, address);
  if (file.is_undefined(tree.root)) return;
  TreeWalker(file, tree, visit).walk(tree.root, tree.root_records, tree.depth);
}

FractalHeap::FractalHeap(const Hdf5Bytes& file, uint64_t address) : file_(file) {
  Hdf5Cursor cursor(file, address);
  cursor.require_signature("FRHP");
  file.require_sound(cursor.u8() == 0, "a heap has an unknown version");
  id_size_ = cursor.u16();
  if (cursor.u16() != 0) file.unsupported("a compressed heap");
  cursor.skip(1);  // flags
  max_managed_size_ = cursor.u32();
  cursor.length();                              // next id of a huge object
  cursor.address();                             // tree of huge objects
  cursor.length();                              // free space
  cursor.address();                             // free space manager
  for (int i = 0; i < 8; ++i) cursor.length();  // statistics
  width_ = cursor.u16();
  start_block_size_ = cursor.length();
  max_direct_size_ = cursor.length();
  max_heap_bits_ = cursor.u16();
  cursor.skip(2);  // rows at the start
  root_ = cursor.address();
  root_rows_ = cursor.u16();
  file.require_sound(std::has_single_bit(width_) && std::has_single_bit(start_block_size_) &&
                         std::has_single_bit(max_direct_size_) && max_heap_bits_ <= 64 &&
                         start_block_size_ <= max_direct_size_ && root_rows_ <= 64 &&
                         id_size_ > 0 && max_managed_size_ > 0 &&
                         max_direct_size_ <= uint64_t{1} << 32,
                     "a heap is unreadable");
}

Hdf5Cursor FractalHeap::object(Hdf5Cursor id) const {
  constexpr int kManaged = 0, kTiny = 2;
  id = id.part(static_cast<uint64_t>(id_size_));
  const uint8_t flags = id.u8();
  const int kind = flags >> 4 & 3;
  if (kind == kTiny) {
    // Up to 18 bytes within the id; longer ones give their length in a second byte.
    uint64_t size = flags & 0x0f;
    if (id_size_ > 18) size = size << 8 | id.u8();
    return id.part(size + 1);
  }
  if (kind != kManaged) file_.unsupported("names or attributes beyond 64 KiB in one piece");
  const uint64_t offset = id.number((max_heap_bits_ + 7) / 8);
  const uint64_t size = id.number(bytes_for(std::min(max_direct_size_, max_managed_size_)));
  return Hdf5Cursor(file_, locate(offset), size);
}

uint64_t FractalHeap::row_block_size(size_t row) const {
  return row == 0 ? start_block_size_ : start_block_size_ << (row - 1);
}

uint64_t FractalHeap::locate(uint64_t offset) const {
  if (root_rows_ == 0) {
    file_.require_sound(offset < max_direct_size_, "a heap object lies outside its heap");
    return root_ + offset;
  }
  const int start_bits = std::countr_zero(start_block_size_);
  const int direct_rows = std::countr_zero(max_direct_size_) - start_bits + 2;
  uint64_t block = root_;
  size_t num_rows = root_rows_;
  for (size_t depth = 0; depth < kMaxTreeDepth; ++depth) {
    uint64_t row_start = 0;
    size_t row = 0;
    while (row < num_rows && offset - row_start >= width_ * row_block_size(row)) {
      row_start += width_ * row_block_size(row++);
      // Keeps sizes far from the 64 bits they are computed in.
      file_.require_sound(row + static_cast<size_t>(start_bits) < 45, "a heap is unreadable");
    }
    file_.require_sound(row < num_rows, "a heap object lies outside its heap");
    const uint64_t column = (offset - row_start) / row_block_size(row);
    Hdf5Cursor entries(file_, block);
    entries.require_signature("FHIB");
    entries.skip(1 + static_cast<uint64_t>(file_.address_size) +
                 static_cast<uint64_t>((max_heap_bits_ + 7) / 8));
    entries.skip((row * width_ + column) * static_cast<uint64_t>(file_.address_size));
    const uint64_t child = entries.address();
    file_.require_sound(!file_.is_undefined(child), "a heap block is missing");
    const uint64_t rest = offset - row_start - column * row_block_size(row);
    if (row < static_cast<size_t>(direct_rows)) return child + rest;
    const int rows_bits =
        std::countr_zero(row_block_size(row)) - start_bits - std::countr_zero(width_);
    file_.require_sound(rows_bits >= 0, "a heap is unreadable");
    num_rows = static_cast<size_t>(rows_bits) + 1;
    block = child;
    offset = rest;
  }
  file_.damaged("a heap runs in a circle");
}

}  // namespace hornet
