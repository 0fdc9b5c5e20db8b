// Vocabularies that lookup layers learned by adapt(): Keras 3 keeps them beside the config.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "keras/value.h"

namespace hornet::keras {

// The text of a layer's vocabulary, one token a line, by the layer's path in the file
// ("layers/integer_lookup"); nullopt where it has none.
using ReadVocabulary = std::function<std::optional<std::string>(const std::string& path)>;

// The serialised model with vocabularies as its IntegerLookup layers would have them, had they been
// given: in their configs. Throws Error(kInvalidModel) for tokens that are no integers.
Dict with_vocabularies(const Dict& model, const ReadVocabulary& read);

}  // namespace hornet::keras
