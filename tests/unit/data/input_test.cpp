// .npz and raw files, pipes, gzip: where bytes come from.
#include "data/input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cerrno>
#include <thread>

#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/npy_bytes.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

std::string gzipped(const std::string& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

const SourceOptions kRawPairs = {.dtype = DType::kInt16, .row_shape = Shape{2}};

class InputTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) {
    write_file(directory_.path(name), bytes);
    return directory_.path(name);
  }
  TemporaryDirectory directory_;
};

TEST_F(InputTest, Npz_StoredAndDeflatedArrays_AreRead) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto x = open_source(test_file(std::string(name) + ":/x"));
    EXPECT_EQ(x->row_shape(), (Shape{3}));
    EXPECT_EQ(read_rows<float>(*x), counting<float>(15));
    EXPECT_EQ(read_rows<int64_t>(*open_source(test_file(std::string(name) + ":/y.npy"))),
              counting<int64_t>(5));
  }
  EXPECT_EQ(read_rows<float>(*open_source(test_file("single.npz"))), counting<float>(6));
}

TEST_F(InputTest, Npz_WrongNamesAndDamage_AreErrors) {
  EXPECT_ERROR(open_source(test_file("stored.npz")), ErrorCode::kInvalidArgument, "has /x, /y");
  EXPECT_ERROR(open_source(test_file("stored.npz:/z")), ErrorCode::kInvalidInput,
               "has no array /z; it has /x, /y");
  std::string bytes = read_file(test_file("deflated.npz"));
  EXPECT_ERROR(open_source(file("cut.npz", bytes.substr(0, bytes.size() / 2))),
               ErrorCode::kInvalidInput, "cut.npz: the zip archive has no directory");
  for (size_t at = 60; at < 120; ++at) {
    std::string damaged = bytes;
    damaged[at] ^= 0x10;
    SCOPED_TRACE(at);
    EXPECT_ERROR(open_source(file("bad.npz", damaged) + ":/x"), ErrorCode::kInvalidInput,
                 "bad.npz");
  }
}

TEST_F(InputTest, Raw_RowsOfTheGivenTypeAndShape) {
  const auto source = open_source(file("x.bin", raw<int16_t>({1, 2, 3, 4, 5, 6})), kRawPairs);
  EXPECT_EQ(source->num_rows(), 3);
  EXPECT_EQ(read_rows<int16_t>(*source, 1, 3), (std::vector<int16_t>{3, 4, 5, 6}));
  EXPECT_EQ(open_source(file("none.raw", ""), kRawPairs)->num_rows(), 0);
  SourceOptions wanted = {.dtype = DType::kInt16, .wanted_row_shape = Shape{3}};
  EXPECT_EQ(open_source(directory_.path("x.bin"), wanted)->num_rows(), 2);
}

TEST_F(InputTest, Raw_WhatIsMissingOrLeftOver_IsAnError) {
  const std::string path = file("x.bin", "12345");
  EXPECT_ERROR(open_source(path, kRawPairs), ErrorCode::kInvalidInput, "1 are left over");
  EXPECT_ERROR(open_source(path), ErrorCode::kInvalidArgument, "--dtype, --shape");
  EXPECT_ERROR(open_source(path, {.dtype = DType::kInt8, .row_shape = Shape{0}}),
               ErrorCode::kInvalidArgument, "have no bytes");
  EXPECT_ERROR(open_source(path, {.dtype = DType::kInt8, .row_shape = Shape{kUnknownDim}}),
               ErrorCode::kInvalidArgument, "not fully known");
  EXPECT_ERROR(open_source(path, {.dtype = DType::kInt8, .row_shape = Shape{INT64_MAX, 9}}),
               ErrorCode::kInvalidArgument, "");
}

TEST_F(InputTest, OptionsThatAFormatDoesNotTake_AreRefused) {
  EXPECT_ERROR(open_source(test_file("one.h5"), {.dtype = DType::kInt8}),
               ErrorCode::kInvalidArgument, "an element type is not for hdf5 files");
  EXPECT_ERROR(open_source(test_file("one.h5"), {.row_shape = Shape{2}}),
               ErrorCode::kInvalidArgument, "a row shape");
  EXPECT_ERROR(open_source(test_file("one.h5"), {.columns = {"a"}}), ErrorCode::kInvalidArgument,
               "columns");
  EXPECT_ERROR(open_source(test_file("one.h5"), {.crop_to_aspect_ratio = true}),
               ErrorCode::kInvalidArgument, "resizing");
  EXPECT_ERROR(open_source("x", {.format = "nothing"}), ErrorCode::kInvalidArgument,
               "cannot read x as \"nothing\"; the formats are npy, npz");
  EXPECT_ERROR(open_source("-"), ErrorCode::kInvalidArgument, "without a format");
}

