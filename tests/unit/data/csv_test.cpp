#include "data/csv.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>

#include "data/csv_index.h"
#include "data/number.h"
#include "unit/base/expect_error.h"
#include "unit/base/temporary_directory.h"
#include "unit/data/read_rows.h"

namespace hornet {
namespace {

class CsvTest : public ::testing::Test {
 protected:
  std::unique_ptr<Source> open(const std::string& text, const SourceOptions& options = {},
                               const std::string& name = "x.csv") {
    write_file(directory_.path(name), text);
    return open_source(directory_.path(name), options);
  }
  std::vector<float> read(const std::string& text, const SourceOptions& options = {}) {
    return read_rows<float>(*open(text, options));
  }
  TemporaryDirectory directory_;
};

using Floats = std::vector<float>;

TEST_F(CsvTest, HeaderAndRows_AreReadAsFloats) {
  const auto source = open("a,b\n1,2.5\n-3e2,4\n");
  EXPECT_EQ(source->num_rows(), 2);
  EXPECT_EQ(source->row_shape(), (Shape{2}));
  EXPECT_EQ(source->dtype(), DType::kFloat32);
  EXPECT_EQ(read_rows<float>(*source), (Floats{1, 2.5f, -300, 4}));
}

TEST_F(CsvTest, Header_IsFoundOrGiven) {
  EXPECT_EQ(read("1,2\n3,4\n"), (Floats{1, 2, 3, 4}));
  EXPECT_EQ(read("1,2\n3,4\n", {.header = SourceOptions::Header::kYes}), (Floats{3, 4}));
  EXPECT_ERROR(read("a,b\n3,4\n", {.header = SourceOptions::Header::kNo}), ErrorCode::kInvalidInput,
               "line 1, column 1: \"a\" is not a number");
  EXPECT_EQ(read("a\n"), Floats());
  EXPECT_ERROR(open(""), ErrorCode::kInvalidInput, "is empty");
  EXPECT_ERROR(open("\n\r\n"), ErrorCode::kInvalidInput, "is empty");
}

TEST_F(CsvTest, LineEndsBlankLinesAndByteOrderMark_AreNoRows) {
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "a,b\r\n1,2\r\n\r\n3,4"),
            (Floats{1, 2, 3, 4}));
  EXPECT_EQ(read("\n\n1,2\n\n\n3,4\n\n"), (Floats{1, 2, 3, 4}));
  EXPECT_EQ(read("1\r\n2\r\n3\r"), (Floats{1, 2, 3}));
}

TEST_F(CsvTest, Quotes_HoldDelimitersNewlinesAndQuotes) {
  const std::string text = "name,\"the \"\"x\"\"\",y\n\"a,b\",1,2\n\"c\nd\"\"\n\",\"3\", 4 \n";
  EXPECT_EQ(read(text, {.columns = {"the \"x\"", "y"}}), (Floats{1, 2, 3, 4}));
}

TEST_F(CsvTest, MissingValuesAndWords_AreNumbers) {
  const Floats found = read("1,,NA,nan\n ,null,None,2\nTrue,false,inf,-Infinity\n");
  for (const size_t i : {1, 2, 3, 4, 5, 6}) EXPECT_TRUE(std::isnan(found[i])) << i;
  EXPECT_EQ(found[7], 2);
  EXPECT_EQ(found[8], 1);
  EXPECT_EQ(found[9], 0);
  EXPECT_EQ(found[10], INFINITY);
  EXPECT_EQ(found[11], -INFINITY);
}

