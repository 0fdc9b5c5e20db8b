// A Graph compiled for fixed shapes: kernels in order, one arena, packed weights by reference.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "plan/execution.h"

namespace hornet::plan {

class WorkerState;

// Immutable and shared by workers. Compiling makes every decision; execute() allocates nothing.
class Plan {
 public:
  // `graph` and `packed` must outlive the plan. `input_shapes` have no unknown dimension.
  // With `nodes_row_by_row` all have the same number of rows in front, and the cut is one for which
  // value_between() gives a value. Throws Error(kShapeMismatch, kUnsupported) naming the layer.
  static std::unique_ptr<const Plan> compile(const graph::Graph& graph,
                                             const std::vector<Shape>& input_shapes,
                                             kernels::PackedWeights& packed,
                                             const PlanOptions& options = {});
  ~Plan();

  const std::vector<graph::TensorType>& input_types() const;   // storage dtypes
  const std::vector<graph::TensorType>& output_types() const;  // storage dtypes
  size_t arena_bytes() const;        // values between steps and scratch, a worker
  size_t weight_bytes() const;       // constants that the steps read, shared
  size_t working_set_bytes() const;  // most bytes any one step touches, weights included
  double flops() const;

  // Computes one batch. Thread-safe for distinct states.
  // Inputs and outputs are dense, of the types above, and may have any alignment of their dtype.
  void execute(const PlanIo& io, WorkerState& state) const;

  size_t num_steps() const;
  std::vector<StepInfo> steps() const;
  // The same as execute(); sets `seconds`, one a step, to what each took.
  void execute_timed(const PlanIo& io, WorkerState& state, std::span<double> seconds) const;

  std::string to_string() const;

  struct Impl;  // plan.cpp only

 private:
  friend class WorkerState;
  explicit Plan(std::unique_ptr<Impl> impl);
  template <class Execute>
  void run(const PlanIo& io, WorkerState& state, const Execute& execute) const;
  std::unique_ptr<Impl> impl_;
};

// What one worker needs to execute one Plan: arena, scratch, kernel states. Not thread-safe.
class WorkerState {
 public:
  explicit WorkerState(const Plan& plan);  // `plan` must outlive the state
  ~WorkerState();

 private:
  friend class Plan;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hornet::plan
