// The real file system, but for what a test tells it to get wrong.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <limits>
#include <map>
#include <string>

#include "base/file_system.h"

namespace hornet {

// Set up before use; thread-safe then. close, munmap and madvise, whose failures nobody can act
// upon, do not fail and are not counted.
class FaultyFileSystem : public FileSystem {
 public:
  // The k-th call, from 1, fails with `error`; with `all_after` every later one does too.
  void fail_call(int k, int error, bool all_after = false) {
    fail_at_ = k;
    error_ = error;
    all_after_ = all_after;
  }
  // The k-th call ends the process as SIGKILL does.
  void kill_at_call(int k) { kill_at_ = k; }
  // Every call of a function ("rename") fails.
  void fail_function(const std::string& function, int error) { failing_[function] = error; }
  // pread and pwrite do no more than this at once.
  void set_max_transfer(size_t bytes) { max_transfer_ = bytes; }
  // Every other call that a signal may interrupt is interrupted.
  void set_interrupts() { interrupts_ = true; }
  void set_file_size_limit(uint64_t bytes) { file_size_limit_ = bytes; }
  int num_calls() const { return num_calls_; }

  int open(const char* path, int flags, mode_t mode) override {
    return faults("open", true) ? -1 : real().open(path, flags, mode);
  }
  int close(int fd) override { return real().close(fd); }
  int fstat(int fd, struct stat* status) override {
    return faults("fstat") ? -1 : real().fstat(fd, status);
  }
  int status(const char* path, bool follow, struct stat* status) override {
    return faults("status") ? -1 : real().status(path, follow, status);
  }
  ssize_t pread(int fd, void* data, size_t size, off_t offset) override {
    if (faults("pread", true)) return -1;
    return real().pread(fd, data, std::min(size, max_transfer_), offset);
  }
  ssize_t read(int fd, void* data, size_t size) override {
    if (faults("read", true)) return -1;
    return real().read(fd, data, std::min(size, max_transfer_));
  }
  ssize_t write(int fd, const void* data, size_t size) override {
    if (faults("write", true)) return -1;
    return real().write(fd, data, std::min(size, max_transfer_));
  }
  ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) override {
    if (faults("pwrite", true)) return -1;
    return real().pwrite(fd, data, std::min(size, max_transfer_), offset);
  }
  int ftruncate(int fd, off_t size) override {
    return faults("ftruncate", true) ? -1 : real().ftruncate(fd, size);
  }
  int fallocate(int fd, off_t size) override {
    return faults("fallocate", true) ? -1 : real().fallocate(fd, size);
  }
  int fdatasync(int fd) override { return faults("fdatasync", true) ? -1 : real().fdatasync(fd); }
  int begin_sync(int /*fd*/) override {
    ++num_begin_sync_;
    errno = EIO;
    return -1;  // it is advice: nothing depends on it
  }
  int fsync(int fd) override { return faults("fsync", true) ? -1 : real().fsync(fd); }
  int lock(int fd, int command, struct flock* lock) override {
    return faults("lock", true) ? -1 : real().lock(fd, command, lock);
  }
  int rename(const char* from, const char* to) override {
    return faults("rename") ? -1 : real().rename(from, to);
  }
  int rename_no_replace(const char* from, const char* to) override {
    return faults("rename_no_replace") ? -1 : real().rename_no_replace(from, to);
  }
  int link(const char* from, const char* to) override {
    return faults("link") ? -1 : real().link(from, to);
  }
  int unlink(const char* path) override { return faults("unlink") ? -1 : real().unlink(path); }
  void* mmap(size_t size, int protection, int flags, int fd) override {
    return faults("mmap") ? MAP_FAILED : real().mmap(size, protection, flags, fd);
  }
  int munmap(void* data, size_t size) override { return real().munmap(data, size); }
  int madvise(void* data, size_t size, int advice) override {
    return real().madvise(data, size, advice);
  }
  uint64_t file_size_limit() override { return file_size_limit_; }

  int num_begin_sync() const { return num_begin_sync_; }

 private:
  bool faults(const std::string& function, bool interruptible = false) {
    if (interrupts_ && interruptible && (interrupted_ = !interrupted_)) {
      errno = EINTR;
      return true;
    }
    const int call = ++num_calls_;
    if (call == kill_at_) raise(SIGKILL);
    if (fail_at_ != 0 && (call == fail_at_ || (all_after_ && call > fail_at_))) {
      errno = error_;
      return true;
    }
    const auto failing = failing_.find(function);
    if (failing == failing_.end()) return false;
    errno = failing->second;
    return true;
  }

  int fail_at_ = 0;
  int kill_at_ = 0;
  int error_ = 0;
  bool all_after_ = false;
  std::map<std::string, int> failing_;
  size_t max_transfer_ = std::numeric_limits<size_t>::max();
  bool interrupts_ = false;
  bool interrupted_ = false;
  uint64_t file_size_limit_ = std::numeric_limits<uint64_t>::max();
  std::atomic<int> num_calls_ = 0;
  std::atomic<int> num_begin_sync_ = 0;
};

}  // namespace hornet
