// Numbers and names as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hornet::cli {

std::string thousands(int64_t number);     // 1,797
std::string rate(double per_second);       // 14,210 or 3.27
std::string duration(double seconds);      // 0:07, 12:07, 3:12:07
std::string seconds_text(double seconds);  // 0.123 s, 12.3 s, 3:12:07
std::string megabytes(double bytes);       // 54 MB
std::string scaled(double number);         // 1.42 M, 310 k

// Without what would move the cursor or end the line: control characters become "\x1b".
std::string printable(std::string_view text);
// Columns of a terminal that UTF-8 text takes.
size_t display_width(std::string_view text);
std::string pad_right(std::string_view text, size_t width);
std::string pad_left(std::string_view text, size_t width);

// "a, b and c".
std::string enumerate(const std::vector<std::string>& words);

}  // namespace hornet::cli
