#include "graph/ops/custom.h"

#include "kernels/kernel.h"
#include "kernels/reference/kernels.h"

namespace hornet::kernels::reference {
namespace {

template <class View>
std::vector<View> views(const std::vector<graph::TensorType>& types) {
  std::vector<View> result;
  for (const graph::TensorType& type : types) result.push_back({nullptr, type.dtype, type.shape});
  return result;
}

// The views of one worker, so that a run copies no shapes.
struct Views final : KernelState {
  std::vector<TensorView> inputs;
  std::vector<MutableTensorView> outputs;
  std::vector<Tensor> unwanted;  // by output: its memory where the graph does not use it
};

class CustomKernel final : public Kernel {
 public:
  explicit CustomKernel(const KernelRequest& request)
      : function_(static_cast<const graph::Custom&>(request.op).function),
        input_types_(request.inputs),
        output_types_(request.outputs) {}

  std::string describe() const override { return "custom"; }
  std::unique_ptr<KernelState> make_state() const override {
    auto state = std::make_unique<Views>();
    state->inputs = views<TensorView>(input_types_);
    state->outputs = views<MutableTensorView>(output_types_);
    state->unwanted.resize(output_types_.size());
    return state;
  }
  void run(const KernelArgs& args, KernelState* state) const override {
    auto& views = *static_cast<Views*>(state);
    for (size_t i = 0; i < views.inputs.size(); ++i) views.inputs[i].data = args.inputs[i];
    for (size_t i = 0; i < views.outputs.size(); ++i) {
      views.outputs[i].data = args.outputs[i] != nullptr ? args.outputs[i] : unwanted(views, i);
    }
    function_->run(views.inputs, views.outputs);
  }

 private:
  void* unwanted(Views& views, size_t output) const {
    Tensor& memory = views.unwanted[output];
    const graph::TensorType& type = output_types_[output];
    if (memory.shape() != type.shape) memory = Tensor(type.dtype, type.shape);
    return memory.mutable_data();
  }

  const std::shared_ptr<const graph::CustomFunction> function_;
  const std::vector<graph::TensorType> input_types_, output_types_;
};

}  // namespace

KernelOffer custom(const KernelRequest& request) {
  return {std::make_unique<CustomKernel>(request), ""};
}

}  // namespace hornet::kernels::reference
