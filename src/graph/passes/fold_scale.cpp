#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/parallel.h"
#include "graph/ops/contraction.h"
#include "graph/ops/convolution.h"
#include "graph/passes/pass.h"

// A product or sum with one constant a channel, behind an operator with constant weights, goes into
// its weights and bias. Batch normalisation is lowered to such a product and sum.

namespace hornet::graph {
namespace {

// The axis of the weights that runs over output channels; nothing for other operators or where an
// activation or residual stands between.
std::optional<size_t> output_channel_axis(const Node& node, const Graph& graph) {
  const Epilogue* epilogue = nullptr;
  size_t axis = graph.type(node.inputs[0]).shape.size();
  if (const auto* conv = dynamic_cast<const Conv*>(node.op.get())) {
    epilogue = &conv->epilogue;
    axis = graph.type(node.inputs[1]).shape.size() - 1;
  } else if (const auto* contraction = dynamic_cast<const Contraction*>(node.op.get())) {
    epilogue = &contraction->epilogue;
    axis = 1;
  } else if (const auto* transpose = dynamic_cast<const ConvTranspose*>(node.op.get())) {
    epilogue = &transpose->epilogue;
    axis = graph.type(node.inputs[1]).shape.size() - 2;
  }
  if (epilogue == nullptr || !epilogue->activation.is_identity()) return std::nullopt;
  const bool has_residual = node.inputs.size() > 3 && node.inputs[3] != kNoValue;
  if (has_residual) return std::nullopt;
  return axis;
}

const Constant* constant_data(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.is_constant && value.data ? &*value.data : nullptr;
}

// One number a channel, from a constant of shape [], [1...], [channels] or [1..., channels] that
// does not widen a value of rank `rank`.
std::optional<std::vector<float>> per_channel(const Constant& constant, size_t rank,
                                              int64_t channels) {
  if (constant.dtype() != DType::kFloat32 || constant.shape().size() > rank) return std::nullopt;
  const int64_t count = constant.num_elements();
  const int64_t last = constant.shape().empty() ? 1 : constant.shape().back();
  if (count != last || (last != 1 && last != channels)) return std::nullopt;
  std::vector<float> values(static_cast<size_t>(channels), constant.as<float>()[0]);
  if (last == channels) std::copy_n(constant.as<float>(), channels, values.begin());
  return values;
}

// Whether from * factor = result lost something: finite before and not now, or so small that it
// vanished. Without branches, so that it is computed for several weights at once.
bool is_unfaithful(float from, float factor, float result) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  constexpr float kSmallest = std::numeric_limits<float>::min();
  const float magnitude = std::abs(result);
  const bool overflows = !(magnitude <= kLargest);
  const bool vanishes = (magnitude < kSmallest) & (from != 0) & (factor != 0);
  return (std::abs(from) <= kLargest) & (overflows | vanishes);
}

std::optional<Tensor> combined_bias(const Constant* bias, const std::vector<float>& factor,
                                    const std::vector<float>& offset) {
  Tensor result(DType::kFloat32, {static_cast<int64_t>(factor.size())});
  float* dst = result.mutable_as<float>();
  for (size_t c = 0; c < factor.size(); ++c) {
    const float old = bias != nullptr ? bias->as<float>()[c] : 0.0f;
    dst[c] = old * factor[c] + offset[c];
    const bool was_finite = std::isfinite(old) && std::isfinite(offset[c]);
    if (was_finite && !std::isfinite(dst[c])) return std::nullopt;
  }
  return result;
}

// y = factor * x + offset, from x (op) constant.
struct Affine {
  std::vector<float> factor, offset;
};

std::optional<Affine> as_affine(const Binary& binary, bool constant_first,
                                std::vector<float> values) {
  if (!binary.activation.is_identity()) return std::nullopt;
  std::vector<float> ones(values.size(), 1.0f), zeros(values.size(), 0.0f);
  switch (binary.kind) {
    case BinaryKind::add:
      return Affine{ones, std::move(values)};
    case BinaryKind::multiply:
      return Affine{std::move(values), zeros};
    case BinaryKind::subtract:
      if (constant_first) {
        for (float& one : ones) one = -1.0f;
      } else {
        for (float& v : values) v = -v;
      }
      return Affine{ones, std::move(values)};
    case BinaryKind::divide:
      if (constant_first) return std::nullopt;
      for (float& v : values) v = 1.0f / v;
      return Affine{std::move(values), zeros};
    default:
      return std::nullopt;
  }
}

// A product or sum that can go into the operator before it.
struct Fold {
  size_t node = 0;  // the product or sum
  Node before;      // the operator
  Tensor bias;      // the new one
  // Where weights are scaled: these, as they are, and the factor of each of a line of them.
  std::optional<Tensor> weights;
  std::vector<float> line;
  bool is_faithful = true;  // float32 holds the products
};

// What `fold` does to constant weights whose output channels are on `axis`.
void scale_weights(Fold& fold, const Constant& weights, size_t axis,
                   const std::vector<float>& factor) {
  int64_t inner = 1;
  for (size_t i = axis + 1; i < weights.shape().size(); ++i) inner *= weights.shape()[i];
  fold.line.reserve(factor.size() * static_cast<size_t>(inner));
  for (const float f : factor) {
    fold.line.insert(fold.line.end(), static_cast<size_t>(inner), f);
  }
  // Those of an earlier fold into the same operator are as many.
  const std::vector<float>& before = weights.line();
  for (size_t i = 0; i < before.size(); ++i) {
    const float product = before[i] * fold.line[i];
    if (is_unfaithful(before[i], fold.line[i], product)) fold.is_faithful = false;
    fold.line[i] = product;
  }
  fold.weights = weights.unscaled();
}

// Runs over the weights of all folds on all cores: visit(fold, first weight, end), whole lines.
template <class Visit>
void for_each_piece(std::vector<Fold>& folds, const Visit& visit) {
  struct Piece {
    Fold* fold;
    int64_t first, end;
  };
  constexpr int64_t kFloatsATime = 128 << 10;
  std::vector<Piece> pieces;
  for (Fold& fold : folds) {
    if (!fold.weights || fold.line.empty()) continue;
    const int64_t count = fold.weights->num_elements();
    const auto width = static_cast<int64_t>(fold.line.size());
    const int64_t step = std::max<int64_t>(kFloatsATime / width, 1) * width;
    for (int64_t i = 0; i < count; i += step) {
      pieces.push_back({&fold, i, std::min(i + step, count)});
    }
  }
  const auto run = [&](size_t i) { visit(*pieces[i].fold, pieces[i].first, pieces[i].end); };
  if (pieces.size() == 1) {
    run(0);
  } else {
    parallel_for(pieces.size(), run);
  }
}

// Whether some of the products of `weights`, whole lines of `width`, is zero, too small for a
// normal number, infinite or NaN. With few operations: among weights of 100 MB there is none, as a
// rule.
bool has_odd_product(const float* weights, int64_t count, const float* factor, int64_t width) {
  constexpr int32_t kMagnitude = 0x7fffffff, kSmallest = 0x00800000, kLargest = 0x7f7fffff;
  int32_t odd = 0;  // negative: there is one
  for (int64_t i = 0; i < count; i += width) {
    for (int64_t j = 0; j < width; ++j) {
      const int32_t magnitude = std::bit_cast<int32_t>(weights[i + j] * factor[j]) & kMagnitude;
      odd |= (magnitude - kSmallest) | (kLargest - magnitude);
    }
  }
  return odd < 0;
}

void find_unfaithful(std::vector<Fold>& folds) {
  for_each_piece(folds, [](Fold& fold, int64_t first, int64_t end) {
    const float* const weights = fold.weights->as<float>();
    const auto width = static_cast<int64_t>(fold.line.size());
    const float* const factor = fold.line.data();
    if (!has_odd_product(weights + first, end - first, factor, width)) return;
    int unfaithful = 0;
    for (int64_t i = first; i < end; i += width) {
      for (int64_t j = 0; j < width; ++j) {
        const float weight = weights[i + j];
        unfaithful |= is_unfaithful(weight, factor[j], weight * factor[j]);
      }
    }
    if (unfaithful != 0) std::atomic_ref<bool>(fold.is_faithful) = false;
  });
}

// What node `i` can do to the operator before it.
std::optional<Fold> find_fold(const Graph& graph, size_t i, const std::vector<int>& producers,
                              const std::vector<int>& uses) {
  const Node& node = graph.nodes()[i];
  const auto* binary = dynamic_cast<const Binary*>(node.op.get());
  if (binary == nullptr) return std::nullopt;
  const bool constant_first = constant_data(graph, node.inputs[0]) != nullptr;
  const ValueId data = node.inputs[constant_first ? 1 : 0];
  const Constant* constant = constant_data(graph, node.inputs[constant_first ? 0 : 1]);
  const int producer = producers[static_cast<size_t>(data)];
  if (constant == nullptr || producer < 0 || uses[static_cast<size_t>(data)] != 1) {
    return std::nullopt;
  }
  const Node& before = graph.nodes()[static_cast<size_t>(producer)];
  if (before.inputs.size() < 2 || before.inputs[1] == kNoValue) return std::nullopt;
  const std::optional<size_t> axis = output_channel_axis(before, graph);
  const Constant* weights = constant_data(graph, before.inputs[1]);
  const bool has_bias = before.inputs.size() > 2 && before.inputs[2] != kNoValue;
  const Constant* bias = has_bias ? constant_data(graph, before.inputs[2]) : nullptr;
  if (!axis || weights == nullptr || (has_bias && bias == nullptr)) return std::nullopt;
  auto values = per_channel(*constant, graph.type(data).shape.size(), weights->shape()[*axis]);
  if (!values) return std::nullopt;
  const auto affine = as_affine(*binary, constant_first, std::move(*values));
  if (!affine) return std::nullopt;
  const bool finite = std::all_of(affine->factor.begin(), affine->factor.end(),
                                  [](float f) { return std::isfinite(f); });
  std::optional<Tensor> new_bias = combined_bias(bias, affine->factor, affine->offset);
  if (!finite || !new_bias) return std::nullopt;
  Fold fold;
  fold.node = i;
  fold.before = before;
  fold.bias = std::move(*new_bias);
  const bool keeps_weights =
      binary->kind == BinaryKind::add || (binary->kind == BinaryKind::subtract && !constant_first);
  if (!keeps_weights) scale_weights(fold, *weights, *axis, affine->factor);
  return fold;
}

}  // namespace

