// The file formats Hornet reads and writes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

// Source options, as bits.
enum SourceOption : unsigned {
  kTakesNone = 0,
  kTakesDType = 1,
  kTakesShape = 2,
  kTakesColumns = 4,
  kTakesTable = 8,     // delimiter, header
  kTakesPictures = 16  // interpolation, crop_to_aspect_ratio, scaled_decoding
};

// A format is its name, its extensions and functions with the arguments of open_source and
// open_sink; nullptr where it cannot be read, or not written.
struct Format {
  std::string_view name;        // of --format
  std::string_view extensions;  // ".h5 .hdf5", in lower case
  bool has_members;             // "file.npz:/member"
  unsigned source_options;      // of SourceOption: the others are refused
  bool is_text;                 // written with the best classes and labels where asked for
  std::unique_ptr<Source> (*open_source)(const std::string& path, const SourceOptions& options);
  std::unique_ptr<Sink> (*open_sink)(const std::string& path, DType dtype, const Shape& row_shape,
                                     int64_t num_rows, Overwrite overwrite,
                                     const SinkOptions& options);
};

std::span<const Format> formats();
// The extensions of a format, one by one.
std::vector<std::string_view> extensions_of(const Format& format);

}  // namespace hornet
