#include <cstring>

#include "kernels/onednn/kernels.h"
#include "kernels/onednn/primitive.h"
#include "kernels/simd/elementwise.h"
#include "kernels/threads.h"

namespace hornet::kernels {
namespace {

using onednn::Execution;
using onednn::Program;

KernelOffer refuse_conv(const std::string& reason) { return {nullptr, "onednn conv: " + reason}; }

constexpr size_t kInput = 0, kWeights = 1, kBias = 2, kResidual = 3;

class OneDnnConv final : public Kernel {
 public:
  struct Parts {
    Program program;
    PackedWeights::Buffer weights;
    bool has_bias, has_residual;
    Activation activation;       // in a pass of its own: oneDNN's relu and clip of NaN give a bound
    int64_t rows, row_elements;  // of the output
  };
  explicit OneDnnConv(Parts parts) : parts_(std::move(parts)) {}

  std::string describe() const override { return "onednn " + parts_.program.name; }
  size_t scratch_bytes() const override { return parts_.program.scratch_bytes; }
  bool needs_input(size_t input) const override { return input != kWeights; }
  // The residual is summed up in the output.
  int in_place_output(size_t input) const override { return input == kResidual ? 0 : -1; }
  std::unique_ptr<KernelState> make_state() const override {
    return std::make_unique<Execution>(parts_.program);
  }

  void run(const KernelArgs& args, KernelState* state) const override {
    auto& execution = static_cast<Execution&>(*state);
    auto* output = static_cast<float*>(args.outputs[0]);
    if (parts_.has_residual && args.inputs[kResidual] != args.outputs[0]) {
      const auto count = static_cast<size_t>(parts_.rows * parts_.row_elements);
      std::memcpy(args.outputs[0], args.inputs[kResidual], count * sizeof(float));
    }
    // In the order in which onednn_conv lists the arguments.
    execution.bind(0, args.inputs[kInput]);
    execution.bind(1, args.outputs[0]);
    if (parts_.has_bias) execution.bind(3, args.inputs[kBias]);
    execution.bind_scratch(args.scratch);
    execution.execute();
    if (!parts_.activation.is_identity()) {
      const int64_t columns = parts_.row_elements;
      parts_.activation(output, columns, output, columns, parts_.rows, columns);
    }
  }

 private:
  const Parts parts_;
};

bool is_present(const KernelRequest& request, size_t input) {
  return input < request.present.size() && request.present[input];
}

std::string refusal(const KernelRequest& request, const ConvolutionTerms& terms) {
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (request.present[i] && request.inputs[i].dtype != DType::kFloat32) {
      return to_string(request.inputs[i]) + " is not float32";
    }
  }
  if (!request.constants[kWeights]) return "the kernel is not a constant";
  for (const OneDnnDims* dims : {&terms.src, &terms.weights, &terms.dst}) {
    for (const int64_t dim : *dims) {
      if (dim == 0) return "no elements";
    }
  }
  for (const OneDnnDims* pads : {&terms.padding_l, &terms.padding_r}) {
    for (const int64_t pad : *pads) {
      if (pad < 0) return "negative padding";
    }
  }
  // oneDNN 2.6 crashes or gives wrong sums then (brgconv with AVX-512, depthwise ones).
  if (has_window_of_padding_alone(terms)) return "a window that covers padding alone";
  return "";
}

ConvolutionTerms terms_of_rows(const KernelRequest& request, int64_t rows) {
  Shape input = request.inputs[kInput].shape, output = request.outputs[0].shape;
  input[0] = output[0] = rows;
  return convolution_terms(static_cast<const graph::Conv&>(request.op), input,
                           request.inputs[kWeights].shape, output);
}

dnnl::memory::desc describe_bias(const ConvolutionTerms& terms) {
  using dnnl::memory;
  return {{terms.dst[1]}, memory::data_type::f32, memory::format_tag::x};
}

// Throws dnnl::error where there is none.
dnnl::convolution_forward::primitive_desc choose_implementation(const ConvolutionTerms& terms,
                                                                bool has_bias,
                                                                const dnnl::post_ops& post_ops) {
  using dnnl::memory;
  const memory::desc src = onednn::describe(terms.src, terms.src_strides);
  const memory::desc dst = onednn::describe(terms.dst, terms.dst_strides);
  const memory::desc any_weights(terms.weights, memory::data_type::f32, memory::format_tag::any);
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::desc desc =
      has_bias
          ? dnnl::convolution_forward::desc(kind, algorithm, src, any_weights, describe_bias(terms),
                                            dst, terms.strides, terms.dilates, terms.padding_l,
                                            terms.padding_r)
          : dnnl::convolution_forward::desc(kind, algorithm, src, any_weights, dst, terms.strides,
                                            terms.dilates, terms.padding_l, terms.padding_r);
  return {desc, onednn::attributes(post_ops), onednn::cpu_engine()};
}

// The kernel in the layout the primitive wants, shared by all plans that want the same.
PackedWeights::Buffer pack(const KernelRequest& request, const dnnl::memory::desc& from,
                           const dnnl::memory::desc& to, const std::string& layout) {
  const std::string key = fmt::format("conv {} onednn {}", request.input_ids[kWeights], layout);
  return request.packed.get(
      key, to.get_size(), [from, to, constant = *request.constants[kWeights]](void* packed) {
        const Tensor weights = constant.computed();
        onednn::guarded("reorder", [&] {
          dnnl::memory src(from, onednn::cpu_engine(), const_cast<void*>(weights.data()));
          dnnl::memory dst(to, onednn::cpu_engine(), packed);
          dnnl::stream stream(onednn::cpu_engine());
          dnnl::reorder(src, dst).execute(stream, src, dst);
          stream.wait();
        });
      });
}

}  // namespace

