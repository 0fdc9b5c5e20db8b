// Numbers and texts as bytes, between processes of one build on one machine.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace hornet::runtime {

class MessageWriter {
 public:
  template <class T>
  MessageWriter& number(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  MessageWriter& text(std::string_view value) {
    number(static_cast<uint64_t>(value.size()));
    bytes_ += value;
    return *this;
  }
  template <class T>
  MessageWriter& numbers(const std::vector<T>& values) {
    number(static_cast<uint64_t>(values.size()));
    for (const T& value : values) number(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Throws Error(kInternal) where the message ends too early. Does not own the bytes.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string text() { return std::string(take(number<uint64_t>())); }
  template <class T>
  std::vector<T> numbers() {
    std::vector<T> values;
    for (auto count = number<uint64_t>(); count > 0; --count) values.push_back(number<T>());
    return values;
  }

 private:
  std::string_view take(size_t size) {
    HORNET_CHECK(size <= bytes_.size());
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  std::string_view bytes_;
};

}  // namespace hornet::runtime
