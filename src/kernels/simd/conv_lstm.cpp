// The loop over time of ConvLstm, one row after the other, whose states stay in the cache: in each
// step the recurrent convolution of its image, by the best kernel for it, then the gates.
#include <algorithm>
#include <utility>

#include "graph/ops/recurrent.h"
#include "kernels/simd/gates.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"
#include "kernels/simd/scratch.h"

namespace hornet::kernels {
namespace {

// Inputs of ConvLstm and of its recurrent convolution.
constexpr size_t kX = 0, kRecurrent = 1, kInitialH = 2, kInitialC = 3, kMask = 4;
constexpr size_t kConvWeights = 1, kConvInputs = 4;

// z = x_t + convolution(h) of one image.
class RecurrentConvolution {
 public:
  // Refuses with nullptr where no kernel takes plain images.
  static std::unique_ptr<RecurrentConvolution> make(const KernelRequest& request) {
    auto made = std::unique_ptr<RecurrentConvolution>(new RecurrentConvolution);
    const auto& op = static_cast<const graph::ConvLstm&>(request.op);
    made->op_.window = op.window(request.inputs[kRecurrent].shape);
    Shape z = request.inputs[kX].shape;
    z.erase(z.begin());
    z.front() = 1;
    Shape h = z;
    h.back() /= 4;
    const graph::TensorType image = {DType::kFloat32, h}, gates = {DType::kFloat32, z};
    const KernelRequest one = {
        made->op_,
        {image, request.inputs[kRecurrent], {}, gates},
        {true, true, false, true},
        {gates},
        {std::nullopt, request.constants[kRecurrent], std::nullopt, std::nullopt},
        {graph::kNoValue, request.input_ids[kRecurrent], graph::kNoValue, graph::kNoValue},
        std::vector<Layout>(kConvInputs, Layout::plain()),
        request.packed};
    made->kernel_ = choose_kernel(one, {});
    const bool is_plain = made->kernel_->input_layout(0).is_plain() &&
                          made->kernel_->input_layout(3).is_plain() &&
                          made->kernel_->output_layout(0).is_plain();
    return is_plain ? std::move(made) : nullptr;
  }

  const Kernel& kernel() const { return *kernel_; }
  void run(const float* h, const float* x, const void* weights, float* z, void* scratch,
           KernelState* state) const {
    const void* const inputs[kConvInputs] = {h, weights, nullptr, x};
    void* const outputs[] = {z};
    kernel_->run({inputs, outputs, scratch}, state);
  }

 private:
  RecurrentConvolution() = default;
  graph::Conv op_;
  std::unique_ptr<Kernel> kernel_;
};

class ConvLstmKernel final : public Kernel {
 public:
  ConvLstmKernel(const KernelRequest& request, const graph::RecurrentOptions& options, Activation f,
                 Activation g, std::unique_ptr<RecurrentConvolution> convolution)
      : rows_(request.inputs[kX].shape[0]),
        steps_(request.inputs[kX].shape[1]),
        cells_(num_elements(
            Shape(request.inputs[kX].shape.begin() + 2, request.inputs[kX].shape.end() - 1))),
        backwards_(options.go_backwards),
        zero_for_mask_(options.zero_output_for_mask),
        gates_{gate_functions(), f, g, request.inputs[kX].shape.back() / 4},
        convolution_(std::move(convolution)) {}

  std::string describe() const override { return convolution_->kernel().describe() + " a step"; }
  size_t scratch_bytes() const override {
    simd::ScratchArena arena;
    take(arena);
    return arena.bytes();
  }
  bool needs_input(size_t i) const override {
    return i != kRecurrent || convolution_->kernel().needs_input(kConvWeights);
  }
  std::unique_ptr<KernelState> make_state() const override {
    return convolution_->kernel().make_state();
  }

  void run(const KernelArgs& args, KernelState* state) const override {
    simd::ScratchArena arena(args.scratch);
    const Scratch scratch = take(arena);
    const int64_t size = state_floats();
    for (int64_t row = 0; row < rows_; ++row) {
      load(simd::input(args, kInitialH), row, scratch.h);
      load(simd::input(args, kInitialC), row, scratch.c);
      run_row(args, row, scratch, state);
      store(scratch.h, simd::output(args, 2), row * size);
      store(scratch.c, simd::output(args, 3), row * size);
    }
  }

