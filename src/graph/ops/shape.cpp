#include "graph/ops/shape.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {

std::vector<TensorType> Reshape::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  Shape out;
  int inferred = -1;
  for (size_t i = 0; i < target.size(); ++i) {
    const TargetDim& dim = target[i];
    switch (dim.kind) {
      case TargetDim::Kind::kFixed:
        out.push_back(dim.value);
        break;
      case TargetDim::Kind::kCopied:
        out.push_back(
            inputs[static_cast<size_t>(dim.input)].shape.at(static_cast<size_t>(dim.value)));
        break;
      case TargetDim::Kind::kInferred:
        HORNET_CHECK(inferred < 0);
        inferred = static_cast<int>(i);
        out.push_back(1);
        break;
    }
  }
  // Unknown dimensions copied from the data itself stand on both sides and cancel.
  Shape source = x, rest = out;
  for (const TargetDim& dim : target) {
    if (dim.kind != TargetDim::Kind::kCopied || dim.input != 0) continue;
    int64_t& from = source[static_cast<size_t>(dim.value)];
    const auto to = std::find(rest.begin(), rest.end(), from);
    if (from == kUnknownDim && to != rest.end()) {
      from = 1;
      *to = 1;
    }
  }
  const int64_t have = product(source, 0, source.size()), want = product(rest, 0, rest.size());
  if (inferred >= 0) {
    int64_t& dim = out[static_cast<size_t>(inferred)];
    if (have == kUnknownDim || want == kUnknownDim) {
      dim = kUnknownDim;
    } else {
      require(want > 0 ? have % want == 0 : have == 0, ErrorCode::kShapeMismatch,
              "{} cannot be reshaped to {}", hornet::to_string(x), attributes());
      dim = want > 0 ? have / want : 0;
    }
  } else {
    require(have == kUnknownDim || want == kUnknownDim || have == want, ErrorCode::kShapeMismatch,
            "{} cannot be reshaped to {}", hornet::to_string(x), hornet::to_string(out));
  }
  return {{inputs[0].dtype, out}};
}

std::string Reshape::attributes() const {
  std::string text;
  for (const TargetDim& dim : target) {
    if (!text.empty()) text += ",";
    switch (dim.kind) {
      case TargetDim::Kind::kFixed:
        text += std::to_string(dim.value);
        break;
      case TargetDim::Kind::kInferred:
        text += "?";
        break;
      case TargetDim::Kind::kCopied:
        text += (dim.input == 0 ? "=" : "like") + std::to_string(dim.value);
        break;
    }
  }
  return "[" + text + "]";
}

std::vector<TensorType> Transpose::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  std::vector<int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  bool valid = sorted.size() == x.size();
  for (size_t i = 0; valid && i < sorted.size(); ++i) valid = sorted[i] == static_cast<int64_t>(i);
  require(valid, ErrorCode::kShapeMismatch, "permutation {} does not fit {}", attributes(),
          hornet::to_string(x));
  Shape out;
  for (const int64_t axis : permutation) out.push_back(x[static_cast<size_t>(axis)]);
  return {{inputs[0].dtype, out}};
}

std::string Transpose::attributes() const {
  return fmt::format("order={}", fmt::join(permutation, ","));
}

std::vector<TensorType> Concat::infer(std::span<const TensorType> inputs) const {
  require(!inputs.empty(), ErrorCode::kShapeMismatch, "nothing to concatenate");
  TensorType out = inputs[0];
  const auto along = static_cast<size_t>(normalize_axis(axis, out.shape.size()));
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Shape& x = inputs[i].shape;
    bool fits =
        x.size() == out.shape.size() && storage_dtype(inputs[i].dtype) == storage_dtype(out.dtype);
    for (size_t d = 0; fits && d < x.size(); ++d) {
      fits = d == along || may_equal(x[d], out.shape[d]);
    }
    require(fits, ErrorCode::kShapeMismatch, "{} and {} cannot be concatenated along axis {}",
            to_string(inputs[0]), to_string(inputs[i]), axis);
    for (size_t d = 0; d < x.size(); ++d) {
      int64_t& dim = out.shape[d];
      if (d == along) {
        dim = dim == kUnknownDim || x[d] == kUnknownDim ? kUnknownDim : (Size(dim) + x[d]).value();
      } else {
        dim = std::max(dim, x[d]);
      }
    }
  }
  return {out};
}

std::string Concat::attributes() const { return fmt::format("axis={}", axis); }

