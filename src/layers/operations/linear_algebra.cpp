// Operations on matrices and sums of products.
#include "graph/ops/linear_algebra.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/check.h"
#include "layers/operations/operation.h"

namespace hornet::layers {
namespace {

using graph::LinalgKind;
using graph::ReduceKind;
using graph::TargetDim;

// Labels of an einsum for dimensions that are not named in the file; files use letters.
std::string labels(int64_t count, char first = '0') {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += static_cast<char>(first + i);
  return text;
}

// What sums of products of the operands are computed in: int8 products become int32.
std::vector<ValueId> factors(const Operation& op, const std::vector<Operand>& operands) {
  DType common = op.common_type(operands);
  if (is_bool(common) || common == DType::kInt8) common = DType::kInt32;
  std::vector<ValueId> values;
  for (const Operand& operand : operands) values.push_back(op.as(operand, common));
  return values;
}

std::pair<ValueId, ValueId> two_factors(const Operation& op) {
  const std::vector<ValueId> values = factors(op, {op.operand(0, "x1"), op.operand(1, "x2")});
  return {values[0], values[1]};
}

// The sum of products over pairs of dimensions, the others side by side.
ValueId contract(const Builder& b, ValueId x, ValueId y, const std::vector<int64_t>& x_axes,
                 const std::vector<int64_t>& y_axes) {
  std::string x_labels = labels(b.rank(x), 'A'), y_labels = labels(b.rank(y), 'a');
  for (size_t i = 0; i < x_axes.size(); ++i) {
    y_labels[static_cast<size_t>(y_axes[i])] = x_labels[static_cast<size_t>(x_axes[i])];
  }
  std::string output;
  for (const char label : x_labels + y_labels) {
    const bool in_both =
        x_labels.find(label) != std::string::npos && y_labels.find(label) != std::string::npos;
    if (!in_both) output += label;
  }
  return einsum(b, {x, y}, {x_labels, y_labels}, output);
}

// The last dimension of x with dimension `axis` of y. A matrix of constants is a contraction.
ValueId contract_last(const Builder& b, ValueId x, ValueId y, int64_t y_axis) {
  if (b.rank(y) == 2 && y_axis == 0 && b.rank(x) > 1) return matrix_product(b, x, y);
  return contract(b, x, y, {b.rank(x) - 1}, {y_axis});
}

ValueId scaled(const Builder& b, ValueId x, ValueId y) { return multiply(b, x, y); }

Symbols results(const std::vector<ValueId>& values) {
  Symbols symbols;
  for (const ValueId value : values) symbols.push_back({value, kNoValue});
  return symbols;
}

ValueId matrix_of(const Operation& op, std::string_view name = "x") {
  const ValueId x = op.build().as_float(op.value(0, name));
  if (op.build().rank(x) < 2) op.fail_invalid("its input has fewer than 2 dimensions");
  return x;
}

// Right sides of equations: vectors are matrices of one column.
struct RightSides {
  ValueId value;
  bool vectors;
};

RightSides right_sides(const Operation& op, ValueId a) {
  const Builder& b = op.build();
  const ValueId y = b.as_float(op.value(1, "b"));
  const bool vectors = b.rank(y) == b.rank(a) - 1;
  return {vectors ? b.expand_dims(y, b.rank(y)) : y, vectors};
}

// The subscripts of an einsum, an ellipsis replaced by labels that letters are not.
class Subscripts {
 public:
  Subscripts(const Operation& op, const std::string& text, const std::vector<ValueId>& values)
      : op_(op) {
    std::string clean;
    for (const char c : text) {
      if (c != ' ') clean += c;
    }
    const size_t arrow = clean.find("->");
    std::string inputs = clean.substr(0, arrow);
    for (size_t at = 0; at != std::string::npos;) {
      const size_t comma = inputs.find(',', at);
      operands.push_back(inputs.substr(at, comma == std::string::npos ? comma : comma - at));
      at = comma == std::string::npos ? comma : comma + 1;
    }
    if (operands.size() != values.size()) {
      op.fail_invalid(fmt::format("einsum \"{}\" of {} operands", text, values.size()));
    }
    for (size_t i = 0; i < operands.size(); ++i) {
      expand(operands[i], op.build().rank(values[i]));
    }
    if (arrow == std::string::npos) {
      output = implicit_output();
    } else {
      output = clean.substr(arrow + 2);
      expand(output, -1);
    }
    check(output);
    for (const std::string& operand : operands) check(operand);
  }

