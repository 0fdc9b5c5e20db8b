#include "base/cpu.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

namespace hornet {
namespace {

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int64_t> to_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool contains(const std::vector<std::string>& parts, std::string_view part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// Spaces and the like are written "\040" in mountinfo.
std::string unescape(std::string_view text) {
  std::string result;
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && text.size() - i >= 4 && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

// Where a cgroup hierarchy is seen in the file system.
struct CgroupMount {
  std::string root;   // the cgroup that is mounted
  std::string point;  // the directory it is mounted on
};

// The v2 hierarchy, or the v1 hierarchy of the CPU controller (proc_pid_mountinfo(5)).
std::optional<CgroupMount> find_mount(const std::string& root, bool v2) {
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> mount = split(std::string_view(line).substr(0, dash), ' ');
    const std::vector<std::string> type = split(std::string_view(line).substr(dash + 3), ' ');
    if (mount.size() < 5 || type.size() < 3) continue;
    const bool found =
        v2 ? type[0] == "cgroup2" : type[0] == "cgroup" && contains(split(type[2], ','), "cpu");
    if (found) return CgroupMount{unescape(mount[3]), unescape(mount[4])};
  }
  return std::nullopt;
}

// This process's cgroup in the v2 hierarchy ("0::/path") or in v1's of the CPU controller
// ("4:cpu,cpuacct:/path").
std::optional<std::string> find_cgroup(const std::string& root, bool v2) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool found = v2 ? controllers.empty() : contains(split(controllers, ','), "cpu");
    if (found) return line.substr(second + 1);
  }
  return std::nullopt;
}

std::optional<double> quotient(std::optional<int64_t> quota, std::optional<int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> quota_of(const std::string& directory, bool v2) {
  if (v2) {
    const auto line = first_line(directory + "/cpu.max");  // "max 100000" or "150000 100000"
    if (!line) return std::nullopt;
    const std::vector<std::string> parts = split(*line, ' ');
    return parts.size() == 2 ? quotient(to_integer(parts[0]), to_integer(parts[1])) : std::nullopt;
  }
  const auto quota = first_line(directory + "/cpu.cfs_quota_us");  // -1: none
  const auto period = first_line(directory + "/cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return quotient(to_integer(*quota), to_integer(*period));
}

// The part of `cgroup` below the mounted one, with a leading slash, or empty. A container may see
// its own cgroup mounted as the root, under the name that it has outside.
std::string below_mount(const std::string& cgroup, const std::string& mount_root) {
  if (mount_root == "/") return cgroup == "/" ? "" : cgroup;
  if (cgroup.compare(0, mount_root.size(), mount_root) != 0) return "";
  const std::string rest = cgroup.substr(mount_root.size());
  return rest.empty() || rest[0] == '/' ? rest : "";
}

std::optional<double> smallest_quota(const std::string& root, bool v2) {
  const auto mount = find_mount(root, v2);
  const auto cgroup = find_cgroup(root, v2);
  if (!mount || !cgroup) return std::nullopt;
  std::optional<double> smallest;
  std::string below = below_mount(*cgroup, mount->root);
  while (true) {
    const auto quota = quota_of(root + mount->point + below, v2);
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
    if (below.empty()) return smallest;
    below.erase(below.rfind('/') == std::string::npos ? 0 : below.rfind('/'));
  }
}

// "48K", "2048K", "32M".
std::optional<size_t> to_bytes(std::string_view text) {
  int shift = 0;
  if (text.ends_with('K')) shift = 10;
  if (text.ends_with('M')) shift = 20;
  if (shift != 0) text.remove_suffix(1);
  const auto number = to_integer(text);
  constexpr int64_t kLargest = int64_t{1} << 32;
  if (!number || *number <= 0 || *number > kLargest) return std::nullopt;
  return static_cast<size_t>(*number) << shift;
}

// A line of kilobytes of /proc/self/status, in bytes.
std::optional<size_t> process_status(std::string_view wanted) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    size_t kilobytes = 0;
    if (words >> name >> kilobytes && name == wanted) return kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> cgroup_cpu_quota(const std::string& root) {
  const auto v1 = smallest_quota(root, false);
  const auto v2 = smallest_quota(root, true);
  if (v1 && v2) return std::min(*v1, *v2);
  return v1 ? v1 : v2;
}

int affinity_cores() {
  // The mask must be as large as the kernel's, which EINVAL says it is not.
  for (int num_cpus = 1024; num_cpus <= 1 << 20; num_cpus *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> mask(
        CPU_ALLOC(num_cpus), [](cpu_set_t* set) { CPU_FREE(set); });
    if (!mask) break;
    const size_t bytes = CPU_ALLOC_SIZE(num_cpus);
    if (sched_getaffinity(0, bytes, mask.get()) == 0) {
      return std::max(1, CPU_COUNT_S(bytes, mask.get()));
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

int usable_cores_of_process(const std::string& root) {
  const int cores = affinity_cores();
  // Asked for often; files and lines of all mounts each time would take milliseconds of a start.
  static const std::optional<double> quota_here = cgroup_cpu_quota();
  const auto quota = root.empty() ? quota_here : cgroup_cpu_quota(root);
  if (!quota || *quota >= cores) return cores;
  return std::max(1, static_cast<int>(std::ceil(*quota)));
}

namespace {

CacheSizes read_cache_sizes(const std::string& root) {
  CacheSizes sizes;
  if (root.empty()) {
    // What the processor says, to a C library that asks it; of an L3 it tells the whole socket's.
    if (const long l1d = sysconf(_SC_LEVEL1_DCACHE_SIZE); l1d > 0) {
      sizes.l1d_bytes = static_cast<size_t>(l1d);
    }
    if (const long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE); l2 > 0) {
      sizes.l2_bytes = static_cast<size_t>(l2);
    }
  }
  for (int index = 0; index < 16; ++index) {
    const std::string directory =
        root + "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    const auto level = first_line(directory + "/level");
    if (!level) break;  // that was the last
    const auto type = first_line(directory + "/type");
    const auto size = first_line(directory + "/size");
    if (!type || !size) continue;
    const auto bytes = to_bytes(*size);
    if (!bytes || *type == "Instruction") continue;
    if (*level == "1") sizes.l1d_bytes = *bytes;
    if (*level == "2") sizes.l2_bytes = *bytes;
    if (*level == "3") sizes.l3_bytes = *bytes;
  }
  return sizes;
}

}  // namespace

CacheSizes cache_sizes(const std::string& root) {
  static const CacheSizes here = read_cache_sizes("");
  return root.empty() ? here : read_cache_sizes(root);
}

size_t resident_bytes() { return process_status("VmRSS:").value_or(peak_resident_bytes()); }

size_t peak_resident_bytes() {
  // getrusage counts what the process was before exec, VmHWM does not.
  if (const auto bytes = process_status("VmHWM:")) return *bytes;
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace hornet
