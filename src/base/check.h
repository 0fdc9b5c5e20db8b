// require: for anything that comes from outside, in release too. CHECK: for our own bugs.
#pragma once

#include <fmt/format.h>

#include "hornet/error.h"

namespace hornet {

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void require(bool condition, ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) fail(code, format, std::forward<Args>(args)...);
}

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace hornet

#define HORNET_CHECK(condition) \
  ((condition) ? void(0) : ::hornet::check_failed(#condition, __FILE__, __LINE__))
