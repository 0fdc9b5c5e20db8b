#include "archive/hdf5_group.h"

#include <algorithm>

#include "archive/hdf5_heap.h"

namespace hornet {
namespace {

constexpr int kMaxTreeLevel = 32;
constexpr uint8_t kGroupTree = 0;

class ClassicTree {
 public:
  using Visit = std::function<void(Hdf5Cursor key, uint64_t child)>;
  ClassicTree(const Hdf5Bytes& file, uint8_t type, uint64_t key_size, const Visit& visit)
      : file_(file),
        type_(type),
        key_size_(key_size),
        visit_(visit),
        // A node has 24 bytes at least: sound trees have no more of them than fit into the file.
        nodes_left_(file.image.size / 24 + 1) {}

  void walk(uint64_t address, int max_level) {
    file_.require_sound(nodes_left_-- > 0, "a B-tree runs in a circle");
    Hdf5Cursor node(file_, address);
    node.require_signature("TREE");
    file_.require_sound(node.u8() == type_, "a B-tree is of the wrong kind");
    const int level = node.u8();
    file_.require_sound(level <= max_level, "the levels of a B-tree are out of order");
    const uint16_t num_children = node.u16();
    node.address();  // siblings
    node.address();
    for (uint16_t i = 0; i < num_children; ++i) {
      const Hdf5Cursor key = node.part(key_size_);
      const uint64_t child = node.address();
      if (level == 0) {
        visit_(key, child);
      } else {
        walk(child, level - 1);
      }
    }
  }

