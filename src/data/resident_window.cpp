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
  for (size_t block = first; block <= last; ++block) {
    std::erase(blocks_, block);
    blocks_.push_back(block);
  }
  if (blocks_.size() <= most_blocks_) return;
  const std::vector<size_t> in_use = blocks_in_use();
  const size_t most = std::max(most_blocks_, in_use.size() + in_use.size() / 2);
  if (blocks_.size() <= most) return;
  // A few at a time. Under the lock: nobody begins to use one of them meanwhile.
  forget_oldest(in_use, blocks_.size() - most + most / 8, forget);
  constexpr size_t kWindows = 4;
  if (num_forgotten_ < kWindows * most) return;
  num_forgotten_ = 0;
  constexpr size_t kMostThreads = 256;  // to look through
  if (uses_.size() > kMostThreads) {
    std::erase_if(uses_, [](const Use& use) { return use.is_stale; });
  }
  for (Use& use : uses_) use.is_stale = !std::exchange(use.is_recent, false);
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
  if (std::exchange(mine->is_stale, false)) come_back(*mine);
  if (mine->first == first && mine->last == last) return false;
  mine->first = first;
  mine->last = last;
  return true;
}

// What it used until now counts as resident again, and goes first.
void ResidentWindow::come_back(Use& use) {
  for (size_t block = use.first; block <= use.last; ++block) {
    if (std::find(blocks_.begin(), blocks_.end(), block) == blocks_.end()) {
      blocks_.insert(blocks_.begin(), block);
    }
  }
}

std::vector<size_t> ResidentWindow::blocks_in_use() const {
  std::vector<size_t> blocks;
  for (const Use& use : uses_) {
    if (use.is_stale) continue;
    for (size_t block = use.first; block <= use.last; ++block) insert_once(blocks, block);
  }
  return blocks;
}

// In runs, for a call of the system each.
void ResidentWindow::forget_oldest(const std::vector<size_t>& in_use, size_t count,
                                   const Forget& forget) {
  std::vector<size_t> oldest;
  std::erase_if(blocks_, [&](size_t block) {
    if (oldest.size() == count) return false;
    if (std::binary_search(in_use.begin(), in_use.end(), block)) return false;
    oldest.push_back(block);
    return true;
  });
  num_forgotten_ += oldest.size();
  std::sort(oldest.begin(), oldest.end());
  for (size_t i = 0; i < oldest.size();) {
    size_t end = i + 1;
    while (end < oldest.size() && oldest[end] == oldest[end - 1] + 1) ++end;
    forget(oldest[i] * kBlockBytes, (end - i) * kBlockBytes);
    i = end;
  }
}

size_t ResidentWindow::num_blocks() const {
  const std::scoped_lock lock(mutex_);
  return blocks_.size();
}

}  // namespace hornet
