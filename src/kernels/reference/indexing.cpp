#include "graph/ops/indexing.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/kernels.h"
#include "kernels/reference/types.h"

namespace hornet::kernels::reference {
namespace {

// One row of an array along an axis: `outer` and `inner` are the products of the sizes around it.
struct Rows {
  int64_t outer = 1, size = 1, inner = 1;
  Rows(const Shape& shape, int64_t axis) {
    for (size_t i = 0; i < shape.size(); ++i) {
      (static_cast<int64_t>(i) < axis    ? outer
       : static_cast<int64_t>(i) == axis ? size
                                         : inner) *= shape[i];
    }
  }
  // f(offset of the first element of a row, number of the row); elements are `inner` apart.
  template <class F>
  void for_each(F&& f) const {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) f(o * size * inner + i, o * inner + i);
    }
  }
};

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_same_v<T, float>) return std::isnan(x);
  return false;
}

// NaN counts as larger than every number.
template <class T>
bool before(T a, T b) {
  return is_nan(b) ? !is_nan(a) : a < b;
}

// The place that an index stands for among `size`; negative ones count from the end. -1: none.
template <class T>
int64_t place_of(T index, int64_t size) {
  if constexpr (std::is_unsigned_v<T>) {
    return index < static_cast<uint64_t>(size) ? static_cast<int64_t>(index) : -1;
  } else {
    const int64_t at = index < 0 ? static_cast<int64_t>(index) + size : static_cast<int64_t>(index);
    return at >= 0 && at < size ? at : -1;
  }
}

void compute_arg_reduce(const Call<graph::ArgReduce>& call) {
  const Rows rows(call.input_shape(0), call.op.axis);
  auto* y = call.output<int32_t>(0);
  with_type(call.input_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    rows.for_each([&](int64_t first, int64_t row) {
      int64_t best = 0;
      for (int64_t i = 1; i < rows.size; ++i) {
        const T value = x[first + i * rows.inner], champion = x[first + best * rows.inner];
        if (is_nan(champion)) break;
        if (is_nan(value) || (call.op.largest ? value > champion : value < champion)) best = i;
      }
      y[row] = static_cast<int32_t>(best);
    });
  });
}

void compute_sort(const Call<graph::Sort>& call) {
  const Rows rows(call.input_shape(0), call.op.axis);
  auto* order = static_cast<int32_t*>(call.scratch);
  with_type(call.input_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    T* values = call.template output<T>(0);
    auto* places = call.template output<int32_t>(1);
    rows.for_each([&](int64_t first, int64_t) {
      const auto value = [&](int32_t i) { return x[first + i * rows.inner]; };
      for (int64_t i = 0; i < rows.size; ++i) order[i] = static_cast<int32_t>(i);
      // The place breaks ties, so this order is that of a stable sort, without its allocation.
      std::sort(order, order + rows.size, [&](int32_t a, int32_t b) {
        const T x_a = value(a), x_b = value(b);
        if (call.op.descending ? before(x_b, x_a) : before(x_a, x_b)) return true;
        if (call.op.descending ? before(x_a, x_b) : before(x_b, x_a)) return false;
        return a < b;
      });
      for (int64_t i = 0; i < rows.size; ++i) {
        if (values != nullptr) values[first + i * rows.inner] = value(order[i]);
        if (places != nullptr) places[first + i * rows.inner] = order[i];
      }
    });
  });
}

void compute_take_along(const Call<graph::TakeAlong>& call) {
  const Shape& out = call.output_shape(0);
  const auto axis = static_cast<size_t>(call.op.axis);
  const int64_t size = call.input_shape(0)[axis];
  const Dims sizes(out);
  // The axis itself is read at computed places.
  Shape x_shape = call.input_shape(0);
  const int64_t step = row_major_strides(Dims(x_shape))[axis];
  std::array<Dims, 3> strides = {broadcast_strides(x_shape, out),
                                 broadcast_strides(call.input_shape(1), out),
                                 row_major_strides(sizes)};
  strides[0][axis] = 0;
  const size_t bytes = size_of(call.output_types[0].dtype);
  const auto* x = call.input<std::byte>(0);
  auto* y = call.output<std::byte>(0);
  with_type(call.input_types[1].dtype, [&]<class T>(TypeTag<T>) {
    const T* indices = call.template input<T>(1);
    for_each_index<3>(sizes, strides, [&](const auto& at) {
      const int64_t place = place_of(indices[at[1]], size);
      require(place >= 0, ErrorCode::kInvalidInput, "index {} is outside an axis of {} elements",
              indices[at[1]], size);
      std::memcpy(y + static_cast<size_t>(at[2]) * bytes,
                  x + static_cast<size_t>(at[0] + place * step) * bytes, bytes);
    });
  });
}

