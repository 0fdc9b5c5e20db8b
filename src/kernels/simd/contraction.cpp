#include "graph/ops/contraction.h"

#include "base/check.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/kernels.h"
#include "kernels/simd/request.h"

namespace hornet::kernels {
namespace {

class ContractionKernel final : public Kernel {
 public:
  ContractionKernel(PackedConstant weights, Activation activation, int64_t rows)
      : weights_(std::move(weights)), activation_(activation), rows_(rows) {}

  std::string describe() const override {
    return fmt::format("simd {} gemm", weights_.matrix().functions->name);
  }
  size_t scratch_bytes() const override { return gemm_scratch_bytes(weights_.matrix(), rows_); }
  bool needs_input(size_t i) const override { return i != 1; }
  // A tile reads its residual before it writes.
  int in_place_output(size_t i) const override { return i == 3 ? 0 : -1; }

  void run(const KernelArgs& args, KernelState*) const override {
    const PackedB& w = weights_.matrix();
    gemm(w, simd::input(args, 0), w.k, rows_, simd::output(args, 0), w.n,
         {simd::input(args, 2), simd::input(args, 3), w.n, activation_}, args.scratch);
  }

 private:
  const PackedConstant weights_;
  const Activation activation_;
  const int64_t rows_;
};

}  // namespace

KernelOffer simd_contraction(const KernelRequest& request) {
  using namespace simd;
  const auto& op = static_cast<const graph::Contraction&>(request.op);
  const Epilogue epilogue = find_epilogue(request, op.epilogue.activation);
  if (!epilogue.refusal.empty()) return refuse(epilogue.refusal);
  if (!is_constant(request, 1)) return refuse("weights that are computed");
  const Shape& w = request.inputs[1].shape;
  const Shape& x = request.inputs[0].shape;
  const int64_t rows = num_elements(Shape(x.begin(), x.end() - 1));
  PackedConstant packed(request.packed, key_of(request, 1), request.constants[1]->columns(), w[1],
                        w[0], w[1]);
  return {std::make_unique<ContractionKernel>(std::move(packed), epilogue.activation, rows), ""};
}

}  // namespace hornet::kernels
