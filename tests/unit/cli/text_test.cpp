#include "cli/text.h"

#include <gmock/gmock.h>

#include <clocale>

namespace hornet::cli {
namespace {

TEST(Text, Thousands_GroupsDigitsByThree) {
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(1797), "1,797");
  EXPECT_EQ(thousands(1234567), "1,234,567");
  EXPECT_EQ(thousands(-123456), "-123,456");
}

TEST(Text, Duration_HasHoursOnlyWhereThereAreAny) {
  EXPECT_EQ(duration(7.4), "0:07");
  EXPECT_EQ(duration(727), "12:07");
  EXPECT_EQ(duration(11527), "3:12:07");
  EXPECT_EQ(duration(-1), "?");
}

TEST(Text, Scaled_KeepsThreeDigits) {
  EXPECT_EQ(scaled(12), "12");
  EXPECT_EQ(scaled(310000), "310 k");
  EXPECT_EQ(scaled(999600), "1 M");
  EXPECT_EQ(scaled(7.75e9), "7.75 G");
}

TEST(Text, Printable_EscapesControlCharactersAndKeepsLetters) {
  EXPECT_EQ(printable("größe\n\x1b[2J"), "größe\\n\\x1b[2J");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");  // the control character U+009B
  EXPECT_EQ(printable("\xff\xc3"), "\xff\xc3");
}

TEST(Text, DisplayWidth_CountsColumnsAndNotBytes) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  EXPECT_EQ(display_width("größe"), 5u);
  EXPECT_EQ(display_width("画像"), 4u);
  EXPECT_EQ(pad_right("画像", 6), "画像  ");
  EXPECT_EQ(pad_left("é", 3), "  é");
}

TEST(Text, Enumerate_EndsWithAnd) {
  EXPECT_EQ(enumerate({"a"}), "a");
  EXPECT_EQ(enumerate({"a", "b", "c"}), "a, b and c");
}

}  // namespace
}  // namespace hornet::cli
