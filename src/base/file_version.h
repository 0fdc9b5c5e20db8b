// What tells a file from another one at its path, and from itself at another time.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"

namespace hornet {

struct FileVersion {
  std::string place;    // device and inode: another file that has the path has others
  std::string content;  // size and time of the last change
  bool operator==(const FileVersion&) const = default;
};

// Of the file that the path leads to; nothing where it leads to none that can be examined.
std::optional<FileVersion> find_file_version(const std::string& path,
                                             FileSystem& fs = FileSystem::real());

}  // namespace hornet
