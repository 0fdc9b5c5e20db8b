#include "data/ordered_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "data/partial_file.h"

namespace hornet {
namespace {

std::span<const std::byte> as_span(std::string_view bytes) {
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

class FileOutput : public ByteOutput {
 public:
  FileOutput(const std::string& path, Overwrite overwrite, FileSystem& fs)
      : partial_(path, 0, overwrite, fs) {}
  void append(std::string_view bytes) override {
    partial_.file().write_at(size_, as_span(bytes));
    size_ += bytes.size();
  }
  void finish() override { partial_.publish(); }

 private:
  PartialFile partial_;
  size_t size_ = 0;
};

class StreamOutput : public ByteOutput {
 public:
  explicit StreamOutput(std::unique_ptr<File> file) : file_(std::move(file)) {}
  void append(std::string_view bytes) override { file_->write_next(as_span(bytes)); }
  void finish() override {}

 private:
  const std::unique_ptr<File> file_;
};

}  // namespace

bool is_stream(const std::string& path, FileSystem& fs) {
  if (path == "-" || descriptor_path(path)) return true;
  struct stat status = {};
  if (fs.status(path.c_str(), true, &status) != 0) {
    if (errno != ENOENT) fail_system("cannot examine {}", path);
    return false;
  }
  return S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
}

OutputKind output_kind(const std::string& path) {
  if (!is_stream(path, FileSystem::real())) return OutputKind::kFile;
  const auto descriptor = descriptor_path(path);
  const bool is_standard =
      path == "-" || (descriptor && descriptor->is_own && descriptor->fd == STDOUT_FILENO);
  return is_standard ? OutputKind::kStandardOutput : OutputKind::kStream;
}

std::unique_ptr<ByteOutput> open_byte_output(const std::string& path, Overwrite overwrite,
                                             FileSystem& fs) {
  require(overwrite != Overwrite::kResume, ErrorCode::kUnsupported,
          "{} is written in order, so an interrupted job cannot go on with it: start anew", path);
  if (path == "-") return std::make_unique<StreamOutput>(File::standard_output(fs));
  if (const auto descriptor = descriptor_path(path); descriptor && descriptor->is_own) {
    return std::make_unique<StreamOutput>(File::of_descriptor(descriptor->fd, path, fs));
  }
  if (is_stream(path, fs)) {
    return std::make_unique<StreamOutput>(File::open(path, O_WRONLY | O_APPEND, fs));
  }
  return std::make_unique<FileOutput>(path, overwrite, fs);
}

OrderedOutput::OrderedOutput(std::unique_ptr<ByteOutput> output, std::string name, int64_t num_rows,
                             FileSystem& fs, size_t window_bytes)
    : output_(std::move(output)),
      name_(std::move(name)),
      num_rows_(num_rows),
      fs_(fs),
      window_bytes_(window_bytes) {}

void OrderedOutput::add(int64_t begin, int64_t end, std::string bytes) {
  if (begin == end) return;
  const std::lock_guard lock(mutex_);
  const auto after = waiting_.lower_bound(begin);
  const bool overlaps = begin < next_ || (after != waiting_.end() && after->first < end) ||
                        (after != waiting_.begin() && std::prev(after)->second.end > begin);
  require(!overlaps, ErrorCode::kInternal, "{}: rows {} to {} come twice", name_, begin, end - 1);
  Piece& piece = waiting_[begin];
  piece.end = end;
  piece.bytes = std::move(bytes);
  waiting_bytes_ += piece.bytes.size();
  if (begin == next_) {
    write_ready();
  } else if (waiting_bytes_ > window_bytes_) {
    spill(piece);
  }
}

void OrderedOutput::write_ready() {
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_;
       first = waiting_.erase(first)) {
    Piece& piece = first->second;
    if (piece.spilled_at) {
      piece.bytes.resize(piece.spilled_bytes);
      temporary_->read_at(*piece.spilled_at, std::as_writable_bytes(std::span(piece.bytes)));
    } else {
      waiting_bytes_ -= piece.bytes.size();
    }
    output_->append(piece.bytes);
    next_ = piece.end;
  }
  // Nothing is in the temporary file any more: its space is free.
  const bool holds = std::any_of(waiting_.begin(), waiting_.end(), [](const auto& entry) {
    return entry.second.spilled_at.has_value();
  });
  if (temporary_bytes_ > 0 && !holds) {
    temporary_->truncate(0);
    temporary_bytes_ = 0;
  }
}

void OrderedOutput::spill(Piece& piece) {
  if (!temporary_) temporary_ = File::temporary(name_, fs_);
  temporary_->write_at(temporary_bytes_, as_span(piece.bytes));
  piece.spilled_at = temporary_bytes_;
  piece.spilled_bytes = piece.bytes.size();
  temporary_bytes_ += piece.bytes.size();
  waiting_bytes_ -= piece.bytes.size();
  piece.bytes = std::string();
}

void OrderedOutput::finish(std::string_view last_bytes) {
  const std::lock_guard lock(mutex_);
  require(next_ == num_rows_, ErrorCode::kInternal, "{}: row {} is missing", name_, next_);
  output_->append(last_bytes);
  output_->finish();
}

}  // namespace hornet
