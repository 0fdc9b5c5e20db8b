#include "archive/hdf5_array.h"

#include <libdeflate.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <span>

#include "archive/hdf5_extensible_array.h"
#include "archive/hdf5_group.h"
#include "archive/hdf5_heap.h"

namespace hornet {
namespace {

static_assert(std::endian::native == std::endian::little,
              "arrays are wrapped as they lie in files");

// What a chunked array may claim: this many bytes, and beyond in proportion to what is stored for
// it.
constexpr uint64_t kFreeBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxRatio = 200;
constexpr uint64_t kFreeChunks = uint64_t{1} << 16;
constexpr uint64_t kMaxInflation = 1032;
constexpr uint16_t kDeflate = 1, kShuffle = 2, kFletcher32 = 3, kLzf = 32000;
constexpr uint8_t kChunkTree = 1;
constexpr uint64_t kChecksumBytes = 4;

// The type that h5py writes for bfloat16 says nothing; an attribute of Keras does.
bool is_bfloat16(const Hdf5Bytes& file, const std::vector<Hdf5Message>& messages) {
  const auto attribute = find_attribute(file, messages, "dtype");
  if (!attribute) return false;
  const auto texts = read_texts(file, *attribute, "the attribute dtype");
  return texts.size() == 1 && texts[0] == "bfloat16";
}

template <size_t kSize>
void unshuffle_elements(const std::byte* in, std::byte* out, uint64_t count, uint64_t) {
  for (uint64_t i = 0; i < count; ++i) {
    for (size_t b = 0; b < kSize; ++b) out[i * kSize + b] = in[b * count + i];
  }
}

// Bytes of the same rank in all elements lie together: put them back.
void unshuffle(std::span<const std::byte> in, std::byte* out, uint64_t element_size) {
  const uint64_t count = in.size() / element_size;
  switch (element_size) {
    case 2:
      unshuffle_elements<2>(in.data(), out, count, element_size);
      break;
    case 4:
      unshuffle_elements<4>(in.data(), out, count, element_size);
      break;
    case 8:
      unshuffle_elements<8>(in.data(), out, count, element_size);
      break;
    default:
      for (uint64_t i = 0; i < count; ++i) {
        for (uint64_t b = 0; b < element_size; ++b) out[i * element_size + b] = in[b * count + i];
      }
  }
  // A rest that makes no element is left as it is.
  std::copy(in.begin() + static_cast<ptrdiff_t>(count * element_size), in.end(),
            out + count * element_size);
}

// zlib's format; false where it does not yield exactly `size` bytes.
bool inflate(std::span<const std::byte> in, std::byte* out, uint64_t size) {
  using Inflater =
      std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;
  thread_local const Inflater inflater(libdeflate_alloc_decompressor(),
                                       &libdeflate_free_decompressor);
  require(inflater != nullptr, ErrorCode::kOutOfMemory, "no memory to inflate an array");
  return libdeflate_zlib_decompress(inflater.get(), in.data(), in.size(), out, size, nullptr) ==
         LIBDEFLATE_SUCCESS;
}

// HDF5's Fletcher sums, over words of 16 bits with the high byte first; a last byte is a high one.
uint32_t fletcher32(std::span<const std::byte> bytes) {
  const auto fold = [](uint32_t sum) { return (sum & 0xffff) + (sum >> 16); };
  constexpr size_t kMostWords = 360;  // until a sum has to be folded
  uint32_t low = 0, high = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.size(), at + 2 * kMostWords);
    for (; at < end; at += 2) {
      low += static_cast<uint32_t>(bytes[at]) << 8;
      if (at + 1 < end) low += static_cast<uint32_t>(bytes[at + 1]);
      high += low;
    }
    at = end;
    low = fold(low);
    high = fold(high);
  }
  return fold(high) << 16 | fold(low);
}

