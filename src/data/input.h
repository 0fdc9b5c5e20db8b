// The bytes of an input, wherever they come from, as memory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "archive/zip_archive.h"
#include "base/mapped_file.h"

namespace hornet {

enum class Gzip {
  kByName,     // what is called ".gz" is inflated
  kByContent,  // and what starts as gzip does
};

// A mapping of the file; of a pipe, of "-" (the standard input) and of what gzip has deflated, a
// mapping of a copy on disk, made to the end before this returns: memory does not grow with it.
// Throws Error(kIo, kInvalidInput).
std::shared_ptr<const MappedFile> open_input(const std::string& path, Gzip gzip = Gzip::kByName,
                                             FileSystem& fs = FileSystem::real());

// Whether the bytes of `path` come once only: a pipe, the standard input. False where there is
// nothing.
bool comes_once(const std::string& path, FileSystem& fs = FileSystem::real());

// "rows.csv" of "rows.csv.gz".
std::string without_gz(const std::string& path);

// A deflated zip entry of `file`, inflated and checked into a copy on disk. `label` is for
// messages.
std::shared_ptr<const MappedFile> inflate_entry(const MappedFile& file, const Bytes& deflated,
                                                const ZipEntry& entry, const std::string& label,
                                                FileSystem& fs);

// "rows.h5" and "/images" of "rows.h5:/images"; no member where there is none in the path.
struct MemberPath {
  std::string file;
  std::optional<std::string> member;
};
MemberPath split_member(const std::string& path);

}  // namespace hornet
