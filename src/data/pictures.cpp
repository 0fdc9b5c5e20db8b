#include "data/pictures.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/check.h"
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

std::vector<std::string> pictures_in(const std::string& folder) {
  // Folders in the order of their paths, files of each in the order of their names.
  std::vector<std::pair<std::string, std::string>> found;
  std::error_code error;
  constexpr auto kFollow = stdfs::directory_options::follow_directory_symlink;
  stdfs::recursive_directory_iterator entry(folder, kFollow, error);
  const stdfs::recursive_directory_iterator end;
  for (; !error && entry != end; entry.increment(error)) {
    const bool is_file = entry->is_regular_file(error);
    if (error) break;
    if (is_file && is_called_picture(entry->path())) {
      found.emplace_back(entry->path().parent_path().string(), entry->path().filename().string());
    }
  }
  require(!error, ErrorCode::kIo, "cannot list {}: {}", folder, error.message());
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

std::vector<std::byte> read_whole(const std::string& path, FileSystem& fs) {
  const auto file = File::open(path, O_RDONLY | O_NONBLOCK, fs);
  const struct stat status = file->status();
  require(S_ISREG(status.st_mode), ErrorCode::kIo, "{} is not a regular file", path);
  constexpr off_t kMostBytes = off_t{1} << 30;
  require(status.st_size <= kMostBytes, ErrorCode::kInvalidInput,
          "{} has {} bytes; a picture has at most {}", path, status.st_size, kMostBytes);
  std::vector<std::byte> bytes(static_cast<size_t>(status.st_size));
  file->read_at(0, bytes);
  return bytes;
}

class PictureSource : public Source {
 public:
  PictureSource(std::string name, std::vector<std::string> paths, const Shape& row_shape,
                const SourceOptions& options, FileSystem& fs)
      : name_(std::move(name)),
        paths_(std::move(paths)),
        row_shape_(row_shape),
        row_(row_shape, options, name_),
        fs_(fs) {}

  int64_t num_rows() const override { return static_cast<int64_t>(paths_.size()); }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return row_.dtype(); }
  std::string name() const override { return name_; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(name_, begin, end, num_rows());
    scratch.resize(static_cast<size_t>(end - begin) * row_.bytes());
    Picture picture;
    for (int64_t row = begin; row < end; ++row) {
      const std::string& path = paths_[static_cast<size_t>(row)];
      row_.read(read_whole(path, fs_), path, picture,
                scratch.data() + static_cast<size_t>(row - begin) * row_.bytes());
    }
    return {scratch.data(), dtype(), batched(end - begin, row_shape_)};
  }

 private:
  const std::string name_;
  const std::vector<std::string> paths_;
  const Shape row_shape_;
  const PictureRow row_;
  FileSystem& fs_;
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
  return std::make_unique<PictureSource>(path, std::move(paths), *shape, options, fs);
}

}  // namespace hornet
