// The nodes of a graph from one to another, compiled for fixed shapes: kernels in order, and where
// in one arena the values between them lie. What a Plan is made of.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "plan/execution.h"

namespace hornet::plan {

// The nodes [first_node, end_node) of a graph. But for constants they read `inputs` and what others
// of them give, and of this nothing else is read behind them than `outputs`.
struct Part {
  int first_node = 0, end_node = 0;
  std::vector<graph::ValueId> inputs, outputs;
};

class ProgramState;

// Immutable and shared by workers.
class Program {
 public:
  // `types` has the type of each value of the graph, without unknown dimensions. `graph` and
  // `packed` must outlive the program. Steps wait for the packed weights that they need.
  Program(const graph::Graph& graph, const Part& part, std::vector<graph::TensorType> types,
          kernels::PackedWeights& packed, const PlanOptions& options);
  ~Program();

  const std::vector<graph::TensorType>& input_types() const;   // storage dtypes
  const std::vector<graph::TensorType>& output_types() const;  // storage dtypes
  size_t arena_bytes() const;                                  // values between steps and scratch
  size_t constant_bytes() const;                               // that steps read as they are
  size_t working_set_bytes() const;
  double flops() const;
  size_t num_steps() const;
  std::vector<StepInfo> steps() const;
  // A line a step, numbered from `first_index` on.
  std::string to_string(size_t first_index) const;

  void execute(const PlanIo& io, ProgramState& state) const;
  // The same; adds to `seconds`, one a step, what each took.
  void execute_timed(const PlanIo& io, ProgramState& state, std::span<double> seconds) const;

  struct Impl;  // program.cpp only

 private:
  friend class ProgramState;
  void bind(const PlanIo& io, ProgramState& state) const;
  void run_step(size_t index, ProgramState& state) const;
  std::unique_ptr<Impl> impl_;
};

// What one worker needs to execute one Program. Not thread-safe.
class ProgramState {
 public:
  // `program` and `arena`, of its arena_bytes() and 64-byte aligned, must outlive the state.
  ProgramState(const Program& program, std::byte* arena);
  ~ProgramState();

 private:
  friend class Program;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hornet::plan
