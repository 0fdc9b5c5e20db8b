// Vocabularies out of the assets of a file, put where a layer looks for its own.
#include "keras/vocabularies.h"

#include <gtest/gtest.h>

#include <map>

#include "keras/json.h"
#include "keras/model_parser.h"
#include "unit/base/expect_error.h"

namespace hornet::keras {
namespace {

Dict with(const std::string& model, const std::map<std::string, std::string>& files) {
  const Value parsed = parse_json(model, "test");
  return with_vocabularies(*parsed.get_if<Dict>(), [&](const std::string& path) {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
}

const std::string kLookup = R"({"class_name": "IntegerLookup", "config": {"vocabulary": null}})";

std::string model_of(const std::string& layers) {
  return R"({"class_name": "Sequential", "config": {"layers": [)" + layers + "]}}";
}

const Dict& layer_of(const Dict& model, size_t index) {
  return *(*member<List>(*member<Dict>(model, "config"), "layers"))[index].get_if<Dict>();
}

std::string vocabulary_of(const Dict& layer) {
  return member<Dict>(layer, "config")->find("vocabulary")->to_string();
}

TEST(Vocabularies, AreThoseOfTheLayerOfThatNumber) {
  const Dict model =
      with(model_of(kLookup + ", " + kLookup), {{"layers/integer_lookup_1", "-1\n5\n70"}});
  EXPECT_EQ(vocabulary_of(layer_of(model, 0)), "null");
  EXPECT_EQ(vocabulary_of(layer_of(model, 1)), "[-1, 5, 70]");
}

TEST(Vocabularies, OfLayersInModels_LieDeeper) {
  const Dict model =
      with(model_of(model_of(kLookup)), {{"layers/sequential/layers/integer_lookup", "3"}});
  EXPECT_EQ(vocabulary_of(layer_of(layer_of(model, 0), 0)), "[3]");
}

TEST(Vocabularies, OfOtherTokensThanIntegers_AreRefused) {
  EXPECT_ERROR(
      with(model_of(kLookup), {{"layers/integer_lookup", "1\ntwo"}}), ErrorCode::kInvalidModel,
      "the vocabulary of \"layers/integer_lookup\" has the token \"two\"; expected integers");
}

}  // namespace
}  // namespace hornet::keras
