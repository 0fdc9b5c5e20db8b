// Sinks of every format but .npy: what is written reads back, in whatever order rows come.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <thread>

#include "data/ordered_output.h"
#include "hornet/sink.h"
#include "unit/base/expect_error.h"
#include "unit/base/faulty_file_system.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

class SinksTest : public ::testing::Test {
 protected:
  // Writes rows in pieces, the last ones first.
  template <class T>
  void write(const std::string& name, DType dtype, const Shape& row_shape,
             const std::vector<T>& values, int64_t num_rows, const SinkOptions& options = {}) {
    const auto sink = open_sink(path(name), dtype, row_shape, num_rows, Overwrite::kNever, options);
    const auto row = static_cast<size_t>(num_elements(row_shape));
    for (int64_t end = num_rows; end > 0;) {
      const int64_t begin = std::max<int64_t>(0, end - 3);
      Shape shape = row_shape;
      shape.insert(shape.begin(), end - begin);
      sink->write(begin, {values.data() + static_cast<size_t>(begin) * row, dtype, shape});
      end = begin;
    }
    sink->finish();
  }
  std::string path(const std::string& name) const { return directory_.path(name); }
  std::string text(const std::string& name) const { return read_file(path(name)); }
  TemporaryDirectory directory_;
};

TEST_F(SinksTest, Hdf5_EveryType_ReadsBack) {
  write("f4.h5", DType::kFloat32, {2, 3}, counting<float>(42), 7);
  EXPECT_EQ(read_rows<float>(*open_source(path("f4.h5"))), counting<float>(42));
  EXPECT_EQ(open_source(path("f4.h5:/predictions"))->row_shape(), (Shape{2, 3}));
  write("f8.h5:/a/b/c", DType::kFloat64, {2}, counting<double>(8), 4);
  EXPECT_EQ(read_rows<double>(*open_source(path("f8.h5:/a/b/c"))), counting<double>(8));
  write("f2.h5", DType::kFloat16, {}, counting<uint16_t>(8), 8);
  EXPECT_EQ(open_source(path("f2.h5"))->dtype(), DType::kFloat16);
  EXPECT_EQ(read_rows<uint16_t>(*open_source(path("f2.h5"))), counting<uint16_t>(8));
  write("i8.h5", DType::kInt64, {1}, counting<int64_t>(3), 3);
  EXPECT_EQ(read_rows<int64_t>(*open_source(path("i8.h5"))), counting<int64_t>(3));
  write("u2.h5", DType::kUInt16, {1}, counting<uint16_t>(3), 3);
  EXPECT_EQ(open_source(path("u2.h5"))->dtype(), DType::kUInt16);
  write("b.h5", DType::kBool, {}, std::vector<uint8_t>{1, 0, 1}, 3);
  EXPECT_EQ(open_source(path("b.h5"))->dtype(), DType::kBool);
  EXPECT_EQ(read_rows<uint8_t>(*open_source(path("b.h5"))), (std::vector<uint8_t>{1, 0, 1}));
  write("none.h5", DType::kFloat32, {4}, std::vector<float>(), 0);
  EXPECT_EQ(open_source(path("none.h5"))->num_rows(), 0);
  EXPECT_ERROR(open_sink(path("x.h5"), DType::kBFloat16, {1}, 1), ErrorCode::kUnsupported,
               "no type for bfloat16");
  EXPECT_ERROR(open_sink(path("x.h5:/"), DType::kFloat32, {1}, 1), ErrorCode::kInvalidArgument,
               "has no name");
}

TEST_F(SinksTest, Hdf5_IsWrittenInPlaceAndGoesOn) {
  {
    const auto sink = open_sink(path("x.h5"), DType::kFloat32, {1}, 3);
    const float made = 5;
    sink->write(1, {&made, DType::kFloat32, {1, 1}});
    EXPECT_TRUE(sink->keep());
  }
  EXPECT_ERROR(open_sink(path("x.h5:/other"), DType::kFloat32, {1}, 3, Overwrite::kResume),
               ErrorCode::kIo, "cannot go on");
  const auto sink = open_sink(path("x.h5"), DType::kFloat32, {1}, 3, Overwrite::kResume);
  const float rest[] = {1, 2};
  sink->write(0, {rest, DType::kFloat32, {1, 1}});
  sink->write(2, {rest + 1, DType::kFloat32, {1, 1}});
  sink->finish();
  EXPECT_EQ(read_rows<float>(*open_source(path("x.h5"))), (std::vector<float>{1, 5, 2}));
}

TEST_F(SinksTest, Raw_IsTheElements) {
  write("x.raw", DType::kInt16, {2}, counting<int16_t>(10), 5);
  const auto source = open_source(path("x.raw"), {.dtype = DType::kInt16, .row_shape = Shape{2}});
  EXPECT_EQ(read_rows<int16_t>(*source), counting<int16_t>(10));
  write("none.raw", DType::kInt16, {2}, std::vector<int16_t>(), 0);
  EXPECT_EQ(text("none.raw"), "");
}