bool fold_scale(Graph& graph, const PassContext&) {
  // These stay right while nodes are folded: a folded node takes over the uses of the one before
  // it, which is dead from then on.
  const std::vector<int> producers = graph.producers();
  const std::vector<int> uses = graph.use_counts();
  std::vector<bool> cannot_fold(graph.nodes().size());
  // All that can be folded at once, so that all cores have weights to scale; what lies behind it is
  // the next turn's.
  for (bool changed = false;; changed = true) {
    std::vector<Fold> folds;
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      if (cannot_fold[i]) continue;
      if (auto fold = find_fold(graph, i, producers, uses)) folds.push_back(std::move(*fold));
    }
    find_unfaithful(folds);
    std::erase_if(folds, [&](const Fold& fold) {
      if (!fold.is_faithful) cannot_fold[fold.node] = true;
      return !fold.is_faithful;
    });
    if (folds.empty()) return changed;
    for (Fold& fold : folds) {
      ValueId weights = fold.before.inputs[1];
      if (fold.weights) {
        weights = graph.add_scaled_constant(std::move(*fold.weights), std::move(fold.line));
      }
      const ValueId bias = graph.add_constant(std::move(fold.bias));
      Node& node = graph.mutable_nodes()[fold.node];
      node.op = fold.before.op;
      node.inputs = {fold.before.inputs[0], weights, bias};
      node.layer = fold.before.layer;
    }
  }
}

}  // namespace hornet::graph