 private:
  const Hdf5Bytes& file_;
  const uint8_t type_;
  const uint64_t key_size_;
  const Visit& visit_;
  uint64_t nodes_left_;
};

// --- links

void append_symbols(const Hdf5Bytes& file, uint64_t node_address, uint64_t heap,
                    std::vector<Hdf5Link>& links) {
  constexpr uint32_t kSoftLink = 2;
  Hdf5Cursor node(file, node_address);
  node.require_signature("SNOD");
  node.skip(2);  // version, reserved
  const uint16_t count = node.u16();
  for (uint16_t i = 0; i < count; ++i) {
    const uint64_t name = node.length();
    const uint64_t address = node.address();
    const uint32_t cached = node.u32();
    node.skip(4 + 16);
    links.push_back({local_heap_name(file, heap, name), cached != kSoftLink, address});
  }
}

std::vector<Hdf5Link> classic_links(const Hdf5Bytes& file, Hdf5Cursor table) {
  const uint64_t tree = table.address(), heap = table.address();
  std::vector<Hdf5Link> links;
  for_each_entry(file, tree, kGroupTree, static_cast<uint64_t>(file.length_size),
                 [&](Hdf5Cursor, uint64_t node) {
                   // Each symbol takes 40 bytes of the file; more can only be the same ones again.
                   file.require_sound(links.size() <= file.image.size / 16,
                                      "a group lists its members over and over");
                   append_symbols(file, node, heap, links);
                 });
  return links;
}

Hdf5Link read_link(Hdf5Cursor data) {
  const Hdf5Bytes& file = data.file();
  file.require_sound(data.u8() == 1, "a link has an unknown version");
  const uint8_t flags = data.u8();
  const uint8_t kind = flags & 0x08 ? data.u8() : 0;
  if (flags & 0x04) data.skip(8);  // creation order
  if (flags & 0x10) data.skip(1);  // character set
  const uint64_t name_size = data.number(1 << (flags & 3));
  Hdf5Link link{std::string(data.text(name_size)), kind == 0, 0};
  if (link.hard) link.address = data.address();
  return link;
}

// Fractal heap and name index of a group's links or an object's attributes.
struct DenseStorage {
  uint64_t heap = 0;
  uint64_t index = 0;
};

// Visits the objects that the records of the index name; `id_offset` is where a record has the id.
void for_each_dense(const Hdf5Bytes& file, const DenseStorage& storage, uint64_t id_offset,
                    const std::function<void(Hdf5Cursor)>& visit) {
  if (file.is_undefined(storage.heap) || file.is_undefined(storage.index)) return;
  const FractalHeap heap(file, storage.heap);
  for_each_record(file, storage.index, [&](Hdf5Cursor record) {
    record.skip(id_offset);
    visit(heap.object(record));
  });
}

DenseStorage link_storage(Hdf5Cursor info) {
  info.skip(1);  // version
  if (info.u8() & 1) info.skip(8);
  const uint64_t heap = info.address();
  return {heap, info.address()};
}

DenseStorage attribute_storage(Hdf5Cursor info) {
  info.skip(1);  // version
  if (info.u8() & 1) info.skip(2);
  const uint64_t heap = info.address();
  return {heap, info.address()};
}

// --- attributes

std::string_view attribute_name(Hdf5Cursor& data, uint64_t size, bool padded) {
  const std::string_view name = data.text(size);
  if (padded) data.skip((8 - size % 8) % 8);
  return name.substr(0, name.find('\0'));
}

Hdf5Cursor attribute_part(Hdf5Cursor& data, uint64_t size, bool padded) {
  const Hdf5Cursor part = data.part(size);
  if (padded) data.skip((8 - size % 8) % 8);
  return part;
}

// The attribute in a message, where it has that name.
std::optional<Hdf5Attribute> attribute_named(Hdf5Cursor data, std::string_view wanted) {
  const Hdf5Bytes& file = data.file();
  const int version = data.u8();
  file.require_sound(version >= 1 && version <= 3, "an attribute has an unknown version");
  const uint8_t flags = data.u8();
  const uint64_t name_size = data.u16(), type_size = data.u16(), space_size = data.u16();
  if (version == 3) data.skip(1);  // character set
  const bool padded = version == 1;
  if (attribute_name(data, name_size, padded) != wanted) return std::nullopt;
  if (version > 1 && (flags & 3)) file.unsupported("types or attributes shared by objects");
  const Hdf5Datatype type = read_datatype(attribute_part(data, type_size, padded));
  const Hdf5Dataspace space = read_dataspace(attribute_part(data, space_size, padded));
  return Hdf5Attribute{type, space, data};
}

// Texts end at a null, or at the end of their field.
std::string unpadded(std::string_view field, bool blank_padded) {
  std::string_view text = field.substr(0, field.find('\0'));
  if (blank_padded) text = text.substr(0, text.find_last_not_of(' ') + 1);
  return std::string(text);
}

uint64_t num_elements(const Hdf5Dataspace& space, const Hdf5Bytes& file) {
  uint64_t count = space.is_null ? 0 : 1;
  for (const uint64_t dim : space.dims) {
    file.require_sound(!__builtin_mul_overflow(count, dim, &count), "an attribute is unreadable");
  }
  return count;
}

}  // namespace

void for_each_entry(const Hdf5Bytes& file, uint64_t address, uint8_t type, uint64_t key_size,
                    const std::function<void(Hdf5Cursor key, uint64_t child)>& visit) {
  ClassicTree(file, type, key_size, visit).walk(address, kMaxTreeLevel);
}

std::optional<std::vector<Hdf5Link>> read_links(const Hdf5Bytes& file,
                                                const std::vector<Hdf5Message>& messages) {
  if (const auto table = find_message(messages, Hdf5MessageType::kSymbolTable)) {
    return classic_links(file, *table);
  }
  const auto info = find_message(messages, Hdf5MessageType::kLinkInfo);
  if (!info) return std::nullopt;
  std::vector<Hdf5Link> links;
  for (const Hdf5Message& message : messages) {
    if (message.type == Hdf5MessageType::kLink) links.push_back(read_link(message.data));
  }
  constexpr uint64_t kHashSize = 4;
  for_each_dense(file, link_storage(*info), kHashSize,
                 [&](Hdf5Cursor link) { links.push_back(read_link(link)); });
  return links;
}

std::optional<Hdf5Attribute> find_attribute(const Hdf5Bytes& file,
                                            const std::vector<Hdf5Message>& messages,
                                            std::string_view name) {
  std::optional<Hdf5Attribute> found;
  for (const Hdf5Message& message : messages) {
    if (message.type != Hdf5MessageType::kAttribute) continue;
    if (message.shared) file.unsupported("types or attributes shared by objects");
    if (!found) found = attribute_named(message.data, name);
  }
  const auto info = find_message(messages, Hdf5MessageType::kAttributeInfo);
  if (found || !info) return found;
  for_each_dense(file, attribute_storage(*info), 0, [&](Hdf5Cursor attribute) {
    if (!found) found = attribute_named(attribute, name);
  });
  return found;
}

std::vector<std::string> read_texts(const Hdf5Bytes& file, const Hdf5Attribute& attribute,
                                    const std::string& what) {
  std::vector<std::string> texts;
  const uint64_t count = num_elements(attribute.space, file);
  if (count == 0) return texts;  // whatever its type: h5py writes empty lists as numbers
  const bool variable = attribute.type.kind == Hdf5Datatype::Kind::kVariableText;
  require(variable || attribute.type.kind == Hdf5Datatype::Kind::kFixedText,
          ErrorCode::kInvalidModel, "{} is no text", what);
  Hdf5Cursor data = attribute.data;
  GlobalHeaps heaps(file);
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (!variable) {
      texts.push_back(unpadded(data.text(attribute.type.size), attribute.type.blank_padded));
      continue;
    }
    const uint64_t size = data.u32();
    const uint64_t address = data.address();
    const uint32_t index = data.u32();
    total += size;
    // Each text has its own place in the file; one given again and again is an attack on memory.
    file.require_sound(total <= file.image.size, "an attribute has more text than the file");
    texts.push_back(size == 0 ? std::string()
                              : unpadded(heaps.object(address, index).text(size), false));
  }
  return texts;
}

}  // namespace hornet
