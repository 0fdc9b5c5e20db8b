#include "data/npy_header.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"

namespace hornet {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kVersionBytes = 2;
constexpr size_t kMaxRank = 64;  // numpy's own limit

struct NpyType {
  std::string_view code;  // without the byte order
  DType dtype;
};

constexpr std::array<NpyType, 12> kNpyTypes = {{
    {"b1", DType::kBool},
    {"i1", DType::kInt8},
    {"u1", DType::kUInt8},
    {"i2", DType::kInt16},
    {"u2", DType::kUInt16},
    {"i4", DType::kInt32},
    {"u4", DType::kUInt32},
    {"i8", DType::kInt64},
    {"u8", DType::kUInt64},
    {"f2", DType::kFloat16},
    {"f4", DType::kFloat32},
    {"f8", DType::kFloat64},
}};

// Text of a file in a message: one line of printable characters, in quotes, cut where it is long.
std::string quoted(std::string_view text) {
  constexpr size_t kMaxLength = 40;
  std::string result = "\"";
  for (const char c : text.substr(0, kMaxLength)) {
    if (c >= ' ' && c <= '~')
      result += c;
    else
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return result + (text.size() > kMaxLength ? "...\"" : "\"");
}

// What a type code of numpy's that Hornet cannot use stands for; nothing if it is none of them.
std::string_view foreign_type(std::string_view code) {
  if (code == "f12" || code == "f16") return "long doubles";
  switch (code.empty() ? '\0' : code[0]) {
    case 'O':
      return "Python objects";
    case 'c':
      return "complex numbers";
    case 'S':
    case 'a':
      return "byte strings";
    case 'U':
      return "strings";
    case 'V':
      return "raw bytes, which is also what numpy makes of bfloat16";
    case 'M':
      return "dates";
    case 'm':
      return "time differences";
    default:
      return "";
  }
}

// The dictionary of a header, strictly: only what numpy writes, no other Python.
class DictParser {
 public:
  DictParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  // Fills dtype, big_endian and shape.
  void parse(NpyHeader& header) {
    expect('{');
    while (!take('}')) {
      const std::string key(string("a key"));
      expect(':');
      if (key == "descr")
        once(seen_descr_, key), descr(header);
      else if (key == "fortran_order")
        once(seen_order_, key), fortran_order_ = boolean();
      else if (key == "shape")
        once(seen_shape_, key), header.shape = tuple();
      else
        fail_at(fmt::format("unknown key {}", quoted(key)), "descr, fortran_order and shape");
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (position_ != text_.size()) fail_here("nothing more");
    for (const auto& [seen, key] :
         {std::pair(seen_descr_, "descr"), std::pair(seen_order_, "fortran_order"),
          std::pair(seen_shape_, "shape")}) {
      require(seen, ErrorCode::kInvalidInput, "{}: the npy header has no key \"{}\"", name_, key);
    }
    require(!fortran_order_ || header.shape.size() < 2, ErrorCode::kUnsupported,
            "{}: the array {} is in column-major (Fortran) order; expected row-major "
            "(save numpy.ascontiguousarray of it)",
            name_, to_string(header.shape));
  }

 private:
  [[noreturn]] void fail_at(const std::string& found, std::string_view expected) const {
    fail(ErrorCode::kInvalidInput, "{}: npy header: {} at character {}; expected {}", name_, found,
         position_, expected);
  }
  [[noreturn]] void fail_here(std::string_view expected) const {
    fail_at(position_ < text_.size() ? quoted(text_.substr(position_)) : "the end", expected);
  }

  void skip_space() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }
  char peek() {
    skip_space();
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool take(char c) {
    if (peek() != c || position_ == text_.size()) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail_here(fmt::format("\"{}\"", c));
  }
  void once(bool& seen, const std::string& key) const {
    if (seen) fail_at(fmt::format("a second key {}", quoted(key)), "one of each");
    seen = true;
  }

  // 'text' or "text", without escapes: numpy needs none.
  std::string_view string(std::string_view expected) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail_here(expected);
    const size_t begin = position_ + 1;
    const size_t end = text_.find_first_of(quote == '"' ? "\"\\\n" : "'\\\n", begin);
    if (end == std::string_view::npos || text_[end] != quote) fail_here(expected);
    position_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.substr(position_).starts_with(word)) {
        position_ += std::string_view(word).size();
        return value;
      }
    }
    fail_here("True or False");
  }

  // "3", or "3L" of Python 2.
  int64_t dimension() {
    skip_space();
    const size_t begin = position_;
    int64_t value = 0;
    for (; position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9';
         ++position_) {
      const bool fits = !__builtin_mul_overflow(value, 10, &value) &&
                        !__builtin_add_overflow(value, text_[position_] - '0', &value);
      require(fits, ErrorCode::kInvalidInput, "{}: a dimension of the npy header is {}; {}", name_,
              quoted(text_.substr(begin, 30)), "no file is that large");
    }
    const bool leading_zero = position_ - begin > 1 && text_[begin] == '0';
    if (position_ == begin || leading_zero) {
      position_ = begin;
      fail_here("a dimension (0, 1, 2, ...)");
    }
    if (position_ < text_.size() && text_[position_] == 'L') ++position_;
    return value;
  }

  // "()", "(3,)", "(3, 4)"; "(3)" is a number in Python.
  Shape tuple() {
    Shape shape;
    bool comma = true;
    expect('(');
    while (!take(')')) {
      if (!comma) fail_here("\",\" or \")\"");
      shape.push_back(dimension());
      comma = take(',');
      require(shape.size() <= kMaxRank, ErrorCode::kInvalidInput,
              "{}: the npy header has more than {} dimensions", name_, kMaxRank);
    }
    if (shape.size() == 1 && !comma) fail_at("a number in parentheses", "a tuple, as in (3,)");
    return shape;
  }