  std::vector<std::string> operands;
  std::string output;

 private:
  // `rank`: of the operand; -1 for the output, whose ellipsis stands for the longest one.
  void expand(std::string& text, int64_t rank) {
    const size_t dots = text.find("...");
    if (dots == std::string::npos) return;
    const int64_t count = rank < 0 ? num_dots_ : rank - static_cast<int64_t>(text.size() - 3);
    if (count < 0 || count > 10) op_.fail_invalid("an ellipsis of an einsum does not fit");
    num_dots_ = std::max(num_dots_, count);
    // Digits count from the last dimension, so that shorter ellipses broadcast.
    std::string digits = labels(count);
    std::reverse(digits.begin(), digits.end());
    text.replace(dots, 3, digits);
  }

  // Without an arrow: the ellipsis, then the letters that occur once, in order.
  std::string implicit_output() const {
    std::string digits = labels(num_dots_), all, once;
    std::reverse(digits.begin(), digits.end());
    for (const std::string& operand : operands) all += operand;
    for (const char label : std::set<char>(all.begin(), all.end())) {
      const bool letter = label < '0' || label > '9';
      if (letter && std::count(all.begin(), all.end(), label) == 1) once += label;
    }
    return digits + once;
  }

  void check(const std::string& text) const {
    for (const char c : text) {
      const bool known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!known) op_.fail_invalid(fmt::format("einsum has the label {}", c));
    }
  }

  const Operation& op_;
  int64_t num_dots_ = 0;
};

}  // namespace

// --- products

Symbols op_matmul(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  auto [x, y] = two_factors(op);
  if (b.rank(x) == 0 || b.rank(y) == 0) op.fail_invalid("an operand is a single number");
  // TensorFlow's function turns its operands itself.
  const auto turn = [&](const char* key, ValueId& operand) {
    if (!op.attributes().boolean(key, false)) return;
    const int64_t rank = b.rank(operand);
    if (rank < 2) op.fail_invalid("an operand to be transposed has fewer than 2 dimensions");
    operand = swap_axes(b, operand, rank - 2, rank - 1);
  };
  turn("transpose_a", x);
  turn("transpose_b", y);
  return one(matrix_product(b, x, y));
}

// NumPy's dot: the last dimension of x with the last but one of y.
Symbols op_dot(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, y] = two_factors(op);
  if (b.rank(x) == 0 || b.rank(y) == 0) return one(scaled(b, x, y));
  return one(contract_last(b, x, y, std::max<int64_t>(b.rank(y) - 2, 0)));
}

Symbols op_inner(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, y] = two_factors(op);
  if (b.rank(x) == 0 || b.rank(y) == 0) return one(scaled(b, x, y));
  return one(contract_last(b, x, y, b.rank(y) - 1));
}

Symbols op_vdot(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, y] = two_factors(op);
  return one(contract(b, flatten_all(b, b.rank(x) == 0 ? b.expand_dims(x, 0) : x),
                      flatten_all(b, b.rank(y) == 0 ? b.expand_dims(y, 0) : y), {0}, {0}));
}

Symbols op_outer(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, y] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const auto flat = [&](ValueId v) {
    return b.rank(v) == 0 ? b.expand_dims(v, 0) : flatten_all(b, v);
  };
  return one(multiply(b, b.expand_dims(flat(x), 1), flat(y)));
}

Symbols op_tensordot(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x, y] = two_factors(op);
  const keras::Value* given = op.attributes().find("axes");
  const auto* list = given == nullptr ? nullptr : given->get_if<keras::List>();
  std::vector<int64_t> x_axes, y_axes;
  if (list == nullptr) {
    const int64_t count = op.attributes().integer("axes", 2);
    for (int64_t i = 0; i < count; ++i) {
      x_axes.push_back(b.axis(i - count, b.rank(x)));
      y_axes.push_back(b.axis(i, b.rank(y)));
    }
  } else {
    if (list->size() != 2) op.attributes().fail_key("axes", "a number, or axes of both operands");
    const auto read = [&](const keras::Value& value, ValueId operand) {
      std::vector<int64_t> axes;
      const auto* items = value.get_if<keras::List>();
      for (const keras::Value& item : items == nullptr ? keras::List{value} : *items) {
        const auto axis = item.integer();
        if (!axis) op.attributes().fail_key("axes", "integers");
        axes.push_back(b.axis(*axis, b.rank(operand)));
      }
      return axes;
    };
    x_axes = read((*list)[0], x);
    y_axes = read((*list)[1], y);
  }
  if (x_axes.size() != y_axes.size()) op.attributes().fail_key("axes", "as many of both operands");
  const bool last = x_axes.size() == 1 && x_axes[0] == b.rank(x) - 1;
  return one(last ? contract_last(b, x, y, y_axes[0]) : contract(b, x, y, x_axes, y_axes));
}

