// Datasets of HDF5 files as sources and sinks.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

// "file.h5:/path/to/dataset", or "file.h5" for a file with one dataset at its root. Datasets stored
// in one piece are read where they lie in the file; chunked ones chunk by chunk, inflated by
// whoever asks for their rows, with the chunks used last kept.
std::unique_ptr<Source> open_hdf5_source(const std::string& path, const SourceOptions& options,
                                         FileSystem& fs = FileSystem::real());

// A dataset in a new file, contiguous: "file.h5:/path/to/dataset", or "/predictions" where `path`
// names none. See open_sink.
std::unique_ptr<Sink> open_hdf5_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                     int64_t num_rows, Overwrite overwrite,
                                     const SinkOptions& options,
                                     FileSystem& fs = FileSystem::real());

}  // namespace hornet
