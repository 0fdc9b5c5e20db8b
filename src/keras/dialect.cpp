#include "keras/dialect.h"

#include <algorithm>
#include <charconv>

#include "keras/model_parser.h"

namespace hornet::keras {
namespace {

constexpr std::string_view kHardSigmoid = "hard_sigmoid";
constexpr std::string_view kActivationKeys[] = {"activation", "recurrent_activation",
                                                "inner_activation"};
constexpr std::string_view kGatedClasses[] = {"GRU", "GRUCell", "LSTM", "LSTMCell"};
constexpr std::string_view kConvLstmClasses[] = {"ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"};

template <size_t n>
bool is_one_of(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_text(const Value& value, std::string_view text) {
  const std::string* found = value.get_if<std::string>();
  return found != nullptr && *found == text;
}

// {"class_name": "function", "config": "hard_sigmoid"}, as Keras 2.12 and later wrote functions.
bool is_hard_sigmoid_function(const Dict& object) {
  const std::string* class_name = member<std::string>(object, "class_name");
  const Value* config = object.find("config");
  return class_name != nullptr && *class_name == "function" && config != nullptr &&
         is_text(*config, kHardSigmoid);
}

// Before Keras 2.3, and TensorFlow's Keras 2.2, gates had the hard sigmoid unless told otherwise;
// those of convolutional LSTMs until Keras 3.
bool defaults_to_hard_sigmoid(std::string_view class_name, const KerasVersion& version) {
  if (is_one_of(kConvLstmClasses, class_name)) return true;
  return is_one_of(kGatedClasses, class_name) &&
         (version.tensorflow ? version.before(2, 2) : version.before(2, 3));
}

void set_defaults(std::string_view class_name, const KerasVersion& version, Dict& config) {
  if (defaults_to_hard_sigmoid(class_name, version) &&
      config.find("recurrent_activation") == nullptr &&
      config.find("inner_activation") == nullptr) {
    config.set("recurrent_activation", Value(std::string(kOlderHardSigmoid)));
  }
  // GRUs of files from before there was a reset_after do not reset after.
  const bool is_gru = class_name == "GRU" || class_name == "GRUCell";
  if (is_gru && config.find("reset_after") == nullptr) config.set("reset_after", Value(false));
}

Value translated(const Value& value, const KerasVersion& version) {
  if (const List* list = value.get_if<List>()) {
    List items;
    items.reserve(list->size());
    for (const Value& item : *list) items.push_back(translated(item, version));
    return Value(std::move(items));
  }
  const Dict* dict = value.get_if<Dict>();
  return dict == nullptr ? value : Value(translated(*dict, version));
}

// What no older release wrote: types as objects of class DTypePolicy (it was a name, or a Policy),
// the axes of initialisers, settings of quantisation.
constexpr std::string_view kKeras3Keys[] = {"input_axes", "output_axes", "quantization_config"};

bool holds_keras3(const Value& value) {
  if (const List* list = value.get_if<List>()) {
    return std::any_of(list->begin(), list->end(), holds_keras3);
  }
  const Dict* dict = value.get_if<Dict>();
  if (dict == nullptr) return false;
  const std::string* class_name = member<std::string>(*dict, "class_name");
  if (class_name != nullptr && *class_name == "DTypePolicy") return true;
  return std::any_of(dict->begin(), dict->end(), [](const Dict::Item& item) {
    return is_one_of(kKeras3Keys, item.first) || holds_keras3(item.second);
  });
}

}  // namespace

KerasVersion version_of(const std::string& stated, const Dict& model) {
  KerasVersion version;
  const char* end = stated.data() + stated.size();
  const auto major = std::from_chars(stated.data(), end, version.major);
  if (major.ec == std::errc()) {
    version.minor = 0;
    if (major.ptr != end && *major.ptr == '.') {
      std::from_chars(major.ptr + 1, end, version.minor);
    }
    version.tensorflow = stated.find("-tf") != stated.npos;
    return version.major < 3 && holds_keras3(Value(model)) ? KerasVersion() : version;
  }
  const Value* config = model.find("config");
  if (config != nullptr && config->get_if<List>()) version = {1, 0};
  return version;
}

Dict translated(const Dict& object, const KerasVersion& version) {
  if (version.major >= 3) return object;
  std::vector<Dict::Item> items;
  const bool is_function = is_hard_sigmoid_function(object);
  for (const auto& [key, item] : object) {
    const bool older = is_text(item, kHardSigmoid) &&
                       (is_one_of(kActivationKeys, key) || (is_function && key == "config"));
    items.emplace_back(key,
                       older ? Value(std::string(kOlderHardSigmoid)) : translated(item, version));
  }
  Dict result(std::move(items));
  const std::string* class_name = member<std::string>(result, "class_name");
  const Dict* config = member<Dict>(result, "config");
  if (class_name != nullptr && config != nullptr) {
    Dict completed = *config;
    set_defaults(*class_name, version, completed);
    result.set("config", Value(std::move(completed)));
  }
  return result;
}

}  // namespace hornet::keras
