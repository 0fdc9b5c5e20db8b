#include "data/registry.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "base/check.h"
#include "base/file_version.h"
#include "base/json_text.h"
#include "data/csv.h"
#include "data/hdf5.h"
#include "data/input.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/pictures.h"
#include "data/raw.h"
#include "data/text_sink.h"
#include "data/tfrecord.h"

namespace hornet {
namespace {

std::unique_ptr<Source> npy_source(const std::string& path, const SourceOptions&) {
  return open_npy_source(path);
}
std::unique_ptr<Sink> npy_sink(const std::string& path, DType dtype, const Shape& row_shape,
                               int64_t num_rows, Overwrite overwrite, const SinkOptions& options) {
  return open_npy_sink(path, dtype, row_shape, num_rows, overwrite, FileSystem::real(),
                       options.memory_bytes);
}
// Without the file system, which tests replace.
template <auto kOpen>
std::unique_ptr<Source> source(const std::string& path, const SourceOptions& options) {
  return kOpen(path, options, FileSystem::real());
}

// The format of folders.
constexpr std::string_view kPictures = "pictures";

constexpr unsigned kTable = kTakesDType | kTakesShape | kTakesColumns | kTakesTable;

template <auto kOpen>
std::unique_ptr<Sink> sink(const std::string& path, DType dtype, const Shape& row_shape,
                           int64_t num_rows, Overwrite overwrite, const SinkOptions& options) {
  return kOpen(path, dtype, row_shape, num_rows, overwrite, options, FileSystem::real());
}

// A new format is one line here and one file beside this one.
constexpr std::array kFormats = {
    Format{"npy", ".npy", false, kTakesNone, false, npy_source, npy_sink},
    Format{"npz", ".npz", true, kTakesNone, false, source<open_npz_source>, nullptr},
    Format{"hdf5", ".h5 .hdf5", true, kTakesNone, false, source<open_hdf5_source>,
           sink<open_hdf5_sink>},
    Format{"raw", ".raw .bin", false, kTakesDType | kTakesShape, false, source<open_raw_source>,
           sink<open_raw_sink>},
    Format{"csv", ".csv", false, kTable, true, source<open_csv_source>, sink<open_csv_sink>},
    Format{"tsv", ".tsv .tab", false, kTable, true, source<open_tsv_source>, sink<open_tsv_sink>},
    Format{"ndjson", ".ndjson .jsonl", false, kTakesNone, true, nullptr, sink<open_ndjson_sink>},
    Format{kPictures, ".txt", false, kTakesShape | kTakesPictures, false,
           source<open_picture_source>, nullptr},
    Format{"tfrecord", ".tfrecord .tfrecords", true, kTakesDType | kTakesShape | kTakesPictures,
           false, source<open_tfrecord_source>, nullptr},
};

bool has_extension(std::string_view path, std::string_view extension) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  };
  return path.size() >= extension.size() &&
         std::equal(extension.begin(), extension.end(), path.end() - extension.size(),
                    [&](char expected, char found) { return same(found, expected); });
}

// "file.npz:/x.npy" is no .npy file.
bool names_member(const MemberPath& place) {
  if (!place.member) return false;
  return std::any_of(kFormats.begin(), kFormats.end(), [&](const Format& format) {
    const auto extensions = extensions_of(format);
    return format.has_members &&
           std::any_of(extensions.begin(), extensions.end(), [&](std::string_view extension) {
             return has_extension(without_gz(place.file), extension);
           });
  });
}

bool is_called_as(const Format& format, const std::string& path) {
  const auto called = [&](std::string_view file) {
    const auto extensions = extensions_of(format);
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](std::string_view extension) { return has_extension(file, extension); });
  };
  const MemberPath place = split_member(path);
  if (format.has_members && place.member && called(without_gz(place.file))) return true;
  return (called(path) || called(without_gz(path))) && !names_member(place);
}

// The format with this name, or else the one of `path`, among those with the function `open`, whose
// names messages list.
template <class Function>
const Format& find_format(const std::string& name, const std::string& path, Function Format::*open,
                          const char* verb) {
  std::string known;
  for (const Format& format : kFormats) {
    if (format.*open == nullptr) continue;
    if (name.empty() ? is_called_as(format, path) : format.name == name) return format;
    if (name.empty()) {
      for (const std::string_view extension : extensions_of(format)) {
        known += (known.empty() ? "" : ", ") + std::string(extension);
      }
    } else {
      known += (known.empty() ? "" : ", ") + std::string(format.name);
    }
  }
  require(name.empty(), ErrorCode::kInvalidArgument, "cannot {} {} as \"{}\"; the formats are {}",
          verb, path, name, known);
  const bool reads = std::string_view(verb) == "read";
  require(path != "-", ErrorCode::kInvalidArgument,
          "cannot {} the standard {} without a format ({})", verb, reads ? "input" : "output",
          reads ? "--format" : "--output-format");
  fail(ErrorCode::kUnsupported, "cannot {} {}: its name ends with none of {}", verb, path, known);
}

