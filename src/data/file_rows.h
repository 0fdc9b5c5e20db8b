// Writes rows into a file that another process has made.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

// `place` and `name` as the sink of the other process tells, which stays responsible for all else:
// finish() and keep() do nothing.
std::unique_ptr<Sink> open_file_rows(const FileRows& place, std::string name, DType dtype,
                                     const Shape& row_shape, int64_t num_rows,
                                     FileSystem& fs = FileSystem::real());

}  // namespace hornet
