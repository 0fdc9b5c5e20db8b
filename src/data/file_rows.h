// Writes rows into files in which they lie one after the other.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

// Writes rows [begin, end), which are `bytes`, at `offset` of a file that is `file_bytes` long.
// Throws Error(kIo) where it is shorter, so that rows written before are lost. Thread-safe for
// ranges that do not overlap.
void write_file_rows(File& file, size_t file_bytes, size_t offset, std::span<const std::byte> bytes,
                     int64_t begin, int64_t end);

// Writes rows into a file that another process has made: `place` and `name` as the sink of the
// other process tells, which stays responsible for all else: finish() and keep() do nothing.
std::unique_ptr<Sink> open_file_rows(const FileRows& place, std::string name, DType dtype,
                                     const Shape& row_shape, int64_t num_rows,
                                     FileSystem& fs = FileSystem::real());

}  // namespace hornet
