// From the JSON object of a model to ModelConfig.
#pragma once

#include "keras/model_config.h"

namespace hornet::keras {

// Parses a serialised model: {"class_name": "Sequential" | "Functional" | "Model", "config": ...}
// in the dialects of Keras 1, 2 and 3. Throws Error(kInvalidModel or kUnsupported).
ModelConfig parse_model(const Dict& object);

// The same for the outermost model of a file, which Keras `stated_version` wrote ("" where the file
// does not say): words mean what they meant to that Keras.
ModelConfig parse_saved_model(const Dict& object, const std::string& stated_version);

// Whether the object is a model rather than a layer.
bool is_model_object(const Dict& object);

// Whether a module is Keras's own ("keras.layers"), and whether it holds operations
// ("keras.src.ops.numpy").
bool is_keras_module(std::string_view module);
bool is_operation_module(std::string_view module);

// Of an object of a class that is not Keras's own, whatever its name: the name it is registered by.
// "" for Keras's.
std::string custom_name(const Dict& object);

// The member of that kind, nullptr where it is absent or of another kind.
template <class T>
const T* member(const Dict& object, std::string_view key) {
  const Value* value = object.find(key);
  return value ? value->get_if<T>() : nullptr;
}

}  // namespace hornet::keras
