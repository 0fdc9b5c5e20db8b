#include "keras/vocabularies.h"

#include <charconv>
#include <string_view>
#include <unordered_map>

#include "base/check.h"
#include "keras/model_parser.h"
#include "keras/weights.h"

namespace hornet::keras {
namespace {

List integers_in(std::string_view text, const std::string& path) {
  List tokens;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    int64_t token = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), token);
    require(error == std::errc() && rest == line.data() + line.size(), ErrorCode::kInvalidModel,
            "the vocabulary of \"{}\" has the token \"{}\"; expected integers", path, line);
    tokens.emplace_back(token);
    begin = end + 1;
  }
  return tokens;
}

// `path` is that of the model, "" or with a slash at its end.
Dict with_vocabularies_in(const Dict& model, const std::string& path, const ReadVocabulary& read) {
  const Dict* config = member<Dict>(model, "config");
  const List* layers = config == nullptr ? nullptr : member<List>(*config, "layers");
  if (layers == nullptr) return model;
  List changed;
  std::unordered_map<std::string, int> used;  // layers are counted by class, as for their weights
  for (const Value& item : *layers) {
    const Dict* layer = item.get_if<Dict>();
    const std::string* class_name =
        layer == nullptr ? nullptr : member<std::string>(*layer, "class_name");
    if (class_name == nullptr) {
      changed.push_back(item);
      continue;
    }
    const std::string name = snake_case(*class_name);
    const int number = used[name]++;
    const std::string own =
        path + "layers/" + (number == 0 ? name : fmt::format("{}_{}", name, number));
    Dict result = with_vocabularies_in(*layer, own + "/", read);
    const Dict* settings = member<Dict>(*layer, "config");
    const auto text = *class_name == "IntegerLookup" && settings != nullptr
                          ? read(own)
                          : std::optional<std::string>();
    if (text) {
      Dict completed = *settings;
      completed.set("vocabulary", Value(integers_in(*text, own)));
      result.set("config", Value(std::move(completed)));
    }
    changed.emplace_back(std::move(result));
  }
  Dict completed = *config;
  completed.set("layers", Value(std::move(changed)));
  Dict result = model;
  result.set("config", Value(std::move(completed)));
  return result;
}

}  // namespace

Dict with_vocabularies(const Dict& model, const ReadVocabulary& read) {
  return with_vocabularies_in(model, "", read);
}

}  // namespace hornet::keras
