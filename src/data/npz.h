// Arrays of numpy's .npz archives as sources.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/source.h"

namespace hornet {

// "file.npz:/name", or "file.npz" for an archive of one array. Stored arrays are read where they
// lie in the file; deflated ones from a copy on disk, inflated when opened.
std::unique_ptr<Source> open_npz_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs = FileSystem::real());

}  // namespace hornet
