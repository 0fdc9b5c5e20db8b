#include "base/cpu.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

// The files under /proc and /sys that tell of cgroups.
class FakeRoot {
 public:
  FakeRoot(const std::string& cgroup, const std::string& mountinfo) {
    write("/proc/self/cgroup", cgroup);
    write("/proc/self/mountinfo", mountinfo);
  }
  void write(const std::string& path, const std::string& text) {
    write_file(directory_.path() + path, text);
  }
  const std::string& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

const char* const kV2Mount =
    "25 1 252:0 / / rw - ext4 /dev/vda rw\n"
    "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const char* const kV1Mount =
    "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";

TEST(Cpu, Quota_NoCgroups_IsNothing) {
  EXPECT_EQ(cgroup_cpu_quota(TemporaryDirectory().path()), std::nullopt);
}

TEST(Cpu, Quota_V2_IsTheQuotaOverThePeriod) {
  FakeRoot root("0::/user/job\n", kV2Mount);
  root.write("/sys/fs/cgroup/user/job/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 1.5);
}

TEST(Cpu, Quota_V2Max_IsNothing) {
  FakeRoot root("0::/user/job\n", kV2Mount);
  root.write("/sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), std::nullopt);
}

TEST(Cpu, Quota_V2ParentWithLess_Rules) {
  FakeRoot root("0::/user/job/step\n", kV2Mount);
  root.write("/sys/fs/cgroup/user/job/step/cpu.max", "800000 100000\n");
  root.write("/sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  root.write("/sys/fs/cgroup/user/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 3.0);
}

TEST(Cpu, Quota_V2InAContainer_IsReadAtTheRoot) {
  FakeRoot root("0::/\n", kV2Mount);
  root.write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 0.5);
}

TEST(Cpu, Quota_V1_IsReadFromTheControllersHierarchy) {
  FakeRoot root("9:memory:/a\n4:cpu,cpuacct:/docker/x\n", kV1Mount);
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "250000\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 2.5);
}

TEST(Cpu, Quota_V1MountedFromTheCgroupItself_IsReadAtTheMount) {
  FakeRoot root("4:cpu:/docker/x\n",
                "32 25 0:28 /docker/x /sys/fs/cgroup/my\\040cpu rw - cgroup cgroup rw,cpu\n");
  root.write("/sys/fs/cgroup/my cpu/cpu.cfs_quota_us", "100000\n");
  root.write("/sys/fs/cgroup/my cpu/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 2.0);
}

TEST(Cpu, Quota_V1AndV2Together_TakesTheSmaller) {
  FakeRoot root("4:cpu:/a\n0::/b\n", std::string(kV1Mount) + kV2Mount);
  root.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  root.write("/sys/fs/cgroup/b/cpu.max", "200000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 2.0);
}

TEST(Cpu, Quota_NonsenseInTheFiles_IsNothing) {
  FakeRoot root("rubbish\n0::/b\n", std::string("more rubbish\n - \n") + kV2Mount);
  for (const char* text : {"", "x y", "100000", "0 100000", "100000 0", "-5 100000", "1e5 10"}) {
    root.write("/sys/fs/cgroup/b/cpu.max", text);
    EXPECT_EQ(cgroup_cpu_quota(root.path()), std::nullopt) << text;
  }
}

TEST(Cpu, UsableCores_SmallQuota_IsRoundedUpToAWholeCore) {
  FakeRoot root("0::/\n", kV2Mount);
  root.write("/sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(usable_cores_of_process(root.path()), 1);
}

TEST(Cpu, UsableCores_LargeQuota_IsTheAffinityMask) {
  FakeRoot root("0::/\n", kV2Mount);
  root.write("/sys/fs/cgroup/cpu.max", "100000000 100000\n");
  EXPECT_EQ(usable_cores_of_process(root.path()), affinity_cores());
}

TEST(Cpu, AffinityCores_OfAThreadPinnedToOne_IsOne) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(affinity_cores(), CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(affinity_cores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(Cpu, CacheSizes_OfThisMachine_AreThoseThatTheCLibraryKnows) {
  if (std::filesystem::exists("/sys/devices/system/cpu/cpu0/cache")) {
    GTEST_SKIP() << "the system tells them; some virtual machines do not";
  }
  const long l1d = sysconf(_SC_LEVEL1_DCACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  const CacheSizes sizes = cache_sizes();
  EXPECT_EQ(sizes.l1d_bytes, l1d > 0 ? static_cast<size_t>(l1d) : CacheSizes().l1d_bytes);
  EXPECT_EQ(sizes.l2_bytes, l2 > 0 ? static_cast<size_t>(l2) : CacheSizes().l2_bytes);
}

TEST(Cpu, CacheSizes_NothingTold_AreTheDefaults) {
  const CacheSizes sizes = cache_sizes(TemporaryDirectory().path());
  EXPECT_EQ(sizes.l1d_bytes, CacheSizes().l1d_bytes);
  EXPECT_EQ(sizes.l2_bytes, CacheSizes().l2_bytes);
  EXPECT_EQ(sizes.l3_bytes, CacheSizes().l3_bytes);
}

TEST(Cpu, CacheSizes_AreReadByLevelAndType) {
  TemporaryDirectory root;
  const auto add = [&](const char* index, const char* level, const char* type, const char* size) {
    const std::string directory = root.path("sys/devices/system/cpu/cpu0/cache/index") + index;
    write_file(directory + "/level", std::string(level) + "\n");
    write_file(directory + "/type", std::string(type) + "\n");
    write_file(directory + "/size", std::string(size) + "\n");
  };
  add("0", "1", "Data", "48K");
  add("1", "1", "Instruction", "64K");
  add("2", "2", "Unified", "2M");
  add("3", "3", "Unified", "nonsense");
  const CacheSizes sizes = cache_sizes(root.path());
  EXPECT_EQ(sizes.l1d_bytes, 48u * 1024);
  EXPECT_EQ(sizes.l2_bytes, 2u * 1024 * 1024);
  EXPECT_EQ(sizes.l3_bytes, CacheSizes().l3_bytes);
}

TEST(Cpu, PeakResidentBytes_GrowsWithTouchedMemoryAndStays) {
  const size_t before = peak_resident_bytes();
  constexpr size_t kBytes = size_t{96} << 20;
  {
    std::vector<char> memory(kBytes, 1);
    EXPECT_EQ(memory[kBytes / 2], 1);
    EXPECT_GE(peak_resident_bytes(), kBytes);
  }
  EXPECT_GE(peak_resident_bytes(), before);
  EXPECT_GE(peak_resident_bytes(), kBytes);
}

}  // namespace
}  // namespace hornet
