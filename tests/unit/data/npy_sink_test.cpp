#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "data/npy.h"
#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/npy_bytes.h"

namespace hornet {
namespace {

class NpySinkTest : public ::testing::Test {
 protected:
  std::string expected(const std::string& descr, const std::string& shape,
                       const std::string& data) const {
    std::string dict =
        "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
    dict.resize(117, ' ');
    return npy_bytes(dict + "\n", data);
  }
  static TensorView view(const std::vector<float>& rows, const Shape& shape) {
    return {rows.data(), DType::kFloat32, shape};
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path("y.npy");
};

TEST_F(NpySinkTest, Finish_RowsWrittenInAnyOrder_AreTheFileInOrder) {
  const auto sink = open_sink(path_, DType::kFloat32, {2}, 3);
  EXPECT_EQ(sink->name(), path_);
  sink->write(2, view({20, 21}, {1, 2}));
  sink->write(0, view({0, 1, 10, 11}, {2, 2}));
  sink->finish();
  EXPECT_EQ(read_file(path_), expected("<f4", "(3, 2)", raw<float>({0, 1, 10, 11, 20, 21})));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".partial"));
}

TEST_F(NpySinkTest, Write_FileThatWasTruncatedMeanwhile_IsAnErrorThatNamesItsRows) {
  constexpr int64_t kRows = 8192;
  const auto sink = open_sink(path_, DType::kFloat32, {2}, kRows);
  std::filesystem::resize_file(path_ + ".partial", 4096);
  // The last rows alone would make it as long as it was, with a hole.
  const std::vector<float> rows(8192);
  EXPECT_ERROR(sink->write(4096, view(rows, {4096, 2})), ErrorCode::kIo,
               "cannot write rows 4096 to 8192: " + path_ + ".partial was truncated to 4096 bytes");
}

TEST_F(NpySinkTest, Kept_IsContinuedByAnotherSink) {
  {
    const auto first = open_sink(path_, DType::kFloat32, {2}, 3);
    EXPECT_TRUE(first->keep());
    first->write(1, view({10, 11}, {1, 2}));
    first->sync();
  }
  auto second = open_sink(path_, DType::kFloat32, {2}, 3, Overwrite::kResume);
  EXPECT_FALSE(second->is_finished());
  second->write(0, view({0, 1}, {1, 2}));
  second->write(2, view({20, 21}, {1, 2}));
  second->finish();
  EXPECT_EQ(read_file(path_), expected("<f4", "(3, 2)", raw<float>({0, 1, 10, 11, 20, 21})));
  EXPECT_TRUE(second->is_finished());
  second.reset();
  EXPECT_TRUE(open_sink(path_, DType::kFloat32, {2}, 3, Overwrite::kResume)->is_finished());
}

TEST_F(NpySinkTest, Resume_RefusesRowsOfAnotherKind) {
  open_sink(path_, DType::kFloat32, {2}, 3)->keep();
  EXPECT_ERROR(open_sink(path_, DType::kInt32, {2}, 3, Overwrite::kResume), ErrorCode::kIo,
               "does not begin with the header of int32 [3, 2]");
  EXPECT_ERROR(open_sink(path_, DType::kFloat32, {2}, 4, Overwrite::kResume), ErrorCode::kIo,
               "expected 160");
}

TEST_F(NpySinkTest, FileRows_SayWhereOthersMayWrite) {
  const auto sink = open_sink(path_, DType::kFloat32, {2}, 1);
  const auto place = sink->file_rows();
  ASSERT_TRUE(place.has_value());
  std::fstream file(place->path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(place->offset));
  file << raw<float>({5, 6});
  file.close();
  sink->finish();
  EXPECT_EQ(read_file(path_), expected("<f4", "(1, 2)", raw<float>({5, 6})));
}

TEST_F(NpySinkTest, Finish_EachType_HasNumpysName) {
  const struct {
    DType dtype;
    const char* descr;
  } kTypes[] = {{DType::kBool, "|b1"},    {DType::kInt8, "|i1"},    {DType::kUInt8, "|u1"},
                {DType::kInt16, "<i2"},   {DType::kUInt16, "<u2"},  {DType::kInt32, "<i4"},
                {DType::kUInt32, "<u4"},  {DType::kInt64, "<i8"},   {DType::kUInt64, "<u8"},
                {DType::kFloat16, "<f2"}, {DType::kFloat32, "<f4"}, {DType::kFloat64, "<f8"}};
  for (const auto& type : kTypes) {
    std::string data(3 * size_of(type.dtype), 'x');
    const auto sink = open_sink(path_, type.dtype, {}, 3, Overwrite::kAllowed);
    sink->write(0, {data.data(), type.dtype, {3}});
    sink->finish();
    EXPECT_EQ(read_file(path_), expected(type.descr, "(3,)", data));
  }
}

TEST_F(NpySinkTest, Finish_NoRows_IsAFileOfNoRows) {
  const auto sink = open_sink(path_, DType::kFloat32, {4}, 0);
  sink->write(0, {nullptr, DType::kFloat32, {0, 4}});
  sink->finish();
  EXPECT_EQ(read_file(path_), expected("<f4", "(0, 4)", ""));
}

TEST_F(NpySinkTest, Open_BFloat16_IsRefused) {
  EXPECT_ERROR(open_sink(path_, DType::kBFloat16, {4}, 1), ErrorCode::kUnsupported,
               path_ + ": a .npy file cannot hold bfloat16");
  EXPECT_TRUE(directory_.is_empty());
}

TEST_F(NpySinkTest, Open_SpaceOnDisk_IsReservedBeforeAnythingIsComputed) {
  const auto sink = open_sink(path_, DType::kFloat32, {1024}, 1024);
  struct stat status = {};
  ASSERT_EQ(stat((path_ + ".partial").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 128 + (4 << 20));
  EXPECT_GE(status.st_blocks * 512, 4 << 20);
}

TEST_F(NpySinkTest, Destructor_WithoutFinish_LeavesNothingBehind) {
  {
    const auto sink = open_sink(path_, DType::kFloat32, {2}, 3);
    sink->write(0, view({0, 1}, {1, 2}));
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_TRUE(std::filesystem::exists(path_ + ".partial"));
  }
  EXPECT_TRUE(directory_.is_empty());
}

TEST_F(NpySinkTest, Write_RowsThatDoNotFit_AreRefused) {
  const auto sink = open_sink(path_, DType::kFloat32, {2}, 3);
  const std::vector<float> rows(8);
  EXPECT_ERROR(sink->write(0, view(rows, {2, 3})), ErrorCode::kShapeMismatch,
               "got float32 [2, 3]; expected float32 [None, 2]");
  EXPECT_ERROR(sink->write(0, view(rows, {2})), ErrorCode::kShapeMismatch, path_);
  EXPECT_ERROR(sink->write(0, view(rows, {})), ErrorCode::kShapeMismatch, path_);
  EXPECT_ERROR(sink->write(0, {rows.data(), DType::kInt32, {1, 2}}), ErrorCode::kShapeMismatch,
               "got int32 [1, 2]");
  EXPECT_ERROR(sink->write(0, view(rows, {4, 2})), ErrorCode::kInvalidArgument, "it has 3");
  EXPECT_ERROR(sink->write(3, view(rows, {1, 2})), ErrorCode::kInvalidArgument, "it has 3");
  EXPECT_ERROR(sink->write(-1, view(rows, {1, 2})), ErrorCode::kInvalidArgument, "it has 3");
  EXPECT_ERROR(sink->write(std::numeric_limits<int64_t>::max(), view(rows, {1, 2})),
               ErrorCode::kInvalidArgument, "it has 3");
}

TEST_F(NpySinkTest, Write_RangesFromManyThreads_AllArrive) {
  constexpr int64_t kRows = 3000;
  const auto sink = open_sink(path_, DType::kInt32, {5}, kRows);
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t row = t * 7; row < kRows; row += 28) {
        const int64_t end = std::min(row + 7, kRows);
        std::vector<int32_t> made;
        for (int64_t i = row * 5; i < end * 5; ++i) made.push_back(static_cast<int32_t>(i));
        sink->write(row, {made.data(), DType::kInt32, {end - row, 5}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  sink->finish();
  std::vector<std::byte> scratch;
  const auto source = open_source(path_);
  const auto* numbers = static_cast<const int32_t*>(source->rows(0, kRows, scratch).data);
  for (int32_t i = 0; i < kRows * 5; ++i) ASSERT_EQ(numbers[i], i);
}

TEST_F(NpySinkTest, Write_ManyMegabytes_BeginsToSyncThem) {
  FaultyFileSystem fs;
  constexpr int64_t kRows = 40;
  const std::vector<uint8_t> row(size_t{1} << 20, 7);
  const auto sink = open_npy_sink(path_, DType::kUInt8, {1 << 20}, kRows, Overwrite::kNever, fs);
  for (int64_t i = 0; i < kRows; ++i) sink->write(i, {row.data(), DType::kUInt8, {1, 1 << 20}});
  EXPECT_EQ(fs.num_begin_sync(), 5);  // every 8 MB
  sink->finish();
  EXPECT_EQ(std::filesystem::file_size(path_), 128u + (40u << 20));
}

TEST_F(NpySinkTest, FileThatWasTruncatedMeanwhile_IsNeitherSyncedNorFinished) {
  const auto sink = open_sink(path_, DType::kFloat32, {2}, 3);
  sink->write(0, view({0, 1, 10, 11, 20, 21}, {3, 2}));
  std::filesystem::resize_file(path_ + ".partial", 140);
  EXPECT_ERROR(sink->sync(), ErrorCode::kIo, path_ + ".partial was truncated to 140 bytes");
  EXPECT_ERROR(sink->finish(), ErrorCode::kIo, path_ + ".partial was truncated to 140 bytes");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(NpySinkTest, Finish_ShortWritesAndInterrupts_WritesAll) {
  FaultyFileSystem fs;
  fs.set_max_transfer(7);
  fs.set_interrupts();
  const auto sink = open_npy_sink(path_, DType::kFloat32, {2}, 3, Overwrite::kNever, fs);
  sink->write(0, view({0, 1, 10, 11, 20, 21}, {3, 2}));
  sink->finish();
  EXPECT_EQ(read_file(path_), expected("<f4", "(3, 2)", raw<float>({0, 1, 10, 11, 20, 21})));
}

// What a run does, from nothing to the file.
void run(const std::string& path, Overwrite overwrite, FileSystem& fs) {
  const std::vector<float> rows = {0, 1, 10, 11};
  const auto sink = open_npy_sink(path, DType::kFloat32, {2}, 2, overwrite, fs);
  sink->write(0, {rows.data(), DType::kFloat32, {1, 2}});
  sink->write(1, {rows.data() + 2, DType::kFloat32, {1, 2}});
  sink->finish();
}

// Every run that fails says so and leaves what was there before; but for the last two calls, which
// make a name durable that is already there.
TEST_F(NpySinkTest, EachSystemCallFailing_IsAnErrorAndLeavesNothing) {
  for (const Overwrite overwrite : {Overwrite::kNever, Overwrite::kAllowed}) {
    FaultyFileSystem flawless;
    run(path_, overwrite, flawless);
    const std::string complete = read_file(path_);
    constexpr int kCallsAfterRename = 2;
    ASSERT_GE(flawless.num_calls(), 12);
    for (int k = 1; k <= flawless.num_calls(); ++k) {
      std::filesystem::remove(path_);
      FaultyFileSystem fs;
      fs.fail_call(k, EIO);
      EXPECT_ERROR(run(path_, overwrite, fs), ErrorCode::kIo, "cannot");
      EXPECT_FALSE(std::filesystem::exists(path_ + ".partial")) << "call " << k;
      if (k > flawless.num_calls() - kCallsAfterRename) {
        EXPECT_EQ(read_file(path_), complete) << "call " << k;
      } else {
        EXPECT_TRUE(directory_.is_empty()) << "call " << k;
      }
    }
    std::filesystem::remove(path_);
  }
}

TEST_F(NpySinkTest, EachSystemCallFailing_LeavesAnExistingFileAsItWas) {
  FaultyFileSystem flawless;
  write_file(path_, "old");
  run(path_, Overwrite::kAllowed, flawless);
  for (int k = 1; k <= flawless.num_calls() - 2; ++k) {
    write_file(path_, "old");
    FaultyFileSystem fs;
    fs.fail_call(k, EIO);
    EXPECT_ERROR(run(path_, Overwrite::kAllowed, fs), ErrorCode::kIo, "cannot");
    EXPECT_EQ(read_file(path_), "old") << "call " << k;
    EXPECT_FALSE(std::filesystem::exists(path_ + ".partial")) << "call " << k;
  }
}

TEST_F(NpySinkTest, Open_DiskFull_SaysHowManyBytesWereWantedForWhichFile) {
  FaultyFileSystem fs;
  fs.fail_function("fallocate", ENOSPC);
  EXPECT_ERROR(open_npy_sink(path_, DType::kFloat32, {1000}, 1000, Overwrite::kNever, fs),
               ErrorCode::kIo,
               "cannot reserve 4000128 bytes for " + path_ + ".partial: No space left on device");
  EXPECT_TRUE(directory_.is_empty());
}

TEST_F(NpySinkTest, Open_DiskReallyFull_IsAnErrorAndLeavesNothing) {
  if (mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "mounting a small disk needs root";
  }
  EXPECT_ERROR(open_sink(path_, DType::kFloat32, {1000}, 1000), ErrorCode::kIo,
               "No space left on device");
  EXPECT_TRUE(directory_.is_empty());
  {
    const auto sink = open_sink(path_, DType::kFloat32, {1000}, 100);  // what fits, fits
    sink->finish();
  }
  EXPECT_EQ(std::filesystem::file_size(path_), 400128u);
  ASSERT_EQ(umount2(directory_.path().c_str(), MNT_DETACH), 0);
}

TEST_F(NpySinkTest, Open_MoreBytesThanThereAre_IsRefused) {
  EXPECT_ERROR(open_sink(path_, DType::kFloat32, {1 << 30}, int64_t{1} << 40),
               ErrorCode::kInvalidArgument, "than memory can hold");
  EXPECT_ERROR(open_sink(path_, DType::kUInt8, {}, std::numeric_limits<int64_t>::max()),
               ErrorCode::kIo, path_);
  EXPECT_TRUE(directory_.is_empty());
}

}  // namespace
}  // namespace hornet
