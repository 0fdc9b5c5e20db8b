// Files of nothing but elements, as sources and sinks.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

// Rows of options.row_shape and options.dtype, little-endian, one after the other; as many as there
// are in the file. Throws Error(kInvalidInput) where the last one is cut.
std::unique_ptr<Source> open_raw_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs = FileSystem::real());

// Elements, little-endian, and nothing else. See open_sink.
std::unique_ptr<Sink> open_raw_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    const SinkOptions& options,
                                    FileSystem& fs = FileSystem::real());

}  // namespace hornet
