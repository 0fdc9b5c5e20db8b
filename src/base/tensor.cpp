#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/memory.h"
#include "hornet/tensor.h"

namespace hornet {

bool is_known(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](int64_t dim) { return dim >= 0; });
}

// Called often: the text of a message is made only where it is needed.
int64_t num_elements(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t dim : shape) {
    if (dim < 0) {
      fail(ErrorCode::kInvalidArgument, "shape {} is not fully known", to_string(shape));
    }
    if (__builtin_mul_overflow(count, dim, &count)) {
      fail(ErrorCode::kInvalidArgument, "shape {} has more elements than memory can hold",
           to_string(shape));
    }
  }
  return count;
}

size_t num_bytes(DType dtype, const Shape& shape) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(num_elements(shape)), size_of(dtype), &bytes)) {
    fail(ErrorCode::kInvalidArgument, "shape {} has more bytes than memory can hold",
         to_string(shape));
  }
  return bytes;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] == kUnknownDim ? "None" : std::to_string(shape[i]);
  }
  return text + "]";
}

std::string to_string(const TensorType& type) {
  return std::string(to_string(type.dtype)) + to_string(type.shape);
}

Tensor::Tensor(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)) {
  const size_t bytes = num_bytes();
  require(bytes < std::numeric_limits<size_t>::max() / 2, ErrorCode::kOutOfMemory,
          "no memory for a tensor of shape {}", to_string(shape_));
  std::shared_ptr<void> memory = allocate_zeroed(bytes);
  require(memory != nullptr, ErrorCode::kOutOfMemory,
          "no memory for a tensor of {} bytes (shape {})", bytes, to_string(shape_));
  data_ = memory.get();
  owner_ = std::move(memory);
  writable_ = true;
}

Tensor::Tensor(DType dtype, Shape shape, std::shared_ptr<const void> owner, const void* data)
    : dtype_(dtype), shape_(std::move(shape)), owner_(std::move(owner)), data_(data) {}

void* Tensor::mutable_data() {
  HORNET_CHECK(writable_);
  return const_cast<void*>(data_);
}

}  // namespace hornet
