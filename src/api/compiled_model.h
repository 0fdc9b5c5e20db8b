// A model ready to predict: its optimised Graph, packed weights and plans.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "api/fingerprint.h"
#include "graph/rows.h"
#include "hornet/model.h"
#include "kernels/kernel.h"
#include "layers/lowering.h"
#include "plan/plan.h"
#include "runtime/batch_runner.h"

namespace hornet::internal {

// The plans for rows of certain shapes, made when first asked for. Thread-safe.
class ModelPlans final : public runtime::PlanSet {
 public:
  // `row_shapes`: one an input, without the batch, no unknown dimension. Errors name `path`.
  ModelPlans(const std::string& path, const graph::Graph& graph, kernels::PackedWeights& packed,
             std::vector<Shape> row_shapes);

  const plan::Plan& for_rows(int64_t rows) override;
  const std::vector<Shape>& row_shapes() const { return row_shapes_; }
  // The batch size predict() uses unless told otherwise.
  int64_t batch_size();
  // Why rows cannot be predicted apart from each other; nothing where they can.
  const std::optional<std::string>& row_mixing();
  // Whether rows are to be computed one by one: graph::moves_rows().
  bool moves_rows();
  // Returns when all that the plans want packed is packed, and in memory.
  void finish_packing();
  // Runs `body` with a state for the plan of `rows` rows that nobody else uses meanwhile.
  void with_state(int64_t rows, const std::function<void(plan::WorkerState&)>& body);

 private:
  std::vector<Shape> input_shapes(int64_t rows) const;
  const graph::TypesByRows& types_by_rows();
  // See plan/row_by_row.h; 0 where rows depend on each other.
  int nodes_row_by_row();

  const std::string& path_;
  const graph::Graph& graph_;
  kernels::PackedWeights& packed_;
  const std::vector<Shape> row_shapes_;
  std::mutex mutex_;
  std::map<int64_t, std::unique_ptr<const plan::Plan>> plans_;
  std::map<int64_t, std::vector<std::unique_ptr<plan::WorkerState>>> idle_states_;
  int64_t batch_size_ = 0;
  std::once_flag types_found_;
  graph::TypesByRows types_;
  std::once_flag row_by_row_found_;
  int nodes_row_by_row_ = 0;
  std::once_flag moves_rows_found_;
  bool moves_rows_ = false;
  std::once_flag row_mixing_found_;
  std::optional<std::string> row_mixing_;
};

// Immutable but for its caches; thread-safe.
class CompiledModel {
 public:
  // `weights_descriptor`: memory with the weights of this model that another process shares (see
  // shared_weights.h); -1 for none.
  static std::shared_ptr<const CompiledModel> load(const std::string& path,
                                                   const LoadOptions& options,
                                                   int weights_descriptor = -1);

  const std::string& path() const { return path_; }
  const std::string& weights_path() const { return weights_path_; }  // "" for none
  // The files at these paths that it was read from.
  const ReadFile& file() const { return *file_; }
  const std::optional<ReadFile>& weights_file() const { return weights_file_; }
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  const graph::Graph& graph() const { return graph_; }
  kernels::PackedWeights& packed() const { return packed_; }

  // The shapes in which the model takes rows of the given shapes (no batch): [n] and [n, 1] stand
  // for each other, as in Keras. Throws Error(kShapeMismatch) naming input, found and expected, and
  // whose rows they are: names[i], or the input where there are no names.
  std::vector<Shape> match_rows(const std::vector<Shape>& row_shapes,
                                const std::vector<std::string>& names) const;
  // `row_shapes` as match_rows gives them. The result lives as long as the model.
  ModelPlans& plans_for(const std::vector<Shape>& row_shapes) const;
  // The same for shapes of inputs, batch included, in the order of inputs(); those of the model
  // where none is given. Throws Error(kInvalidArgument) where a size stays unknown.
  ModelPlans& plans_for_shapes(const std::vector<Shape>& input_shapes) const;

  CompiledModel(const CompiledModel&) = delete;
  CompiledModel& operator=(const CompiledModel&) = delete;

 private:
  CompiledModel() = default;

  std::string path_, weights_path_;
  std::optional<ReadFile> file_, weights_file_;
  std::vector<TensorSpec> inputs_, outputs_;
  graph::Graph graph_;
  mutable kernels::PackedWeights packed_;
  mutable std::mutex mutex_;
  mutable std::map<std::vector<Shape>, std::unique_ptr<ModelPlans>> plans_;
};

// The type in which predictions are handed out: Keras's, but float32 for bfloat16, which no array
// format has.
DType handed_out(DType dtype);

}  // namespace hornet::internal
