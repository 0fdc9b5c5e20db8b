#include "graph/ops/shape.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

// Operators that move elements. Elements are copied as bytes, runs that are dense on both sides at
// once: these kernels also serve in plans.

namespace hornet::kernels::reference {
namespace {

template <size_t kBytes>
void copy_elements(const Dims& sizes, const std::array<Dims, 2>& strides, const std::byte* from,
                   std::byte* to) {
  for_each_index<2>(sizes, strides, [&](const auto& at) {
    std::memcpy(to + at[1] * static_cast<int64_t>(kBytes),
                from + at[0] * static_cast<int64_t>(kBytes), kBytes);
  });
}

// Copies the elements of an index space between two arrays, `strides` in elements: {from, to}.
void copy_strided(size_t element_bytes, Dims sizes, std::array<Dims, 2> strides, const void* src,
                  void* dst) {
  const auto* from = static_cast<const std::byte*>(src);
  auto* to = static_cast<std::byte*>(dst);
  // The trailing dimensions that are dense in both arrays are one run.
  int64_t run = 1;
  while (sizes.rank > 0) {
    const size_t last = sizes.rank - 1;
    if (sizes[last] != 1 && (strides[0][last] != run || strides[1][last] != run)) break;
    run *= sizes[last];
    --sizes.rank;
  }
  if (run == 0) return;
  if (run > 1) {
    const size_t run_bytes = static_cast<size_t>(run) * element_bytes;
    const auto bytes = static_cast<int64_t>(element_bytes);
    for_each_index<2>(sizes, strides, [&](const auto& at) {
      std::memcpy(to + at[1] * bytes, from + at[0] * bytes, run_bytes);
    });
    return;
  }
  switch (element_bytes) {
    case 1:
      return copy_elements<1>(sizes, strides, from, to);
    case 2:
      return copy_elements<2>(sizes, strides, from, to);
    case 4:
      return copy_elements<4>(sizes, strides, from, to);
    default:
      return copy_elements<8>(sizes, strides, from, to);
  }
}

template <class OpType>
size_t element_bytes(const Call<OpType>& call) {
  return size_of(call.output_types[0].dtype);
}

void compute_reshape(const Call<graph::Reshape>& call) {
  if (call.inputs[0] == call.outputs[0]) return;
  const size_t bytes = hornet::num_bytes(call.output_types[0].dtype, call.output_shape(0));
  if (bytes > 0) std::memcpy(call.outputs[0], call.inputs[0], bytes);
}

void compute_transpose(const Call<graph::Transpose>& call) {
  const Dims sizes(call.output_shape(0));
  const Dims dense = row_major_strides(Dims(call.input_shape(0)));
  Dims strides = sizes;
  for (size_t i = 0; i < sizes.rank; ++i) {
    strides[i] = dense[static_cast<size_t>(call.op.permutation[i])];
  }
  copy_strided(element_bytes(call), sizes, {strides, row_major_strides(sizes)}, call.inputs[0],
               call.outputs[0]);
}

void compute_concat(const Call<graph::Concat>& call) {
  const Dims out_strides = row_major_strides(Dims(call.output_shape(0)));
  const auto axis = static_cast<size_t>(call.op.axis);
  auto* to = call.output<std::byte>(0);
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const Dims sizes(call.input_shape(i));
    copy_strided(element_bytes(call), sizes, {row_major_strides(sizes), out_strides},
                 call.inputs[i], to);
    to += sizes[axis] * out_strides[axis] * static_cast<int64_t>(element_bytes(call));
  }
}

void compute_slice(const Call<graph::Slice>& call) {
  const Dims sizes(call.output_shape(0));
  if (num_elements(sizes) == 0) return;
  Dims strides = row_major_strides(Dims(call.input_shape(0)));
  int64_t first = 0;
  for (size_t i = 0; i < sizes.rank; ++i) {
    first += call.op.resolve(i, call.input_shape(0)[i]).start * strides[i];
    strides[i] *= call.op.ranges[i].step;
  }
  const auto* from = call.input<std::byte>(0) + first * static_cast<int64_t>(element_bytes(call));
  copy_strided(element_bytes(call), sizes, {strides, row_major_strides(sizes)}, from,
               call.outputs[0]);
}

// The cell that padding repeats at index `i` of a dimension of `size` cells; i may lie outside.
int64_t repeated_cell(graph::PadMode mode, int64_t i, int64_t size) {
  const auto modulo = [](int64_t value, int64_t n) { return (value % n + n) % n; };
  if (mode == graph::PadMode::kEdge) return i < 0 ? 0 : i >= size ? size - 1 : i;
  if (mode == graph::PadMode::kSymmetric) {
    const int64_t at = modulo(i, 2 * size);
    return at < size ? at : 2 * size - 1 - at;
  }
  if (size == 1) return 0;
  const int64_t at = modulo(i, 2 * size - 2);
  return at < size ? at : 2 * size - 2 - at;
}

template <class T>
T pad_value(double value) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else {
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) {
      return std::numeric_limits<T>::min();
    }
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) {
      return std::numeric_limits<T>::max();
    }
    return static_cast<T>(value);
  }
}

