// Outputs in which rows lie one after the other, behind a header.
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "hornet/sink.h"

namespace hornet {

struct DenseOutput {
  std::string path;    // of the file
  std::string header;  // the bytes before the first row
  DType dtype = DType::kFloat32;
  Shape row_shape;
  int64_t num_rows = 0;
  size_t memory_bytes = 0;  // see SinkOptions
};

// A file whose space is reserved when this returns, written in place. Where the path is
// "-", a pipe or a device, rows are written in order, see OrderedOutput. `fs` must outlive the
// sink.
std::unique_ptr<Sink> dense_sink(DenseOutput output, Overwrite overwrite,
                                 FileSystem& fs = FileSystem::real());

}  // namespace hornet
