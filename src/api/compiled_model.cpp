#include "api/compiled_model.h"

#include <algorithm>

#include "api/custom_layers.h"
#include "api/naming.h"
#include "api/shared_weights.h"
#include "base/check.h"
#include "base/cpu.h"
#include "graph/passes/pass.h"
#include "keras/load.h"
#include "kernels/evaluate.h"
#include "kernels/simd/elementwise.h"
#include "plan/batch_size.h"
#include "plan/packing.h"
#include "plan/row_by_row.h"

namespace hornet::internal {
namespace {

TensorSpec spec_of(const layers::ModelTensor& tensor) {
  return {tensor.name, tensor.path, handed_out(tensor.dtype), tensor.shape};
}

std::vector<Tensor> evaluate_node(const graph::Node& node,
                                  const std::vector<const Tensor*>& inputs) {
  return kernels::evaluate(*node.op, inputs, true);
}

bool fits(const Shape& rows, const Shape& expected) {
  if (rows.size() != expected.size()) return false;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (expected[i] != kUnknownDim && expected[i] != rows[i]) return false;
  }
  return true;
}

// [3, 4] -> "rows of shape [3, 4]"; [] -> "rows that are single numbers"
std::string describe_rows(const Shape& shape) {
  return shape.empty() ? "single numbers" : "shape " + to_string(shape);
}

}  // namespace

DType handed_out(DType dtype) { return dtype == DType::kBFloat16 ? DType::kFloat32 : dtype; }

ModelPlans::ModelPlans(const std::string& path, const graph::Graph& graph,
                       kernels::PackedWeights& packed, std::vector<Shape> row_shapes)
    : path_(path), graph_(graph), packed_(packed), row_shapes_(std::move(row_shapes)) {}

std::vector<Shape> ModelPlans::input_shapes(int64_t rows) const {
  std::vector<Shape> shapes = row_shapes_;
  for (Shape& shape : shapes) shape.insert(shape.begin(), rows);
  return shapes;
}

const plan::Plan& ModelPlans::for_rows(int64_t rows) {
  plan::PlanOptions options;
  if (rows > 1) options.nodes_row_by_row = nodes_row_by_row();
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<const plan::Plan>& plan = plans_[rows];
  if (plan == nullptr) {
    naming(path_,
           [&] { plan = plan::Plan::compile(graph_, input_shapes(rows), packed_, options); });
  }
  return *plan;
}

int64_t ModelPlans::batch_size() {
  if (moves_rows()) return 1;
  {
    const std::scoped_lock lock(mutex_);
    if (batch_size_ > 0) return batch_size_;
  }
  const int64_t chosen =
      plan::choose_batch_size([this](int64_t rows) -> const plan::Plan& { return for_rows(rows); },
                              graph_, cache_sizes(), nodes_row_by_row() > 0);
  const std::scoped_lock lock(mutex_);
  return batch_size_ = chosen;
}

int ModelPlans::nodes_row_by_row() {
  std::call_once(row_by_row_found_, [&] {
    try {
      if (!row_mixing()) {
        nodes_row_by_row_ = plan::count_nodes_row_by_row(graph_, row_shapes_, cache_sizes());
      }
    } catch (const Error& error) {
      // A graph that does not take these numbers of rows: that is for those who want such a plan.
      if (error.code() != ErrorCode::kShapeMismatch) throw;
    }
  });
  return nodes_row_by_row_;
}

const graph::TypesByRows& ModelPlans::types_by_rows() {
  using graph::TypesByRows;
  std::call_once(types_found_, [&] {
    types_ = naming(path_, [&] {
      return TypesByRows{graph_.infer_types_for(input_shapes(TypesByRows::kFew)),
                         graph_.infer_types_for(input_shapes(TypesByRows::kMore))};
    });
  });
  return types_;
}

const std::optional<std::string>& ModelPlans::row_mixing() {
  std::call_once(row_mixing_found_,
                 [&] { row_mixing_ = graph::find_row_mixing(graph_, types_by_rows()); });
  return row_mixing_;
}

bool ModelPlans::moves_rows() {
  std::call_once(moves_rows_found_, [&] {
    try {
      moves_rows_ = !row_mixing() && graph::moves_rows(graph_, types_by_rows());
    } catch (const Error& error) {
      // A graph for other numbers of rows only: whoever wants these is told.
      if (error.code() != ErrorCode::kShapeMismatch) throw;
    }
  });
  return moves_rows_;
}