Slice::Resolved Slice::resolve(size_t axis, int64_t size) const {
  const Range& range = ranges[axis];
  const bool forward = range.step > 0;
  const auto bound = [&](std::optional<int64_t> given, int64_t absent) {
    if (!given) return absent;
    const int64_t value = *given < 0 ? *given + size : *given;
    return forward ? std::clamp<int64_t>(value, 0, size) : std::clamp<int64_t>(value, -1, size - 1);
  };
  const int64_t start = bound(range.start, forward ? 0 : size - 1);
  const int64_t stop = bound(range.stop, forward ? size : -1);
  const int64_t distance = forward ? stop - start : start - stop;
  if (distance <= 0) return {start, 0};
  // Not -step: the least number has no opposite.
  const int64_t steps = forward ? (distance - 1) / range.step : -((distance - 1) / range.step);
  return {start, steps + 1};
}

bool Slice::mixes(size_t, size_t axis, std::span<const TensorType> inputs) const {
  const int64_t size = inputs[0].shape[axis];
  const Resolved all = resolve(axis, size);
  return ranges[axis].step != 1 || all.start != 0 || all.count != size;
}

std::vector<TensorType> Slice::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  require(ranges.size() == x.size(), ErrorCode::kShapeMismatch, "{} slices of {}", ranges.size(),
          hornet::to_string(x));
  Shape out;
  for (size_t i = 0; i < x.size(); ++i) {
    const Range& range = ranges[i];
    require(range.step != 0, ErrorCode::kShapeMismatch, "a slice with step 0");
    const bool whole = !range.start && !range.stop && (range.step == 1 || range.step == -1);
    out.push_back(x[i] == kUnknownDim ? kUnknownDim : whole ? x[i] : resolve(i, x[i]).count);
  }
  return {{inputs[0].dtype, out}};
}

std::string Slice::attributes() const {
  std::string text;
  for (const Range& range : ranges) {
    if (!text.empty()) text += ",";
    if (range.start) text += std::to_string(*range.start);
    text += ":";
    if (range.stop) text += std::to_string(*range.stop);
    if (range.step != 1) text += ":" + std::to_string(range.step);
  }
  return "[" + text + "]";
}

std::vector<TensorType> Pad::infer(std::span<const TensorType> inputs) const {
  Shape out = inputs[0].shape;
  require(before.size() == out.size() && after.size() == out.size(), ErrorCode::kShapeMismatch,
          "padding of {} dimensions for {}", before.size(), hornet::to_string(out));
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == kUnknownDim) continue;
    const int64_t size = out[i];
    out[i] = (Size(size) + before[i] + after[i]).value();
    // Neither side crops more than there is, or the copies would begin outside.
    require(out[i] >= 0 && before[i] >= -size && after[i] >= -size, ErrorCode::kShapeMismatch,
            "padding by {} and {} cells of {} in dimension {}", before[i], after[i], size, i);
  }
  return {{inputs[0].dtype, out}};
}

std::string Pad::attributes() const {
  static constexpr const char* kModes[] = {"constant", "reflect", "symmetric", "edge"};
  return fmt::format("{} {}/{}", kModes[static_cast<int>(mode)], fmt::join(before, ","),
                     fmt::join(after, ","));
}

std::vector<TensorType> Gather::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  const auto along = static_cast<size_t>(normalize_axis(axis, x.size()));
  require(is_integer(inputs[1].dtype), ErrorCode::kShapeMismatch,
          "indices are {}; expected integers", to_string(inputs[1]));
  Shape out(x.begin(), x.begin() + static_cast<int64_t>(along));
  out.insert(out.end(), inputs[1].shape.begin(), inputs[1].shape.end());
  out.insert(out.end(), x.begin() + static_cast<int64_t>(along) + 1, x.end());
  return {{inputs[0].dtype, out}};
}

std::string Gather::attributes() const { return fmt::format("axis={}", axis); }

std::vector<TensorType> Positions::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  return {{DType::kInt32, {x[static_cast<size_t>(normalize_axis(axis, x.size()))]}}};
}

std::string Positions::attributes() const { return fmt::format("axis={}", axis); }

std::vector<TensorType> BroadcastTo::infer(std::span<const TensorType> inputs) const {
  const Shape& x = inputs[0].shape;
  Shape out = target;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] != kUnknownDim) continue;
    if (inputs.size() > 1) {
      out[i] = inputs[1].shape.at(i);
    } else if (const size_t missing = out.size() - x.size(); i >= missing) {
      out[i] = x[i - missing];
    }
  }
  require(broadcast(x, out).size() == out.size(), ErrorCode::kShapeMismatch,
          "{} cannot be broadcast to {}", hornet::to_string(x), hornet::to_string(out));
  return {{inputs[0].dtype, broadcast(x, out)}};
}

}  // namespace hornet::graph
