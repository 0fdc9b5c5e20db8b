#include "base/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace hornet {
namespace {

TEST(Checksum, Crc32c_KnownInputs_HaveTheValuesOfRfc3720) {
  EXPECT_EQ(crc32c("123456789", 9), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0').data(), 32), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff').data(), 32), 0x62a8ab43u);
  EXPECT_EQ(crc32c(nullptr, 0), 0u);
}

TEST(Checksum, Crc32c_AnyLengthAndAlignment_AgreesWithThePlainLoop) {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(300);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t size = 0; size + begin <= bytes.size(); ++size) {
      ASSERT_EQ(crc32c(&bytes[begin], size, 7), crc32c_portable(&bytes[begin], size, 7))
          << begin << " " << size;
    }
  }
}

TEST(Checksum, Crc32c_TwoPieces_EqualTheWhole) {
  const std::string text = "row i of the output is row i of the input";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const uint32_t first = crc32c(text.data(), cut);
    EXPECT_EQ(crc32c(text.data() + cut, text.size() - cut, first),
              crc32c(text.data(), text.size()));
    EXPECT_EQ(
        crc32c_of_both(first, crc32c(text.data() + cut, text.size() - cut), text.size() - cut),
        crc32c(text.data(), text.size()));
  }
}

}  // namespace
}  // namespace hornet
