// The arithmetic of one operator for fixed shapes: chosen when a Plan is made, run by any worker.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/layout.h"
#include "kernels/packed_weights.h"

namespace hornet::kernels {

// What a kernel is made from. Types are fully known and have storage dtypes.
struct KernelRequest {
  const graph::Op& op;
  std::vector<graph::TensorType> inputs;  // an absent optional input has an empty shape...
  std::vector<bool> present;              // ...and is not present
  std::vector<graph::TensorType> outputs;
  std::vector<std::optional<graph::Constant>> constants;  // of inputs that are constant
  std::vector<graph::ValueId> input_ids;                  // for keys of packed weights
  std::vector<Layout> input_layouts;                      // what the producers deliver
  StepWeights packed;
};

// Addresses for one run. Constant inputs and absent ones are as the kernel asked (see needs_input).
struct KernelArgs {
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  void* scratch;  // scratch_bytes() bytes, 64-byte aligned
};

// What one worker keeps for one kernel (oneDNN memory handles, for one).
class KernelState {
 public:
  virtual ~KernelState() = default;
};

// Immutable: run() may be called by several workers at once, each with its own state and scratch.
class Kernel {
 public:
  virtual ~Kernel() = default;
  // "onednn jit_avx512 conv", "reference": for the plan's text.
  virtual std::string describe() const = 0;
  virtual size_t scratch_bytes() const { return 0; }
  // The layouts this kernel reads and writes; the plan puts reorders where producers differ.
  virtual Layout input_layout(size_t) const { return Layout::plain(); }
  virtual Layout output_layout(size_t) const { return Layout::plain(); }
  // False where the kernel keeps its own packed form of a constant input.
  virtual bool needs_input(size_t) const { return true; }
  // The output that may share the memory of input `input`: the kernel reads each element before it
  // writes it. -1 for none.
  virtual int in_place_output(size_t input) const {
    (void)input;
    return -1;
  }
  // The output that may begin `lead` bytes in front of input `input` and take its place from there
  // on: when the kernel writes an element it does not need any more what lay there. So it writes
  // where it has just read, in the cache.
  struct Overlap {
    int output = -1;  // none
    size_t lead = 0;  // a multiple of 64
  };
  virtual Overlap overlapping_output(size_t input) const {
    (void)input;
    return {};
  }
  virtual std::unique_ptr<KernelState> make_state() const { return nullptr; }
  virtual void run(const KernelArgs& args, KernelState* state) const = 0;
};

// A kernel, or the reason why this implementation does not take the operator.
struct KernelOffer {
  std::unique_ptr<Kernel> kernel;
  std::string refusal;
};

using KernelFactory = KernelOffer (*)(const KernelRequest& request);

// Implementations of one operator, the fastest first, the reference last.
struct KernelEntry {
  std::string_view op;
  std::vector<KernelFactory> implementations;
  KernelFactory reference;
};

// The table of all operators: kernels/registry.cpp.
const std::vector<KernelEntry>& kernel_table();

struct KernelChoice {
  bool reference_only = false;  // tests: the oracle
};
// Asks the implementations in order. Throws Error(kUnsupported) with all refusals where none takes
// the operator. Refusals of those asked before the chosen one are appended to `refusals`.
std::unique_ptr<Kernel> choose_kernel(const KernelRequest& request, const KernelChoice& choice,
                                      std::vector<std::string>* refusals = nullptr);

}  // namespace hornet::kernels
