// TensorFlow's records of tf.train.Example as sources.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/source.h"

namespace hornet {

// "file.tfrecord:/feature", or "file.tfrecord" where the first record has one feature. Numbers of a
// float or int64 list make a row; so do the elements in a bytes value (options.dtype), or a picture
// in it. Gzip is seen by its first bytes.
std::unique_ptr<Source> open_tfrecord_source(const std::string& path, const SourceOptions& options,
                                             FileSystem& fs = FileSystem::real());

}  // namespace hornet
