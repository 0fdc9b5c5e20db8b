#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace hornet {
namespace {

std::string error_text(int error) { return std::generic_category().message(error); }

// Closes on every way out of open(): a mapping does not need its descriptor.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  require(file.fd >= 0, ErrorCode::kIo, "cannot open {}: {}", path, error_text(errno));
  struct stat status = {};
  require(::fstat(file.fd, &status) == 0, ErrorCode::kIo, "cannot examine {}: {}", path,
          error_text(errno));
  require(!S_ISDIR(status.st_mode), ErrorCode::kIo, "{} is a directory; expected a file", path);
  require(S_ISREG(status.st_mode), ErrorCode::kIo, "{} is not a regular file", path);
  const size_t size = static_cast<size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, nullptr, 0));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  require(data != MAP_FAILED, ErrorCode::kIo, "cannot map {} ({} bytes): {}", path, size,
          error_text(errno));
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::MappedFile(std::string path, const std::byte* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace hornet
