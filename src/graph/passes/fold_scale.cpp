#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/memory.h"
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

const Tensor* constant_data(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.is_constant && value.data ? &*value.data : nullptr;
}

// One number a channel, from a constant of shape [], [1...], [channels] or [1..., channels] that
// does not widen a value of rank `rank`.
std::optional<std::vector<float>> per_channel(const Tensor& constant, size_t rank,
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

// Runs over the lines of `weights`, which a factor for each weight of a line is given for, on all
// cores: visit(first weight, line of factors, width) once a line.
template <class Visit>
void for_each_line(const Tensor& weights, const std::vector<float>& line, const Visit& visit) {
  const auto width = static_cast<int64_t>(line.size());
  const int64_t num_lines = weights.num_elements() / std::max<int64_t>(width, 1);
  constexpr int64_t kFloatsATime = 128 << 10;
  const int64_t lines_a_time = std::max<int64_t>(kFloatsATime / std::max<int64_t>(width, 1), 1);
  const int64_t pieces = (num_lines + lines_a_time - 1) / lines_a_time;
  parallel_for(static_cast<size_t>(pieces), [&](size_t piece) {
    const int64_t first = static_cast<int64_t>(piece) * lines_a_time;
    const int64_t last = std::min(first + lines_a_time, num_lines);
    for (int64_t i = first; i < last; ++i) visit(i * width, line.data(), width);
  });
}

// Whether float32 holds all products of `weights` with their factors.
bool holds_products(const Tensor& weights, const std::vector<float>& line) {
  std::atomic<bool> faithful = true;
  const float* const all = weights.as<float>();
  for_each_line(weights, line, [&](int64_t at, const float* factor, int64_t width) {
    int unfaithful = 0;
    for (int64_t j = 0; j < width; ++j) {
      const float weight = all[at + j];
      unfaithful |= is_unfaithful(weight, factor[j], weight * factor[j]);
    }
    if (unfaithful != 0) faithful = false;
  });
  return faithful;
}

// Where the data of constant `id` may be written: null unless it lies in memory of the graph's own,
// and no other constant does there.
float* own_place(const Graph& graph, ValueId id, std::span<std::byte> own_memory) {
  const Tensor& data = *graph.value(id).data;
  const auto address = [](const void* p) { return reinterpret_cast<uintptr_t>(p); };
  const uintptr_t begin = address(data.data()), end = begin + data.num_bytes();
  const uintptr_t own_begin = address(own_memory.data());
  if (begin < own_begin || end > own_begin + own_memory.size()) return nullptr;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const std::optional<Tensor>& other = graph.values()[i].data;
    if (static_cast<ValueId>(i) == id || !other) continue;
    const uintptr_t other_begin = address(other->data());
    if (other_begin < end && begin < other_begin + other->num_bytes()) return nullptr;
  }
  return reinterpret_cast<float*>(own_memory.data() + (begin - own_begin));
}

// Makes constant `id` w[..., c, ...] * factor[c], c running over `axis`, or adds one that is, and
// returns it; nothing where float32 does not hold a product. `is_only_use`: nobody else reads it.
std::optional<ValueId> scale(Graph& graph, ValueId id, bool is_only_use, size_t axis,
                             const std::vector<float>& factor, std::span<std::byte> own_memory,
                             MemorySlabs& slabs) {
  const Tensor weights = *graph.value(id).data;
  int64_t inner = 1;
  for (size_t i = axis + 1; i < weights.shape().size(); ++i) inner *= weights.shape()[i];
  // The factor of each weight of a line.
  std::vector<float> line;
  line.reserve(factor.size() * static_cast<size_t>(inner));
  for (const float f : factor) line.insert(line.end(), static_cast<size_t>(inner), f);
  if (!holds_products(weights, line)) return std::nullopt;

  // In place, new pages need not be found and cleared.
  const size_t bytes = weights.num_bytes();
  float* to = is_only_use ? own_place(graph, id, own_memory) : nullptr;
  std::shared_ptr<void> memory;
  if (to == nullptr) {
    memory = slabs.take(bytes);
    require(memory != nullptr, ErrorCode::kOutOfMemory, "no memory for weights of {} bytes", bytes);
    to = static_cast<float*>(memory.get());
  }
  const float* const from = weights.as<float>();
  for_each_line(weights, line, [&](int64_t at, const float* factors, int64_t width) {
    for (int64_t j = 0; j < width; ++j) to[at + j] = from[at + j] * factors[j];
  });
  if (memory == nullptr) return id;
  return graph.add_constant(Tensor(DType::kFloat32, weights.shape(), memory, memory.get()));
}

std::optional<Tensor> combined_bias(const Tensor* bias, const std::vector<float>& factor,
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

}  // namespace

bool fold_scale(Graph& graph, const PassContext& context) {
  bool changed = false;
  MemorySlabs slabs;
  // These stay right while nodes are folded: a folded node takes over the uses of the one before
  // it, which is dead from then on.
  const std::vector<int> producers = graph.producers();
  const std::vector<int> uses = graph.use_counts();
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node node = graph.nodes()[i];
    const auto* binary = dynamic_cast<const Binary*>(node.op.get());
    if (binary == nullptr) continue;
    const bool constant_first = constant_data(graph, node.inputs[0]) != nullptr;
    const ValueId data = node.inputs[constant_first ? 1 : 0];
    const Tensor* constant = constant_data(graph, node.inputs[constant_first ? 0 : 1]);
    const int producer = producers[static_cast<size_t>(data)];
    if (constant == nullptr || producer < 0 || uses[static_cast<size_t>(data)] != 1) continue;
    const Node before = graph.nodes()[static_cast<size_t>(producer)];
    if (before.inputs.size() < 2 || before.inputs[1] == kNoValue) continue;
    const std::optional<size_t> axis = output_channel_axis(before, graph);
    const Tensor* weights = constant_data(graph, before.inputs[1]);
    const bool has_bias = before.inputs.size() > 2 && before.inputs[2] != kNoValue;
    const Tensor* bias = has_bias ? constant_data(graph, before.inputs[2]) : nullptr;
    if (!axis || weights == nullptr || (has_bias && bias == nullptr)) continue;
    auto values = per_channel(*constant, graph.type(data).shape.size(), weights->shape()[*axis]);
    if (!values) continue;
    const auto affine = as_affine(*binary, constant_first, std::move(*values));
    if (!affine) continue;

    const bool finite = std::all_of(affine->factor.begin(), affine->factor.end(),
                                    [](float f) { return std::isfinite(f); });
    std::optional<Tensor> new_bias = combined_bias(bias, affine->factor, affine->offset);
    if (!finite || !new_bias) continue;
    ValueId weights_id = before.inputs[1];
    const bool keeps_weights = binary->kind == BinaryKind::add ||
                               (binary->kind == BinaryKind::subtract && !constant_first);
    if (!keeps_weights) {
      // What a fold before this one added was not counted.
      const auto index = static_cast<size_t>(weights_id);
      const bool is_only_use = index < uses.size() && uses[index] == 1;
      const std::optional<ValueId> scaled =
          scale(graph, weights_id, is_only_use, *axis, affine->factor, context.own_memory, slabs);
      if (!scaled) continue;
      weights_id = *scaled;
    }
    const ValueId bias_id = graph.add_constant(std::move(*new_bias));
    Node& folded = graph.mutable_nodes()[i];
    folded.op = before.op;
    folded.inputs = {before.inputs[0], weights_id, bias_id};
    folded.layer = before.layer;
    changed = true;
  }
  return changed;
}

}  // namespace hornet::graph
