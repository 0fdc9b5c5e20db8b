// Sums and the like over rows of numbers, and what is scaled by them.
#include "graph/ops/normalization.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "graph/ops/reduction.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/normalization.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

#ifndef HORNET_ROW_FUNCTIONS
#define HORNET_ROW_FUNCTIONS
namespace hornet::kernels {
namespace {

struct RowFunctions {
  // Over each row of x [rows, n].
  void (*softmax)(const float* x, float* y, int64_t rows, int64_t n, bool log);
  // gamma and beta [n] or null.
  void (*layer_norm)(const float* x, const float* gamma, const float* beta, float* y, int64_t rows,
                     int64_t n, float epsilon, bool rms);
  // Each group of x [rows, lines, groups, width] over lines and width; gamma and beta
  // [groups, width] or null. Scratch: 4 * groups * width floats.
  void (*group_norm)(const float* x, const float* gamma, const float* beta, float* y,
                     float* scratch, int64_t rows, int64_t lines, int64_t groups, int64_t width,
                     float epsilon, bool rms);
  // x [outer, count, inner] -> y [outer, inner]; count > 0.
  void (*reduce)(graph::ReduceKind kind, const float* x, float* y, int64_t outer, int64_t count,
                 int64_t inner);
};

}  // namespace
}  // namespace hornet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

constexpr int64_t kStep = static_cast<int64_t>(kLanes);

// The sum over i < count of term(i, j), for j < kVectors, in `sums`: by halves, so that the error
// grows with the logarithm of count. `term` is a lambda marked HWY_ATTR.
template <int kVectors, class Term>
void add_by_halves(int64_t first, int64_t count, const Term& term, V* sums) {
  constexpr int64_t kLeaf = 16;
  if (count <= kLeaf) {
    V even[kVectors], odd[kVectors];
    for (int j = 0; j < kVectors; ++j) even[j] = odd[j] = hn::Zero(D());
    int64_t i = first;
    for (; i + 2 <= first + count; i += 2) {
      for (int j = 0; j < kVectors; ++j) {
        even[j] = hn::Add(even[j], term(i, j));
        odd[j] = hn::Add(odd[j], term(i + 1, j));
      }
    }
    for (int j = 0; j < kVectors; ++j) {
      if (i < first + count) even[j] = hn::Add(even[j], term(i, j));
      sums[j] = hn::Add(even[j], odd[j]);
    }
    return;
  }
  int64_t half = kLeaf;
  while (2 * half < count) half *= 2;
  V second[kVectors];
  add_by_halves<kVectors>(first, half, term, sums);
  add_by_halves<kVectors>(first + half, count - half, term, second);
  for (int j = 0; j < kVectors; ++j) sums[j] = hn::Add(sums[j], second[j]);
}

// The sum of f(x[i]) for i < n.
template <class F>
HWY_INLINE float add_row(const float* x, int64_t n, const F& f) {
  V sum;
  add_by_halves<1>(
      0, n / kStep, [&](int64_t i, int) HWY_ATTR { return f(hn::LoadU(D(), x + i * kStep)); },
      &sum);
  if (const int64_t rest = n % kStep; rest > 0) {
    const PartOfVector part{static_cast<size_t>(rest)};
    sum = hn::Add(sum, part.value_or(f(part.load(x + n - rest)), 0));
  }
  return sum_of_lanes(sum);
}

void softmax_row(const float* x, float* y, int64_t n, bool log_of_it) {
  const float infinity = std::numeric_limits<float>::infinity();
  // A NaN is left out here: it makes the sum NaN, and so all results.
  V largest = constant(-infinity);
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    largest = quick_maximum(part.value_or(part.load(x + i), -infinity), largest);
  });
  const V shift = constant(quick_maximum_of_lanes(largest));
  if (log_of_it) {
    const float sum = add_row(x, n, [&](V v) HWY_ATTR { return exp_flushed(hn::Sub(v, shift)); });
    const V log_sum = log(constant(sum));
    for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
      part.store(hn::Sub(hn::Sub(part.load(x + i), shift), log_sum), y + i);
    });
    return;
  }
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    part.store(exp_flushed(hn::Sub(part.load(x + i), shift)), y + i);
  });
  const V scale = constant(1.0f / add_row(y, n, [](V v) HWY_ATTR { return v; }));
  for_each_vector(n, [&](auto part, int64_t i)
                         HWY_ATTR { part.store(hn::Mul(part.load(y + i), scale), y + i); });
}

void softmax(const float* x, float* y, int64_t rows, int64_t n, bool log_of_it) {
  for (int64_t row = 0; row < rows; ++row) softmax_row(x + row * n, y + row * n, n, log_of_it);
}

