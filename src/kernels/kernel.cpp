#include "kernels/kernel.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/parallel.h"
#include "kernels/threads.h"

namespace hornet::kernels {

PackedWeights::Buffer PackedWeights::get(const std::string& key, size_t bytes, Fill fill) {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  auto found = buffers_.find(key);
  if (found == buffers_.end()) {
    std::shared_ptr<void> memory = slabs_.take(bytes);
    require(memory != nullptr, ErrorCode::kOutOfMemory, "no memory for {} bytes of packed weights",
            bytes);
    pending_.push_back({memory.get(), bytes, std::move(fill)});
    const void* data = memory.get();
    Tensor buffer(DType::kUInt8, {static_cast<int64_t>(bytes)}, std::move(memory), data);
    found = buffers_.emplace(key, std::move(buffer)).first;
  }
  auto owner = std::make_shared<const Tensor>(found->second);  // shares the bytes
  return Buffer(owner, owner->data());
}

void PackedWeights::complete() {
  // Under the lock: a second plan that got the same buffers waits until they are filled.
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  if (!pending_.empty()) slabs_.give_back();
  std::vector<Pending> pending = std::move(pending_);
  pending_.clear();
  size_t total = 0;
  for (const Pending& each : pending) total += each.bytes;
  // The largest first: the last ones leave no thread waiting long.
  std::stable_sort(pending.begin(), pending.end(),
                   [](const Pending& a, const Pending& b) { return a.bytes > b.bytes; });
  const auto fill = [&](size_t i) {
    const OneThreadScope one_thread;
    pending[i].fill(pending[i].data);
  };
  constexpr size_t kFewestForThreads = size_t{1} << 20;
  try {
    if (total < kFewestForThreads) {
      for (size_t i = 0; i < pending.size(); ++i) fill(i);
    } else {
      parallel_for(pending.size(), fill);
    }
  } catch (...) {
    failure_ = std::current_exception();
    throw;
  }
}

size_t PackedWeights::total_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t total = 0;
  for (const auto& [key, tensor] : buffers_) total += tensor.num_bytes();
  return total;
}

std::vector<std::pair<std::string, Tensor>> PackedWeights::all() const {
  const std::lock_guard lock(mutex_);
  std::set<const void*> unfilled;
  for (const Pending& pending : pending_) unfilled.insert(pending.data);
  std::vector<std::pair<std::string, Tensor>> filled;
  for (const auto& [key, buffer] : buffers_) {
    if (!unfilled.contains(buffer.data())) filled.emplace_back(key, buffer);
  }
  return filled;
}

void PackedWeights::adopt(const std::string& key, Tensor data) {
  const std::lock_guard lock(mutex_);
  buffers_.insert_or_assign(key, std::move(data));
}

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
