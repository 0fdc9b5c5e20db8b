#include "base/mapped_file.h"

#include <fcntl.h>

#include <utility>

#include "base/check.h"

namespace hornet {

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path, FileSystem& fs) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const auto file = File::open(path, O_RDONLY | O_NONBLOCK, fs);
  const struct stat status = file->status();
  require(!S_ISDIR(status.st_mode), ErrorCode::kIo, "{} is a directory; expected a file", path);
  require(S_ISREG(status.st_mode), ErrorCode::kIo, "{} is not a regular file", path);
  return map(*file, static_cast<size_t>(status.st_size), path);
}

size_t MappedFile::size_now() const {
  struct stat status = {};
  if (fs_ == nullptr || fs_->status(path_.c_str(), true, &status) != 0) return size();
  const bool is_same = status.st_dev == device_ && status.st_ino == inode_;
  return is_same ? static_cast<size_t>(status.st_size) : size();
}

std::shared_ptr<const MappedFile> MappedFile::map(const File& file, size_t size, std::string name) {
  std::unique_ptr<const Mapping> mapping;
  if (size > 0) {
    mapping = std::make_unique<const Mapping>(file, size, Mapping::Access::kReadOnly);
  }
  std::shared_ptr<MappedFile> mapped(new MappedFile(std::move(name), std::move(mapping)));
  if (mapped->path_ == file.path()) {
    const struct stat status = file.status();
    mapped->fs_ = &file.file_system();
    mapped->device_ = status.st_dev;
    mapped->inode_ = status.st_ino;
  }
  return mapped;
}

MappedFile::MappedFile(std::string path, std::unique_ptr<const Mapping> mapping)
    : path_(std::move(path)), mapping_(std::move(mapping)) {}

}  // namespace hornet
