#include "base/file_version.h"

#include <fmt/format.h>

namespace hornet {

std::optional<FileVersion> find_file_version(const std::string& path, FileSystem& fs) {
  struct stat status = {};
  if (fs.status(path.c_str(), true, &status) != 0) return std::nullopt;
  return FileVersion{fmt::format("{}:{}", status.st_dev, status.st_ino),
                     fmt::format("{} bytes of time {}.{:09}", status.st_size, status.st_mtim.tv_sec,
                                 status.st_mtim.tv_nsec)};
}

}  // namespace hornet
