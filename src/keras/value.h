// The tree of values a Keras config is made of: JSON's kinds and the literals Keras adds to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hornet/tensor.h"

namespace hornet::keras {

class Value;
using List = std::vector<Value>;

// String keys in the order of the file. Lookup is linear: configs have few keys.
class Dict {
 public:
  using Item = std::pair<std::string, Value>;
  Dict() = default;
  // Of keys that occur twice the last one counts, as in Python.
  explicit Dict(std::vector<Item> items);
  const Value* find(std::string_view key) const;  // nullptr where absent
  void set(std::string key, Value value);         // adds or replaces
  void erase(std::string_view key);
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  std::vector<Item>::const_iterator begin() const { return items_.begin(); }
  std::vector<Item>::const_iterator end() const { return items_.end(); }

 private:
  std::vector<Item> items_;
};

// A `__keras_tensor__`: output number `output` of call number `call` of layer `layer`.
struct TensorRef {
  std::string layer;
  int64_t call = 0;
  int64_t output = 0;
};

// A `__slice__`; absent parts are null in the file.
struct SliceLiteral {
  std::optional<int64_t> start, stop, step;
};

struct EllipsisLiteral {};

// Null, or one of the kinds below. `__numpy__` and `__tensor__` literals are Tensors.
class Value {
 public:
  using Storage = std::variant<std::monostate, bool, int64_t, double, std::string, List, Dict,
                               TensorRef, SliceLiteral, EllipsisLiteral, Tensor>;
  Value() = default;
  Value(Storage storage) : storage_(std::move(storage)) {}  // NOLINT: a Value is its storage

  bool is_null() const { return std::holds_alternative<std::monostate>(storage_); }
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&storage_);
  }
  template <class T>
  T* get_if() {
    return std::get_if<T>(&storage_);
  }
  // A number of either kind; an int64 where the double is integral.
  std::optional<double> number() const;
  std::optional<int64_t> integer() const;
  const Storage& storage() const { return storage_; }
  // JSON-like text for messages, cut after 80 characters.
  std::string to_string() const;

 private:
  Storage storage_;
};

}  // namespace hornet::keras
