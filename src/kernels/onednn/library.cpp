// The functions of oneDNN's C interface that kernels call, dnnl.hpp's among them: each is that of
// the library, which the first call loads. Loading it costs a start 3 to 6 ms, and few models need
// it. Another one that a kernel calls is missed by the linker, and goes here.
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_version.h>

#include "base/check.h"

namespace hornet::kernels::onednn {
namespace {

void* load_library() {
  const std::string name = fmt::format("libdnnl.so.{}", DNNL_VERSION_MAJOR);
  void* const library = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) fail(ErrorCode::kIo, "oneDNN cannot be loaded: {}", dlerror());
  return library;
}

// For good, as if it were linked.
void* find_function(const char* name) {
  static void* const library = load_library();
  void* const found = dlsym(library, name);
  if (found == nullptr) fail(ErrorCode::kInternal, "oneDNN has no {}", name);
  return found;
}

}  // namespace
}  // namespace hornet::kernels::onednn

// Looked up once.
#define HORNET_IN_ONEDNN(name)                                                            \
  ([] {                                                                                   \
    static const auto function =                                                          \
        reinterpret_cast<decltype(&name)>(hornet::kernels::onednn::find_function(#name)); \
    return function;                                                                      \
  }())

extern "C" {

dnnl_status_t dnnl_dilated_convolution_forward_desc_init(
    dnnl_convolution_desc_t* conv_desc, dnnl_prop_kind_t prop_kind, dnnl_alg_kind_t alg_kind,
    const dnnl_memory_desc_t* src_desc, const dnnl_memory_desc_t* weights_desc,
    const dnnl_memory_desc_t* bias_desc, const dnnl_memory_desc_t* dst_desc,
    const dnnl_dims_t strides, const dnnl_dims_t dilates, const dnnl_dims_t padding_l,
    const dnnl_dims_t padding_r) {
  return HORNET_IN_ONEDNN(dnnl_dilated_convolution_forward_desc_init)(
      conv_desc, prop_kind, alg_kind, src_desc, weights_desc, bias_desc, dst_desc, strides, dilates,
      padding_l, padding_r);
}

dnnl_status_t dnnl_engine_create(dnnl_engine_t* engine, dnnl_engine_kind_t kind, size_t index) {
  return HORNET_IN_ONEDNN(dnnl_engine_create)(engine, kind, index);
}

dnnl_status_t dnnl_engine_destroy(dnnl_engine_t engine) {
  return HORNET_IN_ONEDNN(dnnl_engine_destroy)(engine);
}

dnnl_status_t dnnl_matmul_desc_init(dnnl_matmul_desc_t* matmul_desc,
                                    const dnnl_memory_desc_t* src_desc,
                                    const dnnl_memory_desc_t* weights_desc,
                                    const dnnl_memory_desc_t* bias_desc,
                                    const dnnl_memory_desc_t* dst_desc) {
  return HORNET_IN_ONEDNN(dnnl_matmul_desc_init)(matmul_desc, src_desc, weights_desc, bias_desc,
                                                 dst_desc);
}

dnnl_status_t dnnl_memory_create(dnnl_memory_t* memory, const dnnl_memory_desc_t* memory_desc,
                                 dnnl_engine_t engine, void* handle) {
  return HORNET_IN_ONEDNN(dnnl_memory_create)(memory, memory_desc, engine, handle);
}

size_t dnnl_memory_desc_get_size(const dnnl_memory_desc_t* memory_desc) {
  return HORNET_IN_ONEDNN(dnnl_memory_desc_get_size)(memory_desc);
}

dnnl_status_t dnnl_memory_desc_init_by_strides(dnnl_memory_desc_t* memory_desc, int ndims,
                                               const dnnl_dims_t dims, dnnl_data_type_t data_type,
                                               const dnnl_dims_t strides) {
  return HORNET_IN_ONEDNN(dnnl_memory_desc_init_by_strides)(memory_desc, ndims, dims, data_type,
                                                            strides);
}

dnnl_status_t dnnl_memory_desc_init_by_tag(dnnl_memory_desc_t* memory_desc, int ndims,
                                           const dnnl_dims_t dims, dnnl_data_type_t data_type,
                                           dnnl_format_tag_t tag) {
  return HORNET_IN_ONEDNN(dnnl_memory_desc_init_by_tag)(memory_desc, ndims, dims, data_type, tag);
}

dnnl_status_t dnnl_memory_destroy(dnnl_memory_t memory) {
  return HORNET_IN_ONEDNN(dnnl_memory_destroy)(memory);
}

dnnl_status_t dnnl_memory_get_engine(const_dnnl_memory_t memory, dnnl_engine_t* engine) {
  return HORNET_IN_ONEDNN(dnnl_memory_get_engine)(memory, engine);
}

dnnl_status_t dnnl_memory_get_memory_desc(const_dnnl_memory_t memory,
                                          const dnnl_memory_desc_t** memory_desc) {
  return HORNET_IN_ONEDNN(dnnl_memory_get_memory_desc)(memory, memory_desc);
}

dnnl_status_t dnnl_memory_set_data_handle_v2(dnnl_memory_t memory, void* handle,
                                             dnnl_stream_t stream) {
  return HORNET_IN_ONEDNN(dnnl_memory_set_data_handle_v2)(memory, handle, stream);
}

dnnl_status_t dnnl_pooling_forward_desc_init(dnnl_pooling_desc_t* pool_desc,
                                             dnnl_prop_kind_t prop_kind, dnnl_alg_kind_t alg_kind,
                                             const dnnl_memory_desc_t* src_desc,
                                             const dnnl_memory_desc_t* dst_desc,
                                             const dnnl_dims_t strides, const dnnl_dims_t kernel,
                                             const dnnl_dims_t padding_l,
                                             const dnnl_dims_t padding_r) {
  return HORNET_IN_ONEDNN(dnnl_pooling_forward_desc_init)(
      pool_desc, prop_kind, alg_kind, src_desc, dst_desc, strides, kernel, padding_l, padding_r);
}

dnnl_status_t dnnl_post_ops_append_sum(dnnl_post_ops_t post_ops, float scale) {
  return HORNET_IN_ONEDNN(dnnl_post_ops_append_sum)(post_ops, scale);
}

dnnl_status_t dnnl_post_ops_append_sum_v2(dnnl_post_ops_t post_ops, float scale,
                                          dnnl_data_type_t data_type) {
  return HORNET_IN_ONEDNN(dnnl_post_ops_append_sum_v2)(post_ops, scale, data_type);
}

dnnl_status_t dnnl_post_ops_create(dnnl_post_ops_t* post_ops) {
  return HORNET_IN_ONEDNN(dnnl_post_ops_create)(post_ops);
}

dnnl_status_t dnnl_post_ops_destroy(dnnl_post_ops_t post_ops) {
  return HORNET_IN_ONEDNN(dnnl_post_ops_destroy)(post_ops);
}

dnnl_status_t dnnl_primitive_attr_create(dnnl_primitive_attr_t* attr) {
  return HORNET_IN_ONEDNN(dnnl_primitive_attr_create)(attr);
}

dnnl_status_t dnnl_primitive_attr_destroy(dnnl_primitive_attr_t attr) {
  return HORNET_IN_ONEDNN(dnnl_primitive_attr_destroy)(attr);
}

dnnl_status_t dnnl_primitive_attr_set_fpmath_mode(dnnl_primitive_attr_t attr,
                                                  dnnl_fpmath_mode_t mode) {
  return HORNET_IN_ONEDNN(dnnl_primitive_attr_set_fpmath_mode)(attr, mode);
}

dnnl_status_t dnnl_primitive_attr_set_post_ops(dnnl_primitive_attr_t attr,
                                               const_dnnl_post_ops_t post_ops) {
  return HORNET_IN_ONEDNN(dnnl_primitive_attr_set_post_ops)(attr, post_ops);
}

dnnl_status_t dnnl_primitive_attr_set_scratchpad_mode(dnnl_primitive_attr_t attr,
                                                      dnnl_scratchpad_mode_t mode) {
  return HORNET_IN_ONEDNN(dnnl_primitive_attr_set_scratchpad_mode)(attr, mode);
}

dnnl_status_t dnnl_primitive_create(dnnl_primitive_t* primitive,
                                    const_dnnl_primitive_desc_t primitive_desc) {
  return HORNET_IN_ONEDNN(dnnl_primitive_create)(primitive, primitive_desc);
}

dnnl_status_t dnnl_primitive_desc_destroy(dnnl_primitive_desc_t primitive_desc) {
  return HORNET_IN_ONEDNN(dnnl_primitive_desc_destroy)(primitive_desc);
}

dnnl_status_t dnnl_primitive_desc_iterator_create(
    dnnl_primitive_desc_iterator_t* iterator, const_dnnl_op_desc_t op_desc,
    const_dnnl_primitive_attr_t attr, dnnl_engine_t engine,
    const_dnnl_primitive_desc_t hint_forward_primitive_desc) {
  return HORNET_IN_ONEDNN(dnnl_primitive_desc_iterator_create)(iterator, op_desc, attr, engine,
                                                               hint_forward_primitive_desc);
}

dnnl_status_t dnnl_primitive_desc_iterator_destroy(dnnl_primitive_desc_iterator_t iterator) {
  return HORNET_IN_ONEDNN(dnnl_primitive_desc_iterator_destroy)(iterator);
}

dnnl_primitive_desc_t dnnl_primitive_desc_iterator_fetch(
    const_dnnl_primitive_desc_iterator_t iterator) {
  return HORNET_IN_ONEDNN(dnnl_primitive_desc_iterator_fetch)(iterator);
}

dnnl_status_t dnnl_primitive_desc_query(const_dnnl_primitive_desc_t primitive_desc,
                                        dnnl_query_t what, int index, void* result) {
  return HORNET_IN_ONEDNN(dnnl_primitive_desc_query)(primitive_desc, what, index, result);
}

const dnnl_memory_desc_t* dnnl_primitive_desc_query_md(const_dnnl_primitive_desc_t primitive_desc,
                                                       dnnl_query_t what, int index) {
  return HORNET_IN_ONEDNN(dnnl_primitive_desc_query_md)(primitive_desc, what, index);
}

dnnl_status_t dnnl_primitive_destroy(dnnl_primitive_t primitive) {
  return HORNET_IN_ONEDNN(dnnl_primitive_destroy)(primitive);
}

dnnl_status_t dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream,
                                     int nargs, const dnnl_exec_arg_t* args) {
  return HORNET_IN_ONEDNN(dnnl_primitive_execute)(primitive, stream, nargs, args);
}

dnnl_status_t dnnl_reorder_primitive_desc_create(dnnl_primitive_desc_t* reorder_primitive_desc,
                                                 const dnnl_memory_desc_t* src_desc,
                                                 dnnl_engine_t src_engine,
                                                 const dnnl_memory_desc_t* dst_desc,
                                                 dnnl_engine_t dst_engine,
                                                 const_dnnl_primitive_attr_t attr) {
  return HORNET_IN_ONEDNN(dnnl_reorder_primitive_desc_create)(
      reorder_primitive_desc, src_desc, src_engine, dst_desc, dst_engine, attr);
}

dnnl_status_t dnnl_set_max_cpu_isa(dnnl_cpu_isa_t isa) {
  return HORNET_IN_ONEDNN(dnnl_set_max_cpu_isa)(isa);
}

dnnl_status_t dnnl_stream_create(dnnl_stream_t* stream, dnnl_engine_t engine, unsigned flags) {
  return HORNET_IN_ONEDNN(dnnl_stream_create)(stream, engine, flags);
}

dnnl_status_t dnnl_stream_destroy(dnnl_stream_t stream) {
  return HORNET_IN_ONEDNN(dnnl_stream_destroy)(stream);
}

dnnl_status_t dnnl_stream_wait(dnnl_stream_t stream) {
  return HORNET_IN_ONEDNN(dnnl_stream_wait)(stream);
}

}  // extern "C"
