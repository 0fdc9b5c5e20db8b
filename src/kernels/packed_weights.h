// Weights in the form kernels want them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/memory.h"
#include "hornet/tensor.h"

namespace hornet::kernels {

// Made once, and shared by all plans and workers of a model. They are packed in the order in which
// they were asked for, by threads of this and by whoever waits for them, so that the first rows
// need not wait for the last weights. Thread-safe.
class PackedWeights {
 public:
  using Buffer = std::shared_ptr<const void>;
  // Writes a whole buffer, zero before, 64-byte aligned; on any thread.
  using Fill = std::function<void(void* data)>;

  PackedWeights() = default;
  // Waits for buffers that are being filled; the others are left as they are.
  ~PackedWeights();

  // The buffer stored under `key`. The key says what was packed (value ids of the constants) and
  // how ("conv8 onednn <descriptor>"). `fill` of the first call is kept until the buffer is filled;
  // what it refers to lives so long, or longer than this. Raises `*needed` to what wait_for() takes
  // for this buffer.
  Buffer get(const std::string& key, size_t bytes, Fill fill, size_t* needed = nullptr);
  // Buffers of about so many bytes are going to be asked for: another core makes their memory
  // ready, until stop_expecting(). What nobody asked for is given back by start_filling().
  void expect(size_t bytes) { slabs_.expect(bytes); }
  void stop_expecting() { slabs_.stop_touching(); }
  // Has what was asked for filled on the other cores, or here where it is little.
  void start_filling();
  // Returns when the first `needed` buffers may be read; fills them where nobody else does. Throws
  // the error of a `fill` among them, as get(), start_filling() and complete() do from then on;
  // std::bad_alloc is Error(kOutOfMemory).
  void wait_for(size_t needed) {
    if (filled_.load(std::memory_order_acquire) < needed) fill_until(needed);
  }
  // Fills all buffers that are not yet, on all cores.
  void complete();
  size_t total_bytes() const;
  // All buffers, with their keys, as of complete(); they share their bytes with this.
  std::vector<std::pair<std::string, Tensor>> all();
  // What get() gives for `key` from now on: packed by another process.
  void adopt(const std::string& key, Tensor data);

 private:
  struct Stored {
    Tensor buffer;
    size_t needed = 0;  // what wait_for() takes
  };
  struct Filling {
    void* data;
    size_t bytes;
    Fill fill;
    bool is_done = false;
  };
  void fill_until(size_t needed);
  // With the lock, but for the time of filling.
  void fill_next(std::unique_lock<std::mutex>& lock);
  void fill_all_behind();

  mutable std::mutex mutex_;
  MemorySlabs slabs_;
  std::unordered_map<std::string, Stored> buffers_;
  std::deque<Filling> fillings_;     // in the order in which they were asked for
  size_t next_ = 0;                  // the first that nobody has begun with
  std::atomic<size_t> filled_ = 0;   // so many, the first ones, are filled
  std::condition_variable changed_;  // filled_, failure_
  std::exception_ptr failure_;       // of a buffer that is not filled,
  size_t failed_ = 0;                // the first of them
  bool stopping_ = false;
  size_t num_fillers_ = 0;  // that are running
  std::vector<std::jthread> fillers_;
};

// The packed weights that one step asks for, and how many have to be there before it runs. Copies
// count together. Not thread-safe.
class StepWeights {
 public:
  StepWeights(PackedWeights& packed)  // NOLINT(google-explicit-constructor): those of one more step
      : packed_(&packed), needed_(std::make_shared<size_t>(0)) {}
  PackedWeights::Buffer get(const std::string& key, size_t bytes, PackedWeights::Fill fill) const {
    return packed_->get(key, bytes, std::move(fill), needed_.get());
  }
  size_t needed() const { return *needed_; }
  void wait() const { packed_->wait_for(needed()); }

 private:
  PackedWeights* packed_;
  std::shared_ptr<size_t> needed_;
};

}  // namespace hornet::kernels
