#include "data/number.h"

#include <cstdlib>
#include <string>

namespace hornet {
namespace {

// Powers of ten that a double holds exactly.
constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kMaxPower = 22;
constexpr uint64_t kMaxExact = uint64_t{1} << 53;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

const char* parse_slowly(const char* at, const char* end, double& value) {
  if (at != end && *at == '+') {
    ++at;
    if (at != end && *at == '-') return nullptr;
  }
  const auto [stop, error] = std::from_chars(at, end, value);
  if (error == std::errc::invalid_argument) return nullptr;
  // Too large or too small: strtod tells which.
  if (error == std::errc::result_out_of_range) {
    value = std::strtod(std::string(at, stop).c_str(), nullptr);
  }
  // from_chars takes what C does and Python does not: nan(...).
  return stop != at && stop[-1] == ')' ? nullptr : stop;
}

}  // namespace

// With at most 19 digits and a small power of ten one product or quotient of two exact doubles is
// the nearest double (Clinger's fast path); all else is for the library.
const char* parse_number(const char* at, const char* end, double& value) {
  const char* p = at;
  const bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  const char* const digits = p;
  uint64_t mantissa = 0;
  while (p != end && is_digit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
  auto num_digits = p - digits;
  int exponent = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    while (p != end && is_digit(*p)) mantissa = mantissa * 10 + static_cast<uint64_t>(*p++ - '0');
    exponent = -static_cast<int>(p - fraction);
    num_digits += p - fraction;
  }
  constexpr int kMostDigits = 19;
  if (num_digits == 0 || num_digits > kMostDigits) return parse_slowly(at, end, value);
  if (p != end && (*p == 'e' || *p == 'E')) {
    const char* q = p + 1;
    const bool down = q != end && *q == '-';
    if (q != end && (*q == '-' || *q == '+')) ++q;
    if (q == end || !is_digit(*q)) {
      // An e that begins no exponent ends the number.
    } else {
      int written = 0;
      while (q != end && is_digit(*q) && written < 10000) written = written * 10 + (*q++ - '0');
      if (q != end && is_digit(*q)) return parse_slowly(at, end, value);
      exponent += down ? -written : written;
      p = q;
    }
  }
  if (mantissa > kMaxExact || exponent < -kMaxPower || exponent > kMaxPower) {
    return parse_slowly(at, end, value);
  }
  const auto exact = static_cast<double>(mantissa);
  const double magnitude = exponent < 0 ? exact / kPowers[-exponent] : exact * kPowers[exponent];
  value = negative ? -magnitude : magnitude;
  return p;
}

}  // namespace hornet
