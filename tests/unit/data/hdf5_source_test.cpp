#include "data/hdf5.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "data/npy.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

std::unique_ptr<Source> open(const std::string& dataset) {
  return open_source(test_file("formats.h5:/" + dataset));
}

TEST(Hdf5Source, EveryStorage_GivesTheRows) {
  for (const char* name : {"contiguous", "big_endian", "gzip", "gzip_shuffle", "lzf", "pieces"}) {
    SCOPED_TRACE(name);
    const auto source = open(name);
    EXPECT_EQ(source->num_rows(), 50);
    EXPECT_EQ(source->row_shape(), (Shape{4, 6}));
    EXPECT_EQ(source->dtype(), DType::kFloat32);
    EXPECT_EQ(read_rows<float>(*source), counting<float>(50 * 24));
  }
  EXPECT_EQ(read_rows<double>(*open("lzf_shuffle_f8")), counting<double>(50 * 24));
  EXPECT_EQ(read_rows<int16_t>(*open("chunked_plain")), counting<int16_t>(50 * 24));
  EXPECT_EQ(read_rows<int32_t>(*open("numbers_gzip")), counting<int32_t>(100));
  EXPECT_EQ(read_rows<double>(*open("numbers")), counting<double>(5));
  EXPECT_EQ(read_rows<int64_t>(*open("group/inner")), counting<int64_t>(6));
  EXPECT_EQ(read_rows<uint8_t>(*open("bools")), (std::vector<uint8_t>{1, 0, 1}));
}

TEST(Hdf5Source, EveryRange_IsTheSameAsOfAWholeRead) {
  for (const char* name : {"contiguous", "gzip", "lzf", "pieces"}) {
    const auto source = open(name);
    for (int64_t begin = 0; begin <= 50; begin += 3) {
      for (int64_t end = begin; end <= 50; end += 5) {
        ASSERT_EQ(
            read_rows<float>(*source, begin, end),
            counting<float>(static_cast<size_t>(end - begin) * 24, static_cast<float>(begin * 24)))
            << name << " " << begin << " " << end;
      }
    }
  }
}

