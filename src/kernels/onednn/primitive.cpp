#include "kernels/onednn/primitive.h"

#include "kernels/simd/targets.h"
#include "kernels/threads.h"

namespace hornet::kernels::onednn {

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine = guarded("engine", [] {
    const bool is_limited = has_instruction_set(InstructionSet::kAvx512) &&
                            chosen_instruction_set() < InstructionSet::kAvx512;
    if (is_limited) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  });
  return engine;
}

void rethrow(const dnnl::error& error, const std::string& what) {
  const bool no_memory = error.status == dnnl_out_of_memory;
  fail(no_memory ? ErrorCode::kOutOfMemory : ErrorCode::kInternal, "oneDNN {}: {} (status {})",
       what, error.what(), static_cast<int>(error.status));
}

dnnl::memory::desc describe(const OneDnnDims& dims, const OneDnnDims& strides) {
  return {dims, dnnl::memory::data_type::f32, strides};
}

std::optional<std::string> identity(const dnnl::memory::desc& desc) {
  const dnnl_memory_desc_t& data = desc.data;
  if (data.format_kind != dnnl_blocked || data.extra.flags != 0) return std::nullopt;
  const auto list = [&](const dnnl_dim_t* values, int count) {
    return fmt::format("{}", fmt::join(values, values + count, "."));
  };
  const dnnl_blocking_desc_t& blocking = data.format_desc.blocking;
  std::string text = list(data.dims, data.ndims) + "/" + list(data.padded_dims, data.ndims) + "/" +
                     list(blocking.strides, data.ndims) + "/";
  for (int i = 0; i < blocking.inner_nblks; ++i) {
    text += std::to_string(blocking.inner_blks[i]);
    text += static_cast<char>('a' + blocking.inner_idxs[i]);
  }
  return text;
}

dnnl::primitive_attr attributes(const dnnl::post_ops& post_ops) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
  attributes.set_post_ops(post_ops);
  return attributes;
}

void Program::add_scratchpad(const dnnl::memory::desc& desc) {
  scratch_bytes = desc.get_size();
  if (scratch_bytes > 0) arguments.push_back({DNNL_ARG_SCRATCHPAD, desc, {}});
}

Execution::Execution(const Program& program)
    : program_(program),
      stream_(guarded("stream", [] { return dnnl::stream(cpu_engine()); })),
      addresses_(program.arguments.size(), nullptr) {
  for (const Program::Argument& argument : program.arguments) {
    memories_.push_back(
        argument.fixed.get(true) != nullptr ? argument.fixed : guarded(program.name, [&] {
          return dnnl::memory(argument.desc, cpu_engine(), DNNL_MEMORY_NONE);
        }));
    arguments_.push_back({argument.id, memories_.back().get()});
  }
}

void Execution::bind(size_t index, const void* address) {
  if (addresses_[index] == address) return;
  // oneDNN has no read-only memory; it only writes to what is an output of the primitive.
  guarded(program_.name,
          [&] { memories_[index].set_data_handle(const_cast<void*>(address), stream_); });
  addresses_[index] = address;
}

void Execution::bind_scratch(void* address) {
  if (program_.scratch_bytes > 0) bind(memories_.size() - 1, address);
}

void Execution::execute() {
  const OneThreadScope one_thread;
  // dnnl::primitive::execute would copy the arguments from a map at each call.
  guarded(program_.name, [&] {
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(program_.primitive.get(), stream_.get(),
                               static_cast<int>(arguments_.size()), arguments_.data()),
        "could not execute a primitive");
  });
}

}  // namespace hornet::kernels::onednn
