#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"

namespace hornet {
namespace {

TEST(MappedFile, Open_File_GivesItsBytesPageAligned) {
  TemporaryDirectory directory;
  write_file(directory.path("a"), "hornet");
  const auto file = MappedFile::open(directory.path("a"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(file->data()), file->size()), "hornet");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->data()) % 4096, 0u);
  EXPECT_EQ(file->path(), directory.path("a"));
}

TEST(MappedFile, Open_EmptyFile_HasNoBytes) {
  TemporaryDirectory directory;
  write_file(directory.path("a"), "");
  const auto file = MappedFile::open(directory.path("a"));
  EXPECT_EQ(file->size(), 0u);
  EXPECT_EQ(file->data(), nullptr);
  file->forget_pages();
}

TEST(MappedFile, Open_MissingFile_NamesItAndSaysSo) {
  EXPECT_ERROR(MappedFile::open("/nowhere/x.npy"), ErrorCode::kIo,
               "cannot open /nowhere/x.npy: No such file or directory");
}

TEST(MappedFile, Open_Directory_IsRefused) {
  TemporaryDirectory directory;
  EXPECT_ERROR(MappedFile::open(directory.path()), ErrorCode::kIo, "is a directory");
}

TEST(MappedFile, Open_Fifo_IsRefusedWithoutWaiting) {
  TemporaryDirectory directory;
  ASSERT_EQ(mkfifo(directory.path("fifo").c_str(), 0600), 0);
  EXPECT_ERROR(MappedFile::open(directory.path("fifo")), ErrorCode::kIo, "not a regular file");
}

TEST(MappedFile, ForgetPages_BytesAreStillThere) {
  TemporaryDirectory directory;
  write_file(directory.path("a"), std::string(100000, 'x'));
  const auto file = MappedFile::open(directory.path("a"));
  EXPECT_EQ(file->data()[99999], std::byte{'x'});
  file->forget_pages();
  EXPECT_EQ(file->data()[99999], std::byte{'x'});
}

TEST(MappedFile, Open_EachSystemCallFailing_IsAnError) {
  TemporaryDirectory directory;
  write_file(directory.path("a"), "hornet");
  for (int k = 1; k <= 3; ++k) {  // open, fstat, mmap
    FaultyFileSystem fs;
    fs.fail_call(k, EIO);
    EXPECT_ERROR(MappedFile::open(directory.path("a"), fs), ErrorCode::kIo, directory.path("a"));
  }
  FaultyFileSystem fs;
  MappedFile::open(directory.path("a"), fs);
  EXPECT_EQ(fs.num_calls(), 3);
}

TEST(MappedFile, Read_GivesBytesWithoutTheMapping_AndTellsATruncatedFile) {
  TemporaryDirectory directory;
  write_file(directory.path("a"), "hornet");
  FaultyFileSystem fs;
  fs.set_max_transfer(2);
  fs.set_interrupts();
  const std::string path = directory.path("a");
  const auto file = MappedFile::map(File::open(path, O_RDONLY, fs), 6, path);
  std::string bytes(4, 'x');
  file->read(1, std::as_writable_bytes(std::span(bytes)));
  EXPECT_EQ(bytes, "orne");
  EXPECT_ERROR(file->read(3, std::as_writable_bytes(std::span(bytes))), ErrorCode::kIo,
               directory.path("a") + " was truncated to 6 bytes; expected 7 at least");
  fs.fail_function("pread", EIO);
  EXPECT_ERROR(file->read(0, std::as_writable_bytes(std::span(bytes))), ErrorCode::kIo,
               "cannot read 4 bytes at 0 of " + directory.path("a"));
}

}  // namespace
}  // namespace hornet
