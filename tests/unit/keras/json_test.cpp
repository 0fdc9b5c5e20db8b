#include "keras/json.h"

#include <cmath>

#include "unit/keras/fixtures.h"

namespace hornet::keras {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Value& at(const Value& list, size_t index) { return (*list.get_if<List>())[index]; }

TEST(Json, BareWordsOfPython_AreNumbers) {
  const Value list = parse_json(R"([NaN, Infinity, -Infinity, "NaN", "a\"NaN", -1.5])", "test");
  EXPECT_TRUE(std::isnan(*at(list, 0).get_if<double>()));
  EXPECT_EQ(*at(list, 1).number(), INFINITY);
  EXPECT_EQ(*at(list, 2).number(), -INFINITY);
  EXPECT_EQ(*at(list, 3).get_if<std::string>(), "NaN");
  EXPECT_EQ(*at(list, 4).get_if<std::string>(), "a\"NaN");
  EXPECT_EQ(*at(list, 5).number(), -1.5);
}

TEST(Json, ByteOrderMark_IsSkipped) {
  EXPECT_EQ(parse_json("\xEF\xBB\xBF{\"a\": 1}", "test").get_if<Dict>()->size(), 1u);
}

TEST(Json, RepeatedKey_LastOneCounts) {
  const Dict dict = object(R"({"a": 1, "b": 2, "a": 3})");
  EXPECT_EQ(dict.size(), 2u);
  EXPECT_EQ(dict.find("a")->integer(), 3);
}

TEST(Json, IntegerBeyond64Bits_IsNoInteger) {
  const Value list =
      parse_json("[1000000000000000000000000000000, 9223372036854775808, 2.0]", "test");
  EXPECT_FALSE(at(list, 0).integer().has_value());
  EXPECT_FALSE(at(list, 1).integer().has_value());
  EXPECT_EQ(at(list, 2).integer(), 2);
}

TEST(Json, DeepNesting_IsRefused) {
  EXPECT_THAT(error_of([] { parse_json(std::string(100000, '['), "config.json"); }),
              HasSubstr("config.json nests more than 500 levels deep"));
  const std::string deep = std::string(499, '[') + std::string(499, ']');
  EXPECT_EQ(error_of([&] { parse_json(deep, "test"); }), "");
}

TEST(Json, MoreValuesThanMemoryShouldHold_AreRefused) {
  std::string text = "[";
  for (int i = 0; i < 2'000'000; ++i) text += "1,";
  EXPECT_THAT(error_of([&] { parse_json(text + "1]", "test"); }), HasSubstr("values"));
}

TEST(Json, ManyKeysInOneObject_ParseInLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(object(text + "\"end\":0}").size(), 300'001u);
}

TEST(Json, BrokenText_NamesFileAndPlace) {
  for (const char* text :
       {"", "{", "[1,]", "{\"a\" 1}", "[1] 2", "[1e999]", "\"\\ud800\"", "nul"}) {
    EXPECT_THAT(error_of([&] { parse_json(text, "config.json"); }),
                HasSubstr("invalid_model: config.json is not JSON, at byte"))
        << text;
  }
}

TEST(Literals, KerasTensor_IsATensorRef) {
  const Value value = parse_json(
      R"({"class_name": "__keras_tensor__", "config": {"shape": [null], "keras_history": ["a", 1, 2]}})",
      "test");
  const auto* ref = value.get_if<TensorRef>();
  ASSERT_NE(ref, nullptr);
  EXPECT_EQ(ref->layer, "a");
  EXPECT_EQ(ref->call, 1);
  EXPECT_EQ(ref->output, 2);
}

TEST(Literals, Arrays_KeepTypeAndShape) {
  const Value half = parse_json(
      R"({"class_name": "__numpy__", "config": {"value": [[1, 2.5], [NaN, 4]], "dtype": "float16"}})",
      "test");
  const auto* tensor = half.get_if<Tensor>();
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->dtype(), DType::kFloat16);
  EXPECT_THAT(tensor->shape(), ElementsAre(2, 2));
  EXPECT_EQ(floats(*tensor)[1], 2.5f);
  const Value flag = parse_json(
      R"({"class_name": "__tensor__", "config": {"value": true, "dtype": "bool"}})", "test");
  EXPECT_THAT(flag.get_if<Tensor>()->shape(), ElementsAre());
  EXPECT_EQ(*flag.get_if<Tensor>()->as<bool>(), true);
}

TEST(Literals, RaggedArray_IsRefused) {
  for (const char* rows : {"[[1, 2], [3]]", "[1, [2]]", "[[1], 2]", "[1, \"a\"]"}) {
    const std::string text =
        std::string(R"({"class_name": "__numpy__", "config": {"dtype": "int32", "value": )") +
        rows + "}}";
    EXPECT_THAT(error_of([&] { parse_json(text, "test"); }), HasSubstr("array literal")) << rows;
  }
}

TEST(Literals, SliceAndEllipsis_HaveTheirKinds) {
  const Value slice = parse_json(
      R"({"class_name": "__slice__", "config": {"start": 1, "stop": null, "step": -2}})", "test");
  EXPECT_EQ(slice.get_if<SliceLiteral>()->start, 1);
  EXPECT_FALSE(slice.get_if<SliceLiteral>()->stop.has_value());
  EXPECT_EQ(slice.get_if<SliceLiteral>()->step, -2);
  EXPECT_NE(parse_json(R"({"class_name": "__ellipsis__", "config": {}})", "test")
                .get_if<EllipsisLiteral>(),
            nullptr);
}

TEST(Literals, Malformed_AreRefused) {
  for (const char* text :
       {R"({"class_name": "__keras_tensor__", "config": {}})",
        R"({"class_name": "__keras_tensor__", "config": {"keras_history": [1, 2, 3]}})",
        R"({"class_name": "__slice__", "config": {"start": "a"}})",
        R"({"class_name": "__numpy__", "config": {"dtype": "int32"}})"}) {
    EXPECT_THAT(error_of([&] { parse_json(text, "test"); }), HasSubstr("invalid_model")) << text;
  }
}

TEST(Value, TextForMessages_IsCutAfter80Characters) {
  EXPECT_EQ(parse_json(R"({"a": [1, null, true, "x"]})", "test").to_string(),
            R"({"a": [1, null, true, "x"]})");
  const std::string text = Value(std::string(1000, 'x')).to_string();
  EXPECT_EQ(text, "\"" + std::string(79, 'x') + "...");
  // Not in the middle of a character of two bytes.
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xC3\xA4";
  EXPECT_EQ(Value(umlauts).to_string().size(), 1 + 2 * 39 + 3u);
}

TEST(Dict, SetFindAndErase) {
  Dict dict;
  dict.set("a", Value(int64_t{1}));
  dict.set("b", Value(int64_t{2}));
  dict.set("a", Value(int64_t{3}));
  EXPECT_EQ(dict.find("a")->integer(), 3);
  dict.erase("a");
  EXPECT_EQ(dict.find("a"), nullptr);
  EXPECT_EQ(dict.size(), 1u);
}

}  // namespace
}  // namespace hornet::keras