template <class T>
T combine(graph::ScatterKind kind, T old, T update) {
  switch (kind) {
    case graph::ScatterKind::set:
      return update;
    case graph::ScatterKind::add:
      if constexpr (std::is_same_v<T, float>) return old + update;
      return static_cast<T>(static_cast<uint64_t>(old) + static_cast<uint64_t>(update));
    case graph::ScatterKind::multiply:
      if constexpr (std::is_same_v<T, float>) return old * update;
      return static_cast<T>(static_cast<uint64_t>(old) * static_cast<uint64_t>(update));
    case graph::ScatterKind::max:
      return before(old, update) ? update : old;
    case graph::ScatterKind::min:
      return is_nan(update) || before(update, old) ? update : old;
  }
  return old;
}

void compute_scatter(const Call<graph::Scatter>& call) {
  const Dims base(call.input_shape(0));
  const Dims strides = row_major_strides(base);
  const Shape& indices_shape = call.input_shape(1);
  const auto depth = static_cast<size_t>(indices_shape.back());
  int64_t count = 1, run = 1;
  for (size_t i = 0; i + 1 < indices_shape.size(); ++i) count *= indices_shape[i];
  for (size_t i = depth; i < base.rank; ++i) run *= base[i];
  const size_t bytes = hornet::num_bytes(call.output_types[0].dtype, call.output_shape(0));
  if (bytes > 0 && call.inputs[0] != call.outputs[0]) {
    std::memcpy(call.outputs[0], call.inputs[0], bytes);
  }
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* updates = call.template input<T>(2);
    T* y = call.template output<T>(0);
    with_type(call.input_types[1].dtype, [&]<class I>(TypeTag<I>) {
      const I* index = call.template input<I>(1);
      for (int64_t n = 0; n < count; ++n, index += depth) {
        int64_t to = 0;
        bool inside = true;
        for (size_t d = 0; d < depth; ++d) {
          const int64_t place = place_of(index[d], base[d]);
          inside = inside && place >= 0;
          to += place * strides[d];
        }
        if (!inside) continue;
        for (int64_t i = 0; i < run; ++i) {
          y[to + i] = combine(call.op.kind, y[to + i], updates[n * run + i]);
        }
      }
    });
  });
}

// Offset in x [sizes of `x`] of a part of the sizes `part` at the computed starts.
template <class OpType>
int64_t start_offset(const Call<OpType>& call, const Shape& x, const Shape& part) {
  const Dims strides = row_major_strides(Dims(x));
  int64_t offset = 0;
  with_type(call.input_types[1].dtype, [&]<class T>(TypeTag<T>) {
    const T* starts = call.template input<T>(1);
    for (size_t i = 0; i < x.size(); ++i) {
      const int64_t last = x[i] - part[i];
      int64_t start = 0;
      if constexpr (std::is_unsigned_v<T>) {
        start = static_cast<int64_t>(std::min<uint64_t>(starts[i], static_cast<uint64_t>(last)));
      } else {
        start = starts[i] < 0 ? starts[i] + x[i] : starts[i];
      }
      offset += std::clamp<int64_t>(start, 0, last) * strides[i];
    }
  });
  return offset;
}

// Copies elements of `bytes` bytes between two arrays over an index space.
void copy_part(size_t bytes, const Dims& sizes, const std::array<Dims, 2>& strides,
               const std::byte* from, std::byte* to) {
  for_each_index<2>(sizes, strides, [&](const auto& at) {
    std::memcpy(to + at[1] * static_cast<int64_t>(bytes),
                from + at[0] * static_cast<int64_t>(bytes), bytes);
  });
}

