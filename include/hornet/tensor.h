// Element types, shapes, and dense row-major arrays: owned (Tensor) and borrowed (TensorView).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hornet {

enum class DType : uint8_t {
  kBool,
  kInt8,
  kUInt8,
  kInt16,
  kUInt16,
  kInt32,
  kUInt32,
  kInt64,
  kUInt64,
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64,
};

// Bytes of one element.
size_t size_of(DType dtype);
// numpy's and Keras's name: "float32", "bool", "bfloat16", ...
std::string_view to_string(DType dtype);
// The inverse of to_string; throws Error(kUnsupported) for any other name.
DType dtype_from_string(std::string_view name);
bool is_floating(DType dtype);
bool is_integer(DType dtype);  // bool is not an integer

// Dimensions, outermost first. kUnknownDim stands for a size not known before the rows are seen:
// always the first dimension of a model's inputs, sometimes others.
using Shape = std::vector<int64_t>;
inline constexpr int64_t kUnknownDim = -1;

bool is_known(const Shape& shape);
// Product of the dimensions, all of them known; throws Error(kInvalidArgument) on overflow.
int64_t num_elements(const Shape& shape);
// num_elements * size_of, checked.
size_t num_bytes(DType dtype, const Shape& shape);
// "[None, 28, 28, 1]", as Keras writes it.
std::string to_string(const Shape& shape);

// The type of a tensor whose elements are not at hand.
struct TensorType {
  DType dtype = DType::kFloat32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
};

// "float32[None, 10]"
std::string to_string(const TensorType& type);

// A borrowed dense row-major array. Does not own: `data` must outlive the view.
struct TensorView {
  const void* data = nullptr;
  DType dtype = DType::kFloat32;
  Shape shape;
};

// The same, writable.
struct MutableTensorView {
  void* data = nullptr;
  DType dtype = DType::kFloat32;
  Shape shape;
  operator TensorView() const { return {data, dtype, shape}; }
};

// A dense row-major array. Copies share the bytes; whoever fills them does so before sharing.
// The bytes are 64-byte aligned when Tensor allocated them, and freed with the last copy.
class Tensor {
 public:
  Tensor() = default;
  // Zero-filled. Throws Error(kOutOfMemory) where the memory is not to be had.
  Tensor(DType dtype, Shape shape);
  // Wraps bytes that `owner` keeps alive (a mapped file, for one).
  Tensor(DType dtype, Shape shape, std::shared_ptr<const void> owner, const void* data);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t num_elements() const { return hornet::num_elements(shape_); }
  size_t num_bytes() const { return hornet::num_bytes(dtype_, shape_); }
  const void* data() const { return data_; }
  // Only for a Tensor that allocated its bytes; CHECK-fails for wrapped ones.
  void* mutable_data();
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_as() {
    return static_cast<T*>(mutable_data());
  }
  TensorView view() const { return {data_, dtype_, shape_}; }
  // The view borrows from this very object: a view of a temporary must not compile.
  operator TensorView() const& { return view(); }
  operator TensorView() const&& = delete;

 private:
  DType dtype_ = DType::kFloat32;
  Shape shape_ = {0};
  std::shared_ptr<const void> owner_;
  const void* data_ = nullptr;
  bool writable_ = false;
};

// Converts `count` elements between any two types, as numpy's astype does.
// src and dst must not overlap.
void convert_elements(DType from, const void* src, DType to, void* dst, int64_t count);

}  // namespace hornet
