// Mapped files that are truncated, or cannot be read, while they are in use.
#pragma once

#include <cstddef>

namespace hornet {

// While it lives, a fault (SIGBUS) in a GuardedRegion is no end of the process: zeros take the
// place of the page, and the region knows. Faults elsewhere go where they went before. May nest.
class FaultGuard {
 public:
  FaultGuard();
  ~FaultGuard();
  FaultGuard(const FaultGuard&) = delete;
  FaultGuard& operator=(const FaultGuard&) = delete;
};

// A mapping of a file, whose owner asks after use whether what was read was there.
// Thread-safe. There may be a few hundred at a time; those beyond are not guarded.
class GuardedRegion {
 public:
  GuardedRegion(const std::byte* data, size_t size);
  ~GuardedRegion();
  GuardedRegion(const GuardedRegion&) = delete;
  GuardedRegion& operator=(const GuardedRegion&) = delete;

  // Whether a page of these bytes was not to be had. Once so, always so.
  bool is_damaged(const std::byte* data, size_t size) const;

 private:
  int slot_ = -1;
};

}  // namespace hornet
