#include "fault/fault_layers.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>
#include <new>

#include "../../examples/custom_layer/layers.h"
#include "hornet/error.h"

namespace hornet {
namespace {

bool is_near(float value, float mark) { return std::abs(value - mark) < 100; }

// The identity, but for rows that are marked.
class FaultKernel final : public CustomKernel {
 public:
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    return {inputs[0]};
  }
  void run(std::span<const TensorView> inputs,
           std::span<const MutableTensorView> outputs) const override {
    const int64_t rows = inputs[0].shape[0];
    const int64_t row_elements = rows == 0 ? 0 : num_elements(inputs[0].shape) / rows;
    const auto* x = static_cast<const float*>(inputs[0].data);
    auto* y = static_cast<float*>(outputs[0].data);
    for (int64_t row = 0; row < rows; ++row, x += row_elements, y += row_elements) {
      std::copy_n(x, row_elements, y);
      if (is_near(x[0], kThrows)) throw Error(ErrorCode::kInvalidInput, "the row is marked");
      if (is_near(x[0], kCrashes)) {
        signal(SIGSEGV, SIG_DFL);  // that of a sanitizer would only exit
        raise(SIGSEGV);
      }
      if (is_near(x[0], kRunsOutOfMemory)) throw std::bad_alloc();
      if (is_near(x[0], kExits)) _exit(3);
      if (is_near(x[0], kIsSlow)) usleep(20000);
      if (is_near(x[0], kGivesNaN)) y[0] = std::numeric_limits<float>::quiet_NaN();
      while (is_near(x[0], kHangs)) pause();
    }
  }
};

}  // namespace

std::vector<CustomLayerDefinition> fault_layers() {
  std::vector<CustomLayerDefinition> layers = my_layers();
  layers[1].function = [](CustomLayer& layer) {
    return layer.kernel(std::make_shared<FaultKernel>(), {layer.inputs()[0]});
  };
  return layers;
}

}  // namespace hornet
