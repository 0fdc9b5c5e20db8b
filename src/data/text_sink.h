// Predictions as text: CSV, TSV and newline-delimited JSON.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

// A line a row, in order. See open_sink and docs/formats.md.
std::unique_ptr<Sink> open_csv_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    const SinkOptions& options,
                                    FileSystem& fs = FileSystem::real());
std::unique_ptr<Sink> open_tsv_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    const SinkOptions& options,
                                    FileSystem& fs = FileSystem::real());
std::unique_ptr<Sink> open_ndjson_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                       int64_t num_rows, Overwrite overwrite,
                                       const SinkOptions& options,
                                       FileSystem& fs = FileSystem::real());

}  // namespace hornet
