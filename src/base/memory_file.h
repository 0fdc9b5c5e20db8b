// Memory that several processes map: a file without a name.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace hornet {

// Closed with its scope; whoever inherited the descriptor keeps the memory.
class MemoryFile {
 public:
  // Throws Error(kOutOfMemory).
  MemoryFile(const std::string& name, size_t size);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int descriptor() const { return fd_; }
  size_t size() const { return size_; }
  void write_at(size_t offset, std::span<const std::byte> bytes);
  // From now on nobody can change the bytes.
  void seal();

 private:
  int fd_;
  size_t size_;
};

// The memory behind a descriptor, unmapped with its scope; the descriptor may be closed.
class MappedMemory {
 public:
  // All of it. Throws Error(kOutOfMemory).
  MappedMemory(int descriptor, bool writable);
  ~MappedMemory();
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace hornet