bool is_directory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

void check_options(const Format& format, const SourceOptions& options, const std::string& path) {
  const auto check = [&](bool given, unsigned option, const char* what) {
    require(!given || (format.source_options & option) != 0, ErrorCode::kInvalidArgument,
            "{}: {} is not for {} files, which say it themselves", path, what, format.name);
  };
  const SourceOptions none;
  check(options.dtype.has_value(), kTakesDType, "an element type");
  check(options.row_shape.has_value(), kTakesShape, "a row shape");
  check(!options.columns.empty(), kTakesColumns, "a choice of columns");
  check(options.delimiter != none.delimiter || options.header != none.header, kTakesTable,
        "a delimiter or header");
  check(options.interpolation != none.interpolation || options.crop_to_aspect_ratio ||
            options.scaled_decoding,
        kTakesPictures, "resizing");
  require(!options.row_shape || is_known(*options.row_shape), ErrorCode::kInvalidArgument,
          "{}: its rows have the shape {}, which is not fully known", path,
          to_string(options.row_shape.value_or(Shape())));
}

}  // namespace

// An element type and a shape are those of the source by now; memory_bytes changes no row.
std::vector<std::pair<std::string, std::string>> Source::choices() const {
  std::vector<std::pair<std::string, std::string>> chosen;
  if (!location_) return chosen;
  const SourceOptions none, &options = location_->options;
  const auto add = [&](bool given, const char* name, std::string value) {
    if (given) chosen.emplace_back(name, std::move(value));
  };
  const MemberPath place = split_member(location_->path);
  add(place.member && has_members(location_->path, options.format), "member",
      place.member.value_or(""));
  add(!options.format.empty(), "format", options.format);
  std::string columns;
  for (const std::string& column : options.columns) columns += json_string(column);
  add(!columns.empty(), "columns", columns);
  add(options.delimiter != none.delimiter, "delimiter", {options.delimiter});
  add(options.header != none.header, "header",
      options.header == SourceOptions::Header::kYes ? "yes" : "no");
  add(options.interpolation != none.interpolation, "interpolation", "nearest");
  add(options.crop_to_aspect_ratio, "crop_to_aspect_ratio", "true");
  add(options.scaled_decoding, "scaled_decoding", "true");
  return chosen;
}

std::span<const Format> formats() { return kFormats; }

std::vector<std::string_view> extensions_of(const Format& format) {
  std::vector<std::string_view> result;
  std::string_view rest = format.extensions;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    result.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return result;
}

bool has_members(const std::string& path, const std::string& format) {
  return std::any_of(kFormats.begin(), kFormats.end(), [&](const Format& known) {
    return known.has_members && (format.empty() ? is_called_as(known, path) : known.name == format);
  });
}

bool may_be_pictures(const std::string& path, const std::string& format) {
  if (format.empty() && is_directory(path)) return true;
  return std::any_of(kFormats.begin(), kFormats.end(), [&](const Format& known) {
    return (known.source_options & kTakesPictures) != 0 &&
           (format.empty() ? is_called_as(known, path) : known.name == format);
  });
}

std::unique_ptr<Source> open_source(const std::string& path, const SourceOptions& options) {
  const bool is_folder = options.format.empty() && is_directory(path);
  const Format& format = find_format(is_folder ? std::string(kPictures) : options.format, path,
                                     &Format::open_source, "read");
  check_options(format, options, path);
  const MemberPath place = split_member(path);
  const std::string& file = format.has_members && place.member ? place.file : path;
  if (comes_once(path) || comes_once(file)) return format.open_source(path, options);
  const std::optional<FileVersion> before = find_file_version(file);
  std::unique_ptr<Source> source = format.open_source(path, options);
  const std::optional<FileVersion> after = find_file_version(file);
  require(before && after && after->place == before->place, ErrorCode::kInvalidInput,
          "{} was replaced while it was opened", path);
  // One that was changed meanwhile has another version from now on.
  source->set_location({path, options, before->place, before->content});
  return source;
}

std::unique_ptr<Sink> open_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                int64_t num_rows, Overwrite overwrite, const SinkOptions& options) {
  const Format& format = find_format(options.format, path, &Format::open_sink, "write");
  require(num_rows >= 0, ErrorCode::kInvalidArgument, "{}: {} rows", path, num_rows);
  require(is_known(row_shape), ErrorCode::kInvalidArgument,
          "{}: its rows have the shape {}, which is not fully known", path, to_string(row_shape));
  require(format.is_text || (options.top_k == 0 && options.labels.empty()),
          ErrorCode::kInvalidArgument,
          "{}: the best classes and labels are written as csv, tsv or ndjson, not as {}", path,
          format.name);
  require(options.top_k >= 0, ErrorCode::kInvalidArgument, "{}: the best {} classes", path,
          options.top_k);
  return format.open_sink(path, dtype, row_shape, num_rows, overwrite, options);
}

}  // namespace hornet
