#include "base/file_system.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace hornet {
namespace {

class RealFileSystem : public FileSystem {
 public:
  int open(const char* path, int flags, mode_t mode) override { return ::open(path, flags, mode); }
  int close(int fd) override { return ::close(fd); }
  int fstat(int fd, struct stat* status) override { return ::fstat(fd, status); }
  int status(const char* path, bool follow, struct stat* status) override {
    return follow ? ::stat(path, status) : ::lstat(path, status);
  }
  ssize_t pread(int fd, void* data, size_t size, off_t offset) override {
    return ::pread(fd, data, size, offset);
  }
  ssize_t read(int fd, void* data, size_t size) override { return ::read(fd, data, size); }
  ssize_t write(int fd, const void* data, size_t size) override { return ::write(fd, data, size); }
  ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) override {
    return ::pwrite(fd, data, size, offset);
  }
  int ftruncate(int fd, off_t size) override { return ::ftruncate(fd, size); }
  int fallocate(int fd, off_t size) override {
    const int error = ::posix_fallocate(fd, 0, size);
    if (error == 0) return 0;
    errno = error;
    return -1;
  }
  int fdatasync(int fd) override { return ::fdatasync(fd); }
  int begin_sync(int fd) override {
    return ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);  // 0 bytes: up to the end
  }
  int fsync(int fd) override { return ::fsync(fd); }
  int lock(int fd, int command, struct flock* lock) override { return ::fcntl(fd, command, lock); }
  int rename(const char* from, const char* to) override { return ::rename(from, to); }
  int rename_no_replace(const char* from, const char* to) override {
    return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
  }
  int link(const char* from, const char* to) override { return ::link(from, to); }
  int unlink(const char* path) override { return ::unlink(path); }
  void* mmap(size_t size, int protection, int flags, int fd) override {
    return ::mmap(nullptr, size, protection, flags, fd, 0);
  }
  int munmap(void* data, size_t size) override { return ::munmap(data, size); }
  int madvise(void* data, size_t size, int advice) override {
    return ::madvise(data, size, advice);
  }
  uint64_t file_size_limit() override {
    struct rlimit limit = {};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
      return std::numeric_limits<uint64_t>::max();
    }
    return limit.rlim_cur;
  }
};

// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

struct flock exclusive_lock() {
  struct flock lock = {};  // all of the file
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// Network file systems mounted without locks, and systems that lack those of open files.
bool has_no_locks(int error) {
  return error == ENOSYS || error == ENOLCK || error == EOPNOTSUPP || error == EINVAL;
}

off_t to_offset(size_t offset, const std::string& path) {
  require(offset <= static_cast<size_t>(std::numeric_limits<off_t>::max()), ErrorCode::kIo,
          "{}: no file has {} bytes", path, offset);
  return static_cast<off_t>(offset);
}

}  // namespace

FileSystem& FileSystem::real() {
  static RealFileSystem file_system;
  return file_system;
}

std::string error_text(int error) { return std::generic_category().message(error); }

std::unique_ptr<File> File::open(const std::string& path, int flags, FileSystem& fs) {
  return open_unless(0, path, flags, fs);
}

std::unique_ptr<File> File::open_unless(int tolerated, const std::string& path, int flags,
                                        FileSystem& fs) {
  constexpr mode_t kMode = 0666;  // less the umask
  const int fd = uninterrupted([&] { return fs.open(path.c_str(), flags | O_CLOEXEC, kMode); });
  if (fd >= 0) return std::unique_ptr<File>(new File(path, fd, fs));
  if (errno == tolerated) return nullptr;
  fail_system("cannot {} {}", (flags & O_CREAT) != 0 ? "create" : "open", path);
}

std::unique_ptr<File> File::standard_input(FileSystem& fs) {
  const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) fail_system("cannot read the standard input");
  return std::unique_ptr<File>(new File("the standard input", fd, fs));
}

std::unique_ptr<File> File::standard_output(FileSystem& fs) {
  return of_descriptor(STDOUT_FILENO, "the standard output", fs);
}

std::unique_ptr<File> File::of_descriptor(int fd, const std::string& path, FileSystem& fs) {
  // What is open for this process alone is closed with its program; what it was given is not.
  const int flags = ::fcntl(fd, F_GETFD);
  require(flags < 0 || (flags & FD_CLOEXEC) == 0, ErrorCode::kIo,
          "cannot write {}: it is no file that this process was given", path);
  const int copy = flags < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) fail_system("cannot write {}", path);
  return std::unique_ptr<File>(new File(path, copy, fs));
}