KernelOffer onednn_conv(const KernelRequest& request) {
  const auto& op = static_cast<const graph::Conv&>(request.op);
  if (op.window.size.size() > 3) return refuse_conv("more than 3 spatial dimensions");
  const ConvolutionTerms terms = terms_of_rows(request, request.inputs[kInput].shape[0]);
  if (std::string reason = refusal(request, terms); !reason.empty()) return refuse_conv(reason);

  OneDnnConv::Parts parts;
  parts.has_bias = is_present(request, kBias);
  parts.has_residual = is_present(request, kResidual);
  parts.rows = terms.dst[0];
  parts.row_elements = num_elements(request.outputs[0].shape) / parts.rows;
  // Measured: a residual by binary_add instead of sum takes a slower implementation.
  dnnl::post_ops post_ops;
  if (parts.has_residual) post_ops.append_sum(1);
  const std::optional<Activation> activation = find_activation(op.epilogue.activation);
  if (!activation) return refuse_conv("no vector form of " + op.epilogue.activation.to_string());
  parts.activation = *activation;

  const OneThreadScope one_thread;
  using dnnl::memory;
  const memory::desc src = onednn::describe(terms.src, terms.src_strides);
  const memory::desc dst = onednn::describe(terms.dst, terms.dst_strides);
  const memory::desc weights = onednn::describe(terms.weights, terms.weights_strides);
  const memory::desc bias = describe_bias(terms);
  dnnl::convolution_forward::primitive_desc primitive_desc;
  std::string implementation;
  try {
    primitive_desc = choose_implementation(terms, parts.has_bias, post_ops);
    implementation = primitive_desc.impl_info_str();
    if (implementation.starts_with("ref")) {
      return refuse_conv("only oneDNN's own reference takes it");
    }
    // oneDNN leaves products over copied windows to its reference where the copy is large beside
    // the rows, so that it depends on their number: what it does not take for one row it is not
    // given for several, whose bits would be others.
    if (parts.rows > 1) {
      const ConvolutionTerms one_row = terms_of_rows(request, 1);
      const std::string for_one_row =
          choose_implementation(one_row, parts.has_bias, post_ops).impl_info_str();
      if (for_one_row.starts_with("ref")) {
        return refuse_conv("only oneDNN's own reference takes it for one row");
      }
    }
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) onednn::rethrow(error, "convolution");
    return refuse_conv(error.what());
  }
  const std::optional<std::string> layout = onednn::identity(primitive_desc.weights_desc());
  if (!layout) return refuse_conv("weights in a layout of oneDNN's own");

  parts.weights = pack(request, weights, primitive_desc.weights_desc(), *layout);
  parts.program.name = "conv " + implementation;
  onednn::guarded(parts.program.name, [&] {
    parts.program.primitive = dnnl::convolution_forward(primitive_desc);
    // Wrapping the buffer writes zeros over the zeros behind its last channels, if it has any.
    const memory packed(primitive_desc.weights_desc(), onednn::cpu_engine(),
                        const_cast<void*>(parts.weights.get()));
    parts.program.arguments = {{DNNL_ARG_SRC, src, {}},
                               {DNNL_ARG_DST, dst, {}},
                               {DNNL_ARG_WEIGHTS, primitive_desc.weights_desc(), packed}};
    if (parts.has_bias) parts.program.arguments.push_back({DNNL_ARG_BIAS, bias, {}});
    parts.program.add_scratchpad(primitive_desc.scratchpad_desc());
  });
  return {std::make_unique<OneDnnConv>(std::move(parts)), ""};
}

}  // namespace hornet::kernels
