#include "cli/text.h"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace hornet::cli {
namespace {

// One character of UTF-8 text at `position`, which moves past it. Bytes that are no UTF-8 count one
// by one.
wchar_t next_character(std::string_view text, size_t& position) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(position++);
  const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
  if (more == 0 || more > text.size() - position) return first;
  uint32_t code = first & (0x3fU >> more);
  for (size_t i = 0; i < more; ++i) {
    if ((byte(position + i) & 0xc0) != 0x80) return first;
    code = code << 6 | (byte(position + i) & 0x3fU);
  }
  position += more;
  return static_cast<wchar_t>(code);
}

bool is_control(wchar_t character) {
  return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

}  // namespace

std::string thousands(int64_t number) {
  std::string digits = fmt::format("{}", number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string rate(double per_second) {
  if (!(per_second >= 0) || per_second > 1e15) return "?";
  if (per_second >= 100) return thousands(std::llround(per_second));
  return fmt::format("{:.3g}", per_second);
}

std::string duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e10) return "?";
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string seconds_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.3f} s", seconds);
  if (seconds < 600) return fmt::format("{:.1f} s", seconds);
  return duration(seconds);
}

std::string megabytes(double bytes) {
  const double mb = bytes / 1e6;
  return mb < 10 ? fmt::format("{:.1f} MB", mb) : thousands(std::llround(mb)) + " MB";
}

std::string scaled(double number) {
  constexpr std::array kUnits = {"", " k", " M", " G", " T", " P"};
  size_t unit = 0;
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", number, kUnits[unit]);
}

std::string printable(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const wchar_t character = next_character(text, i);
    const bool is_byte = i - begin == 1;
    if (is_control(character) && (character < 0x80 || !is_byte)) {
      result += character == '\n' ? "\\n" : fmt::format("\\x{:02x}", static_cast<int>(character));
    } else {
      result += text.substr(begin, i - begin);
    }
  }
  return result;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const int columns = wcwidth(next_character(text, i));
    width += columns < 0 ? 1 : static_cast<size_t>(columns);
  }
  return width;
}

std::string pad_right(std::string_view text, size_t width) {
  const size_t used = display_width(text);
  return std::string(text) + std::string(used < width ? width - used : 0, ' ');
}

std::string pad_left(std::string_view text, size_t width) {
  const size_t used = display_width(text);
  return std::string(used < width ? width - used : 0, ' ') + std::string(text);
}

std::string enumerate(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace hornet::cli