std::unique_ptr<File> File::temporary(const std::string& name, FileSystem& fs) {
  const char* given = std::getenv("TMPDIR");
  const std::string folder = given != nullptr && *given != '\0' ? given : "/var/tmp";
  auto file = open_unless(EOPNOTSUPP, folder, O_RDWR | O_TMPFILE, fs);
  // Some file systems only make files with names.
  static std::atomic<int> number = 0;
  for (int attempt = 0; file == nullptr; ++attempt) {
    const std::string path =
        fmt::format("{}/hornet-{}-{}", folder, ::getpid(), number.fetch_add(1));
    constexpr int kAttempts = 100;
    file = open_unless(attempt < kAttempts ? EEXIST : 0, path, O_RDWR | O_CREAT | O_EXCL, fs);
    if (file != nullptr) remove_file(path, fs);
  }
  file->path_ = fmt::format("the temporary copy of {} in {}", name, folder);
  return file;
}

File::File(std::string path, int fd, FileSystem& fs) : path_(std::move(path)), fd_(fd), fs_(fs) {}

// What close would report is lost to nobody: whoever needs the bytes on disk has called sync().
File::~File() { fs_.close(fd_); }

struct stat File::status() const {
  struct stat status = {};
  const int result = uninterrupted([&] { return fs_.fstat(fd_, &status); });
  if (result != 0) fail_system("cannot examine {}", path_);
  return status;
}