TEST_F(InputTest, Gzip_OfAnyFormat_IsInflated) {
  const std::string bytes = raw<int16_t>({1, 2, 3, 4});
  EXPECT_EQ(read_rows<int16_t>(*open_source(file("x.bin.gz", gzipped(bytes)), kRawPairs)),
            (std::vector<int16_t>{1, 2, 3, 4}));
  // Several members and padding count as one file, as for gzip itself.
  const std::string two = gzipped(bytes) + gzipped(bytes) + std::string(100, '\0');
  EXPECT_EQ(open_source(file("y.bin.gz", two), kRawPairs)->num_rows(), 4);
  EXPECT_EQ(open_source(file("z.bin.gz", gzipped("")), kRawPairs)->num_rows(), 0);
}

TEST_F(InputTest, Gzip_OfAFileWithMembers_IsInflated) {
  const std::string bytes = gzipped(read_file(test_file("stored.npz")));
  const std::string member = ":/x";
  EXPECT_EQ(read_rows<float>(*open_source(file("x.npz.gz", bytes) + member)),
            read_rows<float>(*open_source(test_file("stored.npz") + member)));
}

TEST_F(InputTest, Gzip_CutOrDamaged_IsAnError) {
  const std::string bytes = gzipped(std::string(5000, 'x') + "the end");
  for (size_t size : {size_t{2}, size_t{9}, size_t{20}, bytes.size() - 1}) {
    EXPECT_ERROR(open_input(file("cut.gz", bytes.substr(0, size))), ErrorCode::kInvalidInput,
                 "cut.gz is cut");
  }
  std::string damaged = bytes;
  damaged[bytes.size() - 6] ^= 1;  // of the checksum
  EXPECT_ERROR(open_input(file("bad.gz", damaged)), ErrorCode::kInvalidInput, "does not inflate");
  EXPECT_ERROR(open_input(file("none.gz", "plain")), ErrorCode::kInvalidInput,
               "is not a gzip file");
}

TEST_F(InputTest, Pipe_IsReadToItsEnd) {
  const std::string path = directory_.path("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes += raw<int16_t>({static_cast<int16_t>(i)});
  std::thread writer([&] { std::ofstream(path, std::ios::binary) << bytes; });
  SourceOptions options = kRawPairs;
  options.format = "raw";
  const auto source = open_source(path, options);
  writer.join();
  EXPECT_EQ(source->num_rows(), 150000);
  EXPECT_EQ(read_rows<int16_t>(*source, 149999, 150000),
            (std::vector<int16_t>{static_cast<int16_t>(299998), static_cast<int16_t>(299999)}));
  EXPECT_FALSE(source->location().has_value());
}

TEST_F(InputTest, Copies_EverySystemCallFailing_IsAnError) {
  const std::string path = file("x.gz", gzipped(std::string(3 << 20, 'x')));
  int calls = 0;
  {
    FaultyFileSystem fs;
    open_input(path, Gzip::kByName, fs);
    calls = fs.num_calls();
  }
  EXPECT_GT(calls, 5);
  for (int k = 1; k <= calls; ++k) {
    FaultyFileSystem fs;
    SCOPED_TRACE(k);
    fs.fail_call(k, ENOSPC);
    EXPECT_ERROR(open_input(path, Gzip::kByName, fs), ErrorCode::kIo, "No space left");
  }
}

TEST_F(InputTest, TemporaryFilesWithoutNames_FallBackToUnlinkedOnes) {
  struct NoTmpfile : FaultyFileSystem {
    int open(const char* path, int flags, mode_t mode) override {
      if ((flags & O_TMPFILE) == O_TMPFILE) return errno = EOPNOTSUPP, -1;
      return FaultyFileSystem::open(path, flags, mode);
    }
  } fs;
  const auto opened = open_input(file("x.gz", gzipped("abc")), Gzip::kByName, fs);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(opened->data()), opened->size()), "abc");
}

}  // namespace
}  // namespace hornet
