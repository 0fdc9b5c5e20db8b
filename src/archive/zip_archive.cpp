#include "archive/zip_archive.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/check.h"
#include "base/checksum.h"
#include "base/memory.h"
#include "base/parallel.h"

namespace hornet {
namespace {

// Signatures and fixed lengths, from PKWARE's APPNOTE 4.3.
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kZip64EndSignature = 0x06064b50;
constexpr uint32_t kZip64LocatorSignature = 0x07064b50;
constexpr size_t kLocalBytes = 30;
constexpr size_t kCentralBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kZip64EndBytes = 56;
constexpr size_t kZip64LocatorBytes = 20;
constexpr size_t kMaxCommentBytes = 0xffff;
constexpr uint16_t kZip64Extra = 0x0001;
constexpr uint32_t kInZip64 = 0xffffffff;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kEncryptedFlag = 0x0001;
constexpr uint64_t kMaxEntries = 100'000;
// No deflate stream yields more bytes a byte than this.
constexpr uint64_t kMaxDeflateRatio = 1032;

template <class T>
T little_endian(const std::byte* p) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(p[i]) << (8 * i)));
  }
  return value;
}
uint16_t u16(const std::byte* p) { return little_endian<uint16_t>(p); }
uint32_t u32(const std::byte* p) { return little_endian<uint32_t>(p); }
uint64_t u64(const std::byte* p) { return little_endian<uint64_t>(p); }

template <class... Args>
void require_zip(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  require(condition, ErrorCode::kInvalidModel, format, std::forward<Args>(args)...);
}

// Takes the 64-bit values that the zip64 extra field holds for those fields of `entry` that say so.
void apply_zip64_extra(const std::byte* extra, size_t extra_size, ZipEntry& entry) {
  uint64_t* const fields[] = {&entry.size, &entry.compressed_size, &entry.header_offset};
  const bool wanted = std::any_of(std::begin(fields), std::end(fields),
                                  [](const uint64_t* field) { return *field == kInZip64; });
  if (!wanted) return;
  while (extra_size >= 4) {
    const size_t size = u16(extra + 2);
    require_zip(size <= extra_size - 4, "the zip entry \"{}\" has a cut extra field", entry.name);
    if (u16(extra) == kZip64Extra) {
      size_t at = 0;
      for (uint64_t* field : fields) {
        if (*field != kInZip64) continue;
        require_zip(size - at >= 8, "the zip entry \"{}\" lacks its 64-bit sizes", entry.name);
        *field = u64(extra + 4 + at);
        at += 8;
      }
      return;
    }
    extra += 4 + size;
    extra_size -= 4 + size;
  }
  fail(ErrorCode::kInvalidModel, "the zip entry \"{}\" lacks its 64-bit sizes", entry.name);
}

// Memory that the operating system provides page by page as it is written.
std::shared_ptr<std::byte> allocate(size_t size, const std::string& name) {
  std::shared_ptr<void> memory = allocate_zeroed(size);
  require(memory != nullptr, ErrorCode::kOutOfMemory, "no memory for the {} bytes of {}", size,
          name);
  return std::static_pointer_cast<std::byte>(std::move(memory));
}

// Of pieces on all cores.
uint32_t checksum(const Bytes& bytes) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  const auto piece_at = [&](size_t i) {
    return std::span(bytes.data, bytes.size)
        .subspan(i * kPieceBytes, std::min(kPieceBytes, bytes.size - i * kPieceBytes));
  };
  std::vector<uint32_t> sums((bytes.size + kPieceBytes - 1) / kPieceBytes);
  parallel_for(sums.size(), [&](size_t i) {
    const std::span<const std::byte> piece = piece_at(i);
    sums[i] = libdeflate_crc32(0, piece.data(), piece.size());
  });
  uLong crc = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    crc = crc32_combine(crc, sums[i], static_cast<z_off_t>(piece_at(i).size()));
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace

