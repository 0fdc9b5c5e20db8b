#include "kernels/movement.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "graph/ops/shape.h"

namespace hornet::kernels {
namespace {

// A copy between two arrays that are walked in the same order with different strides.
class StridedCopy {
 public:
  // Strides and offsets in elements; a source stride of 0 repeats, a negative one goes backwards.
  StridedCopy(Shape dims, std::vector<int64_t> src_strides, int64_t src_offset,
              std::vector<int64_t> dst_strides, int64_t dst_offset, size_t element_bytes) {
    const auto bytes = static_cast<int64_t>(element_bytes);
    src_offset_ = src_offset * bytes;
    dst_offset_ = dst_offset * bytes;
    empty_ = std::find(dims.begin(), dims.end(), 0) != dims.end();
    for (size_t i = 0; i < dims.size(); ++i) {
      add({dims[i], src_strides[i] * bytes, dst_strides[i] * bytes});
    }
    run_bytes_ = element_bytes;
    // The innermost dimensions that are contiguous on both sides are one run.
    if (!axes_.empty() && axes_.back().src == bytes && axes_.back().dst == bytes) {
      run_bytes_ *= static_cast<size_t>(axes_.back().count);
      axes_.pop_back();
    }
  }

  void run(const void* src, void* dst) const {
    if (empty_) return;
    const auto* from = static_cast<const std::byte*>(src) + src_offset_;
    auto* to = static_cast<std::byte*>(dst) + dst_offset_;
    switch (run_bytes_) {
      case 1:
        return walk<1>(0, from, to);
      case 2:
        return walk<2>(0, from, to);
      case 4:
        return walk<4>(0, from, to);
      case 8:
        return walk<8>(0, from, to);
      default:
        return walk<0>(0, from, to);
    }
  }

 private:
  struct Axis {
    int64_t count, src, dst;  // strides in bytes
  };

  // Adds an axis inside those before, merged with the last one where the two are walked as one.
  void add(Axis axis) {
    if (axis.count == 1) return;
    if (!axes_.empty()) {
      Axis& last = axes_.back();
      if (last.src == axis.src * axis.count && last.dst == axis.dst * axis.count) {
        last = {last.count * axis.count, axis.src, axis.dst};
        return;
      }
    }
    axes_.push_back(axis);
  }

  // `kBytes` is the size of a run where it is known when compiling, else 0.
  template <size_t kBytes>
  void walk(size_t depth, const std::byte* src, std::byte* dst) const {
    if (depth == axes_.size()) {
      std::memcpy(dst, src, kBytes > 0 ? kBytes : run_bytes_);
      return;
    }
    const Axis axis = axes_[depth];
    if (depth + 1 == axes_.size()) {
      for (int64_t i = 0; i < axis.count; ++i) {
        std::memcpy(dst + i * axis.dst, src + i * axis.src, kBytes > 0 ? kBytes : run_bytes_);
      }
      return;
    }
    for (int64_t i = 0; i < axis.count; ++i) {
      walk<kBytes>(depth + 1, src + i * axis.src, dst + i * axis.dst);
    }
  }

  std::vector<Axis> axes_;
  int64_t src_offset_ = 0, dst_offset_ = 0;
  size_t run_bytes_ = 0;
  bool empty_ = false;
};

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

// One copy from each input into the only output, which may be filled first.
class CopyKernel final : public Kernel {
 public:
  struct Fill {
    size_t bytes = 0;  // of the whole output; 0: every cell is copied to
    std::vector<std::byte> element;
  };
  CopyKernel(std::vector<StridedCopy> copies, Fill fill)
      : copies_(std::move(copies)), fill_(std::move(fill)) {}

  std::string describe() const override { return "copy"; }
  void run(const KernelArgs& args, KernelState*) const override {
    auto* output = static_cast<std::byte*>(args.outputs[0]);
    if (fill_.bytes > 0) fill(output);
    for (size_t i = 0; i < copies_.size(); ++i) copies_[i].run(args.inputs[i], output);
  }

 private:
  // One element, then what is filled again and again, in pieces that stay in the first cache level.
  void fill(std::byte* output) const {
    constexpr size_t kPieceBytes = 16 << 10;
    size_t done = fill_.element.size();
    std::memcpy(output, fill_.element.data(), done);
    while (done < fill_.bytes) {
      const size_t piece = std::min({done, kPieceBytes, fill_.bytes - done});
      std::memcpy(output + done, output, piece);
      done += piece;
    }
  }

  const std::vector<StridedCopy> copies_;
  const Fill fill_;
};

KernelOffer offer(std::vector<StridedCopy> copies, CopyKernel::Fill fill = {}) {
  return {std::make_unique<CopyKernel>(std::move(copies), std::move(fill)), ""};
}

class GatherKernel final : public Kernel {
 public:
  GatherKernel(int64_t rows, size_t row_bytes, int64_t count, bool wide)
      : rows_(rows), row_bytes_(row_bytes), count_(count), wide_(wide) {}

