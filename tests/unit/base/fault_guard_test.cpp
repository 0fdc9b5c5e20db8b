#include "base/fault_guard.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/mapped_file.h"
#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

class FaultGuardTest : public ::testing::Test {
 protected:
  FaultGuardTest() {
    write_file(path_, std::string(4 * kPage, 'x'));
    file_ = MappedFile::open(path_);
  }
  static constexpr size_t kPage = 4096;
  char read(size_t offset) const {
    return static_cast<char>(*static_cast<const volatile std::byte*>(file_->data() + offset));
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path("file");
  std::shared_ptr<const MappedFile> file_;
};

TEST_F(FaultGuardTest, TruncatedFile_ReadsAsZerosAndIsKnown) {
  const FaultGuard guard;
  const GuardedRegion region(file_->data(), file_->size());
  std::filesystem::resize_file(path_, 2 * kPage);
  EXPECT_EQ(read(kPage), 'x');
  EXPECT_FALSE(region.is_damaged(file_->data(), file_->size()));
  EXPECT_EQ(read(3 * kPage + 5), '\0');
  EXPECT_TRUE(region.is_damaged(file_->data(), file_->size()));
  EXPECT_TRUE(region.is_damaged(file_->data() + 4 * kPage - 1, 1));
  EXPECT_FALSE(region.is_damaged(file_->data(), 3 * kPage));
}

TEST_F(FaultGuardTest, ManyPagesThatAreGone_LeaveTheOthersGood) {
  constexpr size_t kPages = 1000;
  std::filesystem::resize_file(path_, kPages * kPage);
  file_ = MappedFile::open(path_);
  const FaultGuard guard;
  const GuardedRegion region(file_->data(), file_->size());
  std::filesystem::resize_file(path_, 500 * kPage);
  for (size_t page = 500; page < kPages; ++page) EXPECT_EQ(read(page * kPage), '\0');
  EXPECT_FALSE(region.is_damaged(file_->data(), 500 * kPage));
  for (size_t page = 500; page < kPages; ++page) {
    EXPECT_TRUE(region.is_damaged(file_->data() + page * kPage, 1)) << page;
  }
}

TEST_F(FaultGuardTest, FaultElsewhere_EndsTheProcessAsBefore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        signal(SIGBUS, SIG_DFL);
        const FaultGuard guard;
        std::filesystem::resize_file(path_, 0);
        read(0);
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace hornet