void layer_norm(const float* x, const float* gamma, const float* beta, float* y, int64_t rows,
                int64_t n, float epsilon, bool rms) {
  const float count = static_cast<float>(n);
  for (int64_t row = 0; row < rows; ++row, x += n, y += n) {
    // The mean is taken in two parts: the second is what rounding took from the first.
    V mean = hn::Zero(D()), rest = mean;
    float variance;
    if (!rms) mean = constant(add_row(x, n, [](V v) HWY_ATTR { return v; }) / count);
    variance = add_row(x, n,
                       [&](V v) HWY_ATTR {
                         const V deviation = hn::Sub(v, mean);
                         return hn::Mul(deviation, deviation);
                       }) /
               count;
    if (!rms) {
      const float off = add_row(x, n, [&](V v) HWY_ATTR { return hn::Sub(v, mean); }) / count;
      rest = constant(off);
      variance = std::max(variance - off * off, 0.0f);
    }
    const V scale = constant(1.0f / std::sqrt(variance + epsilon));
    for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
      V v = hn::Mul(hn::Sub(hn::Sub(part.load(x + i), mean), rest), scale);
      if (gamma != nullptr) v = hn::Mul(v, part.load(gamma + i));
      if (beta != nullptr) v = hn::Add(v, part.load(beta + i));
      part.store(v, y + i);
    });
  }
}

// The sum over the lines of x of f(x, mean), column by column.
template <class F>
HWY_INLINE void add_lines(const float* x, const float* mean, float* sums, int64_t lines,
                          int64_t columns, const F& f) {
  for_each_vector(columns, [&](auto part, int64_t i) HWY_ATTR {
    const V m = part.load(mean + i);
    V sum;
    add_by_halves<1>(
        0, lines,
        [&](int64_t line, int) HWY_ATTR { return f(part.load(x + line * columns + i), m); }, &sum);
    part.store(sum, sums + i);
  });
}

void group_norm(const float* x, const float* gamma, const float* beta, float* y, float* scratch,
                int64_t rows, int64_t lines, int64_t groups, int64_t width, float epsilon,
                bool rms) {
  const int64_t columns = groups * width;
  const float count = static_cast<float>(lines * width);
  // One number a column; those of a group are the same in the end.
  float* mean = scratch;
  float* rest = mean + columns;  // what rounding took from the mean
  float* scale = rest + columns;
  float* sums = scale + columns;
  const auto mean_of_group = [&](int64_t group) HWY_ATTR {
    return add_row(sums + group * width, width, [](V v) HWY_ATTR { return v; }) / count;
  };
  for (int64_t row = 0; row < rows; ++row, x += lines * columns, y += lines * columns) {
    std::fill_n(mean, 2 * columns, 0.0f);
    if (!rms) {
      add_lines(x, mean, sums, lines, columns, [](V v, V) HWY_ATTR { return v; });
      for (int64_t group = 0; group < groups; ++group) {
        std::fill_n(mean + group * width, width, mean_of_group(group));
      }
      add_lines(x, mean, sums, lines, columns, [](V v, V m) HWY_ATTR { return hn::Sub(v, m); });
      for (int64_t group = 0; group < groups; ++group) {
        std::fill_n(rest + group * width, width, mean_of_group(group));
      }
    }
    add_lines(x, mean, sums, lines, columns, [](V v, V m) HWY_ATTR {
      const V deviation = hn::Sub(v, m);
      return hn::Mul(deviation, deviation);
    });
    for (int64_t group = 0; group < groups; ++group) {
      const float off = rest[group * width];
      const float variance = std::max(mean_of_group(group) - off * off, 0.0f);
      std::fill_n(scale + group * width, width, 1.0f / std::sqrt(variance + epsilon));
    }
    for (int64_t line = 0; line < lines; ++line) {
      const float* from = x + line * columns;
      float* to = y + line * columns;
      for_each_vector(columns, [&](auto part, int64_t i) HWY_ATTR {
        const V centred =
            hn::Sub(hn::Sub(part.load(from + i), part.load(mean + i)), part.load(rest + i));
        V v = hn::Mul(centred, part.load(scale + i));
        if (gamma != nullptr) v = hn::Mul(v, part.load(gamma + i));
        if (beta != nullptr) v = hn::Add(v, part.load(beta + i));
        part.store(v, to + i);
      });
    }
  }
}

float sum_row(const float* x, int64_t n) {
  return add_row(x, n, [](V v) HWY_ATTR { return v; });
}

float extreme_of_row(const float* x, int64_t n, bool largest) {
  const float sign = largest ? 1.0f : -1.0f;  // min(x) = -max(-x)
  const float infinity = std::numeric_limits<float>::infinity();
  V result = constant(-infinity);
  for_each_vector(n, [&](auto part, int64_t i) HWY_ATTR {
    const V v = part.load(x + i);
    result = maximum(result, part.value_or(hn::Mul(v, constant(sign)), -infinity));
  });
  return sign * maximum_of_lanes(result);
}

