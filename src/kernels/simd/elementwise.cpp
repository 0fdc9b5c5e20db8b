#include "kernels/simd/elementwise.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/elementwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hornet::kernels::HWY_NAMESPACE {
namespace {

template <UnaryKind kKind>
void run(const Activation& self, const float* x, int64_t ldx, float* y, int64_t ldy, int64_t rows,
         int64_t columns) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(kLanes);
  for (int64_t row = 0; row < rows; ++row, x += ldx, y += ldy) {
    int64_t i = 0;
    for (; i + lanes <= columns; i += lanes) {
      hn::StoreU(apply<kKind>(hn::LoadU(d, x + i), self.function), d, y + i);
    }
    if (i < columns) {
      const size_t part = static_cast<size_t>(columns - i);
      store_part(apply<kKind>(load_part(x + i, part), self.function), y + i, part);
    }
  }
}

}  // namespace

Activation::Run activation_code(UnaryKind kind) {
  switch (kind) {
#define X(name)         \
  case UnaryKind::name: \
    return run<UnaryKind::name>;
    HORNET_VECTOR_KINDS(X)
#undef X
    default:
      return nullptr;
  }
}

}  // namespace hornet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hornet::kernels {

HWY_EXPORT(activation_code);

std::optional<Activation> find_activation(const graph::UnaryFunction& function) {
  if (function.is_identity()) return Activation{};
  Activation activation{HWY_DYNAMIC_DISPATCH(activation_code)(function.kind), function};
  if (activation.run == nullptr) return std::nullopt;
  return activation;
}

}  // namespace hornet::kernels
#endif
