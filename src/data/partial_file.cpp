#include "data/partial_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.h"
#include "base/checksum.h"

namespace hornet {
namespace {

// A mark: the job, a line end and the path of its journal; the length of that and its checksum;
// these last bytes of the file.
constexpr std::string_view kMarkEnd("hornetM1", 8);
constexpr size_t kMarkTailBytes = 4 + 4 + 8;
constexpr size_t kMaxMarkBytes = 1 << 16;

std::string encode_mark(const RowsOwner& owner) {
  std::string mark = owner.job + "\n" + owner.journal;
  const uint32_t numbers[] = {static_cast<uint32_t>(mark.size()), crc32c(mark.data(), mark.size())};
  mark.append(reinterpret_cast<const char*>(numbers), sizeof(numbers));
  return mark.append(kMarkEnd);
}

std::string read_text(const File& file, size_t offset, size_t size) {
  std::string text(size, '\0');
  file.read_at(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

std::optional<RowsOwner> read_mark(const File& file) {
  const auto size = static_cast<size_t>(file.status().st_size);
  if (size < kMarkTailBytes) return std::nullopt;
  const size_t end = size - kMarkTailBytes;
  const std::string tail = read_text(file, end, kMarkTailBytes);
  uint32_t numbers[2];
  std::memcpy(numbers, tail.data(), sizeof(numbers));
  const auto [bytes, checksum] = numbers;
  if (!tail.ends_with(kMarkEnd) || bytes > std::min(end, kMaxMarkBytes)) return std::nullopt;
  const std::string text = read_text(file, end - bytes, bytes);
  const size_t line_end = text.find('\n');
  if (crc32c(text.data(), text.size()) != checksum || line_end == std::string::npos) {
    return std::nullopt;
  }
  return RowsOwner{text.substr(0, line_end), text.substr(line_end + 1)};
}

// Refuses early what publish() could not do, or must not.
void check_destination(const std::string& path, Overwrite overwrite, FileSystem& fs) {
  require(!path.empty() && path.back() != '/', ErrorCode::kIo,
          "cannot write to \"{}\": it names no file", path);
  require(!descriptor_path(path), ErrorCode::kIo, "cannot write {}: it leads to an open file",
          path);
  const std::string directory = directory_of(path);
  struct stat status = {};
  if (fs.status(directory.c_str(), true, &status) != 0) {
    fail_system("cannot write {}: directory {}", path, directory);
  }
  require(S_ISDIR(status.st_mode), ErrorCode::kIo, "cannot write {}: {} is not a directory", path,
          directory);
  if (!exists(path, fs)) return;
  // A symbolic link may lead nowhere; it is replaced itself then.
  const bool leads_somewhere = fs.status(path.c_str(), true, &status) == 0;
  if (!leads_somewhere && errno != ENOENT) fail_system("cannot examine {}", path);
  require(!leads_somewhere || !S_ISDIR(status.st_mode), ErrorCode::kIo,
          "cannot write {}: it is a directory", path);
  require(overwrite != Overwrite::kNever, ErrorCode::kIo,
          "{} exists and is not overwritten unless asked to", path);
  require(!leads_somewhere || S_ISREG(status.st_mode), ErrorCode::kIo,
          "cannot write {}: what is there is not a regular file", path);
}

[[noreturn]] void fail_locked(const std::string& path) {
  fail(ErrorCode::kIo, "another run is writing {}", path);
}

// The new file, locked; nullptr if it was taken for a leftover before the lock was there.
std::unique_ptr<File> lock_created(std::unique_ptr<File> file, FileSystem& fs) {
  const std::string& path = file->path();
  try {
    const File::Lock lock = file->try_lock();
    if (lock == File::Lock::kHeldByAnother) fail_locked(path);
    if (lock == File::Lock::kTaken && !file->is_named()) return nullptr;
  } catch (...) {
    fs.unlink(path.c_str());
    throw;
  }
  return file;
}

// What a job may yet go on with is not a leftover.
void check_ownerless(const File& file, FileSystem& fs) {
  const std::optional<RowsOwner> owner = read_mark(file);
  if (!owner) return;
  // As the system goes, where folders are links; shorter only to be shown.
  const std::filesystem::path journal =
      std::filesystem::path(directory_of(file.path())) / owner->journal;
  require(!exists(journal.string(), fs), ErrorCode::kIo,
          "{} has rows of the job of {}, which can be resumed; --force replaces it", file.path(),
          journal.lexically_normal().string());
}

// Removes what another run left at `path`, if that run is over.
void remove_leftover(const std::string& path, Overwrite overwrite, FileSystem& fs) {
  const auto file = File::open_unless(ENOENT, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, fs);
  if (!file) return;
  require(S_ISREG(file->status().st_mode), ErrorCode::kIo, "{} exists and is not a regular file",
          path);
  switch (file->try_lock()) {
    case File::Lock::kHeldByAnother:
      fail_locked(path);
    case File::Lock::kNotSupported:
      require(overwrite == Overwrite::kAllowed, ErrorCode::kIo,
              "{} exists, and its file system has no locks to tell whether another run is writing "
              "it; remove it if none is",
              path);
      break;
    case File::Lock::kTaken:
      break;
  }
  if (overwrite == Overwrite::kNever) check_ownerless(*file, fs);
  // A run that ended between open and lock may have given the file its final name.
  if (file->is_named()) remove_file(path, fs);
}

std::unique_ptr<File> create_locked(const std::string& path, Overwrite overwrite, FileSystem& fs) {
  constexpr int kAttempts = 10;  // each lost to another run that creates or removes the file
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto file = File::open_unless(EEXIST, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, fs);
    if (file)
      file = lock_created(std::move(file), fs);
    else
      remove_leftover(path, overwrite, fs);
    if (file) return file;
  }
  fail_locked(path);
}

// What another run kept at `path` + ".partial", locked; or, `published`, what it gave its name.
std::unique_ptr<File> open_kept(const std::string& path, FileSystem& fs, bool& published) {
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
  const std::string partial_path = path + ".partial";
  auto file = File::open_unless(ENOENT, partial_path, kFlags, fs);
  published = file == nullptr;
  if (published) file = File::open_unless(ENOENT, path, kFlags, fs);
  require(file != nullptr, ErrorCode::kIo, "cannot go on: {} is missing", partial_path);
  require(S_ISREG(file->status().st_mode), ErrorCode::kIo, "{} is not a regular file",
          file->path());
  if (file->try_lock() == File::Lock::kHeldByAnother) fail_locked(file->path());
  return file;
}

}  // namespace

PartialFile::PartialFile(WithoutSpace, const std::string& path, size_t bytes, Overwrite overwrite,
                         FileSystem& fs)
    : path_(path),
      bytes_(bytes),
      overwrite_(overwrite),
      fs_(fs),
      kept_(overwrite == Overwrite::kResume),
      file_((check_destination(path, overwrite, fs),
             overwrite == Overwrite::kResume ? open_kept(path, fs, published_)
                                             : create_locked(path + ".partial", overwrite, fs))) {}

// The first constructor makes the object whole: if reserve() throws, the destructor runs.
PartialFile::PartialFile(const std::string& path, size_t bytes, Overwrite overwrite, FileSystem& fs)
    : PartialFile(WithoutSpace(), path, bytes, overwrite, fs) {
  if (overwrite != Overwrite::kResume) {
    file_->reserve(bytes);
    return;
  }
  if (!published_) owner_ = read_mark(*file_);
  const auto size = static_cast<size_t>(file_->status().st_size);
  const size_t found = size - (owner_ ? encode_mark(*owner_).size() : 0);
  require(found == bytes, ErrorCode::kIo, "cannot go on: {} has {} bytes; expected {}",
          file_->path(), found, bytes);
}

// A file that cannot be removed stays; a destructor has nobody to tell.
PartialFile::~PartialFile() {
  if (!published_ && !kept_) fs_.unlink(file_->path().c_str());
}

void PartialFile::set_owner(const RowsOwner& owner) {
  if (owner_ && owner_->job == owner.job) return;
  const std::string mark = encode_mark(owner);
  if (owner_) file_->truncate(bytes_);
  file_->write_at(bytes_, std::as_bytes(std::span(mark)));
  owner_ = owner;
}

void PartialFile::sync() {
  file_->sync();
  if (!name_is_durable_) sync_directory(directory_of(path_), fs_);
  name_is_durable_ = true;
}

void PartialFile::publish(bool durable) {
  if (published_) {
    // The run that gave it its name may have ended before that was durable.
    if (durable) sync_directory(directory_of(path_), fs_);
    return;
  }
  if (owner_) file_->truncate(bytes_);
  owner_.reset();
  if (durable) file_->sync();
  if (overwrite_ != Overwrite::kNever) {
    replace_file(file_->path(), path_, fs_);
  } else {
    require(rename_to_free_name(file_->path(), path_, fs_), ErrorCode::kIo,
            "{} was created by another program in the meantime, and is not overwritten", path_);
  }
  published_ = true;
  file_->set_path(path_);
  if (durable) sync_directory(directory_of(path_), fs_);
}

}  // namespace hornet
