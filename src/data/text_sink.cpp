#include "data/text_sink.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/half.h"
#include "data/ordered_output.h"
#include "data/rows.h"

namespace hornet {
namespace {

// The fewest digits that read back as the same number of this type.
template <class T>
void append_number(std::string& to, T value) {
  char digits[64];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  to.append(digits, end);
}

template <class Function>
auto with_element(DType dtype, const std::byte* element, const Function& function) {
  const auto read = [&]<class T>(T value) {
    std::memcpy(&value, element, sizeof(T));
    return value;
  };
  switch (dtype) {
    case DType::kBool:
      return function(static_cast<int>(read(uint8_t{})));
    case DType::kInt8:
      return function(static_cast<int>(read(int8_t{})));
    case DType::kUInt8:
      return function(static_cast<int>(read(uint8_t{})));
    case DType::kInt16:
      return function(static_cast<int>(read(int16_t{})));
    case DType::kUInt16:
      return function(static_cast<int>(read(uint16_t{})));
    case DType::kInt32:
      return function(read(int32_t{}));
    case DType::kUInt32:
      return function(read(uint32_t{}));
    case DType::kInt64:
      return function(read(int64_t{}));
    case DType::kUInt64:
      return function(read(uint64_t{}));
    case DType::kFloat16:
      return function(widen(read(Float16{})));
    case DType::kBFloat16:
      return function(widen(read(BFloat16{})));
    case DType::kFloat32:
      return function(read(float{}));
    case DType::kFloat64:
      return function(read(double{}));
  }
  fail(ErrorCode::kInternal, "unknown element type");
}

bool is_finite(DType dtype, const std::byte* element) {
  return with_element(dtype, element, [](auto value) {
    if constexpr (std::is_floating_point_v<decltype(value)>) return bool{std::isfinite(value)};
    return true;
  });
}

void append_element(std::string& to, DType dtype, const std::byte* element) {
  with_element(dtype, element, [&](auto value) {
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      // Without the sign that NaN may have.
      if (std::isnan(value)) return void(to += "nan");
    }
    append_number(to, value);
  });
}

// A name as a CSV field: in quotes where it needs them.
void append_field(std::string& to, std::string_view text, char delimiter) {
  const bool plain = text.find_first_of(std::string("\"\r\n") + delimiter) == text.npos &&
                     !text.starts_with(' ') && !text.ends_with(' ');
  if (plain) {
    to += text;
    return;
  }
  to += '"';
  for (const char c : text) to.append(c == '"' ? 2 : 1, c);
  to += '"';
}

void append_json_text(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to += c;
    }
  }
  to += '"';
}

// Turns a row, `count` elements of the same type, into a line.
class RowFormat {
 public:
  RowFormat(DType dtype, Shape row_shape, const SinkOptions& options)
      : dtype_(dtype),
        row_shape_(std::move(row_shape)),
        count_(static_cast<size_t>(num_elements(row_shape_))),
        size_(size_of(dtype)),
        labels_(options.labels),
        top_k_(std::min(count_, static_cast<size_t>(options.top_k))) {}
  virtual ~RowFormat() = default;

  virtual std::string header() const { return ""; }
  virtual void append_row(std::string& to, const std::byte* row, int64_t index) const = 0;

 protected:
  const std::byte* element(const std::byte* row, size_t i) const { return row + i * size_; }

  // The classes with the highest scores, best first; of equal ones the first, and NaN last.
  std::vector<size_t> top_classes(const std::byte* row) const {
    std::vector<double> scores(count_);
    convert_elements(dtype_, row, DType::kFloat64, scores.data(), static_cast<int64_t>(count_));
    std::vector<size_t> classes(count_);
    std::iota(classes.begin(), classes.end(), size_t{0});
    const auto better = [&](size_t a, size_t b) {
      const bool a_counts = !std::isnan(scores[a]), b_counts = !std::isnan(scores[b]);
      if (a_counts != b_counts) return a_counts;
      if (a_counts && scores[a] != scores[b]) return scores[a] > scores[b];
      return a < b;
    };
    const auto end = classes.begin() + static_cast<ptrdiff_t>(top_k_);
    std::partial_sort(classes.begin(), end, classes.end(), better);
    classes.resize(top_k_);
    return classes;
  }

  const DType dtype_;
  const Shape row_shape_;
  const size_t count_;
  const size_t size_;
  const std::vector<std::string> labels_;
  const size_t top_k_;  // 0: all elements
};

class TableFormat : public RowFormat {
 public:
  TableFormat(DType dtype, Shape row_shape, const SinkOptions& options, char delimiter)
      : RowFormat(dtype, std::move(row_shape), options), delimiter_(delimiter) {}

  std::string header() const override {
    std::string line;
    bool is_first = true;  // whose name may be empty
    const auto add = [&](const std::string& name) {
      if (!is_first) line += delimiter_;
      is_first = false;
      append_field(line, name, delimiter_);
    };
    for (size_t rank = 1; rank <= top_k_; ++rank) {
      add(fmt::format("class_{}", rank));
      if (!labels_.empty()) add(fmt::format("label_{}", rank));
      add(fmt::format("score_{}", rank));
    }
    for (size_t i = 0; top_k_ == 0 && i < count_; ++i) {
      add(labels_.empty() ? fmt::format("p{}", i) : labels_[i]);
    }
    return line + "\n";
  }