TEST_F(CsvTest, Columns_ByNameNumberAndRange) {
  const std::string text = "a,b,c,d\n1,2,3,4\n5,6,7,8\n";
  EXPECT_EQ(read(text, {.columns = {"d", "a"}}), (Floats{4, 1, 8, 5}));
  EXPECT_EQ(read(text, {.columns = {"1:3"}}), (Floats{2, 3, 6, 7}));
  EXPECT_EQ(read(text, {.columns = {"3", "b"}}), (Floats{4, 2, 8, 6}));
  EXPECT_EQ(read(text, {.columns = {"!a", "!c"}}), (Floats{2, 4, 6, 8}));
  EXPECT_EQ(read(text, {.columns = {"0:4", "!b"}}), (Floats{1, 3, 4, 5, 7, 8}));
  EXPECT_ERROR(read(text, {.columns = {"e"}}), ErrorCode::kInvalidArgument,
               "has no column \"e\"; it has a, b, c, d");
  EXPECT_ERROR(read(text, {.columns = {"2:5"}}), ErrorCode::kInvalidArgument, "it has 4");
  EXPECT_ERROR(read(text, {.columns = {"a", "0"}}), ErrorCode::kInvalidArgument, "chosen twice");
  EXPECT_ERROR(read("a,a\n1,2\n", {.columns = {"a"}}), ErrorCode::kInvalidArgument, "several");
}

TEST_F(CsvTest, RowShape_IsGivenOrTheModels) {
  EXPECT_EQ(open("1,2,3,4\n", {.row_shape = Shape{2, 2}})->row_shape(), (Shape{2, 2}));
  EXPECT_EQ(open("1,2,3,4\n", {.wanted_row_shape = Shape{4, 1}})->row_shape(), (Shape{4, 1}));
  EXPECT_ERROR(open("1,2,3,4\n", {.wanted_row_shape = Shape{3}}), ErrorCode::kShapeMismatch,
               "4 of its 4 columns are read; rows of shape [3] take 3 (choose with --columns)");
}

TEST_F(CsvTest, ElementTypes_AreParsedAsThemselves) {
  EXPECT_EQ(read_rows<int64_t>(*open("9223372036854775807\n+5\n", {.dtype = DType::kInt64})),
            (std::vector<int64_t>{INT64_MAX, 5}));
  EXPECT_EQ(read_rows<uint8_t>(*open("255,0\n", {.dtype = DType::kUInt8})),
            (std::vector<uint8_t>{255, 0}));
  EXPECT_EQ(read_rows<uint8_t>(*open("1,true,False\n", {.dtype = DType::kBool})),
            (std::vector<uint8_t>{1, 1, 0}));
  EXPECT_EQ(read_rows<double>(*open("0.1\n", {.wanted_dtype = DType::kFloat64})),
            std::vector<double>{0.1});
  EXPECT_EQ(read_rows<uint16_t>(*open("1.5\n", {.dtype = DType::kFloat16})),
            std::vector<uint16_t>{0x3e00});
  EXPECT_ERROR(read_rows<uint8_t>(*open("1\n256\n", {.dtype = DType::kUInt8})),
               ErrorCode::kInvalidInput, "line 2, column 1: \"256\" is not an integer");
  EXPECT_ERROR(read_rows<int32_t>(*open("1\n1.5\n", {.dtype = DType::kInt32})),
               ErrorCode::kInvalidInput, "\"1.5\" is not an integer of this type (int32)");
  EXPECT_ERROR(read_rows<int32_t>(*open("1,2\n,3\n", {.dtype = DType::kInt32})),
               ErrorCode::kInvalidInput, "line 2, column 1: \"\" is not an integer");
  EXPECT_ERROR(read_rows<uint8_t>(*open("2\n", {.dtype = DType::kBool})), ErrorCode::kInvalidInput,
               "is not true, false, 1 or 0");
}

TEST_F(CsvTest, BadRows_FailAloneWithLineAndColumn) {
  const auto source = open("a,b\n1,2\n\n3,x\n5\n7,8,9\n\"1\" 2,3\n4\"4,\"5\n6,7\n");
  ASSERT_EQ(source->num_rows(), 0 + source->num_rows());
  EXPECT_EQ(read_rows<float>(*source, 0, 1), (Floats{1, 2}));
  EXPECT_ERROR(read_rows<float>(*source, 0, 2), ErrorCode::kInvalidInput,
               "x.csv: line 4, column 2 (\"b\"): \"x\" is not a number (float32)");
  EXPECT_ERROR(read_rows<float>(*source, 2, 3), ErrorCode::kInvalidInput,
               "line 5: 1 fields; expected 2");
  EXPECT_ERROR(read_rows<float>(*source, 3, 4), ErrorCode::kInvalidInput,
               "line 6: more fields than 2");
  EXPECT_ERROR(read_rows<float>(*source, 4, 5), ErrorCode::kInvalidInput,
               "line 7, column 1 (\"a\"): text follows the closing quote");
  EXPECT_ERROR(read_rows<float>(*source, 5, 6), ErrorCode::kInvalidInput, "line 8, column 1");
}

