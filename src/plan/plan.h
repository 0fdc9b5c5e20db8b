// A Graph compiled for fixed shapes: kernels in order, one arena, packed weights by reference.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/kernel.h"

namespace hornet::plan {

struct PlanOptions {
  bool reference_only = false;  // tests: reference kernels throughout
  // So many nodes are computed row by row, the others then for all rows: see row_by_row.h.
  int nodes_row_by_row = 0;
};

// What one execution reads and writes: addresses of the graph's inputs and outputs, in order.
struct PlanIo {
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
};

// What a step does, in words and numbers.
struct StepInfo {
  std::string op, primitive, output, layer;
  double flops = 0;  // of an execution of the plan
  size_t bytes = 0;  // inputs and outputs, constants included
};

class WorkerState;

// Immutable and shared by workers. Compiling makes every decision; execute() allocates nothing.
class Plan {
 public:
  // `graph` and `packed` must outlive the plan. `input_shapes` have no unknown dimension.
  // Throws Error(kShapeMismatch, kUnsupported) naming the layer.
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
