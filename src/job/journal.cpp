#include "job/journal.h"

#include <fcntl.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/check.h"
#include "base/checksum.h"

namespace hornet::job {
namespace {

// magic, bytes of the header's text, checksum of the text; then the text, then records.
constexpr std::string_view kMagic("hornetJ1", 8);
constexpr size_t kPrefixBytes = 8 + 4 + 4;
constexpr uint32_t kMaxHeaderBytes = 16u << 20;

// kind 2 bytes, 2 unused, failed rows 4, chunk 8, length of the error list 8, checksum 4, 4 unused.
constexpr size_t kRecordBytes = 32;
enum class RecordKind : uint16_t { kChunk = 1, kComplete = 2 };

template <class T>
void append_number(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <class T>
T number_at(std::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// The checksum covers the place, so that a record of an older journal in the same blocks of the
// disk is not taken for one of this.
uint32_t record_checksum(std::string_view record, size_t offset) {
  const uint64_t place = offset;
  const uint32_t crc = crc32c(&place, sizeof(place));
  return crc32c(record.data(), kRecordBytes - 8, crc);
}

std::string encode_record(RecordKind kind, const ChunkRecord& record, size_t offset) {
  std::string bytes;
  append_number(bytes, static_cast<uint16_t>(kind));
  append_number(bytes, uint16_t{0});
  append_number(bytes, record.failed_rows);
  append_number(bytes, record.chunk);
  append_number(bytes, record.errors_bytes);
  append_number(bytes, record_checksum(bytes, offset));
  append_number(bytes, uint32_t{0});
  return bytes;
}

// Line ends and what escapes them.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n')
      result += "\\n";
    else if (c == '\\')
      result += "\\\\";
    else
      result += c;
  }
  return result;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    ++i;
    result += text[i] == 'n' ? '\n' : text[i];
  }
  return result;
}

// One "key value" a line; readable, as whoever looks at the file with `less` will be glad of it.
std::string header_text(const JournalHeader& header) {
  std::string text;
  const auto line = [&](std::string_view key, std::string_view value) {
    text += fmt::format("{}\t{}\n", escaped(key), escaped(value));
  };
  line("rows", std::to_string(header.rows));
  line("chunk_size", std::to_string(header.chunk_size));
  line("job", header.job);
  for (const auto& [name, value] : header.identity) line("is " + name, value);
  for (const std::string& path : header.outputs) line("output", path);
  for (const std::string& path : header.places) line("place", path);
  if (header.overwrites) line("overwrites", "yes");
  line("errors", header.errors_path);
  line("resume", header.resume_command);
  return text;
}

[[noreturn]] void fail_damaged(const std::string& path, std::string_view what) {
  fail(ErrorCode::kInvalidInput, "{} is not a usable journal: {}", path, what);
}

int64_t to_number(const std::string& path, std::string_view text) {
  int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    fail_damaged(path, "a number in its header is none");
  }
  return number;
}

JournalHeader parse_header(const std::string& path, std::string_view text) {
  JournalHeader header;
  while (!text.empty()) {
    const size_t end = text.find('\n'), tab = text.find('\t');
    if (end == std::string_view::npos || tab > end) fail_damaged(path, "a line without a value");
    const std::string key = unescaped(text.substr(0, tab));
    const std::string value = unescaped(text.substr(tab + 1, end - tab - 1));
    text.remove_prefix(end + 1);
    if (key == "rows") header.rows = to_number(path, value);
    if (key == "chunk_size") header.chunk_size = to_number(path, value);
    if (key == "job") header.job = value;
    if (key.starts_with("is ")) header.identity.emplace_back(key.substr(3), value);
    if (key == "output") header.outputs.push_back(value);
    if (key == "place") header.places.push_back(value);
    if (key == "overwrites") header.overwrites = value == "yes";
    if (key == "errors") header.errors_path = value;
    if (key == "resume") header.resume_command = value;
  }
  if (header.chunk_size <= 0) fail_damaged(path, "its chunks have no rows");
  return header;
}

