#include "keras/legacy_conversion.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/check.h"

namespace hornet::keras {
namespace {

using Axes = std::vector<size_t>;

// dst[i] = src[source_of(i)] for whole elements of any type.
template <class SourceOf>
Tensor gather(const Tensor& src, const Shape& shape, SourceOf source_of) {
  Tensor dst(src.dtype(), shape);
  const size_t size = size_of(src.dtype());
  const auto* from = static_cast<const std::byte*>(src.data());
  auto* to = static_cast<std::byte*>(dst.mutable_data());
  const int64_t count = dst.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + static_cast<size_t>(i) * size, from + static_cast<size_t>(source_of(i)) * size,
                size);
  }
  return dst;
}

Shape permuted(const Shape& shape, const Axes& axes) {
  Shape result;
  for (const size_t axis : axes) result.push_back(shape[axis]);
  return result;
}

Tensor transpose(const Tensor& src, const Axes& axes) {
  const Shape shape = permuted(src.shape(), axes);
  Shape strides(shape.size(), 1);
  for (size_t i = strides.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * src.shape()[i + 1];
  return gather(src, shape, [&](int64_t index) {
    int64_t source = 0;
    for (size_t axis = shape.size(); axis-- > 0;) {
      source += index % shape[axis] * strides[axes[axis]];
      index /= shape[axis];
    }
    return source;
  });
}

// Turns all dimensions but the last two around.
Tensor flip_spatial(const Tensor& kernel) {
  const Shape& shape = kernel.shape();
  const int64_t inner = shape[shape.size() - 1] * shape[shape.size() - 2];
  const int64_t outer = inner == 0 ? 0 : kernel.num_elements() / inner;
  return gather(kernel, shape,
                [&](int64_t i) { return (outer - 1 - i / inner) * inner + i % inner; });
}

Tensor reshaped(const Tensor& src, const Shape& shape) {
  return gather(src, shape, [](int64_t i) { return i; });
}

// --- gates

// The slots of one recurrent cell: kernel, recurrent_kernel and perhaps bias, from `first` on.
struct Cell {
  size_t first = 0;
  int64_t units = 0;
  int64_t num_gates = 0;
};

std::optional<Cell> cell_at(const std::vector<const WeightSlot*>& wanted, size_t first) {
  if (wanted.size() - first < 3) return std::nullopt;
  const WeightSlot &kernel = *wanted[first], &recurrent = *wanted[first + 1],
                   &bias = *wanted[first + 2];
  const bool named =
      kernel.name == "kernel" && recurrent.name == "recurrent_kernel" && bias.name == "bias";
  if (!named || kernel.shape.size() != recurrent.shape.size() || recurrent.shape.size() < 2) {
    return std::nullopt;
  }
  const int64_t units = recurrent.shape[recurrent.shape.size() - 2];
  if (units <= 0 || recurrent.shape.back() % units != 0) return std::nullopt;
  return Cell{first, units, recurrent.shape.back() / units};
}

// Where Keras 1 put a gate of today's order: LSTM i, f, c, o from i, c, f, o; GRU z, r, h as is.
const std::vector<size_t>* keras1_gates(const Cell& cell) {
  static const std::vector<size_t> lstm = {0, 2, 1, 3};
  static const std::vector<size_t> gru = {0, 1, 2};
  if (cell.num_gates == 4) return &lstm;
  return cell.num_gates == 3 ? &gru : nullptr;
}

// Joins arrays along their last dimension; nullopt where they do not fit.
std::optional<Tensor> concatenate(const std::vector<Tensor>& parts) {
  const Tensor& first = parts.front();
  if (first.shape().empty()) return std::nullopt;
  for (const Tensor& part : parts) {
    if (part.shape() != first.shape() || part.dtype() != first.dtype()) return std::nullopt;
  }
  Shape shape = first.shape();
  const int64_t width = shape.back();
  shape.back() *= static_cast<int64_t>(parts.size());
  Tensor joined(first.dtype(), shape);
  const size_t row_bytes = static_cast<size_t>(width) * size_of(first.dtype());
  const size_t num_rows = row_bytes == 0 ? 0 : first.num_bytes() / row_bytes;
  auto* to = static_cast<std::byte*>(joined.mutable_data());
  for (size_t row = 0; row < num_rows; ++row) {
    for (const Tensor& part : parts) {
      std::memcpy(to, static_cast<const std::byte*>(part.data()) + row * row_bytes, row_bytes);
      to += row_bytes;
    }
  }
  return joined;
}

// Appends kernel, recurrent kernel and bias made of the gates that start at `at`.
bool append_merged(const std::vector<Tensor>& stored, size_t at, const std::vector<size_t>& gates,
                   std::vector<Tensor>& merged) {
  constexpr size_t kArraysPerGate = 3;
  for (size_t array = 0; array < kArraysPerGate; ++array) {
    std::vector<Tensor> parts;
    for (const size_t gate : gates) parts.push_back(stored[at + gate * kArraysPerGate + array]);
    auto joined = concatenate(parts);
    if (!joined) return false;
    merged.push_back(*std::move(joined));
  }
  return true;
}

// --- cuDNN

// Column block `gate` of a [rows, gates * units] kernel, transposed: element (row, unit) of the
// result comes from source_of(row, unit) in the block.
template <class SourceOf>
Tensor convert_gates(const Tensor& kernel, int64_t units, SourceOf source_of) {
  const int64_t width = kernel.shape()[1];
  return gather(kernel, kernel.shape(), [&](int64_t i) {
    const int64_t row = i / width, gate = i % width / units, unit = i % units;
    const auto [source_row, source_unit] = source_of(row, unit);
    return source_row * width + gate * units + source_unit;
  });
}

using Place = std::pair<int64_t, int64_t>;

// cuDNN keeps each gate's kernel as [units, rows] in the memory of a [rows, units] one.
Tensor convert_cudnn_kernel(const Tensor& kernel, int64_t units) {
  const int64_t rows = kernel.shape()[0];
  return convert_gates(kernel, units, [&](int64_t row, int64_t unit) {
    const int64_t flat = unit * rows + row;
    return Place(flat / units, flat % units);
  });
}

Tensor convert_cudnn_recurrent(const Tensor& kernel, int64_t units) {
  return convert_gates(kernel, units, [](int64_t row, int64_t unit) { return Place(unit, row); });
}

// cuDNN has two biases where the LSTM has their sum.
Tensor sum_of_halves(const Tensor& bias) {
  const int64_t count = bias.num_elements() / 2;
  std::vector<double> values(static_cast<size_t>(count) * 2);
  convert_elements(bias.dtype(), bias.data(), DType::kFloat64, values.data(), count * 2);
  for (int64_t i = 0; i < count; ++i) {
    values[static_cast<size_t>(i)] += values[static_cast<size_t>(i + count)];
  }
  Tensor sum(bias.dtype(), {count});
  convert_elements(DType::kFloat64, values.data(), bias.dtype(), sum.mutable_data(), count);
  return sum;
}

bool is_cudnn(const Cell& cell, const std::vector<const WeightSlot*>& wanted,
              const std::vector<Tensor>& stored) {
  const Shape two_biases = {2 * cell.num_gates * cell.units};
  return (cell.num_gates == 4 || cell.num_gates == 3) &&
         wanted[cell.first + 2]->shape != two_biases &&
         stored[cell.first + 2].shape() == two_biases &&
         stored[cell.first].shape() == wanted[cell.first]->shape &&
         stored[cell.first + 1].shape() == wanted[cell.first + 1]->shape &&
         stored[cell.first].shape().size() == 2;
}

// --- kernels

// The classes whose kernels Keras 2 converts: preprocess_weights_for_loading in
// tf_keras/saving/legacy/hdf5_format.py, and _need_convert_kernel in keras/engine/saving.py of 2.3.
constexpr std::string_view kConvolutions[] = {"Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D",
                                              "ConvLSTM2D"};

// Where Keras 1 put the dimensions of a kernel.
Axes keras1_order(const WeightSlot& slot) {
  if (slot.class_name == "Conv2DTranspose") {
    return slot.channels_first ? Axes{2, 3, 0, 1} : Axes{0, 1, 3, 2};
  }
  if (slot.shape.size() == 5) {
    return slot.channels_first ? Axes{2, 3, 4, 1, 0} : Axes{0, 1, 2, 3, 4};
  }
  return slot.channels_first ? Axes{2, 3, 1, 0} : Axes{0, 1, 2, 3};
}

std::optional<Tensor> reordered(const Tensor& stored, const Shape& shape, const Axes& axes) {
  if (axes.size() != stored.shape().size() || permuted(stored.shape(), axes) != shape) {
    return std::nullopt;
  }
  return std::is_sorted(axes.begin(), axes.end()) ? stored : transpose(stored, axes);
}

// Keras 1 ran one-dimensional convolutions as two-dimensional ones of width 1.
std::optional<Tensor> narrowed(const Tensor& stored, const Shape& shape) {
  const Shape wide = {shape[0], 1, shape[1], shape[2]};
  auto found = reordered(stored, wide, {0, 1, 2, 3});
  if (!found) found = reordered(stored, wide, {2, 3, 1, 0});
  return found ? std::optional(reshaped(*found, shape)) : std::nullopt;
}

Tensor in_todays_order(const Tensor& stored, const WeightSlot& slot, bool keras1) {
  std::optional<Tensor> found;
  if (keras1) {
    found = slot.shape.size() == 3 ? narrowed(stored, slot.shape)
                                   : reordered(stored, slot.shape, keras1_order(slot));
  } else if (stored.shape() != slot.shape) {
    found = reordered(stored, slot.shape, {3, 2, 0, 1});  // Theano's order in a file of Keras 2
  }
  return found ? *std::move(found) : stored;
}

}  // namespace