void pad_constant(const Call<graph::Pad>& call) {
  const Dims out_strides = row_major_strides(Dims(call.output_shape(0)));
  Dims sizes(call.input_shape(0));
  const Dims in_strides = row_major_strides(sizes);
  int64_t from = 0, to = 0;
  for (size_t i = 0; i < sizes.rank; ++i) {
    const int64_t cropped_before = std::max<int64_t>(-call.op.before[i], 0);
    const int64_t cropped_after = std::max<int64_t>(-call.op.after[i], 0);
    from += cropped_before * in_strides[i];
    to += std::max<int64_t>(call.op.before[i], 0) * out_strides[i];
    sizes[i] = std::max<int64_t>(sizes[i] - cropped_before - cropped_after, 0);
  }
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    T* y = call.template output<T>(0);
    std::fill_n(y, hornet::num_elements(call.output_shape(0)), pad_value<T>(call.op.value));
    if (num_elements(sizes) == 0) return;
    copy_strided(sizeof(T), sizes, {in_strides, out_strides}, call.template input<T>(0) + from,
                 y + to);
  });
}

void pad_repeating(const Call<graph::Pad>& call) {
  const Dims out(call.output_shape(0)), in(call.input_shape(0));
  const Dims in_strides = row_major_strides(in);
  const size_t bytes = element_bytes(call);
  const auto* x = call.input<std::byte>(0);
  auto* y = call.output<std::byte>(0);
  const int64_t count = num_elements(out);
  for (int64_t n = 0; n < count; ++n) {
    int64_t rest = n, from = 0;
    for (size_t i = out.rank; i-- > 0;) {
      const int64_t index = rest % out[i] - call.op.before[i];
      rest /= out[i];
      from += repeated_cell(call.op.mode, index, in[i]) * in_strides[i];
    }
    std::memcpy(y + n * static_cast<int64_t>(bytes), x + from * static_cast<int64_t>(bytes), bytes);
  }
}

void compute_pad(const Call<graph::Pad>& call) {
  call.op.mode == graph::PadMode::kConstant ? pad_constant(call) : pad_repeating(call);
}

void compute_gather(const Call<graph::Gather>& call) {
  const Shape& x = call.input_shape(0);
  const auto axis = static_cast<size_t>(call.op.axis);
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= x[i];
  for (size_t i = axis + 1; i < x.size(); ++i) inner *= x[i];
  const int64_t size = x[axis], count = hornet::num_elements(call.input_shape(1));
  const auto bytes = static_cast<size_t>(inner) * element_bytes(call);
  const auto* from = call.input<std::byte>(0);
  auto* to = call.output<std::byte>(0);
  with_type(call.input_types[1].dtype, [&]<class T>(TypeTag<T>) {
    const T* indices = call.template input<T>(1);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < count; ++i) {
        const auto index = static_cast<int64_t>(indices[i]);
        const bool wrapped = std::is_unsigned_v<T> && index < 0;  // too large for int64_t
        const int64_t at = index < 0 ? index + size : index;
        require(!wrapped && at >= 0 && at < size, ErrorCode::kInvalidInput,
                "index {} at position {} of the indices is outside an axis of {} elements",
                indices[i], i, size);
        if (bytes > 0) {
          std::memcpy(to, from + static_cast<size_t>(o * size + at) * bytes, bytes);
        }
        to += bytes;
      }
    }
  });
}

void compute_positions(const Call<graph::Positions>& call) {
  auto* y = call.output<int32_t>(0);
  for (int64_t i = 0; i < call.output_shape(0)[0]; ++i) y[i] = static_cast<int32_t>(i);
}

void compute_broadcast_to(const Call<graph::BroadcastTo>& call) {
  const Dims sizes(call.output_shape(0));
  copy_strided(
      element_bytes(call), sizes,
      {broadcast_strides(call.input_shape(0), call.output_shape(0)), row_major_strides(sizes)},
      call.inputs[0], call.outputs[0]);
}

}  // namespace

KernelOffer reshape(const KernelRequest& request) {
  return offer<graph::Reshape>(request, compute_reshape, {0});
}

KernelOffer transpose(const KernelRequest& request) {
  return offer<graph::Transpose>(request, compute_transpose);
}

KernelOffer concat(const KernelRequest& request) {
  return offer<graph::Concat>(request, compute_concat);
}

KernelOffer slice(const KernelRequest& request) {
  return offer<graph::Slice>(request, compute_slice);
}

KernelOffer pad(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Pad&>(request.op);
  if (op.mode != graph::PadMode::kConstant) {
    const Shape& x = request.inputs[0].shape;
    for (size_t i = 0; i < x.size(); ++i) {
      if (op.before[i] < 0 || op.after[i] < 0) return refuse("cropping by a repeating padding");
      if (x[i] == 0 && request.outputs[0].shape[i] > 0) return refuse("no cell to repeat");
    }
  }
  return offer<graph::Pad>(request, compute_pad);
}

KernelOffer gather(const KernelRequest& request) {
  return offer<graph::Gather>(request, compute_gather);
}

KernelOffer positions(const KernelRequest& request) {
  return offer<graph::Positions>(request, compute_positions);
}

KernelOffer broadcast_to(const KernelRequest& request) {
  return offer<graph::BroadcastTo>(request, compute_broadcast_to);
}

}  // namespace hornet::kernels::reference
