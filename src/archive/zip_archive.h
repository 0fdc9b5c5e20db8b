// Reads zip archives out of memory: stored and deflated entries, zip64.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/bytes.h"

namespace hornet {

struct ZipEntry {
  std::string name;
  uint16_t method = 0;
  uint16_t flags = 0;
  uint32_t crc = 0;
  uint64_t compressed_size = 0;
  uint64_t size = 0;
  uint64_t header_offset = 0;
};

// The entries of an archive whose file is in memory, as a mapping for one. Nothing in the archive
// is trusted: sizes and offsets are checked against the file before memory is taken, local headers
// against the central directory, contents against their checksums. (libzip does not tell where a
// stored entry lies, which mapping weights without a copy needs.) Const and thread-safe.
class ZipArchive {
 public:
  // Copies bytes of the file from an offset on; thread-safe.
  using ReadAt = std::function<void(size_t offset, std::span<std::byte> bytes)>;
  // Where `read_at` is given, deflated contents, which are needed once, come from it: of a mapping
  // their pages would have to be found one by one. Throws Error(kInvalidModel) where the archive is
  // broken, kUnsupported for one of several disks.
  explicit ZipArchive(Bytes file, ReadAt read_at = {});
  // The entry named `name`, nullptr where there is none.
  const ZipEntry* find(std::string_view name) const;
  const std::vector<ZipEntry>& entries() const { return entries_; }
  // Differs when a name or the contents of an entry do, as the archive's own checksums tell, which
  // read() compares with what it reads.
  uint32_t checksum_of_contents() const;
  // The entry's contents: where stored, a part of the archive's own bytes, else inflated into
  // memory. Throws Error(kInvalidModel; kUnsupported for encryption and other methods), also where
  // the contents would be longer than `max_size`, and what `read_at` throws.
  Bytes read(const ZipEntry& entry, uint64_t max_size) const;
  // The entry's bytes as they lie in the archive, deflated or not, of any size; the checksum is
  // left to the caller. Errors as those of read().
  Bytes stored_bytes(const ZipEntry& entry) const;
  static bool is_deflated(const ZipEntry& entry);

 private:
  struct Directory {
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t num_entries = 0;
  };
  Directory find_directory() const;
  Directory zip64_directory(size_t end_record) const;
  size_t data_offset(const ZipEntry& entry) const;
  Bytes inflate(const ZipEntry& entry, const Bytes& deflated) const;

  Bytes file_;
  ReadAt read_at_;
  std::vector<ZipEntry> entries_;
};

}  // namespace hornet