TEST_F(CsvTest, QuoteThatIsNotClosed_IsAnError) {
  EXPECT_ERROR(open("a,b\n1,\"2\n3,4\n"), ErrorCode::kInvalidInput, "a quote is not closed");
  EXPECT_ERROR(open("\"a,b\n1,2\n3,4\n"), ErrorCode::kInvalidInput, "a quote is not closed");
}

TEST_F(CsvTest, TsvAndOtherDelimiters) {
  EXPECT_EQ(read_rows<float>(*open("a\tb c\n1\t2\n\t4\n", {.columns = {"b c"}}, "x.tsv")),
            (Floats{2, 4}));
  EXPECT_EQ(read("1;2\n3;4\n", {.delimiter = ';'}), (Floats{1, 2, 3, 4}));
  EXPECT_ERROR(open("1\n", {.delimiter = '"'}), ErrorCode::kInvalidArgument, "delimiter");
}

// What a table should give, made the simple way.
struct Table {
  std::string text;
  std::vector<double> values;
  int64_t rows = 0;
};

Table random_table(std::minstd_rand& random, size_t rows, bool quotes) {
  Table table;
  std::ostringstream text;
  text << "a,text,b\n";
  const auto line_end = [&] { return random() % 2 ? "\n" : "\r\n"; };
  for (size_t i = 0; i < rows; ++i) {
    const double a =
        std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 90) - 60);
    const auto b = static_cast<double>(random() % 1000);
    text.precision(17);
    text << a << ',';
    if (quotes && random() % 3 == 0)
      text << "\"x,\"\"y\"\"" << line_end() << line_end() << "z\"";
    else
      text << std::string(random() % 40, 'w');
    text << ",\"" << b << "\"";
    if (i + 1 < rows || random() % 2) text << line_end();
    if (random() % 20 == 0 && i + 1 < rows) text << line_end();
    table.values.push_back(a);
    table.values.push_back(b);
  }
  table.text = text.str();
  table.rows = static_cast<int64_t>(rows);
  return table;
}

TEST_F(CsvTest, RandomTables_AreReadTheSameFromAnyRow) {
  std::minstd_rand random(7);
  for (const size_t rows : {0, 1, 2, 63, 500, 20000}) {
    for (const bool quotes : {false, true}) {
      const Table table = random_table(random, rows, quotes);
      const auto source = open(table.text, {.dtype = DType::kFloat64, .columns = {"a", "b"}});
      ASSERT_EQ(source->num_rows(), table.rows);
      ASSERT_EQ(read_rows<double>(*source), table.values);
      for (int i = 0; i < 100 && rows > 0; ++i) {
        const auto begin = static_cast<int64_t>(random() % rows);
        const auto end = std::min<int64_t>(table.rows, begin + static_cast<int64_t>(random() % 9));
        ASSERT_EQ(
            read_rows<double>(*source, begin, end),
            std::vector<double>(table.values.begin() + 2 * begin, table.values.begin() + 2 * end));
      }
    }
  }
}

