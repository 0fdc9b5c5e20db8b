// An output file that is not there until it is complete.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

// Creates `path` + ".partial" with its space reserved; publish() gives it the name `path`, and the
// destructor removes what was not published. While it lives it holds a lock on the partial file:
// a second run that wants the same output is refused, and what a killed run left is replaced,
// unless it has the mark of an owner whose journal is there.
class PartialFile {
 public:
  // Throws Error(kIo): `path` exists and `overwrite` is kNever, another run is writing it, its
  // directory is missing, the disk is full, ... Nothing is left behind then.
  // With kNever also: the partial file is of a job that can be resumed.
  // With kResume: opens the partial file that another run kept, or the one it published. Throws
  // where there is neither, or where it is not `bytes` long, without its mark.
  PartialFile(const std::string& path, size_t bytes, Overwrite overwrite,
              FileSystem& fs = FileSystem::real());
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  File& file() { return *file_; }
  // From now on the destructor leaves the partial file where it is; with false it does not.
  void keep(bool kept = true) { kept_ = kept; }
  // Puts a mark behind the bytes, which publish() takes away again. The file has all its bytes.
  void set_owner(const RowsOwner& owner);
  const std::optional<RowsOwner>& owner() const { return owner_; }
  // Makes the bytes, and the first time the name, of the partial file durable.
  void sync();
  // Whether the file has its final name; kResume may find it so.
  bool is_published() const { return published_; }

  // Makes the bytes durable, renames the file to `path` and makes the name durable. Does nothing
  // where that is done. Where it is not to be `durable` yet, the caller syncs file and folder.
  // Throws Error(kIo); nothing is at `path` then, unless it is the name that could not be made
  // durable.
  void publish(bool durable = true);

 private:
  struct WithoutSpace {};
  PartialFile(WithoutSpace, const std::string& path, size_t bytes, Overwrite overwrite,
              FileSystem& fs);

  const std::string path_;
  const size_t bytes_;
  const Overwrite overwrite_;
  FileSystem& fs_;
  bool published_ = false;
  bool kept_ = false;
  bool name_is_durable_ = false;
  const std::unique_ptr<File> file_;
  std::optional<RowsOwner> owner_;
};

}  // namespace hornet
