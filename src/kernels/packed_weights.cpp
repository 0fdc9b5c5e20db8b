#include "kernels/packed_weights.h"

#include <algorithm>
#include <new>
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
    void* const data = memory.get();
    Tensor buffer(DType::kUInt8, {static_cast<int64_t>(bytes)}, std::move(memory), data);
    found = buffers_.emplace(key, Stored{std::move(buffer), fillings_.size() + 1}).first;
    try {
      fillings_.push_back({data, bytes, std::move(fill)});
    } catch (...) {
      buffers_.erase(found);
      throw;
    }
  }
  if (needed != nullptr) *needed = std::max(*needed, found->second.needed);
  auto owner = std::make_shared<const Tensor>(found->second.buffer);  // shares the bytes
  return Buffer(owner, owner->data());
}

void PackedWeights::fill_next(std::unique_lock<std::mutex>& lock) {
  const size_t index = next_++;
  Filling& filling = fillings_[index];
  lock.unlock();
  std::exception_ptr failure;
  try {
    const OneThreadScope one_thread;
    filling.fill(filling.data);
    filling.fill = nullptr;
  } catch (const std::bad_alloc&) {
    failure = std::make_exception_ptr(
        Error(ErrorCode::kOutOfMemory, "needs more memory than there is to pack weights"));
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  if (failure) {
    if (!failure_ || index < failed_) {
      failure_ = failure;
      failed_ = index;
    }
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
    if (failure_ && failed_ < needed) std::rethrow_exception(failure_);
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

}  // namespace hornet::kernels
