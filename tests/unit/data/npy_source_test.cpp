#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "data/npy.h"
#include "data/npy_header.h"
#include "paths.h"
#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/npy_bytes.h"

namespace hornet {
namespace {

template <class T>
std::vector<T> values(const TensorView& view) {
  std::vector<T> result(static_cast<size_t>(num_elements(view.shape)));
  if (!result.empty()) std::memcpy(result.data(), view.data, result.size() * sizeof(T));
  return result;
}

class NpySourceTest : public ::testing::Test {
 protected:
  std::unique_ptr<Source> open(const std::string& bytes) {
    write_file(path_, bytes);
    return open_source(path_);
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.path("x.npy");
  std::vector<std::byte> scratch_;
};

TEST_F(NpySourceTest, Rows_AreThoseOfTheFile_AtAnAddressForVectors) {
  const auto source = open(npy_bytes_of("<f4", "(3, 2)", raw<float>({0, 1, 10, 11, 20, 21})));
  EXPECT_EQ(source->num_rows(), 3);
  EXPECT_EQ(source->row_shape(), (Shape{2}));
  EXPECT_EQ(source->dtype(), DType::kFloat32);
  EXPECT_EQ(source->name(), path_);
  const TensorView rows = source->rows(1, 3, scratch_);
  EXPECT_EQ(rows.shape, (Shape{2, 2}));
  EXPECT_EQ(rows.dtype, DType::kFloat32);
  EXPECT_EQ(values<float>(rows), (std::vector<float>{10, 11, 20, 21}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.data) % 64, 0u);
  EXPECT_EQ(values<float>(source->rows(0, 1, scratch_)), (std::vector<float>{0, 1}));
}

TEST_F(NpySourceTest, Rows_MisalignedInTheFile_AreAligned) {
  std::string dict = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}";
  while ((10 + dict.size()) % 8 != 3) dict += ' ';
  const auto source = open(npy_bytes(dict, raw<double>({1.5, -2})));
  const TensorView rows = source->rows(0, 2, scratch_);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.data) % 64, 0u);
  EXPECT_EQ(values<double>(rows), (std::vector<double>{1.5, -2}));
}

TEST_F(NpySourceTest, Rows_FileThatIsTruncatedMeanwhile_FailAlone) {
  write_file(path_, npy_bytes_of("<f4", "(3, 2)", raw<float>({0, 1, 10, 11, 20, 21})));
  const auto source = open_source(path_);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 8);
  EXPECT_EQ(values<float>(source->rows(1, 2, scratch_)), (std::vector<float>{10, 11}));
  EXPECT_ERROR(source->rows(1, 3, scratch_), ErrorCode::kIo, path_ + " was truncated to 144 bytes");
}

TEST_F(NpySourceTest, Rows_OfADiskThatFails_AreAnErrorThatNamesTheFile) {
  write_file(path_, npy_bytes_of("<f4", "(3, 2)", raw<float>({0, 1, 10, 11, 20, 21})));
  FaultyFileSystem fs;
  const auto source = open_npy_source(path_, fs);
  fs.fail_function("pread", EIO);
  EXPECT_ERROR(source->rows(1, 3, scratch_), ErrorCode::kIo,
               "cannot read 16 bytes at 136 of " + path_);
}

TEST_F(NpySourceTest, Rows_BigEndian_AreSwapped) {
  const auto f4 = open(npy_bytes_of(">f4", "(2,)", std::string("\x3f\x80\0\0\xc0\0\0\0", 8)));
  EXPECT_EQ(values<float>(f4->rows(0, 2, scratch_)), (std::vector<float>{1, -2}));
  EXPECT_EQ(values<float>(f4->rows(1, 2, scratch_)), (std::vector<float>{-2}));
  const auto i2 = open(npy_bytes_of(">i2", "(2, 1)", std::string("\x01\x02\xff\xfe", 4)));
  EXPECT_EQ(values<int16_t>(i2->rows(0, 2, scratch_)), (std::vector<int16_t>{258, -2}));
  const auto u8 = open(npy_bytes_of(">u8", "(1,)", std::string("\0\0\0\0\0\0\x01\x02", 8)));
  EXPECT_EQ(values<uint64_t>(u8->rows(0, 1, scratch_)), (std::vector<uint64_t>{258}));
  const auto b1 = open(npy_bytes_of(">b1", "(2,)", std::string("\0\x01", 2)));
  EXPECT_EQ(values<uint8_t>(b1->rows(0, 2, scratch_)), (std::vector<uint8_t>{0, 1}));
}

TEST_F(NpySourceTest, Rows_MisalignedBigEndian_AreSwapped) {
  std::string dict = "{'descr': '>u4', 'fortran_order': False, 'shape': (1,)}";
  while ((10 + dict.size()) % 4 != 1) dict += ' ';
  const auto source = open(npy_bytes(dict, "\x01\x02\x03\x04"));
  EXPECT_EQ(values<uint32_t>(source->rows(0, 1, scratch_)), (std::vector<uint32_t>{0x01020304}));
}

TEST_F(NpySourceTest, Rows_NoneOrEmpty_HaveTheirShape) {
  const auto none = open(npy_bytes_of(">f4", "(0, 3)", ""));
  EXPECT_EQ(none->num_rows(), 0);
  EXPECT_EQ(none->rows(0, 0, scratch_).shape, (Shape{0, 3}));
  const auto empty = open(npy_bytes_of("<f4", "(4, 0)", ""));
  EXPECT_EQ(empty->rows(1, 4, scratch_).shape, (Shape{3, 0}));
  const auto numbers = open(npy_bytes_of("<f4", "(2,)", raw<float>({7, 8})));
  EXPECT_EQ(numbers->row_shape(), Shape{});
  EXPECT_EQ(numbers->rows(1, 1, scratch_).shape, (Shape{0}));
}