void File::read_at(size_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const off_t position = to_offset(offset, path_);
    const ssize_t count =
        uninterrupted([&] { return fs_.pread(fd_, bytes.data(), bytes.size(), position); });
    if (count < 0) fail_system("cannot read {} bytes at {} of {}", bytes.size(), offset, path_);
    require(count > 0, ErrorCode::kIo, "{} ends at byte {}; expected {} bytes more", path_, offset,
            bytes.size());
    offset += static_cast<size_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

size_t File::read_next(std::span<std::byte> bytes) {
  const ssize_t count = uninterrupted([&] { return fs_.read(fd_, bytes.data(), bytes.size()); });
  if (count < 0) fail_system("cannot read {}", path_);
  return static_cast<size_t>(count);
}

void File::write_next(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted([&] { return fs_.write(fd_, bytes.data(), bytes.size()); });
    if (count < 0) fail_system("cannot write {}", path_);
    require(count > 0, ErrorCode::kIo, "cannot write {}: nothing was taken", path_);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void File::write_at(size_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const off_t position = to_offset(offset, path_);
    const ssize_t count =
        uninterrupted([&] { return fs_.pwrite(fd_, bytes.data(), bytes.size(), position); });
    if (count < 0) fail_system("cannot write {} bytes at {} of {}", bytes.size(), offset, path_);
    require(count > 0, ErrorCode::kIo, "cannot write {} bytes at {} of {}: nothing was taken",
            bytes.size(), offset, path_);
    offset += static_cast<size_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void File::truncate(size_t size) {
  const off_t length = to_offset(size, path_);
  const int result = uninterrupted([&] { return fs_.ftruncate(fd_, length); });
  if (result != 0) fail_system("cannot make {} {} bytes long", path_, size);
}

void File::reserve(size_t size) {
  if (size == 0) return;
  const off_t length = to_offset(size, path_);
  // Beyond the limit the system would answer with a signal that ends the process.
  const uint64_t limit = fs_.file_size_limit();
  require(size <= limit, ErrorCode::kIo,
          "cannot reserve {} bytes for {}: this process may write files of at most {} bytes", size,
          path_, limit);
  const int result = uninterrupted([&] { return fs_.fallocate(fd_, length); });
  if (result != 0) fail_system("cannot reserve {} bytes for {}", size, path_);
}

void File::sync() {
  const int result = uninterrupted([&] { return fs_.fdatasync(fd_); });
  if (result != 0) fail_system("cannot write {} to disk", path_);
}

void File::begin_sync() { fs_.begin_sync(fd_); }

File::Lock File::try_lock() {
  struct flock lock = exclusive_lock();
  if (uninterrupted([&] { return fs_.lock(fd_, F_OFD_SETLK, &lock); }) == 0) return Lock::kTaken;
  if (errno == EAGAIN || errno == EACCES) return Lock::kHeldByAnother;
  if (!has_no_locks(errno)) fail_system("cannot lock {}", path_);
  return Lock::kNotSupported;
}

bool File::is_locked() const {
  struct flock lock = exclusive_lock();
  if (uninterrupted([&] { return fs_.lock(fd_, F_OFD_GETLK, &lock); }) == 0) {
    return lock.l_type != F_UNLCK;
  }
  if (!has_no_locks(errno)) fail_system("cannot see whether {} is locked", path_);
  return false;
}

bool File::is_named() const {
  struct stat named = {};
  if (fs_.status(path_.c_str(), false, &named) != 0) {
    if (errno != ENOENT) fail_system("cannot examine {}", path_);
    return false;
  }
  const struct stat opened = status();
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Mapping::Mapping(const File& file, size_t size) : size_(size), fs_(file.file_system()) {
  void* data = fs_.mmap(size, PROT_READ, MAP_PRIVATE, file.descriptor());
  if (data == MAP_FAILED) fail_system("cannot map {} ({} bytes)", file.path(), size);
  data_ = static_cast<std::byte*>(data);
}

Mapping::~Mapping() { fs_.munmap(data_, size_); }

// Where the advice is refused, more memory stays resident and all else is the same.
void Mapping::forget_pages(size_t offset, size_t bytes) const {
  HORNET_CHECK(offset <= size_);
  fs_.madvise(data_ + offset, std::min(bytes, size_ - offset), MADV_DONTNEED);
}

std::optional<DescriptorPath> descriptor_path(const std::string& path) {
  namespace stdfs = std::filesystem;
  constexpr int kMostLinks = 40;  // as the system follows
  std::error_code error;
  const stdfs::path own = stdfs::canonical("/proc/self/fd", error);
  stdfs::path at = stdfs::absolute(path, error);
  for (int links = 0; links < kMostLinks && !error; ++links) {
    const stdfs::path folder = stdfs::canonical(at.parent_path(), error);
    if (error) break;
    if (folder.filename() == "fd" && folder.native().starts_with("/proc/")) {
      const std::string name = at.filename();
      int fd = -1;
      const auto end = std::from_chars(name.data(), name.data() + name.size(), fd).ptr;
      if (fd < 0 || end != name.data() + name.size()) break;
      return DescriptorPath{fd, folder == own};
    }
    at = folder / stdfs::read_symlink(folder / at.filename(), error);
  }
  return std::nullopt;
}

bool exists(const std::string& path, FileSystem& fs) {
  struct stat status = {};
  if (fs.status(path.c_str(), false, &status) == 0) return true;
  if (errno != ENOENT) fail_system("cannot examine {}", path);
  return false;
}

void remove_file(const std::string& path, FileSystem& fs) {
  const int result = fs.unlink(path.c_str());
  if (result != 0 && errno != ENOENT) fail_system("cannot remove {}", path);
}

void replace_file(const std::string& from, const std::string& to, FileSystem& fs) {
  const int result = fs.rename(from.c_str(), to.c_str());
  if (result != 0) fail_system("cannot rename {} to {}", from, to);
}

bool rename_to_free_name(const std::string& from, const std::string& to, FileSystem& fs) {
  if (fs.rename_no_replace(from.c_str(), to.c_str()) == 0) return true;
  // Not every file system knows this rename; a second name is refused as safely where one exists.
  if (errno == EINVAL || errno == ENOSYS) {
    if (fs.link(from.c_str(), to.c_str()) == 0) {
      remove_file(from, fs);
      return true;
    }
    // Nor does every one know second names. What is left is to look first.
    if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) {
      if (exists(to, fs)) return false;
      replace_file(from, to, fs);
      return true;
    }
  }
  if (errno == EEXIST) return false;
  fail_system("cannot rename {} to {}", from, to);
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void sync_directory(const std::string& path, FileSystem& fs) {
  const auto directory = File::open(path, O_RDONLY | O_DIRECTORY, fs);
  const int result = uninterrupted([&] { return fs.fsync(directory->descriptor()); });
  // EINVAL: a file system whose directories cannot be synced has nothing to sync.
  if (result != 0 && errno != EINVAL) fail_system("cannot write directory {} to disk", path);
}

}  // namespace hornet