// Whether the last bytes are the checksum of those before; HDF5 1.6.2 wrote halves in the wrong
// order.
bool is_sound_fletcher32(std::span<const std::byte> bytes) {
  const size_t size = bytes.size() - kChecksumBytes;
  const uint32_t sum = fletcher32(bytes.first(size));
  uint32_t stored;
  std::memcpy(&stored, bytes.data() + size, kChecksumBytes);
  const uint32_t swapped = (sum & 0x00ff00ff) << 8 | (sum >> 8 & 0x00ff00ff);
  return stored == sum || stored == swapped;
}

// LibLZF's format, h5py's own filter: runs of literals, and copies of 3 to 264 bytes from up to
// 8 KB before. False where it does not yield exactly `size` bytes.
bool unpack_lzf(std::span<const std::byte> in, std::byte* out, uint64_t size) {
  uint64_t from = 0, to = 0;
  while (from < in.size()) {
    const auto control = static_cast<uint64_t>(in[from++]);
    if (control < 32) {
      const uint64_t length = control + 1;
      if (length > in.size() - from || length > size - to) return false;
      std::memcpy(out + to, in.data() + from, length);
      from += length;
      to += length;
      continue;
    }
    uint64_t length = control >> 5;
    if (length == 7) {
      if (from == in.size()) return false;
      length += static_cast<uint64_t>(in[from++]);
    }
    if (from == in.size()) return false;
    const uint64_t distance = ((control & 31) << 8) + static_cast<uint64_t>(in[from++]) + 1;
    length += 2;
    if (distance > to || length > size - to) return false;
    // The copy may run into what it writes: byte by byte, in order.
    for (uint64_t i = 0; i < length; ++i, ++to) out[to] = out[to - distance];
  }
  return to == size;
}

void swap_bytes(std::byte* data, uint64_t num_elements, size_t size) {
  for (uint64_t i = 0; i < num_elements; ++i) std::reverse(data + i * size, data + (i + 1) * size);
}

}  // namespace

void Hdf5Array::damaged(std::string_view what) const {
  fail(ErrorCode::kInvalidModel, "{}: {}", label_, what);
}

Hdf5Array::Hdf5Array(const Hdf5Bytes& file, const std::vector<Hdf5Message>& messages,
                     std::string label)
    : file_(file), label_(std::move(label)) {
  const auto space = find_message(messages, Hdf5MessageType::kDataspace);
  const auto layout = find_message(messages, Hdf5MessageType::kLayout);
  require(space && layout, ErrorCode::kInvalidModel, "{} is no array", label_);
  read_type(messages);
  read_shape(*space);
  const auto external = find_message(messages, Hdf5MessageType::kExternalFiles);
  require(!external, ErrorCode::kUnsupported, "{} keeps its data in another file", label_);
  read_layout(*layout);
  if (const auto filters = find_message(messages, Hdf5MessageType::kFilters))
    read_filters(*filters);
  if (const auto value = find_message(messages, Hdf5MessageType::kFillValue)) {
    read_fill_value(*value);
  }
}

void Hdf5Array::read_type(const std::vector<Hdf5Message>& messages) {
  const auto message = find_message(messages, Hdf5MessageType::kDatatype);
  require(message.has_value(), ErrorCode::kInvalidModel, "{} is no array", label_);
  Hdf5Datatype type = read_datatype(*message);
  if (type.kind == Hdf5Datatype::Kind::kOpaque && type.size == 2 && is_bfloat16(file_, messages)) {
    type.kind = Hdf5Datatype::Kind::kNumber;
    type.dtype = DType::kBFloat16;
  }
  require(type.kind == Hdf5Datatype::Kind::kNumber, ErrorCode::kInvalidModel,
          "{} does not hold numbers", label_);
  dtype_ = type.dtype;
  big_endian_ = type.big_endian;
}

void Hdf5Array::read_shape(Hdf5Cursor data) {
  const Hdf5Dataspace space = read_dataspace(data);
  require(!space.is_null, ErrorCode::kInvalidModel, "{} is empty", label_);
  for (const uint64_t dim : space.dims) {
    require(dim <= uint64_t{INT64_MAX}, ErrorCode::kInvalidModel, "{} has a dimension of {}",
            label_, dim);
    shape_.push_back(static_cast<int64_t>(dim));
  }
  max_dims_ = space.max_dims;
}

