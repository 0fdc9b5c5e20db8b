#include "job/error_list.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/json_text.h"
#include "base/mapped_file.h"
#include "data/partial_file.h"

namespace hornet::job {
namespace {

constexpr std::string_view kLineBegin = "{\"row\":";

struct Line {
  int64_t row;
  uint64_t offset;
};

[[noreturn]] void fail_in_use(const std::string& path) {
  fail(ErrorCode::kIo, "another run is writing {}, a list of failed rows", path);
}

// What is there may be of a run that is over, and of no other.
void check_free(const std::string& path, FileSystem& fs) {
  if (!exists(path, fs)) return;
  const auto file = File::open_unless(ENOENT, path, O_RDONLY | O_NONBLOCK, fs);
  if (file && file->is_locked()) fail_in_use(path);
}

// Removes what a run that is over left.
void remove_leftover(const std::string& path, FileSystem& fs) {
  const auto file = File::open_unless(ENOENT, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, fs);
  if (!file) return;
  if (file->try_lock() == File::Lock::kHeldByAnother) fail_in_use(path);
  if (file->is_named()) remove_file(path, fs);
}

// Where each line begins, and of which row it is.
std::vector<Line> find_lines(std::string_view text, const std::string& path) {
  std::vector<Line> lines;
  size_t offset = 0;
  while (offset < text.size()) {
    const size_t end = text.find('\n', offset);
    Line line = {-1, offset};
    const char* number = text.data() + offset + kLineBegin.size();
    const bool whole = end != std::string_view::npos && end - offset > kLineBegin.size() &&
                       text.substr(offset).starts_with(kLineBegin) &&
                       std::from_chars(number, text.data() + end, line.row).ec == std::errc();
    require(whole, ErrorCode::kInvalidInput, "{}: byte {} begins no line of a failed row", path,
            offset);
    lines.push_back(line);
    offset = end + 1;
  }
  return lines;
}

}  // namespace

std::string failed_row_line(const FailedRow& failure) {
  return fmt::format("{}{},\"error\":\"{}\",\"message\":{}}}\n", kLineBegin, failure.row,
                     to_string(failure.code), json_string(failure.message));
}

ErrorList::ErrorList(std::string path, uint64_t bytes, Overwrite overwrite, FileSystem& fs)
    : final_path_(std::move(path)),
      fs_(fs),
      size_(bytes),
      replaces_(exists(size_ == 0 ? final_path_ : final_path_ + ".new", fs_)),
      path_(final_path_ + (replaces_ ? ".new" : "")) {
  if (size_ == 0) {
    require(!replaces_ || overwrite != Overwrite::kNever, ErrorCode::kIo,
            "{} exists and is not overwritten unless asked to", final_path_);
    check_free(final_path_, fs_);
    remove_leftover(final_path_ + ".new", fs_);
    return;
  }
  require(exists(path_, fs_), ErrorCode::kIo,
          "cannot go on: {}, the list of failed rows, is missing", path_);
  const auto found = static_cast<uint64_t>(file().status().st_size);
  require(found >= size_, ErrorCode::kIo,
          "cannot go on: {}, the list of failed rows, has {} bytes; expected at least {}", path_,
          found, size_);
  if (found > size_) file().truncate(size_);
}

File& ErrorList::file() {
  if (!file_) open();
  return *file_;
}

// A new list is a new file: one that is there by now is another run's.
void ErrorList::open() {
  const int creation = size_ == 0 ? O_CREAT | O_EXCL : 0;
  auto file = File::open_unless(EEXIST, path_, O_RDWR | O_NOFOLLOW | creation, fs_);
  if (!file || file->try_lock() == File::Lock::kHeldByAnother || !file->is_named()) {
    fail_in_use(path_);
  }
  file_ = std::move(file);
}

void ErrorList::reserve() {
  if (size_ == 0) open();
  is_reserved_ = true;
}

uint64_t ErrorList::append(const std::vector<FailedRow>& failures) {
  std::string lines;
  for (const FailedRow& failure : failures) lines += failed_row_line(failure);
  if (!lines.empty()) {
    const bool is_new = size_ == 0;
    file().write_at(size_, std::as_bytes(std::span(lines)));
    if (is_new) sync_directory(directory_of(path_), fs_);
    size_ += lines.size();
    dirty_ = true;
  }
  return size_;
}

void ErrorList::sync() {
  if (dirty_) file().sync();
  dirty_ = false;
}

void ErrorList::discard() {
  if (!file_) return;
  file_.reset();
  fs_.unlink(path_.c_str());
}

// The sorted list is as long as the other, so a job that ends right after this goes on as well.
void ErrorList::finish() {
  if (size_ == 0) {
    discard();  // nothing, unless it was reserved
    return;
  }
  sync();
  const auto mapped = MappedFile::open(path_, fs_);
  const std::string_view text(reinterpret_cast<const char*>(mapped->data()), mapped->size());
  std::vector<Line> lines = find_lines(text, path_);
  const auto by_row = [](const Line& a, const Line& b) { return a.row < b.row; };
  if (std::is_sorted(lines.begin(), lines.end(), by_row)) return;
  std::stable_sort(lines.begin(), lines.end(), by_row);
  PartialFile sorted(path_, text.size(), Overwrite::kAllowed, fs_);
  constexpr size_t kBufferBytes = 1 << 20;
  std::string buffer;
  uint64_t written = 0;
  const auto flush = [&] {
    sorted.file().write_at(written, std::as_bytes(std::span(buffer)));
    written += buffer.size();
    buffer.clear();
  };
  for (const Line& line : lines) {
    buffer += text.substr(line.offset, text.find('\n', line.offset) - line.offset + 1);
    if (buffer.size() >= kBufferBytes) flush();
  }
  flush();
  file_.reset();
  sorted.publish();
}

void ErrorList::replace() {
  if (!replaces_ || (is_reserved_ && size_ == 0)) return;
  file_.reset();
  if (size_ > 0)
    replace_file(path_, final_path_, fs_);
  else
    remove_file(final_path_, fs_);
  sync_directory(directory_of(final_path_), fs_);
}

}  // namespace hornet::job