TEST(Hdf5Source, BoundOnMemory_ChangesNoRow) {
  for (const char* name : {"contiguous", "gzip_shuffle", "pieces"}) {
    const std::string path = test_file("formats.h5:/" + std::string(name));
    EXPECT_EQ(read_rows<float>(*open_source(path, {.memory_bytes = 20'000})),
              counting<float>(50 * 24));
  }
  const auto tiny = open_source(test_file("formats.h5:/gzip"), {.memory_bytes = 100});
  EXPECT_ERROR(read_rows<float>(*tiny), ErrorCode::kInvalidInput, "the bound on memory leaves 50");
}

TEST(Hdf5Source, ChunksThatDidNotCompress_AreRead) {
  EXPECT_EQ(read_rows<uint8_t>(*open("noise")),
            read_rows<uint8_t>(*open_source(test_file("noise.npy"))));
}

TEST(Hdf5Source, ChunksNeverWritten_HoldTheFillValue) {
  const auto source = open("gaps");
  EXPECT_EQ(read_rows<float>(*source, 10, 20), counting<float>(30));
  EXPECT_EQ(read_rows<float>(*source, 0, 10), std::vector<float>(30, -1));
  EXPECT_EQ(read_rows<float>(*source, 20, 40), std::vector<float>(60, -1));
}

TEST(Hdf5Source, ArraysThatGrowInNewFiles_AreRead) {
  const auto rows = [](const char* name) {
    return read_rows<float>(*open_source(test_file("growing.h5:/" + std::string(name))));
  };
  EXPECT_EQ(rows("rows"), counting<float>(450));
  EXPECT_EQ(rows("rows_gzip"), counting<float>(480));
  EXPECT_EQ(rows("columns"), counting<float>(350));
  EXPECT_EQ(rows("both"), counting<float>(600));
  EXPECT_EQ(rows("both_gzip"), counting<float>(600));
  EXPECT_EQ(rows("shrunk"), (std::vector<float>{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20}));
  std::vector<float> gaps(5000, -1);
  std::iota(gaps.begin() + 4000, gaps.begin() + 4004, 0.0F);
  EXPECT_EQ(rows("gaps"), gaps);
}

TEST(Hdf5Source, PagesOfAnIndexNeverWritten_AreNotRead) {
  std::vector<int16_t> expected(2100, -1);
  std::iota(expected.begin() + 2, expected.begin() + 5, int16_t{0});
  EXPECT_EQ(read_rows<int16_t>(*open_source(test_file("sparse.h5:/pages"))), expected);
  expected.assign(2100, -1);
  std::iota(expected.end() - 2, expected.end(), int16_t{0});
  EXPECT_EQ(read_rows<int16_t>(*open_source(test_file("sparse.h5:/pages_gzip"))), expected);
}

// Of which the file is smaller than the number of chunks.
TEST(Hdf5Source, LateChunkOfAGrowingArray_IsFound) {
  std::vector<int16_t> expected(70000, -1);
  expected[69998] = 0;
  EXPECT_EQ(read_rows<int16_t>(*open_source(test_file("sparse.h5:/far"))), expected);
}

TEST(Hdf5Source, ChunksBeyondTheShape_HaveNoRows) {
  EXPECT_EQ(read_rows<int16_t>(*open_source(test_file("sparse.h5:/early"))),
            (std::vector<int16_t>{0, 1, 2, 0, 0}));
}

TEST(Hdf5Source, ArrayWithoutData_HoldsTheFillValue) {
  const auto source = open_source(test_file("sparse.h5:/nothing"));
  EXPECT_EQ(source->num_rows(), 1'000'000);
  EXPECT_EQ(read_rows<int16_t>(*source, 999'998, 1'000'000), std::vector<int16_t>(6, 7));
  EXPECT_ERROR(open_source(test_file("sparse.h5:/huge_rows")), ErrorCode::kInvalidInput,
               "claims rows of 4294967296 bytes");
}

TEST(Hdf5Source, NoRows_AreNone) {
  for (const char* name : {"no_rows", "no_rows_chunked"}) {
    const auto source = open(name);
    EXPECT_EQ(source->num_rows(), 0);
    EXPECT_EQ(source->row_shape(), (Shape{3}));
    EXPECT_EQ(read_rows<float>(*source), std::vector<float>());
  }
}

TEST(Hdf5Source, FileWithOneDataset_NeedsNoName) {
  const auto source = open_source(test_file("one.h5"));
  EXPECT_EQ(read_rows<float>(*source), counting<float>(6));
  ASSERT_TRUE(source->location().has_value());
  EXPECT_EQ(source->location()->path, test_file("one.h5"));
}

TEST(Hdf5Source, WrongPaths_AreRefusedByName) {
  EXPECT_ERROR(open_source(test_file("formats.h5")), ErrorCode::kInvalidArgument,
               "name the dataset, as");
  EXPECT_ERROR(open("nothing"), ErrorCode::kInvalidInput, "formats.h5 has no dataset /nothing");
  EXPECT_ERROR(open("group"), ErrorCode::kInvalidInput, "is no array");
  EXPECT_ERROR(open("scalar"), ErrorCode::kShapeMismatch, "single value");
  EXPECT_ERROR(open("texts"), ErrorCode::kInvalidInput, "does not hold numbers");
  EXPECT_ERROR(open_source(test_file("nowhere.h5:/x")), ErrorCode::kIo, "nowhere.h5");
  EXPECT_ERROR(open_source(test_file("noise.npy"), {.format = "hdf5"}), ErrorCode::kInvalidInput,
               "noise.npy");
  EXPECT_ERROR(open("gzip")->rows(0, 51, *std::make_unique<std::vector<std::byte>>()),
               ErrorCode::kInvalidArgument, "it has 50");
}

TEST(Hdf5Source, ManyThreads_GetTheRightRows) {
  const auto source = open("pieces");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::minstd_rand random(seed);
      std::vector<std::byte> scratch;
      for (int i = 0; i < 200; ++i) {
        const auto begin = static_cast<int64_t>(random() % 50);
        const auto end = begin + static_cast<int64_t>(random() % (51 - static_cast<size_t>(begin)));
        const auto found = values_of<float>(source->rows(begin, end, scratch));
        wrong += found != counting<float>(found.size(), static_cast<float>(begin * 24));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Whatever the file, the answer is rows or an Error, and rows of other chunks stay readable.
TEST(Hdf5Source, DamagedFiles_GiveErrors) {
  const std::string bytes = read_file(test_file("formats.h5"));
  TemporaryDirectory directory;
  const std::string path = directory.path("x.h5");
  std::minstd_rand random(5);
  int errors = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bytes;
    for (int k = 0; k < 20; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (i % 4 == 0) damaged.resize(random() % damaged.size());
    write_file(path, damaged);
    for (const char* name : {"gzip_shuffle", "lzf", "pieces", "contiguous"}) {
      try {
        const auto source = open_source(path + ":/" + name);
        std::vector<std::byte> scratch;
        if (source->num_rows() > 1000) continue;
        for (int64_t row = 0; row < source->num_rows(); ++row) source->rows(row, row + 1, scratch);
      } catch (const Error&) {
        ++errors;
      }
    }
  }
  EXPECT_GT(errors, 0);
}

TEST(Hdf5Source, FletcherSum_IsChecked) {
  const std::string bytes = read_file(test_file("fletcher.h5"));
  EXPECT_EQ(read_rows<uint8_t>(*open_source(test_file("fletcher.h5"))), counting<uint8_t>(21));
  const size_t at = bytes.find("\x09\x0a\x0b\x0c");  // in the second chunk of three rows
  ASSERT_NE(at, std::string::npos);
  std::string damaged = bytes;
  damaged[at] ^= 1;
  TemporaryDirectory directory;
  write_file(directory.path("x.h5"), damaged);
  const auto source = open_source(directory.path("x.h5"));
  EXPECT_ERROR(read_rows<uint8_t>(*source, 3, 4), ErrorCode::kInvalidInput,
               "a checksum does not match");
  EXPECT_EQ(read_rows<uint8_t>(*source, 6, 7), counting<uint8_t>(3, 18));
}

TEST(Hdf5Source, DamagedChunk_FailsItsRowsOnly) {
  std::string bytes = read_file(test_file("formats.h5"));
  // The second chunk of "gzip": where its first rows lie cannot be told, so all bytes are tried.
  const auto whole = open("gzip");
  TemporaryDirectory directory;
  int failed = 0;
  for (size_t at = 4000; at < bytes.size() && failed == 0; at += 97) {
    std::string damaged = bytes;
    for (size_t k = at; k < std::min(at + 8, bytes.size()); ++k) damaged[k] ^= 0x55;
    write_file(directory.path("x.h5"), damaged);
    try {
      const auto source = open_source(directory.path("x.h5:/gzip"));
      std::vector<int64_t> bad;
      for (int64_t row = 0; row < 50; ++row) {
        try {
          read_rows<float>(*source, row, row + 1);
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::kInvalidInput) << error.what();
          bad.push_back(row);
        }
      }
      if (bad.empty()) continue;
      ++failed;
      EXPECT_LE(bad.size(), 7u);
      EXPECT_EQ(bad.front() % 7, 0);
    } catch (const Error&) {
      // The damage hit the file's structure.
    }
  }
  EXPECT_EQ(failed, 1);
}

}  // namespace
}  // namespace hornet
