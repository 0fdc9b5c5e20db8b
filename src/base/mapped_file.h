// A whole file as read-only memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace hornet {

// A private, read-only mapping of a whole regular file, as it was when it was opened. Thread-safe.
// Another process that shortens the file while it is mapped makes reads beyond its new end fatal
// (SIGBUS); the operating system offers no defence but a copy.
class MappedFile {
 public:
  // Throws Error(kIo) that names the file: missing, a directory or device, no permission, ...
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page-aligned; nullptr for an empty file.
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size);

  std::string path_;
  const std::byte* data_;
  size_t size_;
};

}  // namespace hornet
