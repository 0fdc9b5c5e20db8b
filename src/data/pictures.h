// Folders and lists of pictures as sources.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/source.h"

namespace hornet {

// A folder: every file in it and below whose name ends as one of a picture, in the order in which
// Keras's image_dataset_from_directory has them without shuffling. A file: a list of paths, a line
// each, relative to the list. A row is a picture, decoded by whoever asks for it.
std::unique_ptr<Source> open_picture_source(const std::string& path, const SourceOptions& options,
                                            FileSystem& fs = FileSystem::real());

}  // namespace hornet
