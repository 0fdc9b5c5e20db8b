// Short texts that differ when a model or the rows of a source do, and files that must not.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/file_version.h"
#include "base/mapped_file.h"
#include "hornet/source.h"

namespace hornet::internal {

// A file that was read, as it was then, whoever has its path by now.
class ReadFile {
 public:
  // `before`: the version before it was read. Throws Error(kInvalidModel) where it is another one
  // by now, so that it may have been read in parts. `checksum` of what it holds, where the file has
  // one: nothing else needs to read 100 MB once more.
  ReadFile(const std::string& path, const std::optional<FileVersion>& before, FileSystem& fs,
           std::optional<uint32_t> checksum = std::nullopt);

  // For another process that is to read the same.
  std::string version() const { return version_.place + ", " + version_.content; }
  // That checksum, or one of all bytes, and their number. Throws Error(kInvalidModel) where they
  // were changed since.
  std::string fingerprint() const;

 private:
  uint32_t checksum_of_bytes(bool has_path) const;

  std::string path_;
  std::optional<uint32_t> checksum_;
  FileVersion version_;
  std::shared_ptr<const MappedFile> file_;  // mapped, not open
  FileSystem& fs_;
};

// Rows, type and shape, a checksum of rows spread over the source, and its version: large inputs
// are not read whole.
std::string source_fingerprint(const Source& source);

}  // namespace hornet::internal
