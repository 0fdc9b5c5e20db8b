#include "base/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class FileTest : public ::testing::Test {
 protected:
  std::unique_ptr<File> create() { return File::open(path_, O_RDWR | O_CREAT, fs_); }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path("file");
  FaultyFileSystem fs_;
};

TEST_F(FileTest, PathsOfDescriptors_AreKnown) {
  const auto file = create();
  const std::string name = "/fd/" + std::to_string(file->descriptor());
  const std::string link = directory_.path("link"), link_of_link = directory_.path("link_of_link");
  std::filesystem::create_symlink("/proc/self" + name, link);
  std::filesystem::create_symlink("link", link_of_link);
  for (const std::string& path : {"/dev" + name, "/proc/thread-self" + name, link, link_of_link}) {
    const auto found = descriptor_path(path);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(found->fd, file->descriptor());
    EXPECT_EQ(found->is_own, !path.starts_with("/proc/thread")) << path;
  }
  std::filesystem::create_symlink("circle", directory_.path("circle"));
  for (const char* none : {"file", "circle", "no", "no/file", "file/1"}) {
    EXPECT_FALSE(descriptor_path(directory_.path(none))) << none;
  }
  EXPECT_FALSE(descriptor_path("/proc/self/fd"));
  EXPECT_FALSE(descriptor_path(""));
}

// As what a program has opened itself: another output may lie behind it.
TEST(FileSystem, DescriptorThatThisProcessWasNotGiven_IsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("f");
  write_file(path, "");
  const int own = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  EXPECT_ERROR(File::of_descriptor(own, "/dev/fd/9"), ErrorCode::kIo,
               "cannot write /dev/fd/9: it is no file that this process was given");
  ::close(own);
  EXPECT_ERROR(File::of_descriptor(own, "/dev/fd/9"), ErrorCode::kIo, "Bad file descriptor");
}

TEST_F(FileTest, WriteAt_ShortWritesAndInterrupts_WritesAll) {
  fs_.set_max_transfer(3);
  fs_.set_interrupts();
  const auto file = create();
  file->write_at(0, bytes_of("0123456789"));
  file->write_at(4, bytes_of("abc"));
  EXPECT_EQ(read_file(path_), "0123abc789");
}

TEST_F(FileTest, WriteAt_Failing_NamesFileAndPlace) {
  const auto file = create();
  fs_.fail_function("pwrite", ENOSPC);
  EXPECT_ERROR(file->write_at(7, bytes_of("abc")), ErrorCode::kIo,
               "cannot write 3 bytes at 7 of " + path_ + ": No space left on device");
}

TEST_F(FileTest, WriteAt_NothingTaken_IsAnErrorAndNoEndlessLoop) {
  const auto file = create();
  fs_.set_max_transfer(0);
  EXPECT_ERROR(file->write_at(0, bytes_of("abc")), ErrorCode::kIo, "nothing was taken");
}

TEST_F(FileTest, ReadAt_ShortReadsAndInterrupts_ReadsAll) {
  write_file(path_, "0123456789");
  fs_.set_max_transfer(3);
  fs_.set_interrupts();
  std::string text(8, ' ');
  create()->read_at(2, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "23456789");
}

TEST_F(FileTest, ReadAt_BeyondTheEnd_SaysWhereTheFileEnds) {
  write_file(path_, "0123456789");
  std::string text(8, ' ');
  EXPECT_ERROR(create()->read_at(5, std::as_writable_bytes(std::span(text))), ErrorCode::kIo,
               "ends at byte 10; expected 3 bytes more");
}

TEST_F(FileTest, Reserve_MakesTheFileThatLongWithItsSpace) {
  const auto file = create();
  file->reserve(1 << 20);
  EXPECT_EQ(file->status().st_size, 1 << 20);
  EXPECT_GE(file->status().st_blocks * 512, 1 << 20);
}

TEST_F(FileTest, Reserve_FullDisk_SaysHowManyBytesForWhichFile) {
  fs_.fail_function("fallocate", ENOSPC);
  EXPECT_ERROR(create()->reserve(123456), ErrorCode::kIo,
               "cannot reserve 123456 bytes for " + path_ + ": No space left on device");
}

TEST_F(FileTest, Reserve_AboveTheLimitOfTheProcess_IsAnErrorAndNoSignal) {
  fs_.set_file_size_limit(1000);
  EXPECT_ERROR(create()->reserve(1001), ErrorCode::kIo, "files of at most 1000 bytes");
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
}

TEST_F(FileTest, Truncate_CutsAndGrows) {
  write_file(path_, "0123456789");
  const auto file = create();
  file->truncate(4);
  EXPECT_EQ(read_file(path_), "0123");
  file->truncate(5);
  EXPECT_EQ(read_file(path_), std::string("0123\0", 5));
}

TEST_F(FileTest, TryLock_SecondOpeningOfAFile_FindsItHeldUntilTheFirstIsClosed) {
  auto first = create();
  const auto second = create();
  EXPECT_EQ(first->try_lock(), File::Lock::kTaken);
  EXPECT_EQ(second->try_lock(), File::Lock::kHeldByAnother);
  EXPECT_TRUE(second->is_locked());
  EXPECT_FALSE(first->is_locked());
  first.reset();
  EXPECT_FALSE(second->is_locked());
  EXPECT_EQ(second->try_lock(), File::Lock::kTaken);
}

TEST_F(FileTest, TryLock_FileSystemWithoutLocks_SaysSo) {
  fs_.fail_function("lock", ENOLCK);
  const auto file = create();
  EXPECT_EQ(file->try_lock(), File::Lock::kNotSupported);
  EXPECT_FALSE(file->is_locked());
}