TEST_F(CsvTest, ManyThreads_GetTheRightRows) {
  std::minstd_rand random(9);
  const Table table = random_table(random, 3000, true);
  const auto source = open(table.text, {.dtype = DType::kFloat64, .columns = {"a", "b"}});
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t begin = t * 10; begin < 3000; begin += 40) {
        const auto found = read_rows<double>(*source, begin, begin + 10);
        wrong += !std::equal(found.begin(), found.end(), table.values.begin() + 2 * begin);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(CsvIndex, RandomTexts_HaveTheRowsOfAPlainScan) {
  std::minstd_rand random(3);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    const size_t size = random() % (round % 10 == 0 ? 300000 : 400);
    const std::string_view letters = round % 2 ? "a,\n\r\"\n1" : "abc,\n\r\n1";
    while (text.size() < size) text += letters[random() % letters.size()];
    // Rows by hand.
    std::vector<size_t> begins;
    bool quoted = false;
    size_t begin = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
      const bool at_end = i == text.size();
      if (!at_end && text[i] == '"') quoted = !quoted;
      if (!at_end && (text[i] != '\n' || quoted)) continue;
      const std::string_view line = std::string_view(text).substr(begin, i - begin);
      if (!line.empty() && line != "\r") begins.push_back(begin);
      begin = i + 1;
    }
    const CsvIndex index(text);
    ASSERT_EQ(index.ends_in_quotes(), quoted);
    if (quoted) continue;
    ASSERT_EQ(index.num_rows(), static_cast<int64_t>(begins.size())) << round;
    for (size_t k = 0; k < std::min<size_t>(begins.size(), 50); ++k) {
      const size_t row = random() % begins.size();
      size_t found = index.row_begin(static_cast<int64_t>(row));
      while (text.substr(found, 1) == "\n" || text.substr(found, 2) == "\r\n") {
        found += text[found] == '\n' ? 1 : 2;
      }
      ASSERT_EQ(found, begins[row]);
      const size_t end = row + 1 + random() % (begins.size() - row);
      const CsvIndex::Range range =
          index.range_of(static_cast<int64_t>(row), static_cast<int64_t>(end));
      ASSERT_LE(range.first, found);
      ASSERT_GE(range.last, end == begins.size() ? begins[row] : begins[end - 1] + 1);
      ASSERT_GE(range.last, index.row_begin(static_cast<int64_t>(end)));
      ASSERT_EQ(index.lines_before(found),
                std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(found), '\n'));
    }
  }
}

TEST(CsvIndex, LongTexts_AreUsedPartByPart) {
  const std::string text((size_t{50} << 20) + 7, '\n');
  std::mutex mutex;
  std::map<size_t, size_t> parts;
  const CsvIndex index(text, [&](size_t begin, size_t bytes) {
    const std::scoped_lock lock(mutex);
    parts[begin] = bytes;
  });
  EXPECT_EQ(index.num_rows(), 0);
  size_t end = 0;
  for (const auto& [begin, bytes] : parts) {
    EXPECT_EQ(begin, end);
    EXPECT_LE(bytes, size_t{2} << 20);
    end += bytes;
  }
  EXPECT_EQ(end, text.size());
}

double parsed(const std::string& text) {
  double value = -77;
  const char* const end = text.data() + text.size();
  return parse_number(text.data(), end, value) == end ? value : -77;
}

TEST(Number, RoundTripsAndHardCases_AreTheNearestDouble) {
  for (const char* text : {"0",
                           "-0",
                           "+7",
                           "1.",
                           ".5",
                           "00012",
                           "1e5",
                           "1E-5",
                           "123456789012345678901234567890",
                           "0.000000000000000000000000000000000001",
                           "9007199254740993",
                           "1.7976931348623157e308",
                           "2.2250738585072011e-308",
                           "4.9e-324",
                           "1e-400",
                           "1e400",
                           "-1e400",
                           "8.5e22",
                           "1e23",
                           "3.14159265358979323846264338327950288",
                           "179769313486231580793e289"}) {
    EXPECT_EQ(std::bit_cast<uint64_t>(parsed(text)),
              std::bit_cast<uint64_t>(std::strtod(text, nullptr)))
        << text;
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (std::isnan(value)) continue;
    const std::string text = fmt::format("{:.{}g}", value, 1 + random() % 20);
    ASSERT_EQ(parsed(text), std::strtod(text.c_str(), nullptr)) << text;
  }
  for (const char* text : {"", "-", "+", ".", "e5", "+-1", "nan(1)", "0x1p3", "1e5e", "--1"}) {
    EXPECT_EQ(parsed(text), -77) << text;
  }
}

}  // namespace
}  // namespace hornet
