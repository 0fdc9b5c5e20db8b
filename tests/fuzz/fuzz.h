// What the fuzz targets share: bytes as a source, all of whose rows are read.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "hornet/error.h"
#include "hornet/source.h"

namespace hornet {

// A file in memory that holds the bytes, and its path.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || write(descriptor_, data, size) != static_cast<ssize_t>(size)) {
      std::abort();
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  const int descriptor_;
};

// Rows or an Error; anything else, a crash or another exception, is a finding.
inline void read_all(const uint8_t* data, size_t size, const std::string& member,
                     const SourceOptions& options) {
  const MemoryFile file(data, size);
  try {
    const auto source = open_source(file.path() + member, options);
    constexpr int64_t kMostRows = 64;
    constexpr size_t kMostBytes = size_t{1} << 20;
    const size_t row_bytes = num_bytes(source->dtype(), source->row_shape());
    std::vector<std::byte> scratch;
    for (int64_t row = 0; row < std::min(source->num_rows(), kMostRows); ++row) {
      if (row_bytes > kMostBytes) return;
      try {
        source->rows(row, row + 1, scratch);
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
}

}  // namespace hornet
