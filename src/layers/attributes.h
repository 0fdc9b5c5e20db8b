// Typed access to the config of a layer, with errors that name the layer and the key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keras/value.h"

namespace hornet::layers {

// Null counts as absent everywhere. The Dict must outlive the Attributes.
class Attributes {
 public:
  Attributes(const keras::Dict& dict, std::string label) : dict_(&dict), label_(std::move(label)) {}

  const std::string& label() const { return label_; }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const keras::Value* find(std::string_view key) const;

  // Without default: Error(kInvalidModel) where absent. A list of one number counts as a number.
  int64_t integer(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t absent) const;
  std::optional<int64_t> optional_integer(std::string_view key) const;
  int64_t positive(std::string_view key) const;  // an integer above 0
  // How many of something there are that the layer makes up by itself: classes, frequencies, parts.
  // The file does not hold them, so a claim is not taken at its word: 0 to kMostCount.
  static constexpr int64_t kMostCount = int64_t{1} << 22;
  int64_t count(std::string_view key, std::optional<int64_t> absent = std::nullopt) const;
  // What a window is made of (sizes, strides, dilations): from 1 to what kernels count in time.
  void require_window(std::string_view key, const std::vector<int64_t>& values) const;
  double number(std::string_view key) const;
  double number(std::string_view key, double absent) const;
  std::optional<double> optional_number(std::string_view key) const;
  bool boolean(std::string_view key, bool absent) const;
  std::string text(std::string_view key) const;
  std::string text(std::string_view key, std::string_view absent) const;
  // Lists; a lone number counts as a list of one.
  std::vector<int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  // Exactly `count` numbers: a lone one is repeated. `absent` is for every entry.
  std::vector<int64_t> integers(std::string_view key, size_t count,
                                std::optional<int64_t> absent = std::nullopt) const;
  // One of `choices`; the error lists them.
  std::string choice(std::string_view key, std::string_view absent,
                     const std::vector<std::string_view>& choices) const;

  // `<label>: <key> is <found>; expected <expected>` as Error(kInvalidModel).
  [[noreturn]] void fail_key(std::string_view key, std::string_view expected) const;
  // The same as Error(kUnsupported).
  [[noreturn]] void fail_unsupported(std::string_view key, std::string_view supported) const;

 private:
  std::string found(std::string_view key) const;
  const keras::Dict* dict_;
  std::string label_;
};

}  // namespace hornet::layers