void Hdf5Array::read_layout(Hdf5Cursor data) {
  const int version = data.u8();
  if (version != 3 && version != 4) file_.unsupported("an old or unknown storage layout");
  const uint8_t kind = data.u8();
  switch (kind) {
    case 0:
      layout_ = Layout::kCompact;
      compact_ = data.part(data.u16());
      break;
    case 1:
      layout_ = Layout::kContiguous;
      address_ = data.address();
      size_ = data.length();
      break;
    case 2:
      layout_ = Layout::kChunked;
      read_chunked_layout(version, data);
      break;
    case 3:
      fail(ErrorCode::kUnsupported, "{} is a virtual array, made of other files", label_);
    default:
      damaged("its storage layout is unknown");
  }
}

void Hdf5Array::read_chunked_layout(int version, Hdf5Cursor& data) {
  const uint8_t flags = version == 4 ? data.u8() : 0;
  const size_t rank = data.u8();
  if (rank != shape_.size() + 1) damaged("its chunks have another rank");
  if (version == 3) address_ = data.address();
  const int dim_size = version == 4 ? data.u8() : 4;
  if (dim_size < 1 || dim_size > 8) damaged("its chunks have no readable size");
  for (size_t i = 0; i < rank; ++i) chunk_dims_.push_back(data.number(dim_size));
  // The last one is the size of an element.
  if (chunk_dims_.back() != size_of(dtype_)) damaged("its chunks have elements of another size");
  chunk_dims_.pop_back();
  if (std::count(chunk_dims_.begin(), chunk_dims_.end(), 0) > 0) damaged("its chunks are empty");
  if (version == 4) read_chunk_index(flags, data);
}

void Hdf5Array::read_chunk_index(uint8_t flags, Hdf5Cursor& data) {
  const uint8_t index = data.u8();
  switch (index) {
    case 1:
      chunk_index_ = ChunkIndex::kSingle;
      if (flags & 0x02) {
        single_chunk_.size = stored_size(data.length());
        single_chunk_.skipped_filters = data.u32();
      } else {
        single_chunk_.size = stored_size(chunk_bytes());
      }
      break;
    case 2:
      chunk_index_ = ChunkIndex::kImplicit;
      break;
    case 3:
      chunk_index_ = ChunkIndex::kFixedArray;
      data.skip(1);  // page size, which the array itself gives as well
      break;
    case 4:
      chunk_index_ = ChunkIndex::kExtensibleArray;
      data.skip(5);  // sizes, which the array itself gives as well
      break;
    case 5:
      chunk_index_ = ChunkIndex::kTree;
      data.skip(6);  // sizes, which the tree itself gives as well
      break;
    default:
      file_.unsupported("an unknown storage layout");
  }
  address_ = data.address();
}

void Hdf5Array::read_filters(Hdf5Cursor data) {
  const int version = data.u8();
  if (version != 1 && version != 2) damaged("its filters are unreadable");
  const size_t count = data.u8();
  if (version == 1) data.skip(6);
  for (size_t i = 0; i < count; ++i) {
    Filter filter;
    filter.id = data.u16();
    const bool named = version == 1 || filter.id >= 256;
    const uint16_t name_size = named ? data.u16() : 0;
    data.skip(2);  // flags
    const uint16_t num_values = data.u16();
    data.skip(name_size);
    for (uint16_t v = 0; v < num_values; ++v) {
      const uint32_t value = data.u32();
      if (v == 0) filter.element_size = value;
    }
    if (version == 1 && num_values % 2 == 1) data.skip(4);
    require(filter.id == kDeflate || filter.id == kShuffle || filter.id == kFletcher32 ||
                filter.id == kLzf,
            ErrorCode::kUnsupported,
            "{} is compressed by filter {}; Hornet reads deflate, shuffle, fletcher32 and lzf",
            label_, filter.id);
    if (filter.id == kShuffle && filter.element_size == 0) damaged("its filters are unreadable");
    filters_.push_back(filter);
  }
}

