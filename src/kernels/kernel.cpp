#include "kernels/kernel.h"

#include <algorithm>
#include <system_error>

#include "base/check.h"
#include "base/cpu.h"
#include "kernels/threads.h"

namespace hornet::kernels {

PackedWeights::~PackedWeights() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  fillers_.clear();
}

PackedWeights::Buffer PackedWeights::get(const std::string& key, size_t bytes, Fill fill,
                                         size_t* needed) {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  auto found = buffers_.find(key);
  if (found == buffers_.end()) {
    std::shared_ptr<void> memory = slabs_.take(bytes);
    require(memory != nullptr, ErrorCode::kOutOfMemory, "no memory for {} bytes of packed weights",
            bytes);
    fillings_.push_back({memory.get(), bytes, std::move(fill)});
    const void* data = memory.get();
    Tensor buffer(DType::kUInt8, {static_cast<int64_t>(bytes)}, std::move(memory), data);
    found = buffers_.emplace(key, Stored{std::move(buffer), fillings_.size()}).first;
  }
  if (needed != nullptr) *needed = std::max(*needed, found->second.needed);
  auto owner = std::make_shared<const Tensor>(found->second.buffer);  // shares the bytes
  return Buffer(owner, owner->data());
}

void PackedWeights::fill_next(std::unique_lock<std::mutex>& lock) {
  Filling& filling = fillings_[next_++];
  lock.unlock();
  std::exception_ptr failure;
  try {
    const OneThreadScope one_thread;
    filling.fill(filling.data);
    filling.fill = nullptr;
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  if (failure) {
    failure_ = failure;
  } else {
    filling.is_done = true;
    size_t filled = filled_;
    while (filled < fillings_.size() && fillings_[filled].is_done) ++filled;
    filled_.store(filled, std::memory_order_release);
  }
  changed_.notify_all();
}

void PackedWeights::fill_until(size_t needed) {
  std::unique_lock lock(mutex_);
  while (filled_ < needed) {
    if (failure_) std::rethrow_exception(failure_);
    if (next_ < needed) {
      fill_next(lock);
    } else {
      changed_.wait(lock);
    }
  }
}

// What a thread of this does.
void PackedWeights::fill_all_behind() {
  std::unique_lock lock(mutex_);
  while (next_ < fillings_.size() && !failure_ && !stopping_) fill_next(lock);
  --num_fillers_;
}

void PackedWeights::start_filling() {
  std::unique_lock lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  if (next_ == fillings_.size()) return;
  slabs_.give_back();
  size_t bytes = 0;
  for (size_t i = next_; i < fillings_.size(); ++i) bytes += fillings_[i].bytes;
  constexpr size_t kFewestForThreads = size_t{1} << 20;
  if (bytes < kFewestForThreads) {
    const size_t all = fillings_.size();
    lock.unlock();
    fill_until(all);
    return;
  }
  if (num_fillers_ == 0) fillers_.clear();  // they have ended
  // One core is that of the caller, who goes on or waits.
  const auto wanted = static_cast<size_t>(std::max(usable_cores_of_process() - 1, 1));
  try {
    while (num_fillers_ < std::min(wanted, fillings_.size() - next_)) {
      fillers_.emplace_back([this] { fill_all_behind(); });
      ++num_fillers_;
    }
  } catch (const std::system_error&) {  // no more threads to be had: who waits fills
  }
}

void PackedWeights::complete() {
  start_filling();
  size_t all = 0;
  {
    const std::lock_guard lock(mutex_);
    all = fillings_.size();
  }
  fill_until(all);
}

size_t PackedWeights::total_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t total = 0;
  for (const auto& [key, stored] : buffers_) total += stored.buffer.num_bytes();
  return total;
}

std::vector<std::pair<std::string, Tensor>> PackedWeights::all() {
  complete();
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, Tensor>> buffers;
  for (const auto& [key, stored] : buffers_) {
    if (stored.needed <= filled_) buffers.emplace_back(key, stored.buffer);
  }
  return buffers;
}

void PackedWeights::adopt(const std::string& key, Tensor data) {
  const std::lock_guard lock(mutex_);
  buffers_.insert_or_assign(key, Stored{std::move(data)});
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
