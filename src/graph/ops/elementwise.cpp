#include "graph/ops/elementwise.h"

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

constexpr std::string_view kUnaryNames[] = {
#define X(name) #name,
    HORNET_UNARY_KINDS(X)
#undef X
};
constexpr std::string_view kBinaryNames[] = {
#define X(name) #name,
    HORNET_BINARY_KINDS(X)
#undef X
};

bool gives_bool(UnaryKind kind) {
  return kind == UnaryKind::logical_not || kind >= UnaryKind::isnan;
}

bool gives_bool(BinaryKind kind) {
  return kind >= BinaryKind::equal && kind <= BinaryKind::logical_xor;
}

double num_outputs(std::span<const TensorType> outputs) {
  return static_cast<double>(num_elements(outputs[0].shape));
}

void require_same_dtype(const TensorType& x, const TensorType& y) {
  require(storage_dtype(x.dtype) == storage_dtype(y.dtype), ErrorCode::kShapeMismatch,
          "operands are {} and {}; expected one type", to_string(x), to_string(y));
}

}  // namespace

std::string_view to_string(UnaryKind kind) { return kUnaryNames[static_cast<size_t>(kind)]; }
std::string_view to_string(BinaryKind kind) { return kBinaryNames[static_cast<size_t>(kind)]; }

std::string UnaryFunction::to_string() const {
  std::string text{graph::to_string(kind)};
  if (a != 0 || b != 0 || c != 0) text += fmt::format("({},{},{})", a, b, c);
  return text;
}

std::vector<TensorType> Unary::infer(std::span<const TensorType> inputs) const {
  return {{gives_bool(function.kind) ? DType::kBool : inputs[0].dtype, inputs[0].shape}};
}

double Unary::flops(std::span<const TensorType>, std::span<const TensorType> outputs) const {
  return num_outputs(outputs);
}

std::vector<TensorType> Binary::infer(std::span<const TensorType> inputs) const {
  require_same_dtype(inputs[0], inputs[1]);
  return {{gives_bool(kind) ? DType::kBool : inputs[0].dtype,
           broadcast(inputs[0].shape, inputs[1].shape)}};
}

std::string Binary::attributes() const {
  std::string text{graph::to_string(kind)};
  if (!activation.is_identity()) text += " " + activation.to_string();
  return text;
}

double Binary::flops(std::span<const TensorType>, std::span<const TensorType> outputs) const {
  return num_outputs(outputs);
}

std::vector<TensorType> Select::infer(std::span<const TensorType> inputs) const {
  require(inputs[0].dtype == DType::kBool, ErrorCode::kShapeMismatch,
          "the condition is {}; expected bool", to_string(inputs[0]));
  require_same_dtype(inputs[1], inputs[2]);
  return {
      {inputs[1].dtype, broadcast(inputs[0].shape, broadcast(inputs[1].shape, inputs[2].shape))}};
}

std::vector<TensorType> Cast::infer(std::span<const TensorType> inputs) const {
  return {{dtype, inputs[0].shape}};
}

}  // namespace hornet::graph