void ModelPlans::finish_packing() {
  naming(path_, [&] { packed_.complete(); });
}

void ModelPlans::with_state(int64_t rows, const std::function<void(plan::WorkerState&)>& body) {
  const plan::Plan& plan = for_rows(rows);
  std::unique_ptr<plan::WorkerState> state;
  {
    const std::scoped_lock lock(mutex_);
    auto& idle = idle_states_[rows];
    if (!idle.empty()) {
      state = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (state == nullptr) state = std::make_unique<plan::WorkerState>(plan);
  body(*state);
  const std::scoped_lock lock(mutex_);
  idle_states_[rows].push_back(std::move(state));
}

std::shared_ptr<const CompiledModel> CompiledModel::load(const std::string& path,
                                                         const LoadOptions& options,
                                                         int weights_descriptor) {
  warm_heap();
  FileSystem& fs = FileSystem::real();
  const auto before = find_file_version(path, fs);
  const auto weights_before = find_file_version(options.weights_path, fs);
  keras::LoadedModel loaded = keras::load(path, options.weights_path);
  require(loaded.weights != nullptr, ErrorCode::kInvalidModel,
          "{} holds a config without weights; expected a weights file beside it", path);
  std::shared_ptr<CompiledModel> model(new CompiledModel);
  naming(path, [&] {
    layers::LoweredModel lowered =
        layers::lower(loaded.config, registry_with(options.custom_layers));
    model->path_ = path;
    model->weights_path_ = options.weights_path;
    for (const auto& input : lowered.inputs) model->inputs_.push_back(spec_of(input));
    for (const auto& output : lowered.outputs) model->outputs_.push_back(spec_of(output));
    model->graph_ = std::move(lowered.graph);
    // While weights are read there is a core to spare.
    if (weights_descriptor < 0) {
      model->packed_.expect(
          plan::estimate_packed_bytes(model->graph_, loaded.weights->size_in_bytes()));
    }
    loaded.weights->bind(lowered.weights, [&](int64_t id, Tensor data) {
      model->graph_.bind(static_cast<graph::ValueId>(id), std::move(data));
    });
    graph::run_passes(model->graph_, {evaluate_node, [](const graph::UnaryFunction& function) {
                                        return kernels::find_activation(function).has_value();
                                      }});
  });
  model->packed_.stop_expecting();
  model->file_.emplace(path, before, fs, loaded.checksum);
  if (!options.weights_path.empty()) {
    model->weights_file_.emplace(options.weights_path, weights_before, fs);
  }
  if (weights_descriptor >= 0) adopt_weights(weights_descriptor, model->graph_, model->packed_);
  return model;
}

std::vector<Shape> CompiledModel::match_rows(const std::vector<Shape>& row_shapes,
                                             const std::vector<std::string>& names) const {
  std::vector<Shape> matched;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Shape expected(inputs_[i].shape.begin() + 1, inputs_[i].shape.end());
    Shape shape = row_shapes[i];
    if (!fits(shape, expected)) {
      Shape widened = shape, narrowed = shape;
      widened.push_back(1);
      if (!narrowed.empty() && narrowed.back() == 1) narrowed.pop_back();
      if (fits(widened, expected)) shape = widened;
      if (fits(narrowed, expected)) shape = narrowed;
    }
    if (!fits(shape, expected)) {
      fail(ErrorCode::kShapeMismatch, "{}: its rows have {}; input \"{}\" of {} expects {}",
           names.empty() ? "input " + inputs_[i].name : names[i], describe_rows(row_shapes[i]),
           inputs_[i].name, path_, describe_rows(expected));
    }
    matched.push_back(std::move(shape));
  }
  return matched;
}

ModelPlans& CompiledModel::plans_for(const std::vector<Shape>& row_shapes) const {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<ModelPlans>& plans = plans_[row_shapes];
  if (plans == nullptr) plans = std::make_unique<ModelPlans>(path_, graph_, packed_, row_shapes);
  return *plans;
}

ModelPlans& CompiledModel::plans_for_shapes(const std::vector<Shape>& input_shapes) const {
  std::vector<Shape> rows;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Shape& given = i < input_shapes.size() ? input_shapes[i] : inputs_[i].shape;
    rows.emplace_back(given.begin() + 1, given.end());
    require(is_known(rows.back()), ErrorCode::kInvalidArgument,
            "input \"{}\" is {}: a plan needs all sizes but the batch", inputs_[i].name,
            to_string(given));
  }
  return plans_for(match_rows(rows, {}));
}

}  // namespace hornet::internal
