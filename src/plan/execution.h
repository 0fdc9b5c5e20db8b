// What compiling and executing a Plan take and tell, which its parts have in common.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hornet::plan {

struct PlanOptions {
  bool reference_only = false;  // tests: reference kernels throughout
  // So many nodes are computed row by row, the others then for all rows: see row_by_row.h.
  int nodes_row_by_row = 0;
};

// What one execution reads and writes: addresses of inputs and outputs, in order.
struct PlanIo {
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
};

// What a step does in one execution, in words and numbers.
struct StepInfo {
  std::string op, primitive, output, layer;
  double flops = 0;
  // Inputs and outputs, constants included: a step that is executed row by row reads them for each.
  size_t bytes = 0;
};

}  // namespace hornet::plan
