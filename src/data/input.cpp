#include "data/input.h"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"

namespace hornet {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 20;
// As much of a mapped file stays in memory while it is inflated.
constexpr size_t kForgetBytes = size_t{8} << 20;

// Appends to a temporary file, in blocks.
class Copy {
 public:
  Copy(std::string name, FileSystem& fs)
      : name_(std::move(name)), file_(File::temporary(name_, fs)) {}

  void append(std::span<const std::byte> bytes) {
    file_->write_at(size_, bytes);
    size_ += bytes.size();
  }
  std::shared_ptr<const MappedFile> map() const { return MappedFile::map(file_, size_, name_); }
  size_t size() const { return size_; }

 private:
  const std::string name_;
  const std::shared_ptr<File> file_;
  size_t size_ = 0;
};

// zlib's inflater (libdeflate wants all of its input and output in memory at once).
class Inflater {
 public:
  enum class Format { kGzip, kRaw };

  Inflater(Format format, const std::string& name) : name_(name) {
    constexpr int kWindowBits = 15, kGzipBits = 16;
    const int bits = format == Format::kGzip ? kWindowBits + kGzipBits : -kWindowBits;
    require(inflateInit2(&stream_, bits) == Z_OK, ErrorCode::kOutOfMemory,
            "no memory to inflate {}", name_);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Inflates one stream from `in`, of which it takes away what it used, giving blocks to `out`.
  template <class Out>
  void run(std::span<const std::byte>& in, const Out& out) {
    require(inflateReset(&stream_) == Z_OK, ErrorCode::kInternal, "{}: cannot inflate", name_);
    std::vector<std::byte> block(kBlockBytes);
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      const size_t taken = std::min(in.size(), kBlockBytes);
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
      stream_.avail_in = static_cast<uInt>(taken);
      stream_.next_out = reinterpret_cast<Bytef*>(block.data());
      stream_.avail_out = static_cast<uInt>(block.size());
      status = inflate(&stream_, Z_NO_FLUSH);
      in = in.subspan(taken - stream_.avail_in);
      const size_t made = block.size() - stream_.avail_out;
      require(status != Z_BUF_ERROR && !(status == Z_OK && in.empty() && made == 0),
              ErrorCode::kInvalidInput, "{} is cut: its deflated data has no end", name_);
      require(status == Z_OK || status == Z_STREAM_END, ErrorCode::kInvalidInput,
              "{} is damaged: it does not inflate", name_);
      out(std::span<const std::byte>(block.data(), made));
    }
  }

 private:
  const std::string& name_;
  z_stream stream_ = {};
};

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

// All members of a gzip file, one after the other; zeros that pad its end do not count.
std::shared_ptr<const MappedFile> gunzip(const MappedFile& file, FileSystem& fs) {
  Copy copy(file.path(), fs);
  Inflater inflater(Inflater::Format::kGzip, file.path());
  std::span<const std::byte> in(file.data(), file.size());
  size_t forgotten = in.size();
  do {
    inflater.run(in, [&](std::span<const std::byte> block) {
      copy.append(block);
      if (forgotten - in.size() < kForgetBytes) return;
      forgotten = in.size();
      file.forget_pages();
    });
    while (!in.empty() && in[0] == std::byte{0}) in = in.subspan(1);
  } while (!in.empty());
  return copy.map();
}

std::shared_ptr<const MappedFile> read_to_end(File& file, FileSystem& fs) {
  Copy copy(file.path(), fs);
  std::vector<std::byte> block(kBlockBytes);
  while (const size_t count = file.read_next(block)) {
    copy.append(std::span(block).first(count));
  }
  return copy.map();
}

std::shared_ptr<const MappedFile> open_bytes(const std::string& path, FileSystem& fs) {
  if (path == "-") return read_to_end(*File::standard_input(fs), fs);
  // O_NONBLOCK: the first look at a pipe must not wait for its writer.
  std::shared_ptr<const File> file = File::open(path, O_RDONLY | O_NONBLOCK, fs);
  const struct stat status = file->status();
  require(!S_ISDIR(status.st_mode), ErrorCode::kIo, "{} is a directory; expected a file", path);
  if (S_ISREG(status.st_mode)) {
    return MappedFile::map(std::move(file), static_cast<size_t>(status.st_size), path);
  }
  require(S_ISFIFO(status.st_mode), ErrorCode::kIo, "{} is neither a regular file nor a pipe",
          path);
  // Reading waits. The first descriptor stays: a writer that saw it may have begun.
  return read_to_end(*File::open(path, O_RDONLY, fs), fs);
}

}  // namespace

bool comes_once(const std::string& path, FileSystem& fs) {
  if (path == "-") return true;
  struct stat status = {};
  return fs.status(path.c_str(), true, &status) == 0 && S_ISFIFO(status.st_mode);
}

std::string without_gz(const std::string& path) {
  return path.ends_with(".gz") ? path.substr(0, path.size() - 3) : path;
}

std::shared_ptr<const MappedFile> open_input(const std::string& path, Gzip gzip, FileSystem& fs) {
  const std::shared_ptr<const MappedFile> file = open_bytes(path, fs);
  const bool deflated = is_gzip({file->data(), file->size()});
  if (path.ends_with(".gz")) {
    require(deflated, ErrorCode::kInvalidInput, "{} is not a gzip file", path);
    return gunzip(*file, fs);
  }
  return deflated && gzip == Gzip::kByContent ? gunzip(*file, fs) : file;
}

std::shared_ptr<const MappedFile> inflate_entry(const MappedFile& file, const Bytes& deflated,
                                                const ZipEntry& entry, const std::string& label,
                                                FileSystem& fs) {
  Copy copy(label, fs);
  uLong crc = crc32(0, nullptr, 0);
  size_t forgotten = deflated.size;
  std::span<const std::byte> in(deflated.data, deflated.size);
  Inflater(Inflater::Format::kRaw, label).run(in, [&](std::span<const std::byte> block) {
    require(block.size() <= entry.size - copy.size(), ErrorCode::kInvalidInput,
            "{} is damaged: it inflates to more than the {} bytes it claims", label, entry.size);
    crc = crc32(crc, reinterpret_cast<const Bytef*>(block.data()), static_cast<uInt>(block.size()));
    copy.append(block);
    if (forgotten - in.size() < kForgetBytes) return;
    forgotten = in.size();
    file.forget_pages();
  });
  require(copy.size() == entry.size && crc == entry.crc, ErrorCode::kInvalidInput,
          "{} is damaged: it does not inflate to what its checksum says", label);
  return copy.map();
}

MemberPath split_member(const std::string& path) {
  const size_t colon = path.rfind(":/");
  if (colon == std::string::npos || colon == 0) return {path, std::nullopt};
  return {path.substr(0, colon), path.substr(colon + 1)};
}

}  // namespace hornet