void compute_slice_at(const Call<graph::SliceAt>& call) {
  const Shape& x = call.input_shape(0);
  const Dims sizes(call.output_shape(0));
  const size_t bytes = size_of(call.output_types[0].dtype);
  const int64_t offset = start_offset(call, x, call.output_shape(0));
  copy_part(bytes, sizes, {row_major_strides(Dims(x)), row_major_strides(sizes)},
            call.input<std::byte>(0) + offset * static_cast<int64_t>(bytes),
            call.output<std::byte>(0));
}

void compute_update_at(const Call<graph::UpdateAt>& call) {
  const Shape& x = call.input_shape(0);
  const Dims sizes(call.input_shape(2));
  const size_t bytes = size_of(call.output_types[0].dtype);
  const size_t all_bytes = hornet::num_bytes(call.output_types[0].dtype, x);
  if (all_bytes > 0) std::memcpy(call.outputs[0], call.inputs[0], all_bytes);
  const int64_t offset = start_offset(call, x, call.input_shape(2));
  copy_part(bytes, sizes, {row_major_strides(sizes), row_major_strides(Dims(x))},
            call.input<std::byte>(2),
            call.output<std::byte>(0) + offset * static_cast<int64_t>(bytes));
}

void compute_roll(const Call<graph::Roll>& call) {
  const Rows rows(call.input_shape(0), call.op.axis);
  if (rows.outer * rows.size * rows.inner == 0) return;
  const size_t bytes = size_of(call.output_types[0].dtype);
  const int64_t shift = (call.op.shift % rows.size + rows.size) % rows.size;
  const size_t cell = static_cast<size_t>(rows.inner) * bytes;
  const size_t head = static_cast<size_t>(rows.size - shift) * cell;
  const size_t tail = static_cast<size_t>(shift) * cell;
  const auto* x = call.input<std::byte>(0);
  auto* y = call.output<std::byte>(0);
  for (int64_t o = 0; o < rows.outer; ++o) {
    std::memcpy(y + tail, x, head);
    std::memcpy(y, x + head, tail);
    x += head + tail;
    y += head + tail;
  }
}

void compute_diagonal(const Call<graph::Diagonal>& call) {
  const Dims x(call.input_shape(0));
  const Dims dense = row_major_strides(x);
  const auto first = static_cast<size_t>(call.op.axis1),
             second = static_cast<size_t>(call.op.axis2);
  const Dims sizes(call.output_shape(0));
  Dims strides;
  for (size_t i = 0; i < x.rank; ++i) {
    if (i != first && i != second) strides.push_back(dense[i]);
  }
  strides.push_back(dense[first] + dense[second]);
  if (num_elements(sizes) == 0) return;
  const int64_t start =
      call.op.offset >= 0 ? call.op.offset * dense[second] : -call.op.offset * dense[first];
  const size_t bytes = size_of(call.output_types[0].dtype);
  copy_part(bytes, sizes, {strides, row_major_strides(sizes)},
            call.input<std::byte>(0) + start * static_cast<int64_t>(bytes),
            call.output<std::byte>(0));
}

void compute_cumulative(const Call<graph::Cumulative>& call) {
  const Rows rows(call.input_shape(0), call.op.axis);
  with_type(call.output_types[0].dtype, [&]<class T>(TypeTag<T>) {
    const T* x = call.template input<T>(0);
    T* y = call.template output<T>(0);
    rows.for_each([&](int64_t first, int64_t) {
      Accumulator<T> total = call.op.product ? 1 : 0;
      for (int64_t i = 0; i < rows.size; ++i) {
        const auto value = static_cast<Accumulator<T>>(x[first + i * rows.inner]);
        total = call.op.product ? total * value : total + value;
        y[first + i * rows.inner] = static_cast<T>(total);
      }
    });
  });
}