  std::string describe() const override { return "copy"; }
  void run(const KernelArgs& args, KernelState*) const override {
    const auto* table = static_cast<const std::byte*>(args.inputs[0]);
    auto* output = static_cast<std::byte*>(args.outputs[0]);
    for (int64_t i = 0; i < count_; ++i) {
      const int64_t given = wide_ ? static_cast<const int64_t*>(args.inputs[1])[i]
                                  : static_cast<const int32_t*>(args.inputs[1])[i];
      const int64_t index = given < 0 ? given + rows_ : given;
      if (index < 0 || index >= rows_) {
        fail(ErrorCode::kInvalidInput, "index {} is outside a table of {} rows", given, rows_);
      }
      std::memcpy(output + static_cast<size_t>(i) * row_bytes_,
                  table + static_cast<size_t>(index) * row_bytes_, row_bytes_);
    }
  }

 private:
  const int64_t rows_;
  const size_t row_bytes_;
  const int64_t count_;
  const bool wide_;  // indices are int64, else int32
};

}  // namespace

KernelOffer copy_concat(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Concat&>(request.op);
  const graph::TensorType& output = request.outputs[0];
  const std::vector<int64_t> dst_strides = strides_of(output.shape);
  std::vector<StridedCopy> copies;
  int64_t position = 0;
  for (const graph::TensorType& input : request.inputs) {
    const auto axis = static_cast<size_t>(op.axis);
    copies.emplace_back(input.shape, strides_of(input.shape), 0, dst_strides,
                        position * dst_strides[axis], size_of(output.dtype));
    position += input.shape[axis];
  }
  return offer(std::move(copies));
}

KernelOffer copy_slice(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Slice&>(request.op);
  const Shape& shape = request.inputs[0].shape;
  std::vector<int64_t> strides = strides_of(shape);
  int64_t offset = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    const graph::Slice::Resolved range = op.resolve(i, shape[i]);
    if (range.count > 0) offset += range.start * strides[i];
    strides[i] *= op.ranges[i].step;
  }
  const graph::TensorType& output = request.outputs[0];
  std::vector<StridedCopy> copies;
  copies.emplace_back(output.shape, std::move(strides), offset, strides_of(output.shape), 0,
                      size_of(output.dtype));
  return offer(std::move(copies));
}

KernelOffer copy_pad(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Pad&>(request.op);
  if (op.mode != graph::PadMode::kConstant) return {nullptr, "copies pad with a constant only"};
  const graph::TensorType &input = request.inputs[0], &output = request.outputs[0];
  const std::vector<int64_t> src_strides = strides_of(input.shape);
  const std::vector<int64_t> dst_strides = strides_of(output.shape);
  Shape kept = input.shape;
  int64_t src_offset = 0, dst_offset = 0;
  for (size_t i = 0; i < kept.size(); ++i) {
    const int64_t cut_before = std::max<int64_t>(-op.before[i], 0);
    const int64_t cut_after = std::max<int64_t>(-op.after[i], 0);
    kept[i] = std::max<int64_t>(kept[i] - cut_before - cut_after, 0);
    src_offset += cut_before * src_strides[i];
    dst_offset += std::max<int64_t>(op.before[i], 0) * dst_strides[i];
  }
  CopyKernel::Fill fill;
  if (kept != output.shape) {
    fill.bytes = num_bytes(output.dtype, output.shape);
    fill.element.resize(size_of(output.dtype));
    convert_elements(DType::kFloat64, &op.value, output.dtype, fill.element.data(), 1);
  }
  std::vector<StridedCopy> copies;
  copies.emplace_back(kept, src_strides, src_offset, dst_strides, dst_offset,
                      size_of(output.dtype));
  return offer(std::move(copies), std::move(fill));
}

KernelOffer copy_transpose(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Transpose&>(request.op);
  const std::vector<int64_t> strides = strides_of(request.inputs[0].shape);
  std::vector<int64_t> permuted;
  for (const int64_t axis : op.permutation) permuted.push_back(strides[static_cast<size_t>(axis)]);
  const graph::TensorType& output = request.outputs[0];
  std::vector<StridedCopy> copies;
  copies.emplace_back(output.shape, std::move(permuted), 0, strides_of(output.shape), 0,
                      size_of(output.dtype));
  return offer(std::move(copies));
}

KernelOffer copy_broadcast_to(const KernelRequest& request) {
  const Shape& input = request.inputs[0].shape;
  const graph::TensorType& output = request.outputs[0];
  const size_t added = output.shape.size() - input.size();
  const std::vector<int64_t> own = strides_of(input);
  std::vector<int64_t> strides(output.shape.size(), 0);
  for (size_t i = 0; i < input.size(); ++i) {
    if (input[i] != 1) strides[added + i] = own[i];
  }
  std::vector<StridedCopy> copies;
  copies.emplace_back(output.shape, std::move(strides), 0, strides_of(output.shape), 0,
                      size_of(output.dtype));
  return offer(std::move(copies));
}

KernelOffer copy_gather(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Gather&>(request.op);
  const DType indices = request.inputs[1].dtype;
  if (op.axis != 0) return {nullptr, "copies gather along the first axis only"};
  if (indices != DType::kInt32 && indices != DType::kInt64) {
    return {nullptr, "indices are neither int32 nor int64"};
  }
  const graph::TensorType& table = request.inputs[0];
  const Shape row(table.shape.begin() + 1, table.shape.end());
  return {std::make_unique<GatherKernel>(table.shape[0], num_bytes(table.dtype, row),
                                         num_elements(request.inputs[1].shape),
                                         indices == DType::kInt64),
          ""};
}

}  // namespace hornet::kernels
