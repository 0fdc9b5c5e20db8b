#include "data/npz.h"

#include "archive/zip_archive.h"
#include "base/check.h"
#include "data/input.h"
#include "data/npy.h"

namespace hornet {
namespace {

constexpr std::string_view kExtension = ".npy";

std::string names_of(const ZipArchive& archive) {
  std::string names;
  for (const ZipEntry& entry : archive.entries()) {
    std::string name = entry.name;
    if (name.ends_with(kExtension)) name.resize(name.size() - kExtension.size());
    names += (names.empty() ? "/" : ", /") + name;
  }
  return names.empty() ? "no array" : names;
}

const ZipEntry& find_entry(const ZipArchive& archive, const MemberPath& place) {
  if (!place.member) {
    require(archive.entries().size() == 1, ErrorCode::kInvalidArgument,
            "{} has {}: name the array, as {}:/NAME", place.file, names_of(archive), place.file);
    return archive.entries()[0];
  }
  const std::string name = place.member->substr(1);
  const ZipEntry* entry = archive.find(name + std::string(kExtension));
  if (entry == nullptr) entry = archive.find(name);
  require(entry != nullptr, ErrorCode::kInvalidInput, "{} has no array {}; it has {}", place.file,
          *place.member, names_of(archive));
  return *entry;
}

}  // namespace

std::unique_ptr<Source> open_npz_source(const std::string& path, const SourceOptions&,
                                        FileSystem& fs) {
  const MemberPath place = split_member(path);
  const auto file = open_input(place.file, Gzip::kByName, fs);
  try {
    const ZipArchive archive(Bytes{file, file->data(), file->size()});
    const ZipEntry& entry = find_entry(archive, place);
    const Bytes bytes = archive.stored_bytes(entry);
    const std::string label = place.file + ":/" + entry.name;
    if (!ZipArchive::is_deflated(entry)) {
      return npy_source_of(file, {bytes.data, bytes.size}, label);
    }
    const auto inflated = inflate_entry(*file, bytes, entry, label, fs);
    return npy_source_of(inflated, {inflated->data(), inflated->size()}, label);
  } catch (const Error& error) {
    // The reader of zip archives speaks of models, and does not know the file's name.
    if (error.code() != ErrorCode::kInvalidModel) throw;
    fail(ErrorCode::kInvalidInput, "{}: {}", place.file, error.message());
  }
}

}  // namespace hornet