TEST_F(FileTest, Open_NoMoreFiles_IsAShortageAndNoMatterOfTheFile) {
  for (const int number : {EMFILE, ENFILE, ENOMEM}) {
    fs_.fail_function("open", number);
    EXPECT_ERROR(create(), ErrorCode::kOutOfMemory, "cannot create " + path_);
  }
}

TEST_F(FileTest, OpenUnless_ToleratedError_IsNoFile) {
  EXPECT_EQ(File::open_unless(ENOENT, path_, O_RDONLY, fs_), nullptr);
  write_file(path_, "");
  EXPECT_EQ(File::open_unless(EEXIST, path_, O_RDWR | O_CREAT | O_EXCL, fs_), nullptr);
  EXPECT_ERROR(File::open_unless(ENOENT, path_, O_RDWR | O_CREAT | O_EXCL, fs_), ErrorCode::kIo,
               "File exists");
}

TEST_F(FileTest, EveryCallFailing_IsAnErrorThatNamesTheFile) {
  const auto file = create();
  for (const char* function :
       {"fstat", "pread", "pwrite", "ftruncate", "fallocate", "fdatasync", "lock", "mmap"}) {
    fs_.fail_function(function, EIO);
  }
  std::string text = "a";
  const std::string said = path_;
  EXPECT_ERROR(file->status(), ErrorCode::kIo, said);
  EXPECT_ERROR(file->read_at(0, std::as_writable_bytes(std::span(text))), ErrorCode::kIo, said);
  EXPECT_ERROR(file->write_at(0, bytes_of(text)), ErrorCode::kIo, said);
  EXPECT_ERROR(file->truncate(1), ErrorCode::kIo, said);
  EXPECT_ERROR(file->reserve(1), ErrorCode::kIo, said);
  EXPECT_ERROR(file->sync(), ErrorCode::kIo, said);
  EXPECT_ERROR(file->try_lock(), ErrorCode::kIo, said);
  EXPECT_ERROR(file->is_locked(), ErrorCode::kIo, said);
  EXPECT_ERROR(Mapping(*file, 1), ErrorCode::kIo, said);
}

TEST_F(FileTest, MappedPages_AreThereAgainWhenTheyWereForgotten) {
  const auto file = create();
  file->reserve(10000);
  const Mapping mapping(*file, 10000);
  EXPECT_EQ(mapping.data()[9000], std::byte{0});
  file->write_at(9000, bytes_of("a"));
  mapping.forget_pages();
  EXPECT_EQ(mapping.data()[9000], std::byte{'a'});
  mapping.forget_pages(8192, size_t{2} << 20);  // may reach beyond the end
  EXPECT_EQ(mapping.data()[9000], std::byte{'a'});
}

// renameat2 first; then by a second name; then by looking whether the name is free.
class RenameToFreeNameTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (GetParam() >= 1) fs_.fail_function("rename_no_replace", EINVAL);
    if (GetParam() >= 2) fs_.fail_function("link", EPERM);
    write_file(from_, "new");
  }
  TemporaryDirectory directory_;
  const std::string from_ = directory_.path("from");
  const std::string to_ = directory_.path("to");
  FaultyFileSystem fs_;
};

TEST_P(RenameToFreeNameTest, FreeName_IsTaken) {
  EXPECT_TRUE(rename_to_free_name(from_, to_, fs_));
  EXPECT_EQ(read_file(to_), "new");
  EXPECT_FALSE(std::filesystem::exists(from_));
}

TEST_P(RenameToFreeNameTest, NameInUse_IsLeftAlone) {
  write_file(to_, "old");
  EXPECT_FALSE(rename_to_free_name(from_, to_, fs_));
  EXPECT_EQ(read_file(to_), "old");
  EXPECT_EQ(read_file(from_), "new");
}

INSTANTIATE_TEST_SUITE_P(Ways, RenameToFreeNameTest, ::testing::Values(0, 1, 2));

TEST_F(FileTest, RenameToFreeName_OtherErrors_AreErrors) {
  write_file(path_, "");
  fs_.fail_function("rename_no_replace", EACCES);
  EXPECT_ERROR(rename_to_free_name(path_, path_ + "2", fs_), ErrorCode::kIo, "Permission denied");
}

TEST_F(FileTest, RemoveFile_NoFile_IsFine) {
  remove_file(path_, fs_);
  write_file(path_, "");
  remove_file(path_, fs_);
  EXPECT_FALSE(exists(path_, fs_));
  fs_.fail_function("unlink", EROFS);
  EXPECT_ERROR(remove_file(path_, fs_), ErrorCode::kIo, "Read-only file system");
}

TEST_F(FileTest, Exists_DanglingLink_Does) {
  std::filesystem::create_symlink("nowhere", path_);
  EXPECT_TRUE(exists(path_));
}

TEST(FileSystemTest, DirectoryOf_AnyPath_IsWhereTheNameLies) {
  EXPECT_EQ(directory_of("name"), ".");
  EXPECT_EQ(directory_of("a/b/name"), "a/b");
  EXPECT_EQ(directory_of("/name"), "/");
}

TEST_F(FileTest, SyncDirectory_FileSystemThatHasNone_IsFine) {
  sync_directory(directory_.path(), fs_);
  fs_.fail_function("fsync", EINVAL);
  sync_directory(directory_.path(), fs_);
  fs_.fail_function("fsync", EIO);
  EXPECT_ERROR(sync_directory(directory_.path(), fs_), ErrorCode::kIo, directory_.path());
}

}  // namespace
}  // namespace hornet
