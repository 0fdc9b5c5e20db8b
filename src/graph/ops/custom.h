// Operators whose arithmetic comes from outside the house.
#pragma once

#include "graph/op.h"

namespace hornet::graph {

// Immutable; run() may be called by several workers at once.
class CustomFunction {
 public:
  virtual ~CustomFunction() = default;
  virtual std::vector<TensorType> infer(std::span<const TensorType> inputs) const = 0;
  // Types are those of one infer(), floating ones float32.
  virtual void run(std::span<const TensorView> inputs,
                   std::span<const MutableTensorView> outputs) const = 0;
};

struct Custom final : Op {
  explicit Custom(std::shared_ptr<const CustomFunction> f) : function(std::move(f)) {}
  std::shared_ptr<const CustomFunction> function;
  std::string_view name() const override { return "custom"; }
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    return function->infer(inputs);
  }
};

}  // namespace hornet::graph
