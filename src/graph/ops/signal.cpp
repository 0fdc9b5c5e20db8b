#include "graph/ops/signal.h"

#include <algorithm>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {

int64_t Fft::transform_length(int64_t size) const {
  if (length > 0) return length;
  return kind == Kind::kRealInverse ? 2 * (size - 1) : size;
}

std::vector<TensorType> Fft::infer(std::span<const TensorType> inputs) const {
  Shape out = inputs[0].shape;
  require(!out.empty(), ErrorCode::kShapeMismatch, "the transform of a single number");
  if (inputs.size() > 1 && !inputs[1].shape.empty()) {
    const Shape& imaginary = inputs[1].shape;
    bool fits = imaginary.size() == out.size();
    for (size_t i = 0; fits && i < out.size(); ++i) fits = may_equal(out[i], imaginary[i]);
    require(fits, ErrorCode::kShapeMismatch, "real parts are {}, imaginary parts {}",
            hornet::to_string(out), hornet::to_string(imaginary));
  }
  if (out.back() != kUnknownDim || length > 0) {
    const int64_t n = transform_length(out.back());
    require(n > 0, ErrorCode::kShapeMismatch, "the transform of {}", hornet::to_string(out));
    out.back() = kind == Kind::kReal ? n / 2 + 1 : n;
  }
  const TensorType type{inputs[0].dtype, out};
  return {type, type};
}

std::string Fft::attributes() const {
  constexpr std::string_view kNames[] = {"forward", "inverse", "real", "real_inverse"};
  return fmt::format("{}{}", kNames[static_cast<size_t>(kind)],
                     length > 0 ? fmt::format(" n={}", length) : "");
}

}  // namespace hornet::graph
