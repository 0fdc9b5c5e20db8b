// What the machine gives this process: cores, caches, memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace hornet {

// Cores this process can keep busy, at least 1: those of its affinity mask, fewer where a CPU quota
// of its cgroup (v1 or v2) or of one above allows fewer, as it was when it was first asked for; a
// fraction counts as one.
// `root` stands before /proc and /sys, for tests.
int usable_cores_of_process(const std::string& root = "");

// Cores of the affinity mask alone.
int affinity_cores();

// The smallest CPU quota of this process's cgroups and those above, in cores (1.5); nothing where
// there is none.
std::optional<double> cgroup_cpu_quota(const std::string& root = "");

struct CacheSizes {
  size_t l1d_bytes = size_t{32} << 10;
  size_t l2_bytes = size_t{512} << 10;
  size_t l3_bytes = size_t{8} << 20;
};

// Data caches of the first core as the system tells them, or the processor where the system does
// not, as in some virtual machines; the L3 is shared with others. A level that neither tells is as
// in CacheSizes.
CacheSizes cache_sizes(const std::string& root = "");

// Resident memory of this process at its highest.
size_t peak_resident_bytes();
// And now.
size_t resident_bytes();

}  // namespace hornet
