// Inputs that are decoded out of a map and are truncated while they are read.
#include "data/watched_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

class WatchedFileTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_.path(name); }
  std::string copy_of(const std::string& name) const {
    std::filesystem::copy_file(test_file(name), path(name));
    return path(name);
  }
  const FaultGuard guard_ = {};
  const TemporaryDirectory directory_ = {};
};

TEST_F(WatchedFileTest, TruncatedTable_FailsTheRowsThatAreGone) {
  std::string text;
  for (int row = 0; row < 10000; ++row) text += "1234,5678\n";
  write_file(path("x.csv"), text);
  const auto source = open_source(path("x.csv"));
  std::filesystem::resize_file(path("x.csv"), 5005);  // within row 500
  EXPECT_EQ(read_rows<float>(*source, 499, 500), (std::vector<float>{1234, 5678}));
  for (const int64_t row : {500, 600, 9999}) {
    EXPECT_ERROR(read_rows<float>(*source, row, row + 1), ErrorCode::kIo,
                 "x.csv was truncated to 5005 bytes");
  }
}

TEST_F(WatchedFileTest, TruncatedRecords_FailTheRowsThatAreGone) {
  const std::string file = copy_of("rows.tfrecord");
  const auto source = open_source(file + ":/x");
  std::filesystem::resize_file(file, 4096);
  EXPECT_EQ(read_rows<float>(*source, 0, 1), counting<float>(6));
  EXPECT_ERROR(read_rows<float>(*source, 39, 40), ErrorCode::kIo,
               "rows.tfrecord was truncated to 4096 bytes");
}

TEST_F(WatchedFileTest, TruncatedChunks_FailTheRowsThatAreGone) {
  const std::string file = copy_of("formats.h5");
  const auto source = open_source(file + ":/gzip");
  std::filesystem::resize_file(file, 0);
  EXPECT_ERROR(read_rows<float>(*source, 0, 1), ErrorCode::kIo,
               "formats.h5 was truncated to 0 bytes");
}

}  // namespace
}  // namespace hornet
