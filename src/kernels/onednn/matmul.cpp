#include "kernels/onednn/kernels.h"
#include "kernels/onednn/primitive.h"
#include "kernels/threads.h"

namespace hornet::kernels {
namespace {

using onednn::Execution;
using onednn::Program;

KernelOffer refuse_matmul(const std::string& reason) {
  return {nullptr, "onednn matmul: " + reason};
}

class OneDnnMatMul final : public Kernel {
 public:
  OneDnnMatMul(Program program, MatMulTerms terms)
      : program_(std::move(program)), terms_(std::move(terms)) {}
  std::string describe() const override { return "onednn " + program_.name; }
  size_t scratch_bytes() const override { return program_.scratch_bytes; }
  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Execution>(program_);
  }
  void run(const KernelArgs& args, KernelState* state) const override {
    auto& execution = static_cast<Execution&>(*state);
    const auto* a = static_cast<const float*>(args.inputs[0]);
    const auto* b = static_cast<const float*>(args.inputs[1]);
    auto* c = static_cast<float*>(args.outputs[0]);
    execution.bind_scratch(args.scratch);
    const size_t executions = terms_.repeats ? terms_.a_offsets.size() : 1;
    for (size_t i = 0; i < executions; ++i) {
      execution.bind(0, a + terms_.a_offsets[i]);
      execution.bind(1, b + terms_.b_offsets[i]);
      execution.bind(2, c + static_cast<int64_t>(i) * terms_.m * terms_.n);
      execution.execute();
    }
  }

 private:
  const Program program_;
  const MatMulTerms terms_;
};

// Slices of one size, one behind the other.
dnnl::memory::desc slices(int64_t count, int64_t rows, int64_t columns, const OneDnnDims& strides) {
  return onednn::describe({count, rows, columns}, {rows * columns, strides[0], strides[1]});
}

}  // namespace

KernelOffer onednn_matmul(const KernelRequest& request) {
  const auto& op = static_cast<const graph::MatMul&>(request.op);
  for (size_t i = 0; i < 2; ++i) {
    if (request.inputs[i].dtype != DType::kFloat32) {
      return refuse_matmul(to_string(request.inputs[i]) + " is not float32");
    }
    // oneDNN's bits change with the number of rows of a product, so the batch must not be one of
    // the dimensions of a slice.
    if (request.inputs[i].shape.size() == 2 && !request.constants[i]) {
      return refuse_matmul("the batch is a dimension of the product");
    }
  }
  const Shape& c = request.outputs[0].shape;
  if (c.size() == 2) return refuse_matmul("the batch is a dimension of the product");
  const MatMulTerms terms = matmul_terms(op, request.inputs[0].shape, request.inputs[1].shape, c);
  if (num_elements(c) == 0 || terms.k == 0) return refuse_matmul("no elements");

  const OneThreadScope one_thread;
  // Operands that repeat go slice by slice: oneDNN joins the rows of slices that share an operand.
  const int64_t count = terms.repeats ? 1 : static_cast<int64_t>(terms.a_offsets.size());
  const dnnl::memory::desc a = slices(count, terms.m, terms.k, terms.a_strides);
  const dnnl::memory::desc b = slices(count, terms.k, terms.n, terms.b_strides);
  const dnnl::memory::desc out = slices(count, terms.m, terms.n, {terms.n, 1});
  dnnl::matmul::primitive_desc primitive_desc;
  try {
    primitive_desc = {dnnl::matmul::desc(a, b, out), onednn::attributes(), onednn::cpu_engine()};
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) onednn::rethrow(error, "matmul");
    return refuse_matmul(error.what());
  }
  const std::string implementation = primitive_desc.impl_info_str();
  if (implementation.starts_with("ref")) {
    return refuse_matmul("only oneDNN's own reference takes it");
  }

  Program program;
  program.name = "matmul " + implementation;
  onednn::guarded(program.name, [&] {
    program.primitive = dnnl::matmul(primitive_desc);
    program.arguments = {{DNNL_ARG_SRC, a, {}}, {DNNL_ARG_WEIGHTS, b, {}}, {DNNL_ARG_DST, out, {}}};
    program.add_scratchpad(primitive_desc.scratchpad_desc());
  });
  return {std::make_unique<OneDnnMatMul>(std::move(program), terms), ""};
}

}  // namespace hornet::kernels
