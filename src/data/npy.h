// numpy's .npy files as sources and sinks.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/file_system.h"
#include "base/mapped_file.h"
#include "hornet/sink.h"
#include "hornet/source.h"

namespace hornet {

// See open_source.
std::unique_ptr<Source> open_npy_source(const std::string& path,
                                        FileSystem& fs = FileSystem::real());

// The same for an array that lies within a file, as in an archive. `name` is for messages.
std::unique_ptr<Source> npy_source_of(std::shared_ptr<const MappedFile> file,
                                      std::span<const std::byte> bytes, const std::string& name);

// See open_sink. `fs` must outlive the sink.
std::unique_ptr<Sink> open_npy_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    FileSystem& fs = FileSystem::real(), size_t memory_bytes = 0);

}  // namespace hornet
