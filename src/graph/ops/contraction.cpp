#include "graph/ops/contraction.h"

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

std::string transposed(const char* name, bool transpose) {
  return std::string(name) + (transpose ? "^T" : "");
}

}  // namespace

std::vector<TensorType> Contraction::infer(std::span<const TensorType> inputs) const {
  const TensorType& weights = input_of_rank(inputs, 1, 2, "kernel");
  const Shape& x = inputs[0].shape;
  require(!x.empty() && may_equal(x.back(), weights.shape[0]), ErrorCode::kShapeMismatch,
          "kernel is {}; expected [{}, ...] for input {}", hornet::to_string(weights.shape),
          x.empty() ? 0 : x.back(), hornet::to_string(x));
  Shape out = x;
  out.back() = weights.shape[1];
  return {{inputs[0].dtype, out}};
}

double Contraction::flops(std::span<const TensorType> inputs,
                          std::span<const TensorType> outputs) const {
  return 2.0 * static_cast<double>(num_elements(outputs[0].shape)) *
         static_cast<double>(inputs[1].shape[0]);
}

std::vector<TensorType> MatMul::infer(std::span<const TensorType> inputs) const {
  Shape a = inputs[0].shape, b = inputs[1].shape;
  require(a.size() >= 2 && b.size() >= 2, ErrorCode::kShapeMismatch,
          "matrix product of {} and {}; expected at least 2 dimensions each", hornet::to_string(a),
          hornet::to_string(b));
  if (transpose_a) std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (transpose_b) std::swap(b[b.size() - 1], b[b.size() - 2]);
  require(may_equal(a.back(), b[b.size() - 2]), ErrorCode::kShapeMismatch,
          "matrix product of {} and {}: inner dimensions {} and {} differ",
          hornet::to_string(inputs[0].shape), hornet::to_string(inputs[1].shape), a.back(),
          b[b.size() - 2]);
  const int64_t rows = a[a.size() - 2], columns = b.back();
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  Shape out = broadcast(a, b);
  out.push_back(rows);
  out.push_back(columns);
  return {{inputs[0].dtype, out}};
}

std::string MatMul::attributes() const {
  return transposed("a", transpose_a) + " " + transposed("b", transpose_b);
}

double MatMul::flops(std::span<const TensorType> inputs,
                     std::span<const TensorType> outputs) const {
  const Shape& a = inputs[0].shape;
  return 2.0 * static_cast<double>(num_elements(outputs[0].shape)) *
         static_cast<double>(transpose_a ? a[a.size() - 2] : a.back());
}

std::vector<TensorType> Attention::infer(std::span<const TensorType> inputs) const {
  const Shape& q = input_of_rank(inputs, 0, 4, "query").shape;
  const Shape& k = input_of_rank(inputs, 1, 4, "key").shape;
  const Shape& v = input_of_rank(inputs, 2, 4, "value").shape;
  require(may_equal(q[3], k[3]) && may_equal(k[1], v[1]) && may_equal(k[2], v[2]) && k[2] > 0 &&
              q[2] % k[2] == 0,
          ErrorCode::kShapeMismatch, "query is {}, key {}, value {}: they do not fit",
          hornet::to_string(q), hornet::to_string(k), hornet::to_string(v));
  return {{inputs[0].dtype, {q[0], q[1], q[2], v[3]}}, {inputs[0].dtype, {q[0], q[2], q[1], k[1]}}};
}

std::string Attention::attributes() const {
  std::string text = fmt::format("scale={:.6g}", scale);
  if (causal) text += " causal";
  if (window > 0) text += fmt::format(" window={}", window);
  if (zero_hidden) text += " zero_hidden";
  return text;
}

double Attention::flops(std::span<const TensorType> inputs, std::span<const TensorType>) const {
  const Shape &q = inputs[0].shape, &v = inputs[2].shape;
  return 2.0 * static_cast<double>(q[0] * q[1] * q[2] * v[1]) * static_cast<double>(q[3] + v[3]);
}

}  // namespace hornet::graph
