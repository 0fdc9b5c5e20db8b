// The one door to the operating system's files, with a handle for tests to make it fail.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"

namespace hornet {

// The system calls Hornet makes on files, and nothing more: each returns what the call of its name
// does, with errno set. Thread-safe. Tests put one in its place that fails, interrupts and
// shortens.
class FileSystem {
 public:
  static FileSystem& real();
  virtual ~FileSystem() = default;

  virtual int open(const char* path, int flags, mode_t mode) = 0;
  virtual int close(int fd) = 0;
  virtual int fstat(int fd, struct stat* status) = 0;
  // stat, or lstat where `follow` is false.
  virtual int status(const char* path, bool follow, struct stat* status) = 0;
  virtual ssize_t pread(int fd, void* data, size_t size, off_t offset) = 0;
  virtual ssize_t read(int fd, void* data, size_t size) = 0;
  virtual ssize_t write(int fd, const void* data, size_t size) = 0;
  virtual ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) = 0;
  virtual int ftruncate(int fd, off_t size) = 0;
  // posix_fallocate from 0, its error in errno and -1 returned as everywhere else.
  virtual int fallocate(int fd, off_t size) = 0;
  virtual int fdatasync(int fd) = 0;
  // sync_file_range of the whole file with SYNC_FILE_RANGE_WRITE.
  virtual int begin_sync(int fd) = 0;
  virtual int fsync(int fd) = 0;
  // fcntl with F_OFD_SETLK or F_OFD_GETLK.
  virtual int lock(int fd, int command, struct flock* lock) = 0;
  virtual int rename(const char* from, const char* to) = 0;
  // renameat2 with RENAME_NOREPLACE: EEXIST where `to` exists.
  virtual int rename_no_replace(const char* from, const char* to) = 0;
  virtual int link(const char* from, const char* to) = 0;
  virtual int unlink(const char* path) = 0;
  virtual void* mmap(size_t size, int protection, int flags, int fd) = 0;
  virtual int munmap(void* data, size_t size) = 0;
  virtual int madvise(void* data, size_t size, int advice) = 0;
  // Bytes beyond which this process may not write a file (RLIMIT_FSIZE).
  virtual uint64_t file_size_limit() = 0;
};

// What the system says about an errno: "No such file or directory".
std::string error_text(int error);

// Throws Error(kIo), or Error(kOutOfMemory) where there is no more memory or no more open file to
// be had: the message, and what errno says. A statement of its own after the call that
// failed; among the arguments of require() errno might be read before the call is made.
template <class... Args>
[[noreturn]] void fail_system(fmt::format_string<Args...> format, Args&&... args) {
  const int error = errno;
  const bool no_more = error == ENOMEM || error == EMFILE || error == ENFILE;
  fail(no_more ? ErrorCode::kOutOfMemory : ErrorCode::kIo, "{}: {}",
       fmt::format(format, std::forward<Args>(args)...), error_text(error));
}

// An open file, closed with its scope. Its functions retry what a signal interrupted, complete what
// was done in part, and throw Error(kIo) that names the file. Thread-safe, for ranges that do not
// overlap. `fs` must outlive it.
class File {
 public:
  // `flags` of open(2), O_CLOEXEC added.
  static std::unique_ptr<File> open(const std::string& path, int flags,
                                    FileSystem& fs = FileSystem::real());
  // The same; nullptr where open(2) says `tolerated` (ENOENT, EEXIST).
  static std::unique_ptr<File> open_unless(int tolerated, const std::string& path, int flags,
                                           FileSystem& fs = FileSystem::real());
  // The standard input and output, under descriptors of their own.
  static std::unique_ptr<File> standard_input(FileSystem& fs = FileSystem::real());
  static std::unique_ptr<File> standard_output(FileSystem& fs = FileSystem::real());
  // What descriptor `fd` of this process is, under a descriptor of its own; where the other writes
  // or reads, this one goes on. Only for one that the process was given when it began.
  static std::unique_ptr<File> of_descriptor(int fd, const std::string& path,
                                             FileSystem& fs = FileSystem::real());
  // A new file without a name, in $TMPDIR or else /var/tmp, whose space is free again with the
  // File. `name` is what messages call it.
  static std::unique_ptr<File> temporary(const std::string& name,
                                         FileSystem& fs = FileSystem::real());
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  // It was renamed. Not thread-safe.
  void set_path(std::string path) { path_ = std::move(path); }
  int descriptor() const { return fd_; }
  FileSystem& file_system() const { return fs_; }

