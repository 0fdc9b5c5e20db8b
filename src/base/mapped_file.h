// A whole file as read-only memory, or read piece by piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/file_system.h"

namespace hornet {

// A private, read-only mapping of a whole regular file, as long as it was when opened. Thread-safe.
// Another process that shortens the file while it is mapped makes reads beyond its new end fatal
// (SIGBUS), but for a GuardedRegion.
class MappedFile {
 public:
  // Throws Error(kIo) that names the file: missing, a directory or device, no permission, ... The
  // file is closed again: what open() gives has none of the functions that ask the file.
  static std::shared_ptr<const MappedFile> open(const std::string& path,
                                                FileSystem& fs = FileSystem::real());
  // The same; the file stays open.
  static std::shared_ptr<const MappedFile> open_to_read(const std::string& path,
                                                        FileSystem& fs = FileSystem::real());
  // The same mapping; the file is closed with whoever else has it open.
  std::shared_ptr<const MappedFile> without_file() const;
  // The first `size` bytes of an open file, which stays open. `name` is its path here.
  static std::shared_ptr<const MappedFile> map(std::shared_ptr<const File> file, size_t size,
                                               std::string name);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page-aligned; nullptr for an empty file.
  const std::byte* data() const { return mapping_ ? mapping_->data() : nullptr; }
  size_t size() const { return mapping_ ? mapping_->size() : 0; }
  const std::string& path() const { return path_; }
  // Throws Error(kIo) where the file has fewer bytes by now.
  void require_size(size_t bytes) const;
  // Copies bytes of the file without a use of the mapping: what is read once costs no pages of this
  // process. Throws Error(kIo) where the file has become too short for them, or cannot be read.
  void read(size_t offset, std::span<std::byte> bytes) const;
  // Takes the file's pages out of resident memory; they come back when touched. Any thread may
  // call it while others read.
  void forget_pages() const {
    if (mapping_) mapping_->forget_pages();
  }
  void forget_pages(size_t offset, size_t bytes) const {
    if (mapping_) mapping_->forget_pages(offset, bytes);
  }

 private:
  MappedFile(std::shared_ptr<const File> file, std::string path,
             std::shared_ptr<const Mapping> mapping);

  const std::shared_ptr<const File> file_;  // null: closed
  const std::string path_;
  const std::shared_ptr<const Mapping> mapping_;
};

}  // namespace hornet
