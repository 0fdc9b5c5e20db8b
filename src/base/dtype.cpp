#include <array>

#include "base/check.h"
#include "hornet/tensor.h"

namespace hornet {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  size_t bytes;
};

constexpr std::array<DTypeInfo, 13> kDTypes = {{
    {DType::kBool, "bool", 1},
    {DType::kInt8, "int8", 1},
    {DType::kUInt8, "uint8", 1},
    {DType::kInt16, "int16", 2},
    {DType::kUInt16, "uint16", 2},
    {DType::kInt32, "int32", 4},
    {DType::kUInt32, "uint32", 4},
    {DType::kInt64, "int64", 8},
    {DType::kUInt64, "uint64", 8},
    {DType::kFloat16, "float16", 2},
    {DType::kBFloat16, "bfloat16", 2},
    {DType::kFloat32, "float32", 4},
    {DType::kFloat64, "float64", 8},
}};

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

}  // namespace

size_t size_of(DType dtype) { return info(dtype).bytes; }
std::string_view to_string(DType dtype) { return info(dtype).name; }

DType dtype_from_string(std::string_view name) {
  for (const DTypeInfo& entry : kDTypes) {
    if (entry.name == name) return entry.dtype;
  }
  fail(ErrorCode::kUnsupported, "unknown element type \"{}\"", name);
}

bool is_floating(DType dtype) { return dtype >= DType::kFloat16; }
bool is_integer(DType dtype) { return dtype > DType::kBool && dtype < DType::kFloat16; }

}  // namespace hornet
