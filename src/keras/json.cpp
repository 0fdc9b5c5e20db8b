#include "keras/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "keras/literals.h"

namespace hornet::keras {
namespace {

constexpr size_t kMaxDepth = 500;
constexpr size_t kMaxTextBytes = size_t{32} << 20;
// A Value takes 72 bytes, a number in the text as few as two.
constexpr size_t kMaxValues = 2'000'000;

struct BareWord {
  std::string_view word;
  std::string_view stand_in;  // a string no config has any use for
  double number;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// "-Infinity" before "Infinity": the first that fits is taken.
const BareWord kBareWords[] = {
    {"NaN", "\"\\u0001NaN\"", std::numeric_limits<double>::quiet_NaN()},
    {"-Infinity", "\"\\u0001-Infinity\"", -kInfinity},
    {"Infinity", "\"\\u0001Infinity\"", kInfinity},
};

// The JSON library knows no bare words: outside strings they are replaced by marked strings.
std::string replace_bare_words(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string && c == '\\' && i + 1 < text.size()) {
      out.append(text, i, 2);
      i += 2;
      continue;
    }
    if (c == '"') in_string = !in_string;
    const auto* word = in_string ? std::end(kBareWords)
                                 : std::find_if(std::begin(kBareWords), std::end(kBareWords),
                                                [&](const BareWord& candidate) {
                                                  return text.substr(i).starts_with(candidate.word);
                                                });
    if (word != std::end(kBareWords)) {
      out += word->stand_in;
      i += word->word.size();
    } else {
      out += c;
      ++i;
    }
  }
  return out;
}

bool has_bare_words(std::string_view text) {
  return text.find("NaN") != text.npos || text.find("Infinity") != text.npos;
}

// Builds Values from the events of the JSON library, which itself does not recurse.
class Builder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Builder(const std::string& origin) : origin_(origin) {}

  bool null() { return add(Value()); }
  bool boolean(bool value) { return add(Value(value)); }
  bool number_integer(number_integer_t value) { return add(Value(int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<int64_t>::max())) {
      return add(Value(static_cast<double>(value)));
    }
    return add(Value(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t&) { return add(Value(value)); }
  bool string(string_t& text) {
    if (text.size() > 1 && text[0] == '\x01') {
      for (const BareWord& word : kBareWords) {
        if (std::string_view(text).substr(1) == word.word) return add(Value(word.number));
      }
    }
    return add(Value(std::move(text)));
  }
  bool binary(binary_t&) { return false; }

  bool start_object(size_t) { return open(/*is_object=*/true); }
  bool start_array(size_t) { return open(/*is_object=*/false); }
  bool key(string_t& text) {
    open_.back().key = std::move(text);
    return true;
  }
  bool end_object() {
    Dict object(std::move(open_.back().items));
    open_.pop_back();
    return place(value_of_object(std::move(object)));
  }
  bool end_array() {
    List list = std::move(open_.back().list);
    list.shrink_to_fit();
    open_.pop_back();
    return place(Value(std::move(list)));
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
    const std::string_view text = error.what();
    // "[json.exception.parse_error.101] parse error at line ...": the part people can use.
    const size_t end = text.find("] ");
    fail(ErrorCode::kInvalidModel, "{} is not JSON, at byte {}: {}", origin_, position,
         text.substr(end == text.npos ? 0 : end + 2, 200));
  }

  Value take() { return std::move(root_); }

 private:
  struct Open {
    bool is_object;
    std::string key;
    std::vector<Dict::Item> items;
    List list;
  };

  bool open(bool is_object) {
    require(open_.size() < kMaxDepth, ErrorCode::kInvalidModel, "{} nests more than {} levels deep",
            origin_, kMaxDepth);
    count_value();
    open_.push_back({is_object, {}, {}, {}});
    return true;
  }
  bool add(Value value) {
    count_value();
    return place(std::move(value));
  }
  void count_value() {
    require(++num_values_ <= kMaxValues, ErrorCode::kInvalidModel, "{} holds more than {} values",
            origin_, kMaxValues);
  }
  bool place(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().items.emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().list.push_back(std::move(value));
    }
    return true;
  }

  const std::string& origin_;
  std::vector<Open> open_;
  Value root_;
  size_t num_values_ = 0;
};

}  // namespace

Value parse_json(std::string_view text, const std::string& origin) {
  require(text.size() <= kMaxTextBytes, ErrorCode::kInvalidModel,
          "{} has {} bytes; Hornet reads at most {}", origin, text.size(), kMaxTextBytes);
  std::string replaced;
  if (has_bare_words(text)) {
    replaced = replace_bare_words(text);
    text = replaced;
  }
  Builder builder(origin);
  const bool complete = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  require(complete, ErrorCode::kInvalidModel, "{} is not JSON", origin);
  return builder.take();
}

}  // namespace hornet::keras
