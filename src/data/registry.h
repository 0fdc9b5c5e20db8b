// The file formats Hornet reads and writes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

// A format is its extension and two functions with the arguments of open_source and open_sink;
// nullptr where it cannot be read, or not written.
struct Format {
  std::string_view extension;  // ".npy", in lower case
  std::unique_ptr<Source> (*open_source)(const std::string& path);
  std::unique_ptr<Sink> (*open_sink)(const std::string& path, DType dtype, const Shape& row_shape,
                                     int64_t num_rows, Overwrite overwrite);
};

std::span<const Format> formats();

}  // namespace hornet
