#include "kernels/kernel.h"

#include <algorithm>

#include "base/check.h"

namespace hornet::kernels {

std::unique_ptr<Kernel> choose_kernel(const KernelRequest& request, const KernelChoice& choice,
                                      std::vector<std::string>* refusals) {
  const std::vector<KernelEntry>& table = kernel_table();
  const auto entry = std::find_if(table.begin(), table.end(), [&](const KernelEntry& candidate) {
    return candidate.op == request.op.name();
  });
  HORNET_CHECK(entry != table.end());
  std::vector<KernelFactory> factories;
  if (!choice.reference_only) factories = entry->implementations;
  factories.push_back(entry->reference);
  std::vector<std::string> reasons;
  for (const KernelFactory factory : factories) {
    KernelOffer offer = factory(request);
    if (offer.kernel != nullptr) {
      if (refusals != nullptr) refusals->insert(refusals->end(), reasons.begin(), reasons.end());
      return std::move(offer.kernel);
    }
    reasons.push_back(std::move(offer.refusal));
  }
  fail(ErrorCode::kUnsupported, "no kernel takes {} {}: {}", request.op.name(),
       request.op.attributes(), fmt::join(reasons, "; "));
}

void reorder(const Shape& shape, Layout from, const float* src, Layout to, float* dst) {
  HORNET_CHECK(shape.size() >= 2);
  const int64_t rows = shape.front(), channels = shape.back();
  int64_t cells = 1;
  for (size_t i = 1; i + 1 < shape.size(); ++i) cells *= shape[i];
  HORNET_CHECK(channels % from.channel_block == 0 && channels % to.channel_block == 0);
  // Offset of channel c of a cell within its row.
  const auto offset = [&](Layout layout, int64_t cell, int64_t c) {
    const int64_t block = layout.is_plain() ? channels : layout.channel_block;
    return (c / block * cells + cell) * block + c % block;
  };
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t cell = 0; cell < cells; ++cell) {
      for (int64_t c = 0; c < channels; ++c) {
        dst[offset(to, cell, c)] = src[offset(from, cell, c)];
      }
    }
    src += cells * channels;
    dst += cells * channels;
  }
}

}  // namespace hornet::kernels
