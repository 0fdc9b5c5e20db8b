#include "base/mapped_file.h"

#include <fcntl.h>

#include <utility>

#include "base/check.h"

namespace hornet {
namespace {

// Nothing for a file without bytes.
std::shared_ptr<const Mapping> mapping_of(const File& file, size_t size) {
  if (size == 0) return nullptr;
  return std::make_shared<const Mapping>(file, size);
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path, FileSystem& fs) {
  return open_to_read(path, fs)->without_file();
}

std::shared_ptr<const MappedFile> MappedFile::open_to_read(const std::string& path,
                                                           FileSystem& fs) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  std::shared_ptr<const File> file = File::open(path, O_RDONLY | O_NONBLOCK, fs);
  const struct stat status = file->status();
  require(!S_ISDIR(status.st_mode), ErrorCode::kIo, "{} is a directory; expected a file", path);
  require(S_ISREG(status.st_mode), ErrorCode::kIo, "{} is not a regular file", path);
  return map(std::move(file), static_cast<size_t>(status.st_size), path);
}

std::shared_ptr<const MappedFile> MappedFile::without_file() const {
  return std::shared_ptr<const MappedFile>(new MappedFile(nullptr, path_, mapping_));
}

std::shared_ptr<const MappedFile> MappedFile::map(std::shared_ptr<const File> file, size_t size,
                                                  std::string name) {
  auto mapping = mapping_of(*file, size);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(std::move(file), std::move(name), std::move(mapping)));
}

MappedFile::MappedFile(std::shared_ptr<const File> file, std::string path,
                       std::shared_ptr<const Mapping> mapping)
    : file_(std::move(file)), path_(std::move(path)), mapping_(std::move(mapping)) {}

void MappedFile::read(size_t offset, std::span<std::byte> bytes) const {
  HORNET_CHECK(file_ != nullptr);
  try {
    file_->read_at(offset, bytes);
  } catch (const Error&) {
    require_size(offset + bytes.size());
    throw;
  }
}

void MappedFile::require_size(size_t bytes) const {
  HORNET_CHECK(file_ != nullptr);
  const auto size = static_cast<size_t>(file_->status().st_size);
  require(size >= bytes, ErrorCode::kIo, "{} was truncated to {} bytes; expected {} at least",
          path_, size, bytes);
}

}  // namespace hornet
