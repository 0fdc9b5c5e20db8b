#include "kernels/onednn/kernels.h"
#include "kernels/onednn/primitive.h"
#include "kernels/threads.h"

namespace hornet::kernels {
namespace {

using onednn::Execution;
using onednn::Program;

KernelOffer refuse_pool(const std::string& reason) { return {nullptr, "onednn pool: " + reason}; }

class OneDnnPool final : public Kernel {
 public:
  explicit OneDnnPool(Program program) : program_(std::move(program)) {}
  std::string describe() const override { return "onednn " + program_.name; }
  size_t scratch_bytes() const override { return program_.scratch_bytes; }
  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Execution>(program_);
  }
  void run(const KernelArgs& args, KernelState* state) const override {
    auto& execution = static_cast<Execution&>(*state);
    execution.bind(0, args.inputs[0]);
    execution.bind(1, args.outputs[0]);
    execution.bind_scratch(args.scratch);
    execution.execute();
  }

 private:
  const Program program_;
};

std::string refusal(const KernelRequest& request, const graph::Pool& op,
                    const PoolingTerms& terms) {
  if (request.inputs[0].dtype != DType::kFloat32) {
    return to_string(request.inputs[0]) + " is not float32";
  }
  if (num_elements(terms.src) == 0 || num_elements(terms.dst) == 0) return "no elements";
  for (const int64_t dilation : op.window.dilations) {
    if (dilation != 1) return "dilation";
  }
  for (size_t i = 0; i < terms.kernel.size(); ++i) {
    for (const int64_t pad : {terms.padding_l[i], terms.padding_r[i]}) {
      if (pad < 0 || pad >= terms.kernel[i]) return "windows without a real cell";
    }
  }
  return "";
}

}  // namespace

KernelOffer onednn_pool(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Pool&>(request.op);
  if (op.window.size.size() > 3) return refuse_pool("more than 3 spatial dimensions");
  if (op.kind == graph::PoolKind::kMax) return refuse_pool("maxima: they leave NaN out");
  const PoolingTerms terms = pooling_terms(op, request.inputs[0].shape, request.outputs[0].shape);
  if (std::string reason = refusal(request, op, terms); !reason.empty()) return refuse_pool(reason);

  const OneThreadScope one_thread;
  const dnnl::memory::desc src = onednn::describe(terms.src, terms.src_strides);
  const dnnl::memory::desc dst = onednn::describe(terms.dst, terms.dst_strides);
  dnnl::pooling_forward::primitive_desc primitive_desc;
  try {
    const auto algorithm = dnnl::algorithm::pooling_avg_exclude_padding;
    const dnnl::pooling_forward::desc desc(dnnl::prop_kind::forward_inference, algorithm, src, dst,
                                           terms.strides, terms.kernel, terms.padding_l,
                                           terms.padding_r);
    primitive_desc = {desc, onednn::attributes(), onednn::cpu_engine()};
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) onednn::rethrow(error, "pooling");
    return refuse_pool(error.what());
  }
  const std::string implementation = primitive_desc.impl_info_str();
  if (implementation.starts_with("ref")) return refuse_pool("only oneDNN's own reference takes it");

  Program program;
  program.name = "pool " + implementation;
  onednn::guarded(program.name, [&] {
    program.primitive = dnnl::pooling_forward(primitive_desc);
    program.arguments = {{DNNL_ARG_SRC, src, {}}, {DNNL_ARG_DST, dst, {}}};
    program.add_scratchpad(primitive_desc.scratchpad_desc());
  });
  return {std::make_unique<OneDnnPool>(std::move(program)), ""};
}

}  // namespace hornet::kernels
