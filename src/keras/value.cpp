#include "keras/value.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_map>

#include <fmt/format.h>

namespace hornet::keras {
namespace {

constexpr size_t kMaxTextLength = 80;

// Appends JSON-like text until `out` is longer than the limit; what follows is not looked at.
void append_text(const Value& value, std::string& out);

void append_quoted(const std::string& text, std::string& out) {
  out += '"';
  out.append(text, 0, kMaxTextLength + 1);
  out += '"';
}

void append_list(const List& list, std::string& out) {
  out += '[';
  for (size_t i = 0; i < list.size() && out.size() <= kMaxTextLength; ++i) {
    if (i > 0) out += ", ";
    append_text(list[i], out);
  }
  out += ']';
}

void append_dict(const Dict& dict, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict) {
    if (out.size() > kMaxTextLength) break;
    if (!first) out += ", ";
    first = false;
    append_quoted(key, out);
    out += ": ";
    append_text(value, out);
  }
  out += '}';
}

std::string slice_part(const std::optional<int64_t>& part) {
  return part ? std::to_string(*part) : std::string();
}

struct TextAppender {
  std::string& out;
  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(int64_t value) const { out += std::to_string(value); }
  void operator()(double value) const { out += fmt::format("{}", value); }
  void operator()(const std::string& value) const { append_quoted(value, out); }
  void operator()(const List& value) const { append_list(value, out); }
  void operator()(const Dict& value) const { append_dict(value, out); }
  void operator()(const TensorRef& ref) const {
    out += fmt::format("<output {} of call {} of \"{}\">", ref.output, ref.call, ref.layer);
  }
  void operator()(const SliceLiteral& slice) const {
    out += fmt::format("<slice {}:{}:{}>", slice_part(slice.start), slice_part(slice.stop),
                       slice_part(slice.step));
  }
  void operator()(const EllipsisLiteral&) const { out += "<...>"; }
  void operator()(const Tensor& tensor) const {
    out += fmt::format("<{} array {}>", hornet::to_string(tensor.dtype()),
                       hornet::to_string(tensor.shape()));
  }
};

void append_text(const Value& value, std::string& out) {
  std::visit(TextAppender{out}, value.storage());
}

}  // namespace

Dict::Dict(std::vector<Item> items) {
  std::unordered_map<std::string_view, size_t> last;
  last.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) last[items[i].first] = i;
  if (last.size() == items.size()) {
    items_ = std::move(items);
    return;
  }
  std::vector<bool> kept(items.size(), false);
  for (const auto& [key, index] : last) kept[index] = true;
  items_.reserve(last.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (kept[i]) items_.push_back(std::move(items[i]));
  }
}

const Value* Dict::find(std::string_view key) const {
  for (const Item& item : items_) {
    if (item.first == key) return &item.second;
  }
  return nullptr;
}

void Dict::set(std::string key, Value value) {
  for (Item& item : items_) {
    if (item.first == key) {
      item.second = std::move(value);
      return;
    }
  }
  items_.emplace_back(std::move(key), std::move(value));
}

void Dict::erase(std::string_view key) {
  std::erase_if(items_, [key](const Item& item) { return item.first == key; });
}

std::optional<double> Value::number() const {
  if (const auto* integer = get_if<int64_t>()) return static_cast<double>(*integer);
  if (const auto* real = get_if<double>()) return *real;
  return std::nullopt;
}

std::optional<int64_t> Value::integer() const {
  if (const auto* integer = get_if<int64_t>()) return *integer;
  const auto* real = get_if<double>();
  // 2^63 itself is a double and does not fit; NaN fails both comparisons.
  constexpr double kLimit = 9223372036854775808.0;
  if (real == nullptr || !(*real >= -kLimit && *real < kLimit)) return std::nullopt;
  if (std::trunc(*real) != *real) return std::nullopt;
  return static_cast<int64_t>(*real);
}

std::string Value::to_string() const {
  std::string text;
  append_text(*this, text);
  if (text.size() <= kMaxTextLength) return text;
  size_t end = kMaxTextLength;
  // Not in the middle of a UTF-8 character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace hornet::keras