void Hdf5Array::read_fill_value(Hdf5Cursor data) {
  const int version = data.u8();
  if (version < 1 || version > 3) damaged("its fill value is unreadable");
  bool defined = true;
  if (version == 3) {
    defined = (data.u8() & 0x20) != 0;
  } else {
    data.skip(2);  // when space is taken, when values are written
    defined = data.u8() != 0 || version == 1;
  }
  const uint32_t size = defined ? data.u32() : 0;
  if (size == 0) return;
  if (size != size_of(dtype_)) damaged("its fill value has another size");
  const Hdf5Cursor value = data.part(size);
  fill_value_.assign(value.data(), value.data() + size);
}

// --- elements

Tensor Hdf5Array::read() const {
  const size_t bytes = num_bytes(dtype_, shape_);
  if (bytes == 0) return Tensor(dtype_, shape_);
  if (layout_ == Layout::kChunked) return to_native(read_chunked());
  return read_plain(stored());
}

const std::byte* Hdf5Array::stored() const {
  const size_t bytes = num_bytes(dtype_, shape_);
  if (bytes == 0 || layout_ == Layout::kChunked) return nullptr;
  if (layout_ == Layout::kCompact) {
    if (compact_->remaining() < bytes) damaged("it has less data than its shape says");
    return compact_->data();
  }
  require(!file_.is_undefined(address_), ErrorCode::kInvalidModel,
          "{} has a shape, {}, and no data", label_, to_string(shape_));
  const bool inside = size_ >= bytes && file_.base <= file_.image.size &&
                      address_ <= file_.image.size - file_.base &&
                      bytes <= file_.image.size - file_.base - address_;
  require(inside, ErrorCode::kInvalidModel, "{} claims {} bytes; the file has {} in all", label_,
          bytes, file_.image.size);
  return Hdf5Cursor(file_, address_, bytes).data();
}

Tensor Hdf5Array::read_plain(const std::byte* bytes) const {
  // Bytes of a zip entry start anywhere; elements off their alignment are copied.
  const bool aligned = reinterpret_cast<uintptr_t>(bytes) % size_of(dtype_) == 0;
  // A bool of another value than 0 and 1 would be undefined.
  if (aligned && !big_endian_ && dtype_ != DType::kBool) {
    return Tensor(dtype_, shape_, file_.image.owner, bytes);
  }
  Tensor copy(dtype_, shape_);
  std::memcpy(copy.mutable_data(), bytes, copy.num_bytes());
  return to_native(std::move(copy));
}

// `stored` is the caller's own copy.
Tensor Hdf5Array::to_native(Tensor stored) const {
  const auto count = static_cast<uint64_t>(stored.num_elements());
  auto* bytes = static_cast<std::byte*>(stored.mutable_data());
  if (big_endian_) swap_bytes(bytes, count, size_of(dtype_));
  if (dtype_ == DType::kBool) {
    std::for_each(bytes, bytes + count, [](std::byte& b) { b = std::byte{b != std::byte{0}}; });
  }
  return stored;
}

// --- chunks

uint64_t Hdf5Array::chunk_bytes() const {
  uint64_t bytes = size_of(dtype_);
  for (const uint64_t dim : chunk_dims_) {
    if (__builtin_mul_overflow(bytes, dim, &bytes)) damaged("its chunks are larger than memory");
  }
  return bytes;
}

// How many chunks the array has, as it is or when grown to its maximum.
uint64_t Hdf5Array::num_chunks(bool of_maximum) const {
  uint64_t count = 1;
  for (size_t i = 0; i < chunk_dims_.size(); ++i) {
    const uint64_t dim = of_maximum ? max_dims_[i] : static_cast<uint64_t>(shape_[i]);
    const uint64_t chunks = dim / chunk_dims_[i] + (dim % chunk_dims_[i] != 0);
    if (__builtin_mul_overflow(count, chunks, &count)) damaged("it has too many chunks");
  }
  return count;
}