std::vector<Tensor> merge_gates(std::vector<Tensor> stored,
                                const std::vector<const WeightSlot*>& wanted) {
  if (stored.size() == wanted.size()) return stored;
  std::vector<Tensor> merged;
  size_t at = 0;
  for (size_t i = 0; i < wanted.size();) {
    const auto cell = cell_at(wanted, i);
    const std::vector<size_t>* gates = cell ? keras1_gates(*cell) : nullptr;
    const size_t count = gates ? 3 * gates->size() : 1;
    if (stored.size() - at < count) return stored;
    if (gates == nullptr) {
      merged.push_back(stored[at]);
    } else if (!append_merged(stored, at, *gates, merged)) {
      return stored;
    }
    at += count;
    i += gates ? 3 : 1;
  }
  return at == stored.size() ? merged : stored;
}

void convert_cudnn(const std::vector<const WeightSlot*>& wanted, std::vector<Tensor>& stored) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto cell = cell_at(wanted, i);
    if (!cell || !is_cudnn(*cell, wanted, stored)) continue;
    stored[i] = convert_cudnn_kernel(stored[i], cell->units);
    stored[i + 1] = convert_cudnn_recurrent(stored[i + 1], cell->units);
    Tensor& bias = stored[i + 2];
    bias = cell->num_gates == 4 ? sum_of_halves(bias)
                                : reshaped(bias, {2, cell->num_gates * cell->units});
  }
}

Tensor convert_kernel(const Tensor& stored, const WeightSlot& slot, const LegacyWriter& writer) {
  const bool convolution = (slot.name == "kernel" || slot.name == "recurrent_kernel") &&
                           slot.shape.size() >= 3 && slot.shape.size() <= 5 &&
                           std::find(std::begin(kConvolutions), std::end(kConvolutions),
                                     slot.class_name) != std::end(kConvolutions);
  if (!convolution) return stored;
  const Tensor kernel = in_todays_order(stored, slot, writer.keras1);
  return writer.theano && kernel.shape() == slot.shape ? flip_spatial(kernel) : kernel;
}

}  // namespace hornet::keras