// The quantile q of `count` sorted numbers.
double quantile(const float* sorted, int64_t count, double q, graph::QuantileMethod method) {
  const double place = q * static_cast<double>(count - 1);
  const auto low = static_cast<int64_t>(std::floor(place));
  const auto high = static_cast<int64_t>(std::ceil(place));
  const auto at = [&](int64_t i) {
    return static_cast<double>(sorted[std::clamp<int64_t>(i, 0, count - 1)]);
  };
  switch (method) {
    case graph::QuantileMethod::kLower:
      return at(low);
    case graph::QuantileMethod::kHigher:
      return at(high);
    case graph::QuantileMethod::kMidpoint:
      return (at(low) + at(high)) / 2;
    case graph::QuantileMethod::kNearest:
      return at(static_cast<int64_t>(std::nearbyint(place)));
    case graph::QuantileMethod::kLinear:
      break;
  }
  const double share = place - static_cast<double>(low);
  return share == 0 ? at(low) : at(low) * (1 - share) + at(high) * share;
}

void compute_quantile(const Call<graph::Quantile>& call) {
  const int64_t size = call.input_shape(0).back();
  const auto count = static_cast<int64_t>(call.op.q.size());
  const int64_t num_rows = count == 0 ? 0 : hornet::num_elements(call.output_shape(0)) / count;
  auto* sorted = static_cast<float*>(call.scratch);
  const float* x = call.input(0);
  float* y = call.output(0);
  for (int64_t row = 0; row < num_rows; ++row, x += size) {
    // Numbers first, NaN behind them.
    std::copy_n(x, size, sorted);
    const auto numbers_end =
        std::partition(sorted, sorted + size, [](float value) { return !std::isnan(value); });
    std::sort(sorted, numbers_end);
    const int64_t numbers = numbers_end - sorted;
    const bool defined = numbers > 0 && (call.op.skip_nan || numbers == size);
    for (const double q : call.op.q) {
      *y++ = defined ? static_cast<float>(quantile(sorted, numbers, q, call.op.method))
                     : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace

KernelOffer arg_reduce(const KernelRequest& request) {
  const auto& op = static_cast<const graph::ArgReduce&>(request.op);
  const Shape& x = request.inputs[0].shape;
  const int64_t size = x[static_cast<size_t>(op.axis)];
  if (size == 0 && hornet::num_elements(request.outputs[0].shape) > 0) {
    return refuse("the place of the largest of no elements: input is " + hornet::to_string(x));
  }
  if (size > std::numeric_limits<int32_t>::max()) return refuse("places beyond int32");
  return offer<graph::ArgReduce>(request, compute_arg_reduce);
}

KernelOffer sort(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Sort&>(request.op);
  const int64_t size = request.inputs[0].shape[static_cast<size_t>(op.axis)];
  if (size > std::numeric_limits<int32_t>::max()) return refuse("places beyond int32");
  return offer<graph::Sort>(request, compute_sort, {}, static_cast<size_t>(size) * sizeof(int32_t));
}

KernelOffer take_along(const KernelRequest& request) {
  return offer<graph::TakeAlong>(request, compute_take_along);
}

KernelOffer scatter(const KernelRequest& request) {
  if (request.inputs[0].dtype == DType::kBool &&
      static_cast<const graph::Scatter&>(request.op).kind != graph::ScatterKind::set) {
    return refuse("combining bool");
  }
  return offer<graph::Scatter>(request, compute_scatter, {0});
}

KernelOffer slice_at(const KernelRequest& request) {
  return offer<graph::SliceAt>(request, compute_slice_at);
}

KernelOffer update_at(const KernelRequest& request) {
  return offer<graph::UpdateAt>(request, compute_update_at);
}

KernelOffer roll(const KernelRequest& request) { return offer<graph::Roll>(request, compute_roll); }

KernelOffer diagonal(const KernelRequest& request) {
  return offer<graph::Diagonal>(request, compute_diagonal);
}

KernelOffer cumulative(const KernelRequest& request) {
  if (request.inputs[0].dtype == DType::kBool) return refuse("sums of bool");
  return offer<graph::Cumulative>(request, compute_cumulative, {0});
}

KernelOffer quantile(const KernelRequest& request) {
  if (const auto* type = other_than_float(request, 1)) {
    return refuse("quantiles of " + graph::to_string(*type));
  }
  const auto size = static_cast<size_t>(request.inputs[0].shape.back());
  return offer<graph::Quantile>(request, compute_quantile, {}, size * sizeof(float));
}

}  // namespace hornet::kernels::reference