TEST_F(SinksTest, Csv_ALineARowInOrder) {
  write("x.csv", DType::kFloat32, {2}, std::vector<float>{0.1f, 1, -2.5f, 1e30f, NAN, INFINITY}, 3);
  EXPECT_EQ(text("x.csv"), "p0,p1\n0.1,1\n-2.5,1e+30\nnan,inf\n");
  write("empty.csv", DType::kInt64, {2}, counting<int64_t>(2), 1, {.labels = {"", "b"}});
  EXPECT_EQ(read_file(path("empty.csv")).substr(0, 3), ",b\n");
  write("x.tsv", DType::kInt64, {2}, counting<int64_t>(4), 2, {.labels = {"a b", "c\td"}});
  EXPECT_EQ(text("x.tsv"), "a b\t\"c\td\"\n0\t1\n2\t3\n");
  write("scalar.csv", DType::kFloat64, {}, std::vector<double>{0.1, 1. / 3}, 2);
  EXPECT_EQ(text("scalar.csv"), "p0\n0.1\n0.3333333333333333\n");
  write("none.csv", DType::kFloat32, {2}, std::vector<float>(), 0);
  EXPECT_EQ(text("none.csv"), "p0,p1\n");
}

TEST_F(SinksTest, Csv_ReadsBackBitForBit) {
  std::vector<float> values;
  for (uint32_t i = 0; i < 3000; ++i) {
    values.push_back(std::bit_cast<float>((i * 2654435761u) & 0xff7fffffu));
  }
  write("x.csv", DType::kFloat32, {3}, values, 1000);
  EXPECT_EQ(read_rows<float>(*open_source(path("x.csv"))), values);
}

TEST_F(SinksTest, Ndjson_NestsAsTheShape) {
  write("x.ndjson", DType::kFloat32, {2, 2}, std::vector<float>{1, 2.5f, NAN, 4, 5, 6, 7, 8}, 2);
  EXPECT_EQ(text("x.ndjson"),
            "{\"row\":0,\"values\":[[1,2.5],[null,4]]}\n"
            "{\"row\":1,\"values\":[[5,6],[7,8]]}\n");
  write("b.jsonl", DType::kBool, {}, std::vector<uint8_t>{1, 0}, 2);
  EXPECT_EQ(text("b.jsonl"), "{\"row\":0,\"values\":true}\n{\"row\":1,\"values\":false}\n");
}

TEST_F(SinksTest, TopK_BestFirstWithLabels) {
  const std::vector<float> scores = {0.1f, 0.7f, 0.2f, 0.5f, NAN, 0.5f};
  const SinkOptions options = {.top_k = 2, .labels = {"cat", "a \"dog\"", "owl"}};
  write("x.csv", DType::kFloat32, {3}, scores, 2, options);
  EXPECT_EQ(text("x.csv"),
            "class_1,label_1,score_1,class_2,label_2,score_2\n"
            "1,\"a \"\"dog\"\"\",0.7,2,owl,0.2\n"
            "0,cat,0.5,2,owl,0.5\n");
  write("x.ndjson", DType::kFloat32, {3}, scores, 2, options);
  EXPECT_EQ(text("x.ndjson"),
            "{\"row\":0,\"top\":[{\"class\":1,\"label\":\"a \\\"dog\\\"\",\"score\":0.7},"
            "{\"class\":2,\"label\":\"owl\",\"score\":0.2}]}\n"
            "{\"row\":1,\"top\":[{\"class\":0,\"label\":\"cat\",\"score\":0.5},"
            "{\"class\":2,\"label\":\"owl\",\"score\":0.5}]}\n");
  write("all.csv", DType::kFloat32, {3}, scores, 2, {.top_k = 9});
  EXPECT_EQ(text("all.csv"),
            "class_1,score_1,class_2,score_2,class_3,score_3\n1,0.7,2,0.2,0,0.1\n"
            "0,0.5,2,0.5,1,nan\n");
}

TEST_F(SinksTest, TopKAndLabels_ThatDoNotFit_AreRefused) {
  EXPECT_ERROR(open_sink(path("x.npy"), DType::kFloat32, {3}, 1, Overwrite::kNever, {.top_k = 1}),
               ErrorCode::kInvalidArgument, "csv, tsv or ndjson");
  EXPECT_ERROR(
      open_sink(path("x.csv"), DType::kFloat32, {3, 2}, 1, Overwrite::kNever, {.top_k = 1}),
      ErrorCode::kInvalidArgument, "one score a class");
  EXPECT_ERROR(
      open_sink(path("x.csv"), DType::kFloat32, {3}, 1, Overwrite::kNever, {.labels = {"a"}}),
      ErrorCode::kInvalidArgument, "1 labels for the 3 values");
  EXPECT_ERROR(open_sink(path("x.csv"), DType::kFloat32, {3}, 1, Overwrite::kResume),
               ErrorCode::kUnsupported, "cannot go on");
}

