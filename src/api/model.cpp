#include "hornet/model.h"

#include <algorithm>
#include <bit>

#include "api/compiled_model.h"
#include "base/check.h"
#include "kernels/threads.h"

namespace hornet {
namespace {

// Rows up to which Model::predict makes one plan for exactly that many.
constexpr int64_t kMostRowsAtOnce = 256;

std::vector<Shape> row_shapes_of(const std::vector<TensorView>& inputs) {
  std::vector<Shape> shapes;
  for (const TensorView& input : inputs) {
    shapes.emplace_back(input.shape.begin() + 1, input.shape.end());
  }
  return shapes;
}

int64_t common_rows(const std::vector<TensorView>& inputs, const std::vector<TensorSpec>& specs) {
  require(inputs.size() == specs.size(), ErrorCode::kInvalidArgument,
          "{} inputs given; the model has {}", inputs.size(), specs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    require(!inputs[i].shape.empty(), ErrorCode::kShapeMismatch,
            "input \"{}\" is a single number; expected an array of rows", specs[i].name);
    require(inputs[i].shape[0] == inputs[0].shape[0], ErrorCode::kShapeMismatch,
            "input \"{}\" has {} rows, input \"{}\" {}; expected as many", specs[i].name,
            inputs[i].shape[0], specs[0].name, inputs[0].shape[0]);
  }
  return inputs[0].shape[0];
}

}  // namespace

Model::Model(std::shared_ptr<const internal::CompiledModel> compiled)
    : compiled_(std::move(compiled)) {}

Model Model::load(const std::string& path, const LoadOptions& options) {
  return Model(internal::CompiledModel::load(path, options));
}

const std::vector<TensorSpec>& Model::inputs() const { return compiled_->inputs(); }
const std::vector<TensorSpec>& Model::outputs() const { return compiled_->outputs(); }

std::vector<Tensor> Model::predict(const std::vector<TensorView>& inputs) const {
  const int64_t rows = common_rows(inputs, compiled_->inputs());
  const std::vector<Shape> shapes = compiled_->match_rows(row_shapes_of(inputs), {});
  internal::ModelPlans& plans = compiled_->plans_for(shapes);
  const kernels::OneThreadScope one_thread;

  // Rows go through in pieces of a power of two, so that few plans serve all numbers of rows; at
  // once where there are few of them, or where they depend on each other.
  const int64_t most = plans.moves_rows() ? 1 : kMostRowsAtOnce;
  const bool at_once = rows <= most || plans.row_mixing();
  std::vector<Tensor> outputs;
  int64_t begin = 0;
  do {
    const int64_t left = rows - begin;
    const int64_t count =
        at_once ? rows
                : std::min<int64_t>(
                      most, static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(left))));
    const plan::Plan& plan = plans.for_rows(count);
    std::vector<Tensor> converted(inputs.size());
    std::vector<const void*> addresses(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const graph::TensorType& wanted = plan.input_types()[i];
      const int64_t row_elements = num_elements(shapes[i]);
      addresses[i] = static_cast<const std::byte*>(inputs[i].data) +
                     static_cast<size_t>(begin * row_elements) * size_of(inputs[i].dtype);
      if (inputs[i].dtype == wanted.dtype) continue;
      converted[i] = Tensor(wanted.dtype, wanted.shape);
      convert_elements(inputs[i].dtype, addresses[i], wanted.dtype, converted[i].mutable_data(),
                       count * row_elements);
      addresses[i] = converted[i].data();
    }
    std::vector<Tensor> computed;
    std::vector<void*> targets;
    for (const graph::TensorType& type : plan.output_types()) {
      computed.emplace_back(type.dtype, type.shape);
    }
    for (Tensor& tensor : computed) targets.push_back(tensor.mutable_data());
    plans.with_state(count, [&](plan::WorkerState& state) {
      plan.execute({addresses, targets}, state);
    });
    for (size_t k = 0; k < computed.size(); ++k) {
      const DType dtype = compiled_->outputs()[k].dtype;
      if (begin == 0) {
        Shape shape = computed[k].shape();
        if (!at_once) shape[0] = rows;
        outputs.emplace_back(dtype, std::move(shape));
      }
      const int64_t elements = computed[k].num_elements();
      const int64_t row_elements = count > 0 ? elements / count : 0;
      auto* target = static_cast<std::byte*>(outputs[k].mutable_data()) +
                     static_cast<size_t>(begin * row_elements) * size_of(dtype);
      convert_elements(computed[k].dtype(), computed[k].data(), dtype, target, elements);
    }
    begin += count;
  } while (begin < rows);
  return outputs;
}

std::string Model::plan_text(int64_t batch_size, const std::vector<Shape>& input_shapes) const {
  internal::ModelPlans& plans = compiled_->plans_for_shapes(input_shapes);
  const int64_t batch = batch_size > 0 ? batch_size : plans.batch_size();
  return fmt::format("batch size {}\n{}", batch, plans.for_rows(batch).to_string());
}

}  // namespace hornet