  struct stat status() const;
  // Fills `bytes`; an end of the file before that is an Error.
  void read_at(size_t offset, std::span<std::byte> bytes) const;
  // What comes next, of a pipe for one: as many bytes as there are, up to as many as `bytes` holds;
  // 0 at the end.
  size_t read_next(std::span<std::byte> bytes);
  // Writes where the last write ended, to a pipe for one.
  void write_next(std::span<const std::byte> bytes);
  void write_at(size_t offset, std::span<const std::byte> bytes);
  void truncate(size_t size);
  // Makes the file `size` bytes long and their space on disk its own, so that no write into them
  // can find the disk full.
  void reserve(size_t size);
  // Makes what was written durable.
  void sync();
  // Asks the system to begin with that, so that the next sync() has little left to wait for. What
  // fails is told by sync().
  void begin_sync();

  enum class Lock { kTaken, kHeldByAnother, kNotSupported };
  // Takes the exclusive lock of the file (F_OFD_SETLK), which is open for writing, without waiting;
  // it goes with the File.
  Lock try_lock();
  // Whether somebody else has that lock; asking takes none, and so is in nobody's way. False where
  // locks are not supported.
  bool is_locked() const;
  // Whether the path is still this file's, and not a newer one's or nobody's.
  bool is_named() const;

 private:
  File(std::string path, int fd, FileSystem& fs);

  std::string path_;
  int fd_;
  FileSystem& fs_;
};

// The first `size` bytes of a file as memory to be read, unmapped with its scope; the File may be
// closed.
class Mapping {
 public:
  // `size` is above 0 and not beyond the end of the file.
  Mapping(const File& file, size_t size);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  // Takes the pages out of this process's resident memory. They stay in the system's file cache and
  // come back when touched: harmless at any time.
  void forget_pages() const { forget_pages(0, size_); }
  // Those of a part, which begins with a page and may reach beyond the end.
  void forget_pages(size_t offset, size_t bytes) const;

 private:
  std::byte* data_;
  size_t size_;
  FileSystem& fs_;
};

// Where a path leads to a descriptor of a process, by symbolic links or itself: "/proc/7/fd/1" for
// "/dev/stdout". What such a name stands for has its own name elsewhere, or none.
struct DescriptorPath {
  int fd;
  bool is_own;  // of this process
};
std::optional<DescriptorPath> descriptor_path(const std::string& path);

// Whether anything has this name, be it a symbolic link that leads nowhere.
bool exists(const std::string& path, FileSystem& fs = FileSystem::real());

// Removes a file. Throws Error(kIo), except where there is none.
void remove_file(const std::string& path, FileSystem& fs = FileSystem::real());

// Gives `from` the name `to`, on the same file system; a file of that name is replaced.
void replace_file(const std::string& from, const std::string& to,
                  FileSystem& fs = FileSystem::real());

// The same where `to` must not exist: false, and nothing done, if it does.
bool rename_to_free_name(const std::string& from, const std::string& to,
                         FileSystem& fs = FileSystem::real());

// "dir" of "dir/name", "." of "name", "/" of "/name".
std::string directory_of(const std::string& path);

// Makes names created, changed and removed in a directory durable.
void sync_directory(const std::string& path, FileSystem& fs = FileSystem::real());

}  // namespace hornet
