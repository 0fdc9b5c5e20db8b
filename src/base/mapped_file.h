// A whole file as read-only memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/file_system.h"

namespace hornet {

// A private, read-only mapping of a whole regular file, as long as it was when opened. Thread-safe.
// Another process that shortens the file while it is mapped makes reads beyond its new end fatal
// (SIGBUS), but for a GuardedRegion.
class MappedFile {
 public:
  // Throws Error(kIo) that names the file: missing, a directory or device, no permission, ...
  static std::shared_ptr<const MappedFile> open(const std::string& path,
                                                FileSystem& fs = FileSystem::real());
  // The first `size` bytes of an open file, which may be closed then. `name` is its path here.
  static std::shared_ptr<const MappedFile> map(const File& file, size_t size, std::string name);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page-aligned; nullptr for an empty file.
  const std::byte* data() const { return mapping_ ? mapping_->data() : nullptr; }
  size_t size() const { return mapping_ ? mapping_->size() : 0; }
  const std::string& path() const { return path_; }
  // Bytes that the file at the path has by now; size() where the mapping is of another one.
  size_t size_now() const;
  // Takes the file's pages out of resident memory; they come back when touched. Any thread may
  // call it while others read.
  void forget_pages() const {
    if (mapping_) mapping_->forget_pages();
  }
  void forget_pages(size_t offset, size_t bytes) const {
    if (mapping_) mapping_->forget_pages(offset, bytes);
  }

 private:
  MappedFile(std::string path, std::unique_ptr<const Mapping> mapping);

  std::string path_;
  std::unique_ptr<const Mapping> mapping_;
  // Which file it is; no file system where it has no path.
  FileSystem* fs_ = nullptr;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace hornet
