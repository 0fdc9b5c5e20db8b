// Decoded blocks that several workers read from, bounded by bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hornet {

// Keeps the blocks used last. A block is made once, by the first who asks for it; others who want
// it at the same time wait for it or do something else, and blocks are made concurrently. The
// memory of a block that is dropped goes to the next one, so that blocks do not leave the heap in
// pieces. Thread-safe.
class BlockCache {
 public:
  using Block = std::vector<std::byte>;

  // About what the cache itself takes for a block, in memory of small pieces.
  static constexpr size_t kBytesBesideBlock = 320;

  // `bytes_beside` are counted for each block, beside its own.
  explicit BlockCache(size_t max_bytes, size_t bytes_beside = 0)
      : max_bytes_(max_bytes), bytes_beside_(bytes_beside) {}

  // The block with this number, made by `make` if it is not here. An error of `make` goes to the
  // caller; who asks next tries again.
  std::shared_ptr<const Block> get(uint64_t number, const std::function<void(Block&)>& make) {
    const std::shared_ptr<Entry> entry = entry_for(number);
    const std::lock_guard making(entry->mutex);
    return made(number, entry, make);
  }

  // The same, but null at once where another is at work on the block: who wants several blocks
  // makes those first that nobody makes. Else workers whose rows share blocks wait for each other
  // in turn.
  std::shared_ptr<const Block> get_unless_busy(uint64_t number,
                                               const std::function<void(Block&)>& make) {
    const std::shared_ptr<Entry> entry = entry_for(number);
    const std::unique_lock making(entry->mutex, std::try_to_lock);
    return making ? made(number, entry, make) : nullptr;
  }

  // Drops all blocks and their memory.
  void clear() {
    const std::lock_guard lock(mutex_);
    slots_.clear();
    recent_.clear();
    bytes_ = 0;
    spares_->clear();
  }

 private:
  // Memory of blocks that were dropped, of no more than were made at the same time.
  class Spares {
   public:
    // For a block that is about to be made; then done().
    Block take() {
      const std::lock_guard lock(mutex_);
      most_ = std::max(most_, ++num_making_);
      if (blocks_.empty()) return {};
      Block block = std::move(blocks_.back());
      blocks_.pop_back();
      return block;
    }
    void done() {
      const std::lock_guard lock(mutex_);
      --num_making_;
    }
    void give(Block&& block) {
      const std::lock_guard lock(mutex_);
      if (blocks_.size() < most_) blocks_.push_back(std::move(block));
    }
    void clear() {
      const std::lock_guard lock(mutex_);
      blocks_.clear();
    }

   private:
    std::mutex mutex_;  // of what follows
    std::vector<Block> blocks_;
    size_t num_making_ = 0, most_ = 0;
  };

  struct Entry {
    std::mutex mutex;                    // of what follows
    std::shared_ptr<const Block> block;  // null until it is made
  };
  struct Slot {
    std::shared_ptr<Entry> entry;
    size_t bytes = 0;
    std::list<uint64_t>::iterator place;
  };

  // The entry's mutex is held.
  std::shared_ptr<const Block> made(uint64_t number, const std::shared_ptr<Entry>& entry,
                                    const std::function<void(Block&)>& make) {
    if (entry->block == nullptr) {
      entry->block = make_block(make);
      account(number, *entry);
    }
    return entry->block;
  }

  // Whoever lets go of the block last gives its memory back.
  std::shared_ptr<const Block> make_block(const std::function<void(Block&)>& make) const {
    const std::shared_ptr<Block> block(new Block(spares_->take()),
                                       [spares = spares_](Block* dropped) {
                                         spares->give(std::move(*dropped));
                                         delete dropped;
                                       });
    const std::unique_ptr<Spares, void (*)(Spares*)> done(spares_.get(),
                                                          [](Spares* spares) { spares->done(); });
    make(*block);
    return block;
  }

  std::shared_ptr<Entry> entry_for(uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find(number);
    if (found != slots_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second.place);
      return found->second.entry;
    }
    recent_.push_front(number);
    return slots_.emplace(number, Slot{std::make_shared<Entry>(), 0, recent_.begin()})
        .first->second.entry;
  }

  // Counts a block that has been made, and drops those not used for longest. Who uses them still
  // has them.
  void account(uint64_t number, const Entry& entry) {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find(number);
    if (found == slots_.end() || found->second.entry.get() != &entry) return;
    found->second.bytes = entry.block->size() + bytes_beside_;
    bytes_ += found->second.bytes;
    while (bytes_ > max_bytes_ && slots_.size() > 1) {
      const auto oldest = slots_.find(recent_.back());
      bytes_ -= oldest->second.bytes;
      slots_.erase(oldest);
      recent_.pop_back();
    }
  }

  const size_t max_bytes_, bytes_beside_;
  const std::shared_ptr<Spares> spares_ = std::make_shared<Spares>();
  std::mutex mutex_;  // of what follows
  std::unordered_map<uint64_t, Slot> slots_;
  std::list<uint64_t> recent_;  // the block used last comes first
  size_t bytes_ = 0;
};

}  // namespace hornet
