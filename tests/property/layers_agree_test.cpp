// Random models of every family of layers: the optimised plan agrees with the reference kernels on
// the graph as it was lowered, and a row has the same bytes in batches of 1, 3 and 32. HORNET_SEED
// repeats a run.
#include <gtest/gtest.h>

#include "graph/passes/pass.h"
#include "keras/json.h"
#include "keras/model_parser.h"
#include "kernels/evaluate.h"
#include "layers/lowering.h"
#include "plan/plan.h"
#include "property/agreement.h"
#include "property/random_layers.h"

namespace hornet::property {
namespace {

constexpr int64_t kRows = 32;

std::vector<keras::WeightSlot> slots_of(const keras::WeightOwner& owner) {
  std::vector<keras::WeightSlot> slots = owner.slots;
  for (const keras::WeightOwner& child : owner.children) {
    const std::vector<keras::WeightSlot> inner = slots_of(child);
    slots.insert(slots.end(), inner.begin(), inner.end());
  }
  return slots;
}

// Small numbers; variances and scales are above 0.
Tensor random_weight(Random& random, const keras::WeightSlot& slot, DType dtype) {
  if (dtype != DType::kFloat32) return random.numbers(dtype, slot.shape);
  const bool positive = slot.name.find("variance") != std::string::npos ||
                        slot.name.find("scale") != std::string::npos;
  return positive ? random.floats(slot.shape, 0.5f, 2) : random.floats(slot.shape, -0.6f, 0.6f);
}

std::vector<Tensor> run_plan(const graph::Graph& graph, kernels::PackedWeights& packed,
                             const std::vector<Tensor>& inputs, bool reference_only) {
  std::vector<Shape> shapes;
  std::vector<const void*> sources;
  for (const Tensor& input : inputs) {
    shapes.push_back(input.shape());
    sources.push_back(input.data());
  }
  const auto plan = plan::Plan::compile(graph, shapes, packed, {reference_only});
  plan::WorkerState state(*plan);
  std::vector<Tensor> outputs;
  std::vector<void*> targets;
  for (const graph::TensorType& type : plan->output_types()) {
    outputs.emplace_back(type.dtype, type.shape);
  }
  for (Tensor& output : outputs) targets.push_back(output.mutable_data());
  plan->execute({sources, targets}, state);
  return outputs;
}

void check_model(Random& random, const RandomModel& model) {
  const keras::Value parsed = keras::parse_json(model.text, "random model");
  const keras::ModelConfig config = keras::parse_model(*parsed.get_if<keras::Dict>());
  layers::LoweredModel lowered = layers::lower(config, layers::Registry::keras());
  for (const keras::WeightSlot& slot : slots_of(lowered.weights)) {
    const auto id = static_cast<graph::ValueId>(slot.id);
    lowered.graph.bind(id, random_weight(random, slot, lowered.graph.type(id).dtype));
  }
  kernels::PackedWeights packed_references, packed;
  const std::vector<Tensor> expected =
      run_plan(lowered.graph, packed_references, model.inputs, true);
  graph::run_passes(lowered.graph,
                    {[](const graph::Node& node, const std::vector<const Tensor*>& inputs) {
                      return kernels::evaluate(*node.op, inputs, true);
                    }});
  const std::vector<Tensor> all = run_plan(lowered.graph, packed, model.inputs, false);
  ASSERT_EQ(all.size(), expected.size());
  for (size_t k = 0; k < all.size(); ++k) {
    ASSERT_TRUE(agree(all[k], expected[k])) << "output " << k;
  }
  for (const int64_t batch : {1, 3}) {
    for (int64_t first = 0; first + batch <= kRows; first += 5 * batch) {
      std::vector<Tensor> some;
      for (const Tensor& input : model.inputs) some.push_back(rows(input, first, batch));
      const std::vector<Tensor> outputs = run_plan(lowered.graph, packed, some, false);
      for (size_t k = 0; k < all.size(); ++k) {
        ASSERT_TRUE(same_bytes(outputs[k], rows(all[k], first, batch)))
            << "output " << k << ": rows from " << first << " have other bytes in a batch of "
            << batch << " than of " << kRows;
      }
    }
  }
}

class Layers : public testing::TestWithParam<LayerFamily> {};

TEST_P(Layers, AgreeWithTheReference_AndRowsKeepTheirBytes) {
  for (int i = 0; i < GetParam().num_cases; ++i) {
    Random random(base_seed() + static_cast<uint64_t>(i));
    const RandomModel model = GetParam().make(random, kRows);
    SCOPED_TRACE(testing::Message()
                 << "HORNET_SEED=" << base_seed() << " case " << i << ": " << model.text);
    ASSERT_NO_THROW(check_model(random, model));
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(, Layers, testing::ValuesIn(layer_families()),
                         [](const testing::TestParamInfo<LayerFamily>& family) {
                           return std::string(family.param.name);
                         });

}  // namespace
}  // namespace hornet::property