TEST_F(SinksTest, Unfinished_LeavesNothing) {
  for (const char* name : {"x.csv", "x.ndjson", "x.h5", "x.raw"}) {
    const float value = 1;
    open_sink(path(name), DType::kFloat32, {1}, 2)->write(1, {&value, DType::kFloat32, {1, 1}});
  }
  EXPECT_TRUE(directory_.is_empty());
  const auto sink = open_sink(path("x.csv"), DType::kFloat32, {1}, 2);
  EXPECT_ERROR(sink->finish(), ErrorCode::kInternal, "row 0 is missing");
}

TEST_F(SinksTest, Pipe_GetsRowsInOrder) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::string found;
  std::thread reader([&] { found = read_file(path("pipe")); });
  write("pipe", DType::kFloat32, {1}, counting<float>(8), 8, {.format = "raw"});
  reader.join();
  const auto expected = counting<float>(8);
  EXPECT_EQ(found, std::string(reinterpret_cast<const char*>(expected.data()), 32));
}

// As "> x" and -o /dev/stdout do: the link must stay, and nothing take the place of the file.
TEST_F(SinksTest, LinkToADescriptor_IsWrittenToAndNotReplaced) {
  for (const char* format : {"csv", "raw"}) {
    const auto file = File::open(path("x"), O_RDWR | O_CREAT | O_TRUNC);
    file->write_next(std::as_bytes(std::span("head\n", 5)));
    ::fcntl(file->descriptor(), F_SETFD, 0);  // as one that the process was given
    const std::string target = "/proc/self/fd/" + std::to_string(file->descriptor());
    std::filesystem::create_symlink(target, path("link"));
    EXPECT_EQ(output_kind(path("link")), OutputKind::kStream);
    write("link", DType::kFloat32, {1}, std::vector<float>{1, 2}, 2, {.format = format});
    file->write_next(std::as_bytes(std::span("foot\n", 5)));
    EXPECT_EQ(std::filesystem::read_symlink(path("link")), target);
    const bool is_csv = format == std::string("csv");
    EXPECT_EQ(text("x"), is_csv ? "head\np0\n1\n2\nfoot\n"
                                : "head\n" + std::string("\0\0\x80?\0\0\0@", 8) + "foot\n");
    std::filesystem::remove(path("link"));
  }
}

TEST_F(SinksTest, Outputs_AreOfTheirKind) {
  EXPECT_EQ(output_kind("-"), OutputKind::kStandardOutput);
  EXPECT_EQ(output_kind("/proc/self/fd/1"), OutputKind::kStandardOutput);
  EXPECT_EQ(output_kind("/dev/null"), OutputKind::kStream);
  EXPECT_EQ(output_kind(path("x.npy")), OutputKind::kFile);
}

TEST_F(SinksTest, OrderedOutput_BeyondItsWindow_WaitsOnDisk) {
  FaultyFileSystem fs;
  OrderedOutput output(open_byte_output(path("x"), Overwrite::kNever, fs), path("x"), 1000, fs,
                       /*window_bytes=*/100);
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 999 - t; i >= 0; i -= 4) output.add(i, i + 1, std::to_string(i) + "\n");
    });
  }
  for (std::thread& thread : threads) thread.join();
  output.finish();
  EXPECT_EQ(text("x"), expected);
}

TEST_F(SinksTest, OrderedOutput_RowsTwice_AreABug) {
  OrderedOutput output(open_byte_output(path("x"), Overwrite::kNever), "x", 10);
  output.add(2, 5, "a");
  EXPECT_ERROR(output.add(4, 6, "b"), ErrorCode::kInternal, "rows 4 to 5 come twice");
  EXPECT_ERROR(output.add(0, 3, "b"), ErrorCode::kInternal, "come twice");
  output.add(0, 2, "c");
  EXPECT_ERROR(output.add(1, 2, "b"), ErrorCode::kInternal, "come twice");
}

TEST_F(SinksTest, OrderedOutput_EverySystemCallFailing_IsAnError) {
  const auto run = [&](FileSystem& fs) {
    OrderedOutput output(open_byte_output(path("x"), Overwrite::kAllowed, fs), "x", 3, fs, 1);
    output.add(2, 3, "ccc");
    output.add(1, 2, "bb");
    output.add(0, 1, "a");
    output.finish();
  };
  FaultyFileSystem counting_calls;
  run(counting_calls);
  EXPECT_EQ(text("x"), "abbccc");
  int failures = 0;
  for (int k = 1; k <= counting_calls.num_calls(); ++k) {
    FaultyFileSystem fs;
    fs.fail_call(k, EIO);
    try {
      run(fs);
    } catch (const Error& error) {
      ++failures;
    }
    EXPECT_EQ(text("x"), "abbccc");
  }
  EXPECT_GT(failures, 5);
}

}  // namespace
}  // namespace hornet
