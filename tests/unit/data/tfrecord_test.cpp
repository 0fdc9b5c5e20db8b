#include "data/tfrecord.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

std::unique_ptr<Source> open(const std::string& feature, const SourceOptions& options = {}) {
  return open_source(test_file("rows.tfrecord:/" + feature), options);
}

TEST(Tfrecord, NumbersOfAFeature_AreRows) {
  const auto source = open("x");
  EXPECT_EQ(source->num_rows(), 40);
  EXPECT_EQ(source->row_shape(), (Shape{6}));
  EXPECT_EQ(read_rows<float>(*source), counting<float>(240));
  EXPECT_EQ(read_rows<float>(*source, 17, 19), counting<float>(12, 17 * 6));
  EXPECT_EQ(open("x", {.row_shape = Shape{2, 3}})->row_shape(), (Shape{2, 3}));
  const auto label = open("label", {.wanted_row_shape = Shape{}});
  EXPECT_EQ(label->dtype(), DType::kInt64);
  EXPECT_EQ(label->row_shape(), Shape{});
  EXPECT_EQ(read_rows<int64_t>(*label), counting<int64_t>(40, -20));
}

TEST(Tfrecord, Bytes_AreElementsOrPictures) {
  const auto raw = open("raw", {.dtype = DType::kInt16, .row_shape = Shape{2, 2}});
  EXPECT_EQ(read_rows<int16_t>(*raw, 3, 4), (std::vector<int16_t>{3, 4, 5, 6}));
  const SourceOptions small = {.row_shape = Shape{16, 16, 3}};
  const auto image = open("image", small);
  EXPECT_EQ(image->dtype(), DType::kFloat32);
  EXPECT_EQ(read_rows<float>(*image, 39, 40),
            read_rows<float>(*open_source(test_file("pictures"), small), 2, 3));
}

TEST(Tfrecord, Gzip_AndASingleFeature) {
  const auto source = open_source(test_file("single.tfrecord"));
  EXPECT_EQ(read_rows<float>(*source), counting<float>(6));
}

TEST(Tfrecord, WrongFeatures_AreRefusedByName) {
  EXPECT_ERROR(open_source(test_file("rows.tfrecord")), ErrorCode::kInvalidArgument,
               "record 0 has /x, /label, /raw, /image: name the feature");
  EXPECT_ERROR(open("nothing"), ErrorCode::kInvalidInput, "record 0 has no feature \"nothing\"");
  EXPECT_ERROR(open("raw"), ErrorCode::kInvalidArgument, "say what they are (--dtype)");
  EXPECT_ERROR(open("image"), ErrorCode::kInvalidArgument, "--shape");
  EXPECT_ERROR(open("x", {.dtype = DType::kInt8}), ErrorCode::kInvalidArgument, "type is known");
  EXPECT_ERROR(open("x", {.row_shape = Shape{7}}), ErrorCode::kShapeMismatch,
               "has 6 values; rows of shape [7] take 7");
}

TEST(Tfrecord, NoRecords_AreNoRows) {
  TemporaryDirectory directory;
  write_file(directory.path("none.tfrecord"), "");
  const auto source =
      open_source(directory.path("none.tfrecord"), {.wanted_row_shape = Shape{2, 2}});
  EXPECT_EQ(source->num_rows(), 0);
  EXPECT_EQ(source->row_shape(), (Shape{2, 2}));
}

class DamagedTfrecord : public ::testing::Test {
 protected:
  std::unique_ptr<Source> open_bytes(const std::string& bytes) {
    write_file(directory_.path("x.tfrecord"), bytes);
    return open_source(directory_.path("x.tfrecord:/x"));
  }
  const std::string bytes_ = read_file(test_file("rows.tfrecord"));
  // Where a record begins, by the lengths before it.
  size_t begin_of(int record) const {
    size_t at = 0;
    for (int i = 0; i < record; ++i) {
      uint64_t length = 0;
      std::memcpy(&length, bytes_.data() + at, sizeof(length));
      at += length + 16;
    }
    return at;
  }
  TemporaryDirectory directory_;
};

TEST_F(DamagedTfrecord, Data_FailsItsRowOnly) {
  std::string damaged = bytes_;
  damaged[begin_of(5) + 30] ^= 1;
  const auto source = open_bytes(damaged);
  EXPECT_ERROR(read_rows<float>(*source, 4, 7), ErrorCode::kInvalidInput,
               "x.tfrecord: record 5 is damaged: its checksum does not match");
  EXPECT_EQ(read_rows<float>(*source, 6, 8), counting<float>(12, 36));
  EXPECT_EQ(read_rows<float>(*source, 0, 5), counting<float>(30));
}

TEST_F(DamagedTfrecord, HeadsAndEnds_AreErrorsWhenOpened) {
  std::string damaged = bytes_;
  damaged[begin_of(3)] ^= 1;
  EXPECT_ERROR(open_bytes(damaged), ErrorCode::kInvalidInput, "record 3, at byte");
  EXPECT_ERROR(open_bytes(bytes_.substr(0, bytes_.size() - 1)), ErrorCode::kInvalidInput,
               "record 39 is cut");
  EXPECT_ERROR(open_bytes(bytes_.substr(0, 10)), ErrorCode::kInvalidInput, "record 0 is cut");
}

TEST_F(DamagedTfrecord, LongFiles_GiveTheirRowsInAnyOrder) {
  // Places of records are known at a distance of 64 KiB.
  const auto times = static_cast<int64_t>((size_t{1} << 20) / bytes_.size() + 1);
  std::string all;
  for (int64_t i = 0; i < times; ++i) all += bytes_;
  const auto source = open_bytes(all);
  ASSERT_EQ(source->num_rows(), 40 * times);
  std::minstd_rand random(5);
  for (int i = 0; i < 300; ++i) {
    const int64_t begin = static_cast<int64_t>(random()) % (40 * times);
    const int64_t end = std::min<int64_t>(begin + static_cast<int64_t>(random()) % 90, 40 * times);
    std::vector<float> expected;
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t k = 0; k < 6; ++k) expected.push_back(static_cast<float>(row % 40 * 6 + k));
    }
    ASSERT_EQ(read_rows<float>(*source, begin, end), expected);
    if (i % 2 == 0 || end == 40 * times) continue;
    ASSERT_EQ(read_rows<float>(*source, end, end + 1)[0], static_cast<float>(end % 40 * 6));
  }
}

TEST_F(DamagedTfrecord, AnyBytes_GiveRowsOrErrors) {
  std::minstd_rand random(2);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = bytes_.substr(0, begin_of(3));
    for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      read_rows<float>(*open_bytes(damaged));
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace hornet