ZipArchive::ZipArchive(Bytes file, ReadAt read_at)
    : file_(std::move(file)), read_at_(std::move(read_at)) {
  const Directory directory = find_directory();
  require_zip(file_.contains(directory.offset, directory.size),
              "the zip directory lies outside the file");
  require_zip(
      directory.num_entries <= std::min<uint64_t>(kMaxEntries, directory.size / kCentralBytes),
      "the zip directory claims {} entries in {} bytes", directory.num_entries, directory.size);
  size_t at = directory.offset;
  const size_t end = directory.offset + directory.size;
  for (uint64_t i = 0; i < directory.num_entries; ++i) {
    require_zip(end - at >= kCentralBytes && u32(file_.data + at) == kCentralSignature,
                "the zip directory is damaged at byte {}", at);
    const std::byte* p = file_.data + at;
    const size_t name_size = u16(p + 28), extra_size = u16(p + 30), comment_size = u16(p + 32);
    require_zip(end - at - kCentralBytes >= name_size + extra_size + comment_size,
                "the zip directory is cut at byte {}", at);
    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(p + kCentralBytes), name_size);
    entry.flags = u16(p + 8);
    entry.method = u16(p + 10);
    entry.crc = u32(p + 16);
    entry.compressed_size = u32(p + 20);
    entry.size = u32(p + 24);
    entry.header_offset = u32(p + 42);
    apply_zip64_extra(p + kCentralBytes + name_size, extra_size, entry);
    entries_.push_back(std::move(entry));
    at += kCentralBytes + name_size + extra_size + comment_size;
  }
}

ZipArchive::Directory ZipArchive::find_directory() const {
  require_zip(file_.size >= kEndBytes, "{} bytes are too few for a zip archive", file_.size);
  const size_t last = file_.size - kEndBytes;
  const size_t first = last - std::min(last, kMaxCommentBytes);
  for (size_t at = last + 1; at-- > first;) {
    const std::byte* p = file_.data + at;
    if (u32(p) != kEndSignature || u16(p + 20) > file_.size - at - kEndBytes) continue;
    const Directory directory{u32(p + 16), u32(p + 12), u16(p + 10)};
    const bool zip64 = directory.offset == kInZip64 || directory.size == kInZip64 ||
                       directory.num_entries == 0xffff || u16(p + 4) == 0xffff;
    if (zip64) return zip64_directory(at);
    require(u16(p + 4) == 0 && u16(p + 6) == 0, ErrorCode::kUnsupported,
            "a zip archive that spans several disks");
    return directory;
  }
  fail(ErrorCode::kInvalidModel,
       "the zip archive has no directory at its end: is the file complete?");
}

ZipArchive::Directory ZipArchive::zip64_directory(size_t end_record) const {
  require_zip(end_record >= kZip64LocatorBytes, "the zip archive lacks its zip64 end record");
  const std::byte* locator = file_.data + end_record - kZip64LocatorBytes;
  require_zip(u32(locator) == kZip64LocatorSignature, "the zip archive lacks its zip64 end record");
  const uint64_t at = u64(locator + 8);
  require_zip(file_.contains(at, kZip64EndBytes) && u32(file_.data + at) == kZip64EndSignature,
              "the zip64 end record lies outside the file");
  const std::byte* p = file_.data + at;
  require(u32(p + 16) == 0 && u32(p + 20) == 0, ErrorCode::kUnsupported,
          "a zip archive that spans several disks");
  return {u64(p + 48), u64(p + 40), u64(p + 32)};
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  // Of entries with the same name the last counts, as in Python's zipfile.
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(),
                                  [name](const ZipEntry& entry) { return entry.name == name; });
  return found == entries_.rend() ? nullptr : &*found;
}

uint32_t ZipArchive::checksum_of_contents() const {
  uint32_t crc = 0;
  for (const ZipEntry& entry : entries_) {
    const uint64_t numbers[] = {entry.name.size(), entry.size, entry.crc};
    crc = crc32c(numbers, sizeof(numbers), crc);
    crc = crc32c(entry.name.data(), entry.name.size(), crc);
  }
  return crc;
}

