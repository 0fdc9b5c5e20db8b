// The fields of a table of text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hornet {

// One field, as it lies in the text.
struct CsvField {
  std::string_view text;        // without its quotes and the blanks around it
  bool has_quotes_in = false;   // a quote in it is written twice
  const char* end = nullptr;    // the delimiter, newline, or end of text after it
  const char* error = nullptr;  // what is wrong with it, nullptr where nothing is
};

// The field that begins at `at`. A carriage return before a newline is no part of it.
CsvField read_csv_field(const char* at, const char* end, char delimiter);

// Past blank lines.
const char* skip_blank_lines(const char* at, const char* end);

// All fields of the record at `at`, as they are meant. Moves `at` behind it. Throws
// Error(kInvalidInput).
std::vector<std::string> read_csv_record(const char*& at, const char* end, char delimiter,
                                         const std::string& name);

// Empty, or one of the words that stand for a value that is not there: NA, NaN, null, None, ...
bool is_missing(std::string_view text);

}  // namespace hornet