  void descr(NpyHeader& header) {
    const char first = peek();
    require(first != '[' && first != '(', ErrorCode::kUnsupported,
            "{}: its elements are records (descr {}); expected numbers", name_,
            quoted(text_.substr(position_)));
    std::string_view code = string("a type, as in '<f4'");
    const std::string shown = quoted(code);
    char order = '|';  // without an order: that of the machine, as "="
    if (!code.empty() && std::string_view("<>=|").find(code[0]) != std::string_view::npos) {
      order = code[0];
      code.remove_prefix(1);
    }
    const auto type = std::find_if(kNpyTypes.begin(), kNpyTypes.end(),
                                   [&](const NpyType& entry) { return entry.code == code; });
    if (type == kNpyTypes.end()) {
      const std::string_view foreign = foreign_type(code);
      require(foreign.empty(), ErrorCode::kUnsupported,
              "{}: its elements are {} (descr {}); expected booleans, integers or floats", name_,
              foreign, shown);
      fail(ErrorCode::kInvalidInput, "{}: the npy header has the type {}; expected one as '<f4'",
           name_, shown);
    }
    header.dtype = type->dtype;
    header.big_endian = order == '>';
  }

  const std::string_view text_;
  const std::string& name_;
  size_t position_ = 0;
  bool seen_descr_ = false;
  bool seen_order_ = false;
  bool seen_shape_ = false;
  bool fortran_order_ = false;
};

// Bytes of the array; nothing where they cannot be counted. Dimensions of 0 excuse no others, so
// that the size of a row, or of any part of the shape, can be counted too.
std::optional<size_t> array_bytes(DType dtype, const Shape& shape) {
  int64_t bytes = static_cast<int64_t>(size_of(dtype));
  for (const int64_t dim : shape) {
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(dim, 1), &bytes)) return std::nullopt;
  }
  const bool is_empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  return is_empty ? 0 : static_cast<size_t>(bytes);
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> file, const std::string& name) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  require(!bytes.empty(), ErrorCode::kInvalidInput, "{}: is empty; expected a .npy file", name);
  require(bytes.starts_with(kMagic), ErrorCode::kInvalidInput,
          "{}: starts with {}; expected \"\\x93NUMPY\" of a .npy file", name,
          quoted(bytes.substr(0, kMagic.size())));

  const auto byte_at = [&](size_t i) { return static_cast<size_t>(file[i]); };
  const auto require_prefix = [&](size_t size) {
    require(bytes.size() >= size, ErrorCode::kInvalidInput,
            "{}: is {} bytes long, which is not even the {} that start a .npy file", name,
            bytes.size(), size);
  };
  size_t prefix = kMagic.size() + kVersionBytes;
  require_prefix(prefix);
  const size_t major = byte_at(kMagic.size());
  const size_t minor = byte_at(kMagic.size() + 1);
  require(major >= 1 && major <= 3 && minor == 0, ErrorCode::kUnsupported,
          "{}: has version {}.{} of the npy format; expected 1.0, 2.0 or 3.0", name, major, minor);
  // Version 1.0 has a length of 2 bytes, the others of 4, the lowest first.
  const size_t length_bytes = major == 1 ? 2 : 4;
  require_prefix(prefix + length_bytes);
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= byte_at(prefix + i) << (8 * i);
  prefix += length_bytes;
  require(length <= bytes.size() - prefix, ErrorCode::kInvalidInput,
          "{}: says its header has {} bytes; there are {} in the file", name, length,
          bytes.size() - prefix);

  NpyHeader header;
  DictParser(bytes.substr(prefix, length), name).parse(header);
  header.data_offset = prefix + length;
  const auto data_bytes = array_bytes(header.dtype, header.shape);
  require(data_bytes.has_value(), ErrorCode::kInvalidInput,
          "{}: says it holds {} {}, more than any file", name, to_string(header.dtype),
          to_string(header.shape));
  const size_t found = bytes.size() - header.data_offset;
  require(found >= *data_bytes, ErrorCode::kInvalidInput,
          "{}: is cut: {} bytes of data; expected {} for {} {}", name, found, *data_bytes,
          to_string(header.dtype), to_string(header.shape));
  require(found == *data_bytes, ErrorCode::kInvalidInput,
          "{}: has {} bytes of data; expected {} for {} {}, and nothing after them", name, found,
          *data_bytes, to_string(header.dtype), to_string(header.shape));
  return header;
}

std::string npy_header(DType dtype, const Shape& shape) {
  const auto type = std::find_if(kNpyTypes.begin(), kNpyTypes.end(),
                                 [&](const NpyType& entry) { return entry.dtype == dtype; });
  require(type != kNpyTypes.end(), ErrorCode::kUnsupported, "a .npy file cannot hold {}",
          to_string(dtype));
  const char order = size_of(dtype) == 1 ? '|' : '<';
  std::string tuple;
  for (const int64_t dim : shape) tuple += (tuple.empty() ? "" : ", ") + std::to_string(dim);
  if (shape.size() == 1) tuple += ",";
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 order, type->code, tuple);
  // numpy leaves room for the first dimension to grow to 21 digits in place.
  constexpr size_t kGrowthDigits = 21;
  if (!shape.empty()) text.append(kGrowthDigits - std::to_string(shape[0]).size(), ' ');

  // Version 1.0 always does: 64 dimensions of 20 digits are far below its 64 KiB.
  constexpr size_t kLengthBytes = 2;
  constexpr size_t kAlignment = 64;
  const size_t prefix = kMagic.size() + kVersionBytes + kLengthBytes;
  const size_t unpadded = prefix + text.size() + 1;
  text.append(kAlignment - unpadded % kAlignment, ' ');
  text += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\0';
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace hornet
