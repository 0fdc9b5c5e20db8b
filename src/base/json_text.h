// Text as it stands in JSON.
#pragma once

#include <string>
#include <string_view>

namespace hornet {

// In quotes. What is not UTF-8 becomes U+FFFD, byte by byte.
std::string json_string(std::string_view text);
// JSON has no NaN and no infinity: null.
std::string json_number(double number);

}  // namespace hornet