Symbols op_einsum(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  // The subscripts are in the config, or the first argument.
  size_t first = 0;
  std::string text;
  if (op.attributes().has("subscripts")) {
    text = op.attributes().text("subscripts");
  } else {
    const keras::Value* value = call.args.empty() ? nullptr : call.args[0].constant();
    const auto* subscripts = value == nullptr ? nullptr : value->get_if<std::string>();
    if (subscripts == nullptr) op.fail_invalid("it is called without subscripts");
    text = *subscripts;
    first = 1;
  }
  std::vector<Operand> operands;
  for (size_t i = first; i < call.args.size(); ++i) {
    if (call.args.size() == first + 1 && call.args[i].list() != nullptr) {
      operands = op.operands(i, "operands");
    } else {
      operands.push_back(op.to_operand(call.args[i]));
    }
  }
  if (operands.empty()) op.fail_invalid("it is called without operands");
  std::vector<ValueId> values = factors(op, operands);
  Subscripts subscripts(op, text, values);
  std::vector<std::string>& in = subscripts.operands;
  // From left to right, two at a time; labels that nothing later needs are summed over at once.
  while (values.size() > 2) {
    std::string needed = subscripts.output, output;
    for (size_t i = 2; i < in.size(); ++i) needed += in[i];
    for (const char label : in[0] + in[1]) {
      if (needed.find(label) != std::string::npos && output.find(label) == std::string::npos) {
        output += label;
      }
    }
    values[1] = einsum(b, {values[0], values[1]}, {in[0], in[1]}, output);
    in[1] = output;
    values.erase(values.begin());
    in.erase(in.begin());
  }
  // x w with w [k, n] of constants: the contraction has the fast kernels.
  if (values.size() == 2 && in[1].size() == 2 && in[0].size() > 1 && in[0].back() == in[1][0] &&
      in[0].find(in[1][1]) == std::string::npos &&
      subscripts.output == in[0].substr(0, in[0].size() - 1) + in[1][1] &&
      std::set<char>(in[0].begin(), in[0].end()).size() == in[0].size()) {
    return one(matrix_product(b, values[0], values[1]));
  }
  return one(einsum(b, std::move(values), std::move(in), subscripts.output));
}

Symbols op_cross(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  auto [x, y] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const Attributes& attributes = op.attributes();
  const bool common = attributes.has("axis");
  const auto axis_of = [&](const char* key, int64_t rank) {
    return op.axis(common ? "axis" : key, -1, rank);
  };
  // Vectors last.
  x = b.move_axis(x, axis_of("axisa", b.rank(x)), b.rank(x) - 1);
  y = b.move_axis(y, axis_of("axisb", b.rank(y)), b.rank(y) - 1);
  const int64_t x_size = b.known_dim(x, b.rank(x) - 1), y_size = b.known_dim(y, b.rank(y) - 1);
  if (x_size < 2 || x_size > 3 || y_size < 2 || y_size > 3) {
    op.fail_invalid("it takes vectors of 2 or 3 numbers");
  }
  const auto part = [&](ValueId v, int64_t size, int64_t i) {
    return i < size ? pick(b, v, b.rank(v) - 1, i) : kNoValue;
  };
  // a b - c d; a third number that lacks is 0.
  const auto minor = [&](int64_t i, int64_t j) {
    const ValueId xi = part(x, x_size, i), yj = part(y, y_size, j);
    const ValueId xj = part(x, x_size, j), yi = part(y, y_size, i);
    const ValueId first = xi == kNoValue || yj == kNoValue ? kNoValue : multiply(b, xi, yj);
    const ValueId second = xj == kNoValue || yi == kNoValue ? kNoValue : multiply(b, xj, yi);
    if (second == kNoValue) return first;
    return first == kNoValue ? b.unary(UnaryKind::negative, second) : subtract(b, first, second);
  };
  if (x_size == 2 && y_size == 2) return one(minor(0, 1));
  const ValueId result = stack(b, {minor(1, 2), minor(2, 0), minor(0, 1)}, b.rank(minor(0, 1)));
  return one(b.move_axis(result, b.rank(result) - 1, axis_of("axisc", b.rank(result))));
}

