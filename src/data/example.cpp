#include "data/example.h"

#include <cstring>

#include "base/check.h"

namespace hornet {
namespace {

using MessageBytes = std::span<const std::byte>;

// Field numbers of feature.proto and example.proto.
constexpr uint64_t kFeatures = 1, kFeatureEntry = 1, kKey = 1, kValue = 2;
constexpr uint64_t kBytesList = 1, kFloatList = 2, kInt64List = 3, kListValue = 1;

enum class Wire : uint64_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// The fields of a message, one after the other.
class Fields {
 public:
  Fields(MessageBytes message, const std::string& name) : left_(message), name_(name) {}

  struct Field {
    uint64_t number = 0;
    Wire wire = Wire::kVarint;
    uint64_t varint = 0;
    MessageBytes bytes;  // of the others
  };
  std::optional<Field> next() {
    if (left_.empty()) return std::nullopt;
    const uint64_t tag = varint();
    Field field;
    field.number = tag >> 3;
    field.wire = static_cast<Wire>(tag & 7);
    switch (field.wire) {
      case Wire::kVarint:
        field.varint = varint();
        return field;
      case Wire::kFixed64:
        field.bytes = take(8);
        return field;
      case Wire::kLength:
        field.bytes = take(varint());
        return field;
      case Wire::kFixed32:
        field.bytes = take(4);
        return field;
    }
    damaged();
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint64_t>(take(1)[0]);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  bool empty() const { return left_.empty(); }

 private:
  MessageBytes take(uint64_t size) {
    if (size > left_.size()) damaged();
    const MessageBytes result = left_.first(size);
    left_ = left_.subspan(size);
    return result;
  }
  [[noreturn]] void damaged() const {
    fail(ErrorCode::kInvalidInput, "{} is no tf.train.Example, or damaged", name_);
  }

  MessageBytes left_;
  const std::string& name_;
};

// Calls `visit` with the key and the message of each feature.
template <class Visit>
void for_each_feature(MessageBytes example, const std::string& name, const Visit& visit) {
  Fields top(example, name);
  while (const auto features = top.next()) {
    if (features->number != kFeatures || features->wire != Wire::kLength) continue;
    Fields entries(features->bytes, name);
    while (const auto entry = entries.next()) {
      if (entry->number != kFeatureEntry || entry->wire != Wire::kLength) continue;
      std::string_view key;
      MessageBytes value;
      Fields parts(entry->bytes, name);
      while (const auto part = parts.next()) {
        if (part->wire != Wire::kLength) continue;
        if (part->number == kKey) {
          key = {reinterpret_cast<const char*>(part->bytes.data()), part->bytes.size()};
        }
        if (part->number == kValue) value = part->bytes;
      }
      visit(key, value);
    }
  }
}

Feature feature_of(MessageBytes message, const std::string& name) {
  Feature feature;
  Fields fields(message, name);
  while (const auto field = fields.next()) {
    if (field->wire != Wire::kLength || field->number < kBytesList || field->number > kInt64List) {
      continue;
    }
    feature.kind = field->number == kBytesList   ? Feature::Kind::kBytes
                   : field->number == kFloatList ? Feature::Kind::kFloat
                                                 : Feature::Kind::kInt64;
    feature.list = field->bytes;
  }
  return feature;
}

}  // namespace

std::vector<std::string> feature_names(MessageBytes example, const std::string& name) {
  std::vector<std::string> names;
  for_each_feature(example, name,
                   [&](std::string_view key, MessageBytes) { names.emplace_back(key); });
  return names;
}

std::optional<Feature> find_feature(MessageBytes example, std::string_view feature,
                                    const std::string& name) {
  std::optional<Feature> found;
  for_each_feature(example, name, [&](std::string_view key, MessageBytes value) {
    if (key == feature) found = feature_of(value, name);
  });
  return found;
}

// Numbers come packed, many in a field, or one a field.
void read_floats(const Feature& feature, std::vector<float>& to, const std::string& name) {
  Fields fields(feature.list, name);
  while (const auto field = fields.next()) {
    if (field->number != kListValue || field->wire == Wire::kVarint) continue;
    require(field->bytes.size() % sizeof(float) == 0 && field->wire != Wire::kFixed64,
            ErrorCode::kInvalidInput, "{} is no tf.train.Example, or damaged", name);
    const size_t old = to.size();
    to.resize(old + field->bytes.size() / sizeof(float));
    if (!field->bytes.empty()) {
      std::memcpy(to.data() + old, field->bytes.data(), field->bytes.size());
    }
  }
}

void read_integers(const Feature& feature, std::vector<int64_t>& to, const std::string& name) {
  Fields fields(feature.list, name);
  while (const auto field = fields.next()) {
    if (field->number != kListValue) continue;
    if (field->wire == Wire::kVarint) to.push_back(static_cast<int64_t>(field->varint));
    if (field->wire != Wire::kLength) continue;
    Fields packed(field->bytes, name);
    while (!packed.empty()) to.push_back(static_cast<int64_t>(packed.varint()));
  }
}

std::vector<MessageBytes> read_bytes(const Feature& feature, const std::string& name) {
  std::vector<MessageBytes> values;
  Fields fields(feature.list, name);
  while (const auto field = fields.next()) {
    if (field->number == kListValue && field->wire == Wire::kLength) values.push_back(field->bytes);
  }
  return values;
}

}  // namespace hornet
