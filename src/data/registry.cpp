#include "data/registry.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "data/npy.h"

namespace hornet {
namespace {

std::unique_ptr<Source> npy_source(const std::string& path) { return open_npy_source(path); }
std::unique_ptr<Sink> npy_sink(const std::string& path, DType dtype, const Shape& row_shape,
                               int64_t num_rows, Overwrite overwrite) {
  return open_npy_sink(path, dtype, row_shape, num_rows, overwrite);
}

// A new format is one line here and one file beside this one.
constexpr std::array kFormats = {
    Format{".npy", npy_source, npy_sink},
};

bool has_extension(std::string_view path, std::string_view extension) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  };
  return path.size() >= extension.size() &&
         std::equal(extension.begin(), extension.end(), path.end() - extension.size(),
                    [&](char expected, char found) { return same(found, expected); });
}

// The format of `path` among those with the function `open`, whose names the message lists.
template <class Function>
const Format& find_format(const std::string& path, Function Format::*open, const char* verb) {
  std::string known;
  for (const Format& format : kFormats) {
    if (format.*open == nullptr) continue;
    if (has_extension(path, format.extension)) return format;
    known += (known.empty() ? "" : ", ") + std::string(format.extension);
  }
  fail(ErrorCode::kUnsupported, "cannot {} {}: its name ends with none of {}", verb, path, known);
}

}  // namespace

std::span<const Format> formats() { return kFormats; }

std::unique_ptr<Source> open_source(const std::string& path) {
  return find_format(path, &Format::open_source, "read").open_source(path);
}

std::unique_ptr<Sink> open_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                int64_t num_rows, Overwrite overwrite) {
  const Format& format = find_format(path, &Format::open_sink, "write");
  require(num_rows >= 0, ErrorCode::kInvalidArgument, "{}: {} rows", path, num_rows);
  require(is_known(row_shape), ErrorCode::kInvalidArgument,
          "{}: its rows have the shape {}, which is not fully known", path, to_string(row_shape));
  return format.open_sink(path, dtype, row_shape, num_rows, overwrite);
}

}  // namespace hornet