std::vector<uint64_t> Hdf5Array::chunk_offset(uint64_t index, bool of_maximum) const {
  std::vector<uint64_t> offset(chunk_dims_.size());
  for (size_t i = offset.size(); i-- > 0;) {
    const uint64_t dim = of_maximum ? max_dims_[i] : static_cast<uint64_t>(shape_[i]);
    const uint64_t chunks = dim / chunk_dims_[i] + (dim % chunk_dims_[i] != 0);
    offset[i] = index % chunks * chunk_dims_[i];
    index /= chunks;
  }
  return offset;
}

void Hdf5Array::visit_tree_chunks(const ChunkVisitor& visit) const {
  const size_t rank = chunk_dims_.size();
  uint64_t left = file_.image.size / 8;  // each has a key in the file
  for_each_entry(file_, address_, kChunkTree, 4 + 4 + 8 * (rank + 1),
                 [&](Hdf5Cursor key, uint64_t address) {
                   if (left-- == 0) damaged("it has too many chunks");
                   Chunk chunk;
                   chunk.stored.size = key.u32();
                   chunk.stored.skipped_filters = key.u32();
                   for (size_t i = 0; i < rank; ++i) chunk.offset.push_back(key.u64());
                   chunk.stored.address = address;
                   visit(chunk);
                 });
}

void Hdf5Array::visit_array_chunks(const ChunkVisitor& visit) const {
  Hdf5Cursor header(file_, address_);
  header.require_signature("FAHD");
  header.skip(1);  // version
  const bool filtered = header.u8() == 1;
  const int entry_size = header.u8();
  const int page_bits = header.u8();
  const uint64_t count = header.length();
  Hdf5Cursor block(file_, header.address());
  block.require_signature("FADB");
  block.skip(2 + static_cast<uint64_t>(file_.address_size));  // version, client, header
  const int size_bytes = entry_size - file_.address_size - 4;
  const bool sound =
      count == num_chunks(true) && count <= block.remaining() && page_bits < 32 &&
      (filtered ? size_bytes >= 1 && size_bytes <= 8 : entry_size == file_.address_size);
  if (!sound) damaged("its chunks cannot be found");
  const uint64_t page = uint64_t{1} << page_bits;
  // A bit, the highest first, for each page that was written.
  std::optional<Hdf5Cursor> written;
  if (count > page) {
    written = block.part(((count + page - 1) / page + 7) / 8);
    block.skip(kChecksumBytes);
  }
  for (uint64_t begin = 0; begin < count; begin += page) {
    const uint64_t end = std::min(count, begin + page), number = begin / page;
    if (written && !is_set(written->data(), number)) {
      block.skip((end - begin) * static_cast<uint64_t>(entry_size) + kChecksumBytes);
      continue;
    }
    for (uint64_t i = begin; i < end; ++i) {
      Chunk chunk;
      chunk.offset = chunk_offset(i, true);
      chunk.stored.address = block.address();
      chunk.stored.size = stored_size(filtered ? block.number(size_bytes) : chunk_bytes());
      chunk.stored.skipped_filters = filtered ? block.u32() : 0;
      if (is_inside(chunk)) visit(chunk);
    }
    block.skip(kChecksumBytes);
  }
}

// Chunks of an array that was larger once, or may get so, lie beyond it.
bool Hdf5Array::is_inside(const Chunk& chunk) const {
  return std::equal(chunk.offset.begin(), chunk.offset.end(), shape_.begin(), shape_.end(),
                    [](uint64_t at, int64_t dim) { return at < static_cast<uint64_t>(dim); });
}

uint32_t Hdf5Array::stored_size(uint64_t bytes) const {
  if (bytes <= std::numeric_limits<uint32_t>::max()) return static_cast<uint32_t>(bytes);
  if (bytes > file_.image.size) damaged("a chunk is larger than the file");
  fail(ErrorCode::kUnsupported, "{} has a chunk of {} bytes; chunks below 4 GiB are supported",
       label_, bytes);
}

