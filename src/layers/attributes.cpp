#include "layers/attributes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace hornet::layers {
namespace {

// The value itself, or the only element of a list.
const keras::Value* unwrap(const keras::Value* value) {
  if (value == nullptr) return nullptr;
  const auto* list = value->get_if<keras::List>();
  return list != nullptr && list->size() == 1 ? &(*list)[0] : value;
}

}  // namespace

const keras::Value* Attributes::find(std::string_view key) const {
  const keras::Value* value = dict_->find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Attributes::found(std::string_view key) const {
  const keras::Value* value = find(key);
  return value == nullptr ? "missing" : value->to_string();
}

void Attributes::fail_key(std::string_view key, std::string_view expected) const {
  fail(ErrorCode::kInvalidModel, "{}: {} is {}; expected {}", label_, key, found(key), expected);
}

void Attributes::fail_unsupported(std::string_view key, std::string_view supported) const {
  fail(ErrorCode::kUnsupported, "{}: {} is {}; supported: {}", label_, key, found(key), supported);
}

std::optional<int64_t> Attributes::optional_integer(std::string_view key) const {
  const keras::Value* value = unwrap(find(key));
  if (value == nullptr) return std::nullopt;
  const auto integer = value->integer();
  if (!integer) fail_key(key, "an integer");
  return integer;
}

int64_t Attributes::integer(std::string_view key) const {
  const auto value = optional_integer(key);
  if (!value) fail_key(key, "an integer");
  return *value;
}

int64_t Attributes::integer(std::string_view key, int64_t absent) const {
  return optional_integer(key).value_or(absent);
}

int64_t Attributes::positive(std::string_view key) const {
  const int64_t value = integer(key);
  if (value <= 0) fail_key(key, "a number above 0");
  return value;
}

int64_t Attributes::count(std::string_view key, std::optional<int64_t> absent) const {
  const int64_t value = absent ? integer(key, *absent) : integer(key);
  if (value < 0 || value > kMostCount) fail_key(key, fmt::format("0 to {}", kMostCount));
  return value;
}

void Attributes::require_window(std::string_view key, const std::vector<int64_t>& values) const {
  constexpr int64_t kMost = int64_t{1} << 20;
  for (const int64_t value : values) {
    if (value <= 0 || value > kMost) fail_key(key, fmt::format("numbers from 1 to {}", kMost));
  }
}

std::optional<double> Attributes::optional_number(std::string_view key) const {
  const keras::Value* value = unwrap(find(key));
  if (value == nullptr) return std::nullopt;
  const auto number = value->number();
  if (!number) fail_key(key, "a number");
  return number;
}

double Attributes::number(std::string_view key) const {
  const auto value = optional_number(key);
  if (!value) fail_key(key, "a number");
  return *value;
}

double Attributes::number(std::string_view key, double absent) const {
  return optional_number(key).value_or(absent);
}

bool Attributes::boolean(std::string_view key, bool absent) const {
  const keras::Value* value = find(key);
  if (value == nullptr) return absent;
  if (const bool* b = value->get_if<bool>()) return *b;
  const auto integer = value->integer();
  if (!integer || (*integer != 0 && *integer != 1)) fail_key(key, "true or false");
  return *integer == 1;
}

std::string Attributes::text(std::string_view key) const {
  const keras::Value* value = find(key);
  const std::string* text = value == nullptr ? nullptr : value->get_if<std::string>();
  if (text == nullptr) fail_key(key, "a string");
  return *text;
}

std::string Attributes::text(std::string_view key, std::string_view absent) const {
  return has(key) ? text(key) : std::string(absent);
}

std::vector<int64_t> Attributes::integers(std::string_view key) const {
  const keras::Value* value = find(key);
  if (value == nullptr) fail_key(key, "integers");
  const auto* list = value->get_if<keras::List>();
  if (list == nullptr) return {integer(key)};
  std::vector<int64_t> result;
  for (const keras::Value& item : *list) {
    const auto integer = item.integer();
    if (!integer) fail_key(key, "integers");
    result.push_back(*integer);
  }
  return result;
}

std::vector<double> Attributes::numbers(std::string_view key) const {
  const keras::Value* value = find(key);
  if (value == nullptr) fail_key(key, "numbers");
  const auto* list = value->get_if<keras::List>();
  if (list == nullptr) return {number(key)};
  std::vector<double> result;
  for (const keras::Value& item : *list) {
    const auto number = item.number();
    if (!number) fail_key(key, "numbers");
    result.push_back(*number);
  }
  return result;
}

std::vector<int64_t> Attributes::integers(std::string_view key, size_t count,
                                          std::optional<int64_t> absent) const {
  if (absent && !has(key)) return std::vector<int64_t>(count, *absent);
  std::vector<int64_t> values = integers(key);
  if (values.size() == 1) values.resize(count, values[0]);
  if (values.size() != count) fail_key(key, fmt::format("{} integers", count));
  return values;
}

std::string Attributes::choice(std::string_view key, std::string_view absent,
                               const std::vector<std::string_view>& choices) const {
  const std::string value = text(key, absent);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    fail_key(key, fmt::format("one of {}", fmt::join(choices, ", ")));
  }
  return value;
}

}  // namespace hornet::layers
