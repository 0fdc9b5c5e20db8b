#include "graph/ops/linear_algebra.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

constexpr std::string_view kLinalgNames[] = {
#define X(name) #name,
    HORNET_LINALG_KINDS(X)
#undef X
};

void require_square(const Shape& a) {
  require(may_equal(a[a.size() - 1], a[a.size() - 2]), ErrorCode::kShapeMismatch,
          "the input is {}; expected square matrices", hornet::to_string(a));
}

int64_t smaller(int64_t m, int64_t n) {
  return m == kUnknownDim || n == kUnknownDim ? kUnknownDim : std::min(m, n);
}

// Size of each label over all operands.
std::map<char, int64_t> label_sizes(const Einsum& op, std::span<const TensorType> inputs) {
  std::map<char, int64_t> sizes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = inputs[i].shape;
    require(shape.size() == op.operands[i].size(), ErrorCode::kShapeMismatch,
            "operand {} of einsum is {}; expected {} dimensions for \"{}\"", i,
            hornet::to_string(shape), op.operands[i].size(), op.operands[i]);
    for (size_t d = 0; d < shape.size(); ++d) {
      const auto [found, added] = sizes.emplace(op.operands[i][d], shape[d]);
      if (!added) found->second = broadcast({found->second}, {shape[d]})[0];
    }
  }
  return sizes;
}

}  // namespace

std::string_view to_string(LinalgKind kind) { return kLinalgNames[static_cast<size_t>(kind)]; }

std::vector<TensorType> Linalg::infer(std::span<const TensorType> inputs) const {
  const Shape& a = inputs[0].shape;
  const DType dtype = inputs[0].dtype;
  require(a.size() >= 2, ErrorCode::kShapeMismatch, "the input is {}; expected matrices",
          hornet::to_string(a));
  const int64_t m = a[a.size() - 2], n = a[a.size() - 1], k = smaller(m, n);
  const Shape batch(a.begin(), a.end() - 2);
  const auto shape = [&](std::initializer_list<int64_t> dims) {
    Shape result = batch;
    result.insert(result.end(), dims);
    return result;
  };
  switch (kind) {
    case LinalgKind::cholesky:
    case LinalgKind::cholesky_inverse:
    case LinalgKind::inverse:
      require_square(a);
      return {inputs[0]};
    case LinalgKind::det:
      require_square(a);
      return {{dtype, batch}};
    case LinalgKind::slogdet:
      require_square(a);
      return {{dtype, batch}, {dtype, batch}};
    case LinalgKind::solve:
    case LinalgKind::solve_triangular:
      require_square(a);
      [[fallthrough]];
    case LinalgKind::least_squares: {
      const Shape& b = inputs[1].shape;
      bool fits = b.size() == a.size();
      for (size_t i = 0; fits && i + 1 < a.size(); ++i) fits = may_equal(a[i], b[i]);
      require(fits, ErrorCode::kShapeMismatch, "the matrices are {}, the right sides {}",
              hornet::to_string(a), hornet::to_string(b));
      return {{dtype, shape({n, b.back()})}};
    }
    case LinalgKind::lu:
      return {inputs[0], {DType::kInt32, shape({k})}};
    case LinalgKind::qr:
      if (flag) return {{dtype, shape({m, m})}, inputs[0]};
      return {{dtype, shape({m, k})}, {dtype, shape({k, n})}};
    case LinalgKind::eigh:
      require_square(a);
      return {{dtype, shape({n})}, inputs[0]};
    case LinalgKind::svd:
      return {{dtype, shape({m, flag ? m : k})},
              {dtype, shape({k})},
              {dtype, shape({flag ? n : k, n})}};
    case LinalgKind::singular_values:
      return {{dtype, shape({k})}};
  }
  fail(ErrorCode::kInternal, "unknown kind");
}

std::string Linalg::attributes() const {
  return std::string(graph::to_string(kind)) + (flag ? " flag" : "");
}

std::vector<TensorType> Einsum::infer(std::span<const TensorType> inputs) const {
  HORNET_CHECK(inputs.size() == operands.size() && !inputs.empty());
  const std::map<char, int64_t> sizes = label_sizes(*this, inputs);
  Shape out;
  for (const char label : output) {
    const auto found = sizes.find(label);
    require(found != sizes.end(), ErrorCode::kShapeMismatch,
            "einsum {}: no operand has the label {}", attributes(), label);
    out.push_back(found->second);
  }
  return {{inputs[0].dtype, out}};
}

std::string Einsum::attributes() const {
  return fmt::format("{}->{}", fmt::join(operands, ","), output);
}

double Einsum::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  double count = static_cast<double>(inputs.size());
  for (const auto& [label, size] : label_sizes(*this, inputs)) count *= static_cast<double>(size);
  return count;
}

}  // namespace hornet::graph
