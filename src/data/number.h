// Numbers out of text.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace hornet {

// Reads a number as it begins at `at`, before `end`: a sign, digits with or without a point, an
// exponent; or inf, infinity, nan in any case. The nearest double, as Python's float() gives; what
// is too large is infinite. Returns where it ends; nullptr where there is no number.
const char* parse_number(const char* at, const char* end, double& value);

}  // namespace hornet