std::string read_bytes(const File& file, size_t offset, size_t size) {
  std::string bytes(size, '\0');
  file.read_at(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

JournalContent read_content(const File& file) {
  const std::string& path = file.path();
  const auto size = static_cast<size_t>(file.status().st_size);
  if (size < kPrefixBytes) fail_damaged(path, "it is too short");
  const std::string prefix = read_bytes(file, 0, kPrefixBytes);
  if (!prefix.starts_with(kMagic)) fail_damaged(path, "it does not begin like one");
  const auto header_bytes = number_at<uint32_t>(prefix, 8);
  if (header_bytes > kMaxHeaderBytes || header_bytes > size - kPrefixBytes) {
    fail_damaged(path, "its header is cut off");
  }
  const std::string text = read_bytes(file, kPrefixBytes, header_bytes);
  if (crc32c(text.data(), text.size()) != number_at<uint32_t>(prefix, 12)) {
    fail_damaged(path, "the checksum of its header is wrong");
  }
  JournalContent content;
  content.header = parse_header(path, text);
  // More chunks than records could tell of in a year are no reason to ask for the memory.
  constexpr int64_t kMaxChunks = int64_t{1} << 34;
  if (content.header.chunks().count() > kMaxChunks) fail_damaged(path, "it has too many chunks");
  content.state = JournalState(content.header);
  content.valid_bytes = kPrefixBytes + header_bytes;

  constexpr size_t kReadRecords = 4096;
  while (size - content.valid_bytes >= kRecordBytes) {
    const size_t count = std::min(kReadRecords, (size - content.valid_bytes) / kRecordBytes);
    const std::string records = read_bytes(file, content.valid_bytes, count * kRecordBytes);
    for (size_t i = 0; i < count; ++i) {
      const std::string_view record(records.data() + i * kRecordBytes, kRecordBytes);
      const auto kind = static_cast<RecordKind>(number_at<uint16_t>(record, 0));
      if (record_checksum(record, content.valid_bytes) != number_at<uint32_t>(record, 24)) {
        return content;
      }
      const ChunkRecord chunk = {number_at<int64_t>(record, 8), number_at<uint32_t>(record, 4),
                                 number_at<uint64_t>(record, 16)};
      if (kind == RecordKind::kComplete) {
        content.state.is_complete = true;
      } else if (kind != RecordKind::kChunk || chunk.chunk < 0 ||
                 chunk.chunk >= content.header.chunks().count() ||
                 content.state.is_done(chunk.chunk)) {
        fail_damaged(path, "a record is of no chunk of this job");
      } else {
        content.state.add(content.header, chunk);
      }
      content.valid_bytes += kRecordBytes;
    }
  }
  return content;
}

// Whether the path leads to this file. False where that cannot be told.
bool is_at(const File& file, const std::string& path, FileSystem& fs) {
  struct stat named = {}, opened = {};
  return fs.status(path.c_str(), false, &named) == 0 && fs.fstat(file.descriptor(), &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

std::string find_value(const JournalHeader& header, const std::string& name) {
  for (const auto& [key, value] : header.identity) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

void check_same_identity(const std::string& path, const JournalHeader& then,
                         const JournalHeader& now) {
  const auto refuse = [&](const std::string& name, const std::string& before,
                          const std::string& after) {
    fail(ErrorCode::kInvalidArgument,
         "cannot resume: the {} is another than the one the job of {} was begun with: {}; "
         "expected {}",
         name, path, after.empty() ? "none" : after, before.empty() ? "none" : before);
  };
  // An entry that is new, as an option that is given, first: others differ because of it.
  for (const auto& [name, value] : now.identity) {
    if (!value.empty() && find_value(then, name).empty()) refuse(name, "", value);
  }
  for (const auto& [name, value] : then.identity) {
    if (find_value(now, name) != value) refuse(name, value, find_value(now, name));
  }
  if (then.rows != now.rows) {
    refuse("number of rows", std::to_string(then.rows), std::to_string(now.rows));
  }
}

void check_same_outputs(const std::string& path, const JournalHeader& then,
                        const JournalHeader& now) {
  const auto is_same = [&](size_t i) {
    const std::filesystem::path before = then.outputs[i], after = now.outputs[i];
    // Journals of earlier versions have no places.
    if (i >= then.places.size()) return before.filename() == after.filename();
    // Names depend on the folder that the command runs in, unless they are whole paths.
    return then.places[i] == now.places[i] || (before == after && before.is_absolute());
  };
  bool same = then.outputs.size() == now.outputs.size();
  for (size_t i = 0; same && i < now.outputs.size(); ++i) same = is_same(i);
  require(same, ErrorCode::kInvalidArgument,
          "cannot resume: the outputs are others than those the job of {} was begun with: {}; "
          "expected {}",
          path, fmt::join(now.outputs, ", "), fmt::join(then.outputs, ", "));
}

JournalState::JournalState(const JournalHeader& header)
    : done_(static_cast<size_t>(header.chunks().count())) {}

void JournalState::add(const JournalHeader& header, const ChunkRecord& record) {
  HORNET_CHECK(!is_done(record.chunk));
  done_[static_cast<size_t>(record.chunk)] = true;
  ++chunks_done;
  rows_done += header.chunks().num_rows(record.chunk);
  rows_failed += record.failed_rows;
  errors_bytes = std::max(errors_bytes, record.errors_bytes);
}

JournalContent read_journal(const std::string& path, FileSystem& fs) {
  const auto file = File::open(path, O_RDONLY | O_NONBLOCK, fs);
  require(S_ISREG(file->status().st_mode), ErrorCode::kInvalidInput, "{} is not a regular file",
          path);
  JournalContent content = read_content(*file);
  content.is_running = file->is_locked();
  return content;
}

Journal::Journal(std::string path, JournalHeader header, FileSystem& fs)
    : path_(std::move(path)), header_(std::move(header)), fs_(fs), state_(header_) {}

std::unique_ptr<Journal> Journal::create(const std::string& path, const JournalHeader& header,
                                         Overwrite overwrite, FileSystem& fs) {
  std::unique_ptr<Journal> journal(new Journal(path, header, fs));
  journal->created_ = std::make_unique<PartialFile>(path, 0, overwrite, fs);
  const std::string text = header_text(header);
  std::string bytes(kMagic);
  append_number(bytes, static_cast<uint32_t>(text.size()));
  append_number(bytes, crc32c(text.data(), text.size()));
  bytes += text;
  journal->created_->file().write_at(0, std::as_bytes(std::span(bytes)));
  journal->size_ = bytes.size();
  // After a power cut there is no journal, or one with its header: an empty one could not go on.
  journal->created_->file().sync();
  try {
    journal->created_->publish(false);
  } catch (...) {
    // It may have its name already, though not for good.
    if (is_at(journal->created_->file(), path, fs)) fs.unlink(path.c_str());
    throw;
  }
  return journal;
}

std::unique_ptr<Journal> Journal::open(const std::string& path, FileSystem& fs) {
  auto file = File::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, fs);
  require(S_ISREG(file->status().st_mode), ErrorCode::kInvalidInput, "{} is not a regular file",
          path);
  // Another run may have ended the job before the lock was here, and a third begun its own.
  require(file->try_lock() != File::Lock::kHeldByAnother && file->is_named(), ErrorCode::kIo,
          "another run goes on with the job of {}", path);
  const JournalContent content = read_content(*file);
  std::unique_ptr<Journal> journal(new Journal(path, content.header, fs));
  journal->state_ = content.state;
  journal->size_ = content.valid_bytes;
  if (static_cast<size_t>(file->status().st_size) != content.valid_bytes) {
    file->truncate(content.valid_bytes);
    file->sync();
  }
  journal->opened_ = std::move(file);
  journal->name_is_durable_ = true;
  return journal;
}

void Journal::discard(const std::string& path, FileSystem& fs) {
  const auto file = File::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, fs);
  require(S_ISREG(file->status().st_mode), ErrorCode::kInvalidInput, "{} is not a regular file",
          path);
  // Another run may have removed it before the lock was here, and begun its own.
  require(file->try_lock() != File::Lock::kHeldByAnother && file->is_named(), ErrorCode::kIo,
          "another run is writing {}", path);
  // What does not begin like a journal is somebody's file; a damaged one, or one that was cut off
  // at once, goes.
  const auto size = std::min(static_cast<size_t>(file->status().st_size), kMagic.size());
  if (!kMagic.starts_with(read_bytes(*file, 0, size))) {
    fail_damaged(path, "it does not begin like one");
  }
  remove_file(path, fs);
  sync_directory(directory_of(path), fs);
}

void Journal::append_bytes(const std::string& bytes) {
  // What failed to be written whole is written over by the next attempt.
  file().write_at(size_, std::as_bytes(std::span(bytes)));
  file().sync();
  if (!name_is_durable_) sync_directory(directory_of(path_), fs_);
  name_is_durable_ = true;
  size_ += bytes.size();
}

void Journal::append(const std::vector<ChunkRecord>& records, bool complete) {
  if (records.empty() && !complete) return;
  std::string bytes;
  for (const ChunkRecord& record : records) {
    bytes += encode_record(RecordKind::kChunk, record, size_ + bytes.size());
  }
  if (complete) bytes += encode_record(RecordKind::kComplete, {}, size_ + bytes.size());
  append_bytes(bytes);
  for (const ChunkRecord& record : records) state_.add(header_, record);
  state_.is_complete |= complete;
}

void Journal::append_complete() {
  if (!state_.is_complete) append({}, true);
}

void Journal::remove() {
  remove_file(path_, fs_);
  sync_directory(directory_of(path_), fs_);
}

}  // namespace hornet::job