// What an index tells of a chunk: its address, and where there are filters its size and which of
// them were skipped. `rest_bytes` follow in the entry.
Hdf5Array::StoredChunk Hdf5Array::indexed_chunk(Hdf5Cursor entry, uint64_t rest_bytes) const {
  StoredChunk stored;
  const auto plain_bytes = static_cast<uint64_t>(file_.address_size) + rest_bytes;
  const uint64_t size_bytes = entry.remaining() - std::min(entry.remaining(), plain_bytes + 4);
  stored.address = entry.address();
  if (filters_.empty()) {
    stored.size = stored_size(chunk_bytes());
    return stored;
  }
  if (size_bytes < 1 || size_bytes > 8) damaged("its chunks cannot be found");
  stored.size = stored_size(entry.number(static_cast<int>(size_bytes)));
  stored.skipped_filters = entry.u32();
  return stored;
}

// The dimension that grows without end counts slowest, wherever it is.
std::vector<uint64_t> Hdf5Array::growing_chunk_offset(uint64_t index) const {
  const size_t grows = static_cast<size_t>(
      std::find(max_dims_.begin(), max_dims_.end(), ~uint64_t{0}) - max_dims_.begin());
  std::vector<uint64_t> offset(chunk_dims_.size());
  for (size_t i = offset.size(); i-- > 0;) {
    if (i == grows) continue;
    const uint64_t chunks = max_dims_[i] / chunk_dims_[i] + (max_dims_[i] % chunk_dims_[i] != 0);
    if (chunks == 0) damaged("its chunks cannot be found");
    offset[i] = index % chunks * chunk_dims_[i];
    index /= chunks;
  }
  if (grows == offset.size()) damaged("its chunks cannot be found");
  if (__builtin_mul_overflow(index, chunk_dims_[grows], &offset[grows])) {
    damaged("it has too many chunks");
  }
  return offset;
}

void Hdf5Array::visit_growing_chunks(const ChunkVisitor& visit) const {
  for_each_element(file_, address_, [&](uint64_t index, Hdf5Cursor entry) {
    Chunk chunk = {growing_chunk_offset(index), indexed_chunk(entry, 0)};
    if (is_inside(chunk)) visit(chunk);
  });
}

void Hdf5Array::visit_tree2_chunks(const ChunkVisitor& visit) const {
  const size_t rank = chunk_dims_.size();
  for_each_record(file_, address_, [&](Hdf5Cursor record) {
    Chunk chunk = {{}, indexed_chunk(record, 8 * rank)};
    if (record.remaining() < 8 * rank) damaged("its chunks cannot be found");
    record.skip(record.remaining() - 8 * rank);
    for (size_t i = 0; i < rank; ++i) {
      uint64_t at = 0;
      if (__builtin_mul_overflow(record.u64(), chunk_dims_[i], &at)) {
        damaged("it has too many chunks");
      }
      chunk.offset.push_back(at);
    }
    if (is_inside(chunk)) visit(chunk);
  });
}

void Hdf5Array::visit_chunks(const ChunkVisitor& visit) const {
  if (file_.is_undefined(address_)) return;
  switch (chunk_index_) {
    case ChunkIndex::kClassicTree:
      visit_tree_chunks(visit);
      break;
    case ChunkIndex::kFixedArray:
      visit_array_chunks(visit);
      break;
    case ChunkIndex::kExtensibleArray:
      visit_growing_chunks(visit);
      break;
    case ChunkIndex::kTree:
      visit_tree2_chunks(visit);
      break;
    case ChunkIndex::kSingle: {
      Chunk chunk = {std::vector<uint64_t>(chunk_dims_.size(), 0), single_chunk_};
      chunk.stored.address = address_;
      visit(chunk);
      break;
    }
    case ChunkIndex::kImplicit: {
      const uint64_t count = num_chunks(true), bytes = chunk_bytes();
      if (count > file_.image.size / bytes) damaged("it claims more data than the file has");
      const uint32_t size = stored_size(bytes);
      for (uint64_t i = 0; i < count; ++i) {
        const Chunk chunk = {chunk_offset(i, true), {address_ + i * bytes, size, 0}};
        if (is_inside(chunk)) visit(chunk);
      }
      break;
    }
  }
}

