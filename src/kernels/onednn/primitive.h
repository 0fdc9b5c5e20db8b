// oneDNN's objects as kernels hold them: errors, primitives, and what one worker needs to run one.
#pragma once

#include <dnnl.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "kernels/kernel.h"
#include "kernels/onednn/terms.h"

namespace hornet::kernels::onednn {

// The engine of this process.
const dnnl::engine& cpu_engine();

// Throws Error(kOutOfMemory) or Error(kInternal) that names the primitive.
[[noreturn]] void rethrow(const dnnl::error& error, const std::string& what);

// Calls f; an error of oneDNN is rethrown as ours.
template <class F>
auto guarded(const std::string& what, F&& f) {
  try {
    return f();
  } catch (const dnnl::error& error) {
    rethrow(error, what);
  }
}

// float32 with the given strides.
dnnl::memory::desc describe(const OneDnnDims& dims, const OneDnnDims& strides);
// "16x3x3x3/27.1.9.3/16a": two arrays with one text have the same bytes in the same order. Nothing
// for layouts that only oneDNN can read.
std::optional<std::string> identity(const dnnl::memory::desc& desc);

// Exact float32, scratch memory from the caller.
dnnl::primitive_attr attributes(const dnnl::post_ops& post_ops = {});

// A primitive and the memory of its arguments, in the order they are bound by a worker.
struct Program {
  struct Argument {
    int id;  // DNNL_ARG_...
    dnnl::memory::desc desc;
    dnnl::memory fixed;  // empty where each run binds its own address
  };
  std::string name;
  dnnl::primitive primitive;
  std::vector<Argument> arguments;
  size_t scratch_bytes = 0;

  // Adds the argument for scratch memory, where the primitive wants any.
  void add_scratchpad(const dnnl::memory::desc& desc);
};

// One worker's handles for a Program, which must outlive it.
class Execution final : public KernelState {
 public:
  explicit Execution(const Program& program);
  // Binds argument number `index`; telling oneDNN about an address it knows already is skipped.
  void bind(size_t index, const void* address);
  // The scratch memory, the last argument where there is any.
  void bind_scratch(void* address);
  void execute();

 private:
  const Program& program_;
  dnnl::stream stream_;
  std::vector<dnnl::memory> memories_;
  std::vector<const void*> addresses_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

}  // namespace hornet::kernels::onednn