TEST_F(NpySourceTest, Rows_OutsideTheFile_AreRefused) {
  const auto source = open(npy_bytes_of("<f4", "(2,)", raw<float>({7, 8})));
  for (const auto& [begin, end] :
       {std::pair(-1, 1), std::pair(0, 3), std::pair(2, 1), std::pair(3, 3)}) {
    EXPECT_ERROR(source->rows(begin, end, scratch_), ErrorCode::kInvalidArgument, "it has 2");
  }
}

TEST_F(NpySourceTest, Rows_FromManyThreads_AreTheRightOnes) {
  constexpr int64_t kRows = 5000;
  std::vector<int32_t> numbers(kRows * 3);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int32_t>(i);
  const auto source = open(npy_bytes_of("<i4", "(5000, 3)", raw(numbers)));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::byte> scratch;
      for (int64_t row = t; row < kRows; row += 4) {
        const auto got = values<int32_t>(source->rows(row, row + 1, scratch));
        const int32_t first = static_cast<int32_t>(row) * 3;
        if (got != std::vector<int32_t>{first, first + 1, first + 2}) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Resident pages of mapped files: what a sanitizer adds for itself is not among them.
size_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "RssFile:") continue;
    size_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes << 10;
  }
  throw std::runtime_error("/proc/self/status has no RssFile");
}

TEST_F(NpySourceTest, Rows_ReadAllOfALargeFile_DoNotStayResident) {
  constexpr int64_t kRows = 260;
  constexpr size_t kRowBytes = size_t{1} << 20;
  {
    const auto sink = open_sink(path_, DType::kUInt8, {kRowBytes}, kRows);
    sink->finish();
  }
  const auto source = open_source(path_);
  const size_t before = resident_file_bytes();
  for (int64_t row = 0; row < kRows; ++row) {
    const TensorView bytes = source->rows(row, row + 1, scratch_);
    ASSERT_EQ(num_elements(bytes.shape), static_cast<int64_t>(kRowBytes));
  }
  EXPECT_LT(resident_file_bytes(), before + (size_t{3} << 20));
}

// Files of others' making, broken and whole.
TEST(NpySource, Open_FilesThatMustBeRefused_AreErrorsThatNameThem) {
  const struct {
    const char* name;
    ErrorCode code;
    const char* text;
  } kFiles[] = {{"complex", ErrorCode::kUnsupported, "complex numbers"},
                {"empty", ErrorCode::kInvalidInput, "is empty"},
                {"header_code", ErrorCode::kInvalidInput, "True or False"},
                {"header_length_huge", ErrorCode::kInvalidInput, "65535"},
                {"no_data", ErrorCode::kInvalidInput, "is cut: 0 bytes"},
                {"not_npy", ErrorCode::kInvalidInput, "starts with \"1 2 3 \""},
                {"scalar", ErrorCode::kShapeMismatch, "single value"},
                {"structured", ErrorCode::kUnsupported, "records"},
                {"trailing_data", ErrorCode::kInvalidInput, "nothing after them"},
                {"truncated_header", ErrorCode::kInvalidInput, "header has"}};
  for (const auto& file : kFiles) {
    const std::string path = HORNET_TEST_DATA "/data/" + std::string(file.name) + ".npy";
    EXPECT_ERROR(open_source(path), file.code, file.text);
    EXPECT_ERROR(open_source(path), file.code, path);
  }
}

TEST(NpySource, Open_FilesOfNumpy_AreRead) {
  std::vector<std::byte> scratch;
  const auto source = open_source(HORNET_TEST_DATA "/data/float64.npy");
  EXPECT_EQ(source->dtype(), DType::kFloat64);
  EXPECT_EQ(source->num_rows(), 3);
  EXPECT_EQ(source->row_shape(), (Shape{4}));
  EXPECT_EQ(open_source(HORNET_TEST_DATA "/data/int64.npy")->dtype(), DType::kInt64);
}

TEST_F(NpySourceTest, Open_EachSystemCallFailing_IsAnError) {
  open(npy_bytes_of("<f4", "(2,)", raw<float>({7, 8})));
  for (int k = 1; k <= 3; ++k) {
    FaultyFileSystem fs;
    fs.fail_call(k, EIO);
    EXPECT_ERROR(open_npy_source(path_, fs), ErrorCode::kIo, path_);
  }
}

// Every array of the golden cases that has rows: what numpy wrote, and the header we would write.
TEST_F(NpySourceTest, Golden_ArraysOfNumpy_AreReadToTheByteAndHaveOurHeader) {
  const std::filesystem::path golden =
      std::filesystem::path(HORNET_SOURCE_DIR) / "../shared/golden";
  if (!std::filesystem::is_directory(golden)) GTEST_SKIP() << "no golden cases at " << golden;
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(golden)) {
    const std::string path = entry.path().string();
    if (entry.path().extension() != ".npy" || path.find("/errors/") != std::string::npos) continue;
    const std::string bytes = read_file(path);
    if (bytes.find("'shape': ()") != std::string::npos) continue;
    const auto source = open_source(path);
    const TensorView rows = source->rows(0, source->num_rows(), scratch_);
    const std::string data(static_cast<const char*>(rows.data), num_bytes(rows.dtype, rows.shape));
    ASSERT_EQ(npy_header(rows.dtype, rows.shape) + data, bytes) << path;
    ++files;
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace hornet