 private:
  struct Scratch {
    float *h, *c, *z;
    void* convolution;
  };
  Scratch take(simd::ScratchArena& arena) const {
    float* h = arena.take(state_floats());
    float* c = arena.take(state_floats());
    float* z = arena.take(4 * state_floats());
    const size_t bytes = convolution_->kernel().scratch_bytes();
    return {h, c, z, arena.take<std::byte>(static_cast<int64_t>(bytes))};
  }
  int64_t state_floats() const { return cells_ * gates_.units; }

  void load(const float* initial, int64_t row, float* to) const {
    if (initial == nullptr) {
      std::fill_n(to, state_floats(), 0.0f);
    } else {
      std::copy_n(initial + row * state_floats(), state_floats(), to);
    }
  }
  // Zeros where `from` is null; nothing where the output is not wanted.
  void store(const float* from, float* output, int64_t offset) const {
    if (output == nullptr) return;
    if (from == nullptr) {
      std::fill_n(output + offset, state_floats(), 0.0f);
    } else {
      std::copy_n(from, state_floats(), output + offset);
    }
  }

  void run_row(const KernelArgs& args, int64_t row, const Scratch& scratch,
               KernelState* state) const {
    const bool* mask =
        kMask < args.inputs.size() ? static_cast<const bool*>(args.inputs[kMask]) : nullptr;
    const int64_t size = state_floats();
    const float* shown = nullptr;  // zeros before the first step that is not masked
    for (int64_t step = 0; step < steps_; ++step) {
      const int64_t at = row * steps_ + (backwards_ ? steps_ - 1 - step : step);
      const bool kept = mask == nullptr || mask[at];
      if (kept) {
        convolution_->run(scratch.h, simd::input(args, kX) + at * 4 * size, args.inputs[kRecurrent],
                          scratch.z, scratch.convolution, state);
        update(scratch);
      }
      if (kept) shown = scratch.h;
      if (!kept && zero_for_mask_) shown = nullptr;
      store(shown, simd::output(args, 0), (row * steps_ + step) * size);
    }
    store(shown, simd::output(args, 1), row * size);
  }

  // Some cells at a time, whose gates stay in the first cache level.
  void update(const Scratch& scratch) const {
    constexpr int64_t kBlockFloats = 4 << 10;
    const int64_t units = gates_.units, ld = 4 * units;
    const int64_t block = std::max<int64_t>(kBlockFloats / ld, 1);
    for (int64_t first = 0; first < cells_; first += block) {
      const int64_t end = std::min(first + block, cells_);
      gates_.activate(scratch.z + first * ld, ld, end - first);
      for (int64_t cell = first; cell < end; ++cell) {
        gates_.update(scratch.z + cell * ld, scratch.c + cell * units, scratch.h + cell * units);
      }
    }
  }

  const int64_t rows_, steps_, cells_;
  const bool backwards_, zero_for_mask_;
  const LstmGates gates_;
  const std::unique_ptr<RecurrentConvolution> convolution_;
};

}  // namespace

KernelOffer simd_conv_lstm(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::ConvLstm&>(request.op);
  for (size_t i = 0; i < kMask; ++i) {
    if (!is_float(request, i)) return refuse("operands of other types than float32");
  }
  if (present(request, kMask) && request.inputs[kMask].dtype != DType::kBool) {
    return refuse("a mask that is not bool");
  }
  if (!is_constant(request, kRecurrent)) return refuse("weights that are computed");
  const auto f = find_activation(op.options.activation);
  const auto g = find_activation(op.options.recurrent_activation);
  if (!f || !g) return refuse("activations without a vector form");
  auto convolution = RecurrentConvolution::make(request);
  if (convolution == nullptr) return refuse("a convolution of images in blocks");
  return {std::make_unique<ConvLstmKernel>(request, op.options, *f, *g, std::move(convolution)),
          ""};
}

}  // namespace hornet::kernels
