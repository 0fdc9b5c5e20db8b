// Where rows come from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hornet/tensor.h"

namespace hornet {

// Rows of one model input, by range. Implementations are thread-safe: workers read concurrently.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t num_rows() const = 0;
  // Shape of a row (no batch dimension) and element type as stored.
  virtual const Shape& row_shape() const = 0;
  virtual DType dtype() const = 0;
  // "images.npy": what messages call this source.
  virtual std::string name() const = 0;
  // Rows [begin, end), as stored. Either a view of memory the source keeps (a mapped file), valid
  // as long as the source; or rows put into `scratch`, valid until its next use.
  virtual TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const = 0;
  // To be called once the rows were used: throws Error(kIo) where rows [begin, end) may not have
  // been what rows() promised, as their file was truncated or its disk failed meanwhile.
  virtual void check(int64_t /*begin*/, int64_t /*end*/) const {}
  // What open_source() takes in another process to give the same rows; "" where only this process
  // has them.
  virtual std::string location() const { return {}; }
};

// Opens a file, the format told by its extension and checked against its content: `.npy`.
// Throws Error (kIo, kInvalidInput, kUnsupported) naming the file.
std::unique_ptr<Source> open_source(const std::string& path);

// Rows that the caller holds in memory; `rows` must outlive the source.
std::unique_ptr<Source> memory_source(TensorView rows, std::string name = "array");

// A whole `.npy` array of any rank, read into memory. Errors as those of open_source.
Tensor read_npy(const std::string& path);

}  // namespace hornet