// kVectors vectors of columns; only the last may be a part.
template <int kVectors, class Part>
void sum_columns(const float* x, float* y, int64_t count, int64_t inner, const Part& part,
                 V divisor) {
  V sums[kVectors];
  add_by_halves<kVectors>(
      0, count, [&](int64_t i, int j) HWY_ATTR { return part.load(x + i * inner + j * kStep); },
      sums);
  for (int j = 0; j < kVectors; ++j) part.store(hn::Div(sums[j], divisor), y + j * kStep);
}

template <class Part>
void extreme_of_columns(const float* x, float* y, int64_t count, int64_t inner, const Part& part,
                        bool largest) {
  V result = part.load(x);
  for (int64_t i = 1; i < count; ++i) {
    const V v = part.load(x + i * inner);
    result = largest ? maximum(result, v) : minimum(result, v);
  }
  part.store(result, y);
}

void reduce(graph::ReduceKind kind, const float* x, float* y, int64_t outer, int64_t count,
            int64_t inner) {
  const bool adds = kind == graph::ReduceKind::sum || kind == graph::ReduceKind::mean;
  const bool largest = kind == graph::ReduceKind::max;
  const float divisor = kind == graph::ReduceKind::mean ? static_cast<float>(count) : 1.0f;
  for (int64_t row = 0; row < outer; ++row, x += count * inner, y += inner) {
    if (inner == 1) {
      *y = adds ? sum_row(x, count) / divisor : extreme_of_row(x, count, largest);
      continue;
    }
    int64_t first = 0;
    for (; adds && first + 4 * kStep <= inner; first += 4 * kStep) {
      sum_columns<4>(x + first, y + first, count, inner, WholeVector{}, constant(divisor));
    }
    for_each_vector(inner - first, [&](auto part, int64_t i) HWY_ATTR {
      if (adds) {
        sum_columns<1>(x + first + i, y + first + i, count, inner, part, constant(divisor));
      } else {
        extreme_of_columns(x + first + i, y + first + i, count, inner, part, largest);
      }
    });
  }
}

}  // namespace

const RowFunctions* row_functions() {
  static constexpr RowFunctions kFunctions = {softmax, layer_norm, group_norm, reduce};
  return &kFunctions;
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {
namespace {

// x as [outer, count, inner] where neighbouring dimensions are the axes.
struct Groups {
  int64_t outer = 1, count = 1, inner = 1;
  bool neighbours = true;
  Groups(const Shape& shape, const std::vector<int64_t>& axes) {
    std::vector<bool> is_axis(shape.size(), false);
    for (const int64_t axis : axes) is_axis[static_cast<size_t>(axis)] = true;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (is_axis[i]) {
        neighbours = neighbours && inner == 1;
        count *= shape[i];
      } else {
        // Kept dimensions before the first axis are outer ones.
        const bool before =
            std::none_of(is_axis.begin(), is_axis.begin() + static_cast<ptrdiff_t>(i),
                         [](bool axis) { return axis; });
        (before ? outer : inner) *= shape[i];
      }
    }
  }
};

class SoftmaxKernel final : public Kernel {
 public:
  SoftmaxKernel(Groups groups, bool log) : groups_(groups), log_(log) {}
  std::string describe() const override { return "simd"; }
  int in_place_output(size_t) const override { return 0; }
  void run(const KernelArgs& args, KernelState*) const override {
    functions_.softmax(simd::input(args, 0), simd::output(args, 0), groups_.outer, groups_.count,
                       log_);
  }

 private:
  const RowFunctions& functions_ = *HORNET_DISPATCH(row_functions)();
  const Groups groups_;
  const bool log_;
};

class LayerNormKernel final : public Kernel {
 public:
  LayerNormKernel(int64_t rows, int64_t count, float epsilon, bool rms)
      : rows_(rows), count_(count), epsilon_(epsilon), rms_(rms) {}
  std::string describe() const override { return "simd"; }
  int in_place_output(size_t input) const override { return input == 0 ? 0 : -1; }
  void run(const KernelArgs& args, KernelState*) const override {
    functions_.layer_norm(simd::input(args, 0), simd::input(args, 1), simd::input(args, 2),
                          simd::output(args, 0), rows_, count_, epsilon_, rms_);
  }

 private:
  const RowFunctions& functions_ = *HORNET_DISPATCH(row_functions)();
  const int64_t rows_, count_;
  const float epsilon_;
  const bool rms_;
};

class GroupNormKernel final : public Kernel {
 public:
  GroupNormKernel(int64_t rows, int64_t lines, int64_t groups, int64_t width, float epsilon,
                  bool rms)
      : rows_(rows), lines_(lines), groups_(groups), width_(width), epsilon_(epsilon), rms_(rms) {}
  std::string describe() const override { return "simd groups"; }
  int in_place_output(size_t input) const override { return input == 0 ? 0 : -1; }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(4 * groups_ * width_) * sizeof(float);
  }
  void run(const KernelArgs& args, KernelState*) const override {
    functions_.group_norm(simd::input(args, 0), simd::input(args, 1), simd::input(args, 2),
                          simd::output(args, 0), static_cast<float*>(args.scratch), rows_, lines_,
                          groups_, width_, epsilon_, rms_);
  }

 private:
  const RowFunctions& functions_ = *HORNET_DISPATCH(row_functions)();
  const int64_t rows_, lines_, groups_, width_;
  const float epsilon_;
  const bool rms_;
};

class ReduceKernel final : public Kernel {
 public:
  ReduceKernel(Groups groups, graph::ReduceKind kind) : groups_(groups), kind_(kind) {}
  std::string describe() const override { return "simd"; }
  void run(const KernelArgs& args, KernelState*) const override {
    functions_.reduce(kind_, simd::input(args, 0), simd::output(args, 0), groups_.outer,
                      groups_.count, groups_.inner);
  }

 private:
  const RowFunctions& functions_ = *HORNET_DISPATCH(row_functions)();
  const Groups groups_;
  const graph::ReduceKind kind_;
};

// Whether a parameter has all the dimensions of x from `first` on, in which it lies as they do, and
// no others.
bool fits(const Shape& parameter, const Shape& x, size_t first) {
  if (parameter.size() > x.size()) return false;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t missing = x.size() - parameter.size();
    const int64_t size = i < missing ? 1 : parameter[i - missing];
    if (size != (i < first ? 1 : x[i])) return false;
  }
  return true;
}

}  // namespace

