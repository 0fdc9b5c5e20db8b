// tf.train.Example, protocol buffers read out of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hornet {

// A feature's list, as it lies in the message.
struct Feature {
  enum class Kind { kNone, kBytes, kFloat, kInt64 };
  Kind kind = Kind::kNone;
  std::span<const std::byte> list;  // the message BytesList, FloatList or Int64List
};

// All three throw Error(kInvalidInput) with `name` where the message is damaged.

// The names of all features, in the order of the message.
std::vector<std::string> feature_names(std::span<const std::byte> example, const std::string& name);
// nullopt where there is no such feature.
std::optional<Feature> find_feature(std::span<const std::byte> example, std::string_view feature,
                                    const std::string& name);
// Numbers of a float or int64 list, appended; the values of a bytes list, as views.
void read_floats(const Feature& feature, std::vector<float>& to, const std::string& name);
void read_integers(const Feature& feature, std::vector<int64_t>& to, const std::string& name);
std::vector<std::span<const std::byte>> read_bytes(const Feature& feature, const std::string& name);

}  // namespace hornet
