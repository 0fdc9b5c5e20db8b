#include "base/json_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace hornet {
namespace {

TEST(JsonString, EscapesWhatJsonDoesNotAllow) {
  EXPECT_EQ(json_string("a \"b\"\\\n\x01"), R"("a \"b\"\\\u000a\u0001")");
  EXPECT_EQ(json_string("größe ☃ 𝄞"), "\"größe ☃ 𝄞\"");
}

TEST(JsonString, BytesThatAreNotUtf8_AreReplaced) {
  EXPECT_EQ(json_string("a\xff\x80z"), R"("a\ufffd\ufffdz")");
  EXPECT_EQ(json_string("\xc3"), R"("\ufffd")");                      // cut off
  EXPECT_EQ(json_string("\xc0\xaf"), R"("\ufffd\ufffd")");            // longer than needed
  EXPECT_EQ(json_string("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");  // a surrogate
}

TEST(JsonNumber, WhatIsNotFinite_IsNull) {
  EXPECT_EQ(json_number(1.5), "1.5");
  EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(json_number(-std::numeric_limits<double>::infinity()), "null");
}

}  // namespace
}  // namespace hornet