void Hdf5Array::fill(std::vector<std::byte>& out) const {
  out.assign(chunk_bytes(), std::byte{0});
  if (fill_value_.empty()) return;
  for (size_t i = 0; i < out.size(); i += fill_value_.size()) {
    std::memcpy(out.data() + i, fill_value_.data(), fill_value_.size());
  }
}

std::span<const std::byte> Hdf5Array::stored_bytes(const StoredChunk& chunk) const {
  if (chunk.address == 0) return {};
  const Hdf5Cursor stored(file_, chunk.address, chunk.size);
  return {stored.data(), chunk.size};
}

void Hdf5Array::decode(const StoredChunk& chunk, std::vector<std::byte>& out) const {
  if (chunk.address == 0) return fill(out);
  std::span<const std::byte> bytes = stored_bytes(chunk);
  std::vector<std::byte> other;  // filters go back and forth between this and `out`
  const auto skipped = [&](size_t i) { return i < 32 && (chunk.skipped_filters >> i & 1) != 0; };
  uint64_t expected = chunk_bytes();
  for (size_t i = 0; i < filters_.size(); ++i) {
    // Sizes before the last filters grow by the checksum.
    if (filters_[i].id == kFletcher32 && !skipped(i)) expected += kChecksumBytes;
  }
  const auto next = [&](uint64_t size) {
    std::vector<std::byte>& buffer = bytes.data() == out.data() ? other : out;
    buffer.resize(size);
    return buffer.data();
  };
  for (size_t i = filters_.size(); i-- > 0;) {
    if (skipped(i)) continue;
    const Filter& filter = filters_[i];
    if (filter.id == kFletcher32) {
      if (bytes.size() < kChecksumBytes) damaged("its data are damaged");
      if (!is_sound_fletcher32(bytes)) damaged("its data are damaged: a checksum does not match");
      bytes = bytes.first(bytes.size() - kChecksumBytes);
      expected -= kChecksumBytes;
      continue;
    }
    std::byte* const to = next(filter.id == kShuffle ? bytes.size() : expected);
    if (filter.id == kShuffle) {
      unshuffle(bytes, to, filter.element_size);
      bytes = {to, bytes.size()};
      continue;
    }
    const bool sound =
        filter.id == kLzf ? unpack_lzf(bytes, to, expected) : inflate(bytes, to, expected);
    if (!sound) damaged("its data are damaged: they do not inflate");
    bytes = {to, expected};
  }
  if (bytes.size() != chunk_bytes()) damaged("its data are damaged: a chunk has another size");
  if (bytes.data() != out.data()) {
    if (bytes.data() == other.data()) {
      out.swap(other);
    } else {
      out.assign(bytes.begin(), bytes.end());
    }
  }
  out.resize(chunk_bytes());
}

// Copies the part of a chunk that lies within the array, row by row.
void Hdf5Array::copy_chunk(const Chunk& chunk, const std::byte* elements, std::byte* to) const {
  const size_t rank = shape_.size(), size = size_of(dtype_);
  std::vector<uint64_t> extent(rank);
  uint64_t num_rows = 1;
  for (size_t i = 0; i < rank; ++i) {
    extent[i] = std::min(chunk_dims_[i], static_cast<uint64_t>(shape_[i]) - chunk.offset[i]);
    if (i + 1 < rank) num_rows *= extent[i];
  }
  for (uint64_t row = 0; row < num_rows; ++row) {
    uint64_t rest = row, from = 0, into = 0, from_stride = chunk_dims_[rank - 1];
    auto into_stride = static_cast<uint64_t>(shape_[rank - 1]);
    into = chunk.offset[rank - 1];
    for (size_t i = rank - 1; i-- > 0;) {
      const uint64_t at = rest % extent[i];
      rest /= extent[i];
      from += at * from_stride;
      into += (chunk.offset[i] + at) * into_stride;
      from_stride *= chunk_dims_[i];
      into_stride *= static_cast<uint64_t>(shape_[i]);
    }
    std::memcpy(to + into * size, elements + from * size, extent[rank - 1] * size);
  }
}

