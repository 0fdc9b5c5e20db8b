#include "data/pictures.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "base/file_version.h"
#include "data/input.h"
#include "data/picture.h"
#include "data/rows.h"

namespace hornet {
namespace {

namespace stdfs = std::filesystem;

bool is_called_picture(const stdfs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  // Keras's; those that are neither JPEG nor PNG keep their rows, which fail.
  constexpr std::array kExtensions = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

using FolderAndName = std::pair<std::string, std::string>;

// Links are followed; one to nowhere keeps its row, which fails.
void find_pictures(const stdfs::path& folder, int depth, std::vector<FolderAndName>& found) {
  constexpr int kDeepest = 32;  // links to links end after 40
  require(depth <= kDeepest, ErrorCode::kIo,
          "{} lies in {} folders: does a link lead to a folder above it?", folder.string(), depth);
  std::error_code error;
  stdfs::directory_iterator entry(folder, error);
  for (const stdfs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      find_pictures(entry->path(), depth + 1, found);
    } else if (is_called_picture(entry->path()) &&
               (entry->is_regular_file(ignored) || entry->is_symlink(ignored))) {
      found.emplace_back(folder.string(), entry->path().filename().string());
    }
  }
  require(!error, ErrorCode::kIo, "cannot list {}: {}", folder.string(), error.message());
}

std::vector<std::string> pictures_in(const std::string& folder) {
  // Folders in the order of their paths, files of each in the order of their names.
  std::vector<FolderAndName> found;
  find_pictures(folder, 0, found);
  require(!found.empty(), ErrorCode::kInvalidInput,
          "{} has no pictures: no file in it or below is called .jpg, .jpeg, .png, .gif or .bmp",
          folder);
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (const auto& [parent, name] : found) paths.push_back(parent + "/" + name);
  return paths;
}

std::vector<std::string> pictures_listed(const std::string& path, FileSystem& fs) {
  const auto file = open_input(path, Gzip::kByName, fs);
  const std::string_view text(reinterpret_cast<const char*>(file->data()), file->size());
  const stdfs::path folder = stdfs::path(path).parent_path();
  std::vector<std::string> paths;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) paths.push_back((folder / line).string());
    begin = end + 1;
  }
  return paths;
}

// A file in memory, and what stands for that memory.
struct PictureFile {
  ByteBudget::Lease lease;
  std::vector<std::byte> bytes;
};

PictureFile read_whole(const std::string& path, ByteBudget& budget, FileSystem& fs) {
  const auto file = File::open(path, O_RDONLY | O_NONBLOCK, fs);
  const struct stat status = file->status();
  require(S_ISREG(status.st_mode), ErrorCode::kIo, "{} is not a regular file", path);
  constexpr off_t kMostBytes = off_t{1} << 30;
  require(status.st_size <= kMostBytes, ErrorCode::kInvalidInput,
          "{} has {} bytes; a picture has at most {}", path, status.st_size, kMostBytes);
  const auto size = static_cast<size_t>(status.st_size);
  PictureFile picture = {budget.take(size, path), std::vector<std::byte>(size)};
  file->read_at(0, picture.bytes);
  return picture;
}

class PictureSource : public Source {
 public:
  // `folder`: what the paths begin with, but for absolute ones of a list.
  PictureSource(std::string name, std::string folder, std::vector<std::string> paths,
                const Shape& row_shape, const SourceOptions& options, FileSystem& fs)
      : name_(std::move(name)),
        folder_(std::move(folder)),
        paths_(std::move(paths)),
        row_shape_(row_shape),
        row_(row_shape, options, name_),
        files_(options.memory_bytes / 2),
        fs_(fs) {}

  int64_t num_rows() const override { return static_cast<int64_t>(paths_.size()); }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return row_.dtype(); }
  std::string name() const override { return name_; }

  std::string version() const override {
    uint32_t crc = 0;
    for (const std::string& path : paths_) {
      const std::optional<FileVersion> version = find_file_version(path, fs_);
      // However the folder is called, with a / at its end or without.
      std::string_view in_folder =
          std::string_view(path).substr(path.starts_with(folder_) ? folder_.size() : 0);
      if (in_folder.starts_with('/')) in_folder.remove_prefix(1);
      const std::string text =
          fmt::format("{}\n{}\n", in_folder, version ? version->content : "none");
      crc = crc32c(text.data(), text.size(), crc);
    }
    return fmt::format("sizes and times {:08x}", crc);
  }

  bool lists(const std::string& path) const override {
    const std::string name = stdfs::path(path).filename().string();
    return std::ranges::any_of(paths_, [&](const std::string& picture) {
      std::error_code ignored;
      return picture.ends_with(name) && stdfs::equivalent(picture, path, ignored);
    });
  }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(name_, begin, end, num_rows());
    scratch.resize(static_cast<size_t>(end - begin) * row_.bytes());
    std::unique_ptr<Picture> picture = take_picture();
    for (int64_t row = begin; row < end; ++row) {
      const std::string& path = paths_[static_cast<size_t>(row)];
      // Files wait for memory for their pixels, and pixels for nothing.
      const PictureFile file = read_whole(path, files_, fs_);
      row_.read(file.bytes, path, *picture,
                scratch.data() + static_cast<size_t>(row - begin) * row_.bytes());
    }
    give_back(std::move(picture));
    return {scratch.data(), dtype(), batched(end - begin, row_shape_)};
  }

 private:
  // Fresh memory for each call would cost its pages and their zeros.
  std::unique_ptr<Picture> take_picture() const {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<Picture>();
    std::unique_ptr<Picture> picture = std::move(idle_.back());
    idle_.pop_back();
    return picture;
  }
  void give_back(std::unique_ptr<Picture> picture) const {
    constexpr size_t kMostBytes = size_t{16} << 20;  // kept for a picture that was a rare one
    if (picture->pixels.capacity() > kMostBytes) return;
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(picture));
  }

  const std::string name_, folder_;
  const std::vector<std::string> paths_;
  const Shape row_shape_;
  const PictureRow row_;
  mutable ByteBudget files_;
  FileSystem& fs_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Picture>> idle_;  // guarded by mutex_; one a worker
};

}  // namespace

std::unique_ptr<Source> open_picture_source(const std::string& path, const SourceOptions& options,
                                            FileSystem& fs) {
  const std::optional<Shape>& shape =
      options.row_shape ? options.row_shape : options.wanted_row_shape;
  require(shape.has_value(), ErrorCode::kInvalidArgument,
          "{}: pictures need the shape they are resized to, such as 224,224,3 (--shape)", path);
  std::error_code error;
  const bool is_folder = stdfs::is_directory(path, error);
  std::vector<std::string> paths = is_folder ? pictures_in(path) : pictures_listed(path, fs);
  std::string folder = is_folder ? path : stdfs::path(path).parent_path().string();
  return std::make_unique<PictureSource>(path, std::move(folder), std::move(paths), *shape, options,
                                         fs);
}

}  // namespace hornet
