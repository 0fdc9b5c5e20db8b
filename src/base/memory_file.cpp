#include "base/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/file_system.h"

namespace hornet {
namespace {

[[noreturn]] void fail_memory(const std::string& what) {
  const int error = errno;
  fail(ErrorCode::kOutOfMemory, "{}: {}", what, error_text(error));
}

}  // namespace

MemoryFile::MemoryFile(const std::string& name, size_t size)
    : fd_(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)), size_(size) {
  if (fd_ < 0) fail_memory("cannot create a memory file");
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    const int error = errno;
    close(fd_);
    errno = error;
    fail_memory(fmt::format("no memory for {} bytes to be shared", size));
  }
}

MemoryFile::~MemoryFile() { close(fd_); }

void MemoryFile::write_at(size_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_memory(fmt::format("no memory for {} bytes to be shared", size_));
    offset += static_cast<size_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void MemoryFile::seal() {
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if (fcntl(fd_, F_ADD_SEALS, kSeals) != 0) fail_memory("cannot seal shared memory");
}

MappedMemory::MappedMemory(int descriptor, bool writable) {
  struct stat status = {};
  if (fstat(descriptor, &status) != 0) fail_memory("cannot examine shared memory");
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  // Read-only memory is mapped private: a sealed file cannot be mapped for writing by others.
  void* data = mmap(nullptr, size_, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                    writable ? MAP_SHARED : MAP_PRIVATE, descriptor, 0);
  if (data == MAP_FAILED) fail_memory(fmt::format("cannot map {} bytes of shared memory", size_));
  data_ = static_cast<std::byte*>(data);
}

MappedMemory::~MappedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace hornet
