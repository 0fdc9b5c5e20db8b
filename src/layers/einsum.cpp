#include "layers/einsum.h"

#include <algorithm>

#include "base/check.h"
#include "graph/ops/linear_algebra.h"

namespace hornet::layers {
namespace {

using graph::TargetDim;

bool has(const std::string& labels, char label) { return labels.find(label) != labels.npos; }

bool is_permutation_of(const std::string& a, const std::string& b) {
  return a.size() == b.size() && std::is_permutation(a.begin(), a.end(), b.begin());
}

// x, whose dimensions are labelled `from`, in the order `to`.
ValueId reorder(const Builder& b, ValueId x, const std::string& from, const std::string& to) {
  if (from == to) return x;
  std::vector<int64_t> order;
  for (const char label : to) order.push_back(static_cast<int64_t>(from.find(label)));
  return b.transpose(x, order);
}

// What the labels of an equation are to a product of two matrices.
struct Roles {
  std::string kept;    // of the input alone
  std::string summed;  // of input and kernel
  std::string made;    // of the kernel alone
  bool is_contraction = true;
};

Roles roles_of(const Equation& equation) {
  Roles roles;
  for (const char label : equation.output) {
    const bool in_input = has(equation.input, label), in_kernel = has(equation.kernel, label);
    if (in_input == in_kernel) roles.is_contraction = false;
    (in_input ? roles.kept : roles.made) += label;
  }
  roles.summed = equation.contracted();
  roles.is_contraction = roles.is_contraction && !roles.summed.empty() && !roles.made.empty() &&
                         !roles.kept.empty() &&
                         is_permutation_of(equation.input, roles.kept + roles.summed) &&
                         is_permutation_of(equation.kernel, roles.summed + roles.made);
  return roles;
}

}  // namespace

std::string Equation::contracted() const {
  std::string labels;
  for (const char label : kernel) {
    if (has(input, label) && !has(output, label)) labels += label;
  }
  return labels;
}

Equation parse_equation(const LayerContext& layer, const std::string& text, size_t rank) {
  const auto fail_equation = [&] {
    layer.attributes().fail_key("equation",
                                "two operands and a result of letters, such as ab,bc->ac");
  };
  std::string compact;
  for (const char c : text) {
    if (c != ' ') compact += c;
  }
  const size_t comma = compact.find(','), arrow = compact.find("->");
  if (comma == compact.npos || arrow == compact.npos || comma > arrow) fail_equation();
  Equation equation;
  std::string input = compact.substr(0, comma), output = compact.substr(arrow + 2);
  equation.kernel = compact.substr(comma + 1, arrow - comma - 1);

  constexpr std::string_view kDots = "...";
  equation.elided_at_front = input.starts_with(kDots);
  const bool has_dots = equation.elided_at_front || input.ends_with(kDots);
  if (has_dots) {
    if (equation.elided_at_front ? !output.starts_with(kDots) : !output.ends_with(kDots)) {
      fail_equation();
    }
    for (std::string* side : {&input, &output}) {
      side->erase(equation.elided_at_front ? 0 : side->size() - kDots.size(), kDots.size());
    }
  }
  for (const std::string* side : {&input, &output, &equation.kernel}) {
    const bool letters = std::all_of(side->begin(), side->end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (!letters) fail_equation();
  }
  if (input.size() > rank || (!has_dots && input.size() != rank)) {
    layer.fail_invalid(
        fmt::format("its input has {} dimensions; expected those of equation \"{}\"", rank, text));
  }
  for (const std::string* side : {&output, &equation.kernel}) {
    const std::string& other = side == &output ? equation.kernel : output;
    for (const char label : *side) {
      if (!has(input, label) && !has(other, label)) fail_equation();
    }
  }
  equation.elided = rank - input.size();
  std::string elided;
  for (size_t i = 0; i < equation.elided; ++i) elided += static_cast<char>('0' + i);
  equation.input = equation.elided_at_front ? elided + input : input + elided;
  equation.output = equation.elided_at_front ? elided + output : output + elided;
  return equation;
}

ValueId contract(const Builder& b, const Equation& equation, ValueId x, ValueId kernel,
                 ValueId bias) {
  const Roles roles = roles_of(equation);
  if (!roles.is_contraction) {
    const ValueId sum = b.op<graph::Einsum>(
        {x, kernel}, std::vector<std::string>{equation.input, equation.kernel}, equation.output);
    return bias == kNoValue ? sum : b.binary(BinaryKind::add, sum, bias);
  }
  const ValueId data = reorder(b, x, equation.input, roles.kept + roles.summed);
  const ValueId weights = reorder(b, kernel, equation.kernel, roles.summed + roles.made);
  const Shape kernel_shape = b.shape(weights);
  const auto middle = kernel_shape.begin() + static_cast<int64_t>(roles.summed.size());
  const Shape made(middle, kernel_shape.end());
  const int64_t rows = num_elements({kernel_shape.begin(), middle}), columns = num_elements(made);

  // A bias with one number for each column goes into the product.
  const bool made_is_last = equation.output.ends_with(roles.made);
  const bool fuses = bias != kNoValue && made_is_last && b.shape(bias) == made;
  const ValueId flat_bias = fuses ? b.reshape(bias, {TargetDim::fixed(columns)}) : kNoValue;
  const ValueId product = b.op<graph::Contraction>(
      {b.reshape_keeping(data, roles.kept.size(), {rows}),
       b.reshape(weights, {TargetDim::fixed(rows), TargetDim::fixed(columns)}), flat_bias});
  ValueId y = b.reshape_keeping(product, roles.kept.size(), made);
  y = reorder(b, y, roles.kept + roles.made, equation.output);
  return bias == kNoValue || fuses ? y : b.binary(BinaryKind::add, y, bias);
}

}  // namespace hornet::layers
