#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "kernels/simd/gemm.h"

namespace hornet::kernels::simd {

// Cuts a kernel's scratch memory into parts, each of whole lines of 64 bytes. Without memory it
// counts what the parts take, so that a kernel says once, in one function, what it needs.
class ScratchArena {
 public:
  explicit ScratchArena(void* base = nullptr) : base_(static_cast<std::byte*>(base)) {}

  template <class T = float>
  T* take(int64_t count) {
    T* const part = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + bytes_);
    bytes_ += aligned_bytes(static_cast<size_t>(count) * sizeof(T));
    return part;
  }
  // For products with these matrices of at most m rows, one after the other.
  void* take_for(std::initializer_list<PackedB> matrices, int64_t m) {
    size_t bytes = 0;
    for (const PackedB& b : matrices) bytes = std::max(bytes, gemm_scratch_bytes(b, m));
    return take<std::byte>(static_cast<int64_t>(bytes));
  }

  // Of all parts.
  size_t bytes() const { return bytes_; }

 private:
  std::byte* const base_;
  size_t bytes_ = 0;
};

}  // namespace hornet::kernels::simd