size_t ZipArchive::data_offset(const ZipEntry& entry) const {
  require_zip(file_.contains(entry.header_offset, kLocalBytes) &&
                  u32(file_.data + entry.header_offset) == kLocalSignature,
              "the zip entry \"{}\" does not start where the directory says", entry.name);
  const std::byte* p = file_.data + entry.header_offset;
  const size_t name_size = u16(p + 26), extra_size = u16(p + 28);
  const size_t offset = entry.header_offset + kLocalBytes;
  require_zip(file_.contains(offset, name_size + extra_size) && name_size == entry.name.size() &&
                  std::memcmp(file_.data + offset, entry.name.data(), name_size) == 0,
              "the zip entry \"{}\" has another name in its own header", entry.name);
  require_zip(u16(p + 8) == entry.method,
              "the zip entry \"{}\" has another method in its own header", entry.name);
  return offset + name_size + extra_size;
}

bool ZipArchive::is_deflated(const ZipEntry& entry) { return entry.method == kDeflated; }

Bytes ZipArchive::stored_bytes(const ZipEntry& entry) const {
  require((entry.flags & kEncryptedFlag) == 0, ErrorCode::kUnsupported,
          "the zip entry \"{}\" is encrypted", entry.name);
  require(
      entry.method == kStored || entry.method == kDeflated, ErrorCode::kUnsupported,
      "the zip entry \"{}\" is compressed by method {}; Hornet reads stored and deflated entries",
      entry.name, entry.method);
  const size_t offset = data_offset(entry);
  require_zip(file_.contains(offset, entry.compressed_size),
              "the zip entry \"{}\" claims {} bytes at byte {}; the file has {} bytes", entry.name,
              entry.compressed_size, offset, file_.size);
  require_zip(entry.method == kDeflated || entry.size == entry.compressed_size,
              "the stored zip entry \"{}\" claims {} and {} bytes", entry.name, entry.size,
              entry.compressed_size);
  return {file_.owner, file_.data + offset, entry.compressed_size};
}

Bytes ZipArchive::inflate(const ZipEntry& entry, const Bytes& deflated) const {
  require_zip(entry.size / kMaxDeflateRatio <= entry.compressed_size + 1,
              "the zip entry \"{}\" claims {} bytes; its {} compressed bytes cannot yield as many",
              entry.name, entry.size, entry.compressed_size);
  const auto memory = allocate(entry.size, entry.name);
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  require(inflater != nullptr, ErrorCode::kOutOfMemory, "no memory to inflate {}", entry.name);
  const PageToucher ahead(memory.get(), entry.size);
  const std::byte* data = deflated.data;
  std::shared_ptr<std::byte> copy;
  if (read_at_) {
    copy = allocate(deflated.size, entry.name);
    read_at_(static_cast<size_t>(data - file_.data), {copy.get(), deflated.size});
    data = copy.get();
  }
  // Without a place for the actual size the result must have exactly the size given.
  const libdeflate_result result = libdeflate_deflate_decompress(
      inflater.get(), data, deflated.size, memory.get(), entry.size, nullptr);
  require_zip(result == LIBDEFLATE_SUCCESS,
              "the zip entry \"{}\" is damaged: it does not inflate to the {} bytes it claims",
              entry.name, entry.size);
  return {memory, memory.get(), entry.size};
}

Bytes ZipArchive::read(const ZipEntry& entry, uint64_t max_size) const {
  require_zip(entry.size <= max_size, "the zip entry \"{}\" claims {} bytes; expected at most {}",
              entry.name, entry.size, max_size);
  Bytes contents = stored_bytes(entry);
  if (entry.method == kDeflated) contents = inflate(entry, contents);
  require_zip(checksum(contents) == entry.crc,
              "the zip entry \"{}\" is damaged: its checksum does not match", entry.name);
  return contents;
}

}  // namespace hornet