KernelOffer simd_softmax(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Softmax&>(request.op);
  if (!is_float(request, 0)) return refuse("operands of other types than float32");
  const Groups groups(request.inputs[0].shape, op.axes);
  if (!groups.neighbours || groups.inner != 1) return refuse("axes that are not the last ones");
  return {std::make_unique<SoftmaxKernel>(groups, op.log), ""};
}

KernelOffer simd_layer_norm(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::LayerNorm&>(request.op);
  for (size_t i = 0; i < 3; ++i) {
    if (!is_float(request, i)) return refuse("operands of other types than float32");
  }
  const Shape& x = request.inputs[0].shape;
  // Dimensions in four parts: kept rows, axes (lines), kept groups, axes (width).
  std::array<int64_t, 4> parts = {1, 1, 1, 1};
  size_t part = 0, first_axis = x.size(), first_group = x.size();
  for (size_t i = 0; i < x.size(); ++i) {
    const bool is_axis =
        std::find(op.axes.begin(), op.axes.end(), static_cast<int64_t>(i)) != op.axes.end();
    if (is_axis != (part % 2 == 1)) ++part;
    if (part == 4) return refuse("axes in more than two places");
    parts[part] *= x[i];
    if (part == 1) first_axis = std::min(first_axis, i);
    if (part == 2) first_group = std::min(first_group, i);
  }
  const auto parameters_fit = [&](size_t first) {
    return (!present(request, 1) || fits(request.inputs[1].shape, x, first)) &&
           (!present(request, 2) || fits(request.inputs[2].shape, x, first));
  };
  if (parts[2] == 1 && parameters_fit(first_axis)) {
    return {std::make_unique<LayerNormKernel>(parts[0], parts[1] * parts[3], op.epsilon, op.rms),
            ""};
  }
  if (!parameters_fit(first_group)) {
    return refuse("a parameter that is not one number an element of a row or of all groups");
  }
  return {
      std::make_unique<GroupNormKernel>(parts[0], parts[1], parts[2], parts[3], op.epsilon, op.rms),
      ""};
}

KernelOffer simd_reduce(const KernelRequest& request) {
  using namespace simd;
  using graph::ReduceKind;
  const auto& op = static_cast<const graph::Reduce&>(request.op);
  if (!is_float(request, 0)) return refuse("operands of other types than float32");
  if (op.kind != ReduceKind::sum && op.kind != ReduceKind::mean && op.kind != ReduceKind::max &&
      op.kind != ReduceKind::min) {
    return refuse(fmt::format("reduction {}", graph::to_string(op.kind)));
  }
  const Groups groups(request.inputs[0].shape, op.axes);
  if (!groups.neighbours) return refuse("axes that are not neighbours");
  if (groups.count == 0) return refuse("no elements");
  return {std::make_unique<ReduceKernel>(groups, op.kind), ""};
}

}  // namespace hornet::kernels
#endif
