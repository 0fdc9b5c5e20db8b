#include "data/resident_window.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hornet {
namespace {

void insert_once(std::vector<size_t>& sorted, size_t value) {
  const auto place = std::lower_bound(sorted.begin(), sorted.end(), value);
  if (place == sorted.end() || *place != value) sorted.insert(place, value);
}

}  // namespace

ResidentWindow::ResidentWindow(size_t memory_bytes)
    : most_blocks_((memory_bytes == 0 ? kWindowBytes : std::min(kWindowBytes, memory_bytes)) /
                   kBlockBytes) {}

void ResidentWindow::use(size_t offset, size_t bytes, const Forget& forget) {
  if (bytes == 0) return;
  const size_t first = offset / kBlockBytes, last = (offset + bytes - 1) / kBlockBytes;
  const std::scoped_lock lock(mutex_);
  if (!renew(first, last)) return;
  for (size_t block = first; block <= last; ++block) insert_once(blocks_, block);
  if (blocks_.size() <= most_blocks_) return;
  std::vector<size_t> in_use = blocks_in_use();
  // Not at every call where threads use more than a window between them.
  if (blocks_.size() <= in_use.size() + in_use.size() / 2) return;
  // Under the lock: nobody begins to use one of them meanwhile.
  forget_others(in_use, forget);
  blocks_ = std::move(in_use);
  // A thread that does not come back uses nothing.
  std::erase_if(uses_, [](Use& use) { return !std::exchange(use.is_recent, false); });
}

// Whether it is another use than the one before.
bool ResidentWindow::renew(size_t first, size_t last) {
  const auto thread = std::this_thread::get_id();
  const auto mine = std::find_if(uses_.begin(), uses_.end(),
                                 [&](const Use& use) { return use.thread == thread; });
  if (mine == uses_.end()) {
    uses_.push_back({thread, first, last});
    return true;
  }
  mine->is_recent = true;
  if (mine->first == first && mine->last == last) return false;
  mine->first = first;
  mine->last = last;
  return true;
}

std::vector<size_t> ResidentWindow::blocks_in_use() const {
  std::vector<size_t> blocks;
  for (const Use& use : uses_) {
    for (size_t block = use.first; block <= use.last; ++block) insert_once(blocks, block);
  }
  return blocks;
}

// In runs, for a call of the system each.
void ResidentWindow::forget_others(const std::vector<size_t>& in_use, const Forget& forget) const {
  std::vector<size_t> others;
  std::set_difference(blocks_.begin(), blocks_.end(), in_use.begin(), in_use.end(),
                      std::back_inserter(others));
  for (size_t i = 0; i < others.size();) {
    size_t end = i + 1;
    while (end < others.size() && others[end] == others[end - 1] + 1) ++end;
    forget(others[i] * kBlockBytes, (end - i) * kBlockBytes);
    i = end;
  }
}

size_t ResidentWindow::num_blocks() const {
  const std::scoped_lock lock(mutex_);
  return blocks_.size();
}

}  // namespace hornet
