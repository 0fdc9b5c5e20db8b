#include "data/csv_fields.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace hornet {
namespace {

bool is_blank(char c, char delimiter) { return (c == ' ' || c == '\t') && c != delimiter; }

CsvField read_quoted(const char* at, const char* end, char delimiter) {
  CsvField field;
  const char* const begin = at + 1;
  const char* p = begin;
  while (true) {
    p = static_cast<const char*>(std::memchr(p, '"', static_cast<size_t>(end - p)));
    if (p == nullptr) {
      field.end = end;
      field.error = "a quote is not closed";
      return field;
    }
    if (p + 1 == end || p[1] != '"') break;
    field.has_quotes_in = true;
    p += 2;
  }
  field.text = {begin, static_cast<size_t>(p - begin)};
  for (++p; p != end && is_blank(*p, delimiter); ++p) {
  }
  if (p != end && *p == '\r' && p + 1 != end && p[1] == '\n') ++p;
  if (p != end && *p != delimiter && *p != '\n') field.error = "text follows the closing quote";
  field.end = p;
  return field;
}

}  // namespace

CsvField read_csv_field(const char* at, const char* end, char delimiter) {
  while (at != end && is_blank(*at, delimiter)) ++at;
  if (at != end && *at == '"') return read_quoted(at, end, delimiter);
  CsvField field;
  const char* p = at;
  while (p != end && *p != delimiter && *p != '\n') {
    if (*p == '"') field.error = "a quote is inside a field that is not in quotes";
    ++p;
  }
  field.end = p;
  if (p != at && p != end && *p == '\n' && p[-1] == '\r') --p;
  while (p != at && is_blank(p[-1], delimiter)) --p;
  field.text = {at, static_cast<size_t>(p - at)};
  // A last line may end in a carriage return alone.
  if (field.end == end && field.text.ends_with('\r')) field.text.remove_suffix(1);
  return field;
}

const char* skip_blank_lines(const char* at, const char* end) {
  while (at != end) {
    const char* next = at;
    if (*next == '\r') ++next;
    if (next == end || *next != '\n') return at;
    at = next + 1;
  }
  return at;
}

std::vector<std::string> read_csv_record(const char*& at, const char* end, char delimiter,
                                         const std::string& name) {
  std::vector<std::string> fields;
  while (true) {
    const CsvField field = read_csv_field(at, end, delimiter);
    require(field.error == nullptr, ErrorCode::kInvalidInput, "{}: first line, column {}: {}", name,
            fields.size() + 1, field.error != nullptr ? field.error : "");
    std::string text;
    for (size_t i = 0; i < field.text.size(); ++i) {
      text += field.text[i];
      if (field.has_quotes_in && field.text[i] == '"') ++i;
    }
    fields.push_back(std::move(text));
    at = field.end;
    if (at == end) return fields;
    if (*at++ == '\n') return fields;
  }
}

bool is_missing(std::string_view text) {
  constexpr std::array<std::string_view, 13> kWords = {
      "", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "-nan", "null", "NULL", "None", "#N/A", "<NA>"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

}  // namespace hornet
