#include "graph/ops/lookup.h"

#include "base/check.h"
#include "graph/dims.h"

namespace hornet::graph {
namespace {

void require_integers(const TensorType& x) {
  require(is_integer(x.dtype), ErrorCode::kShapeMismatch, "the input is {}; expected integers",
          to_string(x));
}

}  // namespace

std::vector<TensorType> Lookup::infer(std::span<const TensorType> inputs) const {
  require_integers(inputs[0]);
  const Shape& keys = input_of_rank(inputs, 1, 1, "keys").shape;
  const Shape& values = input_of_rank(inputs, 2, 1, "values").shape;
  require(keys == values && inputs[1].dtype == DType::kInt64 && inputs[2].dtype == DType::kInt64,
          ErrorCode::kShapeMismatch, "keys are {}, values {}; expected as many int64 each",
          to_string(inputs[1]), to_string(inputs[2]));
  return {{DType::kInt64, inputs[0].shape}};
}

std::string Lookup::attributes() const { return fmt::format("absent={}+{}", absent, num_absent); }

std::vector<TensorType> HashIntegers::infer(std::span<const TensorType> inputs) const {
  require_integers(inputs[0]);
  return {{DType::kInt64, inputs[0].shape}};
}

std::string HashIntegers::attributes() const {
  return fmt::format("bins={}{}", num_bins, key ? " siphash" : "");
}

}  // namespace hornet::graph
