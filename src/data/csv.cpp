#include "data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/check.h"
#include "base/half.h"
#include "data/bookmarks.h"
#include "data/csv_fields.h"
#include "data/csv_index.h"
#include "data/input.h"
#include "data/number.h"
#include "data/resident_window.h"
#include "data/rows.h"
#include "data/watched_file.h"

namespace hornet {
namespace {

constexpr size_t kNotWanted = static_cast<size_t>(-1);

// Which columns are read, and their places in a row.
struct Columns {
  std::vector<std::string> names;  // of all columns; empty where the table has none
  size_t count = 0;                // of all columns
  std::vector<size_t> place;       // by column; kNotWanted
  size_t num_wanted = 0;
};

// True and False count as 1 and 0.
std::optional<bool> truth(std::string_view text) {
  for (const std::string_view word : {"True", "true", "TRUE"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"False", "false", "FALSE"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

bool looks_like_number(const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  return is_missing(text) || truth(text) || parse_number(text.data(), end, value) == end;
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr size_t kMost = 8;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    list += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > kMost ? fmt::format("{}, ... ({} in all)", list, names.size()) : list;
}

std::optional<size_t> to_index(std::string_view text) {
  size_t index = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return index;
}

// The columns that one word of --columns means: a name, a number from 0, or "from:to" without `to`.
std::vector<size_t> columns_of(const std::string& word, const Columns& columns,
                               const std::string& path) {
  const auto found = std::find(columns.names.begin(), columns.names.end(), word);
  if (found != columns.names.end()) {
    require(std::find(found + 1, columns.names.end(), word) == columns.names.end(),
            ErrorCode::kInvalidArgument, "{} has several columns \"{}\": give its number from 0",
            path, word);
    return {static_cast<size_t>(found - columns.names.begin())};
  }
  const size_t colon = word.find(':');
  const auto first = to_index(word.substr(0, colon));
  const auto last = colon == std::string::npos ? first : to_index(word.substr(colon + 1));
  require(first && last, ErrorCode::kInvalidArgument, "{} has no column \"{}\"; it has {}", path,
          word, columns.names.empty() ? "no names" : list_of(columns.names));
  const size_t end = colon == std::string::npos ? *last + 1 : *last;
  require(*first < end && end <= columns.count, ErrorCode::kInvalidArgument,
          "{}: column {} asked for; it has {}", path, word, columns.count);
  std::vector<size_t> result;
  for (size_t i = *first; i < end; ++i) result.push_back(i);
  return result;
}

// A word that begins with '!' takes columns away; where all do, from all columns.
void choose_columns(const std::vector<std::string>& words, const std::string& path,
                    Columns& columns) {
  const auto excludes = [&](const std::string& word) {
    return word.starts_with('!') &&
           std::find(columns.names.begin(), columns.names.end(), word) == columns.names.end();
  };
  columns.place.assign(columns.count, kNotWanted);
  std::vector<size_t> wanted;
  if (std::all_of(words.begin(), words.end(), excludes)) {
    for (size_t i = 0; i < columns.count; ++i) wanted.push_back(i);
  }
  for (const std::string& word : words) {
    if (excludes(word)) {
      for (const size_t column : columns_of(word.substr(1), columns, path)) {
        std::erase(wanted, column);
      }
      continue;
    }
    for (const size_t column : columns_of(word, columns, path)) wanted.push_back(column);
  }
  for (const size_t column : wanted) {
    require(columns.place[column] == kNotWanted, ErrorCode::kInvalidArgument,
            "{}: column {} is chosen twice", path, column);
    columns.place[column] = columns.num_wanted++;
  }
}

template <class T>
bool store(double value, T& to) {
  to = static_cast<T>(value);
  return true;
}
bool store(double value, Float16& to) {
  to = narrow<Float16>(value);
  return true;
}
bool store(double value, BFloat16& to) {
  to = narrow<BFloat16>(value);
  return true;
}

// Elements by type. parse() reads a number where a field begins; convert() all that may be in a
// field and returns nullptr or what was expected instead.
template <class T>
struct Element {
  static const char* parse(const char* at, const char* end, T& to) {
    double value = 0;
    const char* const stop = parse_number(at, end, value);
    if (stop != nullptr) store(value, to);
    return stop;
  }
  static const char* convert(std::string_view text, T& to) {
    if (is_missing(text)) return store(std::numeric_limits<double>::quiet_NaN(), to), nullptr;
    if (const auto value = truth(text)) return store(*value ? 1.0 : 0.0, to), nullptr;
    return parse(text.data(), text.data() + text.size(), to) == text.data() + text.size()
               ? nullptr
               : "a number";
  }
};

template <class T>
requires std::is_integral_v<T>
struct Element<T> {
  static const char* parse(const char* at, const char* end, T& to) {
    if (end - at > 1 && *at == '+' && at[1] != '-') ++at;
    const auto [stop, error] = std::from_chars(at, end, to);
    return error == std::errc() ? stop : nullptr;
  }
  static const char* convert(std::string_view text, T& to) {
    if (const auto value = truth(text)) return to = static_cast<T>(*value), nullptr;
    return parse(text.data(), text.data() + text.size(), to) == text.data() + text.size()
               ? nullptr
               : "an integer of this type";
  }
};

struct Bool {
  uint8_t value;
};
template <>
struct Element<Bool> {
  static const char* parse(const char* at, const char* end, Bool& to) {
    const bool sound = at != end && (*at == '0' || *at == '1');
    if (sound) to.value = *at == '1';
    return sound ? at + 1 : nullptr;
  }
  static const char* convert(std::string_view text, Bool& to) {
    if (const auto value = truth(text)) return to.value = *value, nullptr;
    return text.size() == 1 && parse(text.data(), text.data() + 1, to) != nullptr
               ? nullptr
               : "true, false, 1 or 0";
  }
};

class CsvSource : public Source {
 public:
  CsvSource(std::shared_ptr<const MappedFile> file, std::string name, char delimiter, DType dtype,
            Columns columns, Shape row_shape, const char* rows_begin, size_t memory_bytes)
      : file_(std::move(file)),
        name_(std::move(name)),
        delimiter_(delimiter),
        dtype_(dtype),
        columns_(std::move(columns)),
        row_shape_(std::move(row_shape)),
        row_bytes_(columns_.num_wanted * size_of(dtype)),
        text_(rows_begin,
              static_cast<size_t>(file_text().data() + file_text().size() - rows_begin)),
        lines_before_rows_(std::count(file_text().data(), rows_begin, '\n')),
        index_(make_index(memory_bytes)),
        window_(memory_bytes) {
    require(!index_.ends_in_quotes(), ErrorCode::kInvalidInput,
            "{}: a quote is not closed (a quote in a field is written twice, and the field in "
            "quotes)",
            name_);
    file_->forget_pages();
  }

  int64_t num_rows() const override { return index_.num_rows(); }
  const Shape& row_shape() const override { return row_shape_; }
  DType dtype() const override { return dtype_; }
  std::string name() const override { return name_; }

  TensorView rows(int64_t begin, int64_t end, std::vector<std::byte>& scratch) const override {
    check_range(name_, begin, end, num_rows());
    scratch.resize(static_cast<size_t>(end - begin) * row_bytes_);
    const CsvIndex::Range range = index_.range_of(begin, end);
    use(window_, range.first, range.last - range.first);
    const char* const first = text_.data() + find(begin, range.first);
    const char* at = first;
    file_.read(reinterpret_cast<const std::byte*>(first), [&] {
      for (int64_t row = begin; row < end; ++row) {
        at = skip_blank_lines(at, text_.data() + text_.size());
        at = read_row(at, scratch.data() + static_cast<size_t>(row - begin) * row_bytes_);
      }
      return reinterpret_cast<const std::byte*>(at);
    });
    bookmarks_.remember(end, static_cast<size_t>(at - text_.data()));
    return {scratch.data(), dtype_, batched(end - begin, row_shape_)};
  }

  void forget() const override { file_->forget_pages(); }

 private:
  std::string_view file_text() const {
    return {reinterpret_cast<const char*>(file_->data()), file_->size()};
  }

  // `begin` counts from the first row's text.
  void use(ResidentWindow& window, size_t begin, size_t bytes) const {
    const auto before = static_cast<size_t>(text_.data() - file_text().data());
    window.use(before + begin, bytes,
               [this](size_t offset, size_t size) { file_->forget_pages(offset, size); });
  }

  CsvIndex make_index(size_t memory_bytes) const {
    ResidentWindow window(memory_bytes);
    return CsvIndex(text_, [&](size_t begin, size_t bytes) { use(window, begin, bytes); });
  }

  // Where `row` begins, having looked at nothing before `first`.
  size_t find(int64_t row, size_t first) const {
    if (const auto offset = bookmarks_.find(row)) return *offset;
    // Found by counting line ends in its block: they must have been there.
    const size_t offset = index_.row_begin(row);
    file_.check(reinterpret_cast<const std::byte*>(text_.data() + first), offset - first);
    return offset;
  }

  const char* read_row(const char* at, std::byte* to) const {
    switch (dtype_) {
      case DType::kBool:
        return read_row_of<Bool>(at, to);
      case DType::kInt8:
        return read_row_of<int8_t>(at, to);
      case DType::kUInt8:
        return read_row_of<uint8_t>(at, to);
      case DType::kInt16:
        return read_row_of<int16_t>(at, to);
      case DType::kUInt16:
        return read_row_of<uint16_t>(at, to);
      case DType::kInt32:
        return read_row_of<int32_t>(at, to);
      case DType::kUInt32:
        return read_row_of<uint32_t>(at, to);
      case DType::kInt64:
        return read_row_of<int64_t>(at, to);
      case DType::kUInt64:
        return read_row_of<uint64_t>(at, to);
      case DType::kFloat16:
        return read_row_of<Float16>(at, to);
      case DType::kBFloat16:
        return read_row_of<BFloat16>(at, to);
      case DType::kFloat32:
        return read_row_of<float>(at, to);
      case DType::kFloat64:
        return read_row_of<double>(at, to);
    }
    fail(ErrorCode::kInternal, "unknown element type");
  }

  template <class T>
  const char* read_row_of(const char* const row, std::byte* to) const {
    const char* const end = text_.data() + text_.size();
    T* const values = reinterpret_cast<T*>(to);
    const char* at = row;
    for (size_t column = 0; column < columns_.count; ++column) {
      const size_t place = columns_.place[column];
      const char* stop = nullptr;
      // A plain number that ends at a delimiter is all but a few fields; the others go another way.
      if (place != kNotWanted) stop = Element<T>::parse(at, end, values[place]);
      if (stop == nullptr || stop == end || (*stop != delimiter_ && *stop != '\n')) {
        stop = read_other_field(row, at, column, place, values);
      }
      const bool last = column + 1 == columns_.count;
      if (stop == end || *stop == '\n') {
        if (!last) fail_row(row, "{} fields; expected {}", column + 1, columns_.count);
        return stop == end ? end : stop + 1;
      }
      at = stop + 1;
    }
    fail_row(row, "more fields than {}", columns_.count);
  }

  template <class T>
  const char* read_other_field(const char* row, const char* at, size_t column, size_t place,
                               T* values) const {
    const CsvField field = read_csv_field(at, text_.data() + text_.size(), delimiter_);
    if (field.error != nullptr) fail_field(row, at, column, field.error);
    if (place == kNotWanted) return field.end;
    if (const char* expected = Element<T>::convert(field.text, values[place])) {
      constexpr size_t kMost = 40;
      const std::string text(field.text.substr(0, kMost));
      fail_field(row, at, column,
                 fmt::format("\"{}{}\" is not {} ({})", text,
                             field.text.size() > kMost ? "..." : "", expected, to_string(dtype_)));
    }
    return field.end;
  }

  int64_t line_of(const char* at) const {
    return lines_before_rows_ + index_.lines_before(static_cast<size_t>(at - text_.data())) + 1;
  }
  [[noreturn]] void fail_field(const char*, const char* at, size_t column,
                               const std::string& what) const {
    const std::string name =
        columns_.names.empty() ? "" : fmt::format(" (\"{}\")", columns_.names[column]);
    fail(ErrorCode::kInvalidInput, "{}: line {}, column {}{}: {}", name_, line_of(at), column + 1,
         name, what);
  }
  template <class... Args>
  [[noreturn]] void fail_row(const char* row, fmt::format_string<Args...> format,
                             Args&&... args) const {
    fail(ErrorCode::kInvalidInput, "{}: line {}: {}", name_, line_of(row),
         fmt::format(format, std::forward<Args>(args)...));
  }

  const WatchedFile file_;
  const std::string name_;
  const char delimiter_;
  const DType dtype_;
  const Columns columns_;
  const Shape row_shape_;
  const size_t row_bytes_;
  const std::string_view text_;  // from the first row on
  const int64_t lines_before_rows_;
  const CsvIndex index_;
  mutable Bookmarks bookmarks_;
  mutable ResidentWindow window_;
};

Shape shape_of(const SourceOptions& options, const Columns& columns, const std::string& path) {
  const auto count = static_cast<int64_t>(columns.num_wanted);
  const std::optional<Shape>& wanted =
      options.row_shape ? options.row_shape : options.wanted_row_shape;
  if (!wanted) return {count};
  require(num_elements(*wanted) == count, ErrorCode::kShapeMismatch,
          "{}: {} of its {} columns {} read; rows of shape {} take {} (choose with --columns)",
          path, count, columns.count, count == 1 ? "is" : "are", to_string(*wanted),
          num_elements(*wanted));
  return *wanted;
}

std::unique_ptr<Source> open_table(const std::string& path, const SourceOptions& options,
                                   char delimiter, FileSystem& fs) {
  if (options.delimiter != '\0') delimiter = options.delimiter;
  require(delimiter != '"' && delimiter != '\n' && delimiter != '\r', ErrorCode::kInvalidArgument,
          "{}: this character cannot be the delimiter", path);
  const auto file = open_input(path, Gzip::kByContent, fs);
  const char* at = reinterpret_cast<const char*>(file->data());
  const char* const end = at + file->size();
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (std::string_view(at, file->size()).starts_with(kByteOrderMark)) at += kByteOrderMark.size();
  at = skip_blank_lines(at, end);
  require(at != end, ErrorCode::kInvalidInput,
          "{} is empty: there is not even a line that tells its columns", path);
  const char* after = at;
  std::vector<std::string> first = read_csv_record(after, end, delimiter, path);
  Columns columns;
  columns.count = first.size();
  const bool has_header = options.header == SourceOptions::Header::kYes ||
                          (options.header == SourceOptions::Header::kAuto &&
                           !std::all_of(first.begin(), first.end(), looks_like_number));
  if (has_header) {
    columns.names = std::move(first);
    at = after;
  }
  choose_columns(options.columns, path, columns);
  const DType dtype = options.dtype.value_or(options.wanted_dtype.value_or(DType::kFloat32));
  const Shape shape = shape_of(options, columns, path);
  return std::make_unique<CsvSource>(file, path, delimiter, dtype, std::move(columns), shape, at,
                                     options.memory_bytes);
}

}  // namespace

std::unique_ptr<Source> open_csv_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs) {
  return open_table(path, options, ',', fs);
}

std::unique_ptr<Source> open_tsv_source(const std::string& path, const SourceOptions& options,
                                        FileSystem& fs) {
  return open_table(path, options, '\t', fs);
}

}  // namespace hornet