Tensor Hdf5Array::read_chunked() const {
  std::vector<Chunk> found;
  visit_chunks([&](const Chunk& chunk) { found.push_back(chunk); });
  const uint64_t bytes = num_bytes(dtype_, shape_);
  require(!found.empty(), ErrorCode::kInvalidModel, "{} has a shape, {}, and no data", label_,
          to_string(shape_));
  if (found.size() != num_chunks(false)) damaged("some of its data are missing");
  uint64_t stored = 0;
  for (const Chunk& chunk : found) {
    if (file_.is_undefined(chunk.stored.address) || chunk.stored.size > file_.image.size) {
      damaged("some of its data are missing");
    }
    stored += chunk.stored.size;
    check_inside(chunk);
  }
  if (stored > file_.image.size) damaged("it claims more data than the file has");
  for (const uint64_t claim : {bytes, chunk_bytes()}) {
    require(claim <= kFreeBytes || claim / kMaxRatio <= stored, ErrorCode::kInvalidModel,
            "{} claims {} bytes; the file stores {} for it", label_, claim, stored);
  }
  Tensor result(dtype_, shape_);
  std::vector<std::byte> elements;
  for (const Chunk& chunk : found) {
    decode(chunk.stored, elements);
    copy_chunk(chunk, elements.data(), static_cast<std::byte*>(result.mutable_data()));
  }
  return result;
}

void Hdf5Array::check_inside(const Chunk& chunk) const {
  for (size_t i = 0; i < shape_.size(); ++i) {
    const bool inside =
        chunk.offset[i] < static_cast<uint64_t>(shape_[i]) && chunk.offset[i] % chunk_dims_[i] == 0;
    if (!inside) damaged("a chunk lies outside it");
  }
}

std::vector<Hdf5Array::StoredChunk> Hdf5Array::stored_chunks(
    const std::function<void()>& forget_pages) const {
  const uint64_t count = num_elements(shape_) == 0 ? 0 : num_chunks(false);
  // Each has a place in the file's index, but for those never written, which are few in practice.
  require(count <= kFreeChunks || count / kMaxRatio <= file_.image.size, ErrorCode::kInvalidModel,
          "{} claims {} chunks; the file has {} bytes", label_, count, file_.image.size);
  require(chunk_bytes() <= kFreeBytes || chunk_bytes() / kMaxInflation <= file_.image.size,
          ErrorCode::kInvalidModel, "{} claims chunks of {} bytes; the file has {} bytes", label_,
          chunk_bytes(), file_.image.size);
  std::vector<StoredChunk> result(count);
  if (count == 0) return result;
  // Parts of the index lie everywhere in the file.
  constexpr uint64_t kChunksATime = 4096;
  uint64_t visited = 0;
  visit_chunks([&](const Chunk& chunk) {
    if (++visited % kChunksATime == 0) forget_pages();
    if (file_.is_undefined(chunk.stored.address)) return;
    check_inside(chunk);
    uint64_t place = 0;
    for (size_t i = 0; i < shape_.size(); ++i) {
      const auto dim = static_cast<uint64_t>(shape_[i]);
      place = place * (dim / chunk_dims_[i] + (dim % chunk_dims_[i] != 0)) +
              chunk.offset[i] / chunk_dims_[i];
    }
    if (chunk.stored.address == 0) damaged("a chunk lies where the file begins");
    if (result[place].address != 0) damaged("a chunk is there twice");
    result[place] = chunk.stored;
  });
  forget_pages();
  return result;
}

}  // namespace hornet
