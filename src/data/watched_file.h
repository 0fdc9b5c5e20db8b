// A mapped input, which another process may shorten or a disk fail to give while it is read.
#pragma once

#include <memory>
#include <utility>

#include "base/fault_guard.h"
#include "base/mapped_file.h"

namespace hornet {

// Reads are safe while a FaultGuard lives; what they gave is good if check() says nothing after
// them. Thread-safe.
class WatchedFile {
 public:
  explicit WatchedFile(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)), region_(file_->data(), file_->size()) {}

  const MappedFile* operator->() const { return file_.get(); }
  // Throws Error(kIo) where the file has become too short for these bytes of it, or they could not
  // be read.
  void check(const std::byte* first, size_t bytes) const;
  // Runs `parse`, which reads from `first` on and returns where it ended; the file is not empty.
  // What it throws is put down to the file where that is no longer whole.
  template <class Parse>
  const std::byte* read(const std::byte* first, const Parse& parse) const {
    const std::byte* const last = file_->data() + file_->size() - 1;
    // Not to look for ends of lines in what is gone.
    if (first <= last) check(first, 1);
    const std::byte* end = first;
    try {
      end = parse();
    } catch (...) {
      check(last, 1);
      check(first, static_cast<size_t>(last + 1 - first));
      throw;
    }
    check(first, static_cast<size_t>(end - first));
    return end;
  }

 private:
  const std::shared_ptr<const MappedFile> file_;
  const GuardedRegion region_;
};

}  // namespace hornet