  void append_row(std::string& to, const std::byte* row, int64_t) const override {
    const size_t begin = to.size();
    const auto divide = [&] {
      if (to.size() > begin) to += delimiter_;
    };
    if (top_k_ > 0) {
      for (const size_t c : top_classes(row)) {
        divide();
        append_number(to, c);
        to += delimiter_;
        if (!labels_.empty()) {
          append_field(to, labels_[c], delimiter_);
          to += delimiter_;
        }
        append_element(to, dtype_, element(row, c));
      }
    } else {
      for (size_t i = 0; i < count_; ++i) {
        divide();
        append_element(to, dtype_, element(row, i));
      }
    }
    to += '\n';
  }

 private:
  const char delimiter_;
};

class JsonFormat : public RowFormat {
 public:
  using RowFormat::RowFormat;

  void append_row(std::string& to, const std::byte* row, int64_t index) const override {
    to += "{\"row\":";
    append_number(to, index);
    if (top_k_ > 0) {
      append_top(to, row);
    } else {
      to += ",\"values\":";
      append_values(to, row, 0);
    }
    to += "}\n";
  }

 private:
  void append_value(std::string& to, const std::byte* value) const {
    if (dtype_ == DType::kBool) {
      to += *value != std::byte{0} ? "true" : "false";
    } else if (is_finite(dtype_, value)) {
      append_element(to, dtype_, value);
    } else {
      to += "null";  // JSON has no other numbers
    }
  }

  void append_top(std::string& to, const std::byte* row) const {
    to += ",\"top\":[";
    bool first = true;
    for (const size_t c : top_classes(row)) {
      to += first ? "{\"class\":" : ",{\"class\":";
      first = false;
      append_number(to, c);
      if (!labels_.empty()) {
        to += ",\"label\":";
        append_json_text(to, labels_[c]);
      }
      to += ",\"score\":";
      append_value(to, element(row, c));
      to += '}';
    }
    to += ']';
  }

  // The elements from dimension `dim` on, nested as the shape is. Returns where they end.
  const std::byte* append_values(std::string& to, const std::byte* at, size_t dim) const {
    if (dim == row_shape_.size()) {
      append_value(to, at);
      return at + size_;
    }
    to += '[';
    for (int64_t i = 0; i < row_shape_[dim]; ++i) {
      if (i > 0) to += ',';
      at = append_values(to, at, dim + 1);
    }
    to += ']';
    return at;
  }
};

class TextSink : public Sink {
 public:
  TextSink(const std::string& path, DType dtype, const Shape& row_shape, int64_t num_rows,
           Overwrite overwrite, std::unique_ptr<const RowFormat> format, size_t memory_bytes,
           FileSystem& fs)
      : path_(path),
        dtype_(dtype),
        row_shape_(row_shape),
        num_rows_(num_rows),
        row_bytes_(num_bytes(dtype, row_shape)),
        format_(std::move(format)),
        ordered_(open_byte_output(path, overwrite, fs), path, num_rows, fs,
                 OrderedOutput::window_bytes(memory_bytes)) {
    ordered_.begin_with(format_->header());
  }

  std::string name() const override { return path_; }
  void write(int64_t begin, const TensorView& rows) override {
    const int64_t end = check_write(path_, begin, rows, dtype_, row_shape_, num_rows_);
    std::string text;
    const auto* row = static_cast<const std::byte*>(rows.data);
    for (int64_t i = begin; i < end; ++i, row += row_bytes_) format_->append_row(text, row, i);
    ordered_.add(begin, end, std::move(text));
  }
  void finish() override { ordered_.finish(); }
  bool is_rewritable() const override { return false; }

 private:
  const std::string path_;
  const DType dtype_;
  const Shape row_shape_;
  const int64_t num_rows_;
  const size_t row_bytes_;
  const std::unique_ptr<const RowFormat> format_;
  OrderedOutput ordered_;
};

void check(const std::string& path, const Shape& row_shape, const SinkOptions& options) {
  const int64_t count = num_elements(row_shape);
  require(options.top_k == 0 || (row_shape.size() == 1 && count > 0), ErrorCode::kInvalidArgument,
          "{}: --top-k takes one score a class, rows of shape [classes]; these are {}", path,
          to_string(row_shape));
  require(options.labels.empty() || static_cast<int64_t>(options.labels.size()) == count,
          ErrorCode::kInvalidArgument, "{}: {} labels for the {} values of a row", path,
          options.labels.size(), count);
}

}  // namespace

std::unique_ptr<Sink> open_csv_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    const SinkOptions& options, FileSystem& fs) {
  check(path, row_shape, options);
  return std::make_unique<TextSink>(
      path, dtype, row_shape, num_rows, overwrite,
      std::make_unique<const TableFormat>(dtype, row_shape, options, ','), options.memory_bytes,
      fs);
}

std::unique_ptr<Sink> open_tsv_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                    int64_t num_rows, Overwrite overwrite,
                                    const SinkOptions& options, FileSystem& fs) {
  check(path, row_shape, options);
  return std::make_unique<TextSink>(
      path, dtype, row_shape, num_rows, overwrite,
      std::make_unique<const TableFormat>(dtype, row_shape, options, '\t'), options.memory_bytes,
      fs);
}

std::unique_ptr<Sink> open_ndjson_sink(const std::string& path, DType dtype, const Shape& row_shape,
                                       int64_t num_rows, Overwrite overwrite,
                                       const SinkOptions& options, FileSystem& fs) {
  check(path, row_shape, options);
  return std::make_unique<TextSink>(path, dtype, row_shape, num_rows, overwrite,
                                    std::make_unique<const JsonFormat>(dtype, row_shape, options),
                                    options.memory_bytes, fs);
}

}  // namespace hornet
