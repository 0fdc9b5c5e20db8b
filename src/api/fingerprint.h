// Short texts that differ when a model or the rows of a source do.
#pragma once

#include <string>

#include "base/file_system.h"
#include "hornet/source.h"

namespace hornet::internal {

// Checksum of all bytes, and their number.
std::string file_fingerprint(const std::string& path, FileSystem& fs);

// Rows, type and shape, a checksum of rows spread over the source, and the size and time of its
// file where it has one: large inputs are not read whole.
std::string source_fingerprint(const Source& source, FileSystem& fs);

}  // namespace hornet::internal