// All products of an element of x and one of y: y in blocks, one for each element of x.
Symbols op_kron(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  auto [x, y] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const int64_t rank = std::max(b.rank(x), b.rank(y));
  while (b.rank(x) < rank) x = b.expand_dims(x, 0);
  while (b.rank(y) < rank) y = b.expand_dims(y, 0);
  std::vector<int64_t> even, odd;
  for (int64_t i = 0; i < rank; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  ValueId z = multiply(b, expand_all(b, x, odd), expand_all(b, y, even));
  for (int64_t i = 0; i < rank; ++i) z = join_dims(b, z, i);
  return one(z);
}

// --- matrices

Symbols op_linalg(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const std::string& name = op.class_name();
  const ValueId x = matrix_of(op);
  const auto apply = [&](LinalgKind kind, bool flag = false) {
    return results(b.add(std::make_shared<graph::Linalg>(kind, flag), {x}));
  };
  const auto upper = [&] { return op.attributes().boolean("upper", false); };
  if (name == "Cholesky") return apply(LinalgKind::cholesky, upper());
  if (name == "CholeskyInverse") return apply(LinalgKind::cholesky_inverse, upper());
  if (name == "Det") return apply(LinalgKind::det);
  if (name == "Slogdet") return apply(LinalgKind::slogdet);
  if (name == "Logdet") return {apply(LinalgKind::slogdet)[1]};
  if (name == "Inv") return apply(LinalgKind::inverse);
  if (name == "LuFactor") return apply(LinalgKind::lu);
  if (name == "Eigh") return apply(LinalgKind::eigh);
  HORNET_CHECK(name == "Qr");
  const std::string mode = op.attributes().choice("mode", "reduced", {"reduced", "complete"});
  return apply(LinalgKind::qr, mode == "complete");
}

Symbols op_svd(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const ValueId x = matrix_of(op);
  const bool with_vectors = op.attributes().boolean("compute_uv", true);
  const bool full = op.attributes().boolean("full_matrices", true);
  const auto kind = with_vectors ? LinalgKind::svd : LinalgKind::singular_values;
  return results(b.add(std::make_shared<graph::Linalg>(kind, with_vectors && full), {x}));
}

// Solve, SolveTriangular, Lstsq.
Symbols op_solve(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const std::string& name = op.class_name();
  const ValueId a = matrix_of(op, "a");
  const RightSides y = right_sides(op, a);
  auto solve = std::make_shared<graph::Linalg>(LinalgKind::solve);
  if (name == "SolveTriangular") {
    solve = std::make_shared<graph::Linalg>(LinalgKind::solve_triangular,
                                            !op.attributes().boolean("lower", false));
  } else if (name == "Lstsq") {
    solve = std::make_shared<graph::Linalg>(LinalgKind::least_squares);
    solve->tolerance = op.attributes().number("rcond", -1.0);
  }
  const ValueId x = b.add1(solve, {a, y.value});
  return one(y.vectors ? b.squeeze(x, b.rank(x) - 1) : x);
}

// Distances between the rows of two sets.
Symbols op_cdist(LayerContext& layer, const CallArguments& call) {
  const Operation op(layer, call);
  const Builder& b = layer.build();
  const auto [x1, x2] = op.in_common_type(op.operand(0, "x1"), op.operand(1, "x2"));
  const ValueId x = b.as_float(x1), y = b.as_float(x2);
  if (b.rank(x) < 2 || b.rank(y) < 2) op.fail_invalid("an operand has fewer than 2 dimensions");
  const ValueId squares = b.binary(BinaryKind::squared_difference, b.expand_dims(x, b.rank(x) - 1),
                                   b.expand_dims(y, b.rank(y) - 2));
  return one(b.unary(UnaryKind::sqrt, b.reduce(ReduceKind::sum, squares, {-1}, false)));
}

}  // namespace hornet::layers
